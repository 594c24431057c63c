import LiveKitProtocol
import SwiftProtobuf

/// The trunks or rules of one kind, of the configuration file and of the API, in ascending order of ids.
struct CatalogTable<Message: CatalogMessage>: Sendable {
  struct Item: Sendable {
    var message: Message
    /// Nil: a stored message that this configuration does not allow. It is shown and has no effect.
    var value: Message.Value?
    /// File and line; nil for what the API has made.
    var place: String?
    /// Encoded. 0 for the configuration file's.
    private(set) var byteCount = 0

    init(message: Message, value: Message.Value? = nil, place: String? = nil) {
      self.message = message
      self.value = value
      self.place = place
      if place == nil { byteCount = (try? message.serializedData().count) ?? 0 }
    }
  }

  /// What one store may hold.
  static var limit: Int { 10_000 }

  private(set) var items: [Item] = []
  /// Of what the API has made, encoded.
  private(set) var byteCount = 0

  var values: [Message.Value] { items.compactMap(\.value) }

  subscript(id: String) -> Item? {
    let index = index(of: id)
    return index < items.count && items[index].message.id == id ? items[index] : nil
  }

  /// The item, if the API may change it.
  func changeable(_ id: String) throws(TwirpError) -> Item {
    guard !id.isEmpty else { throw MessageField.invalid(Message.idField, "expected an id") }
    guard let item = self[id] else { throw TwirpError(.notFound, "there is no \(Message.noun) \(id.prefix(64))") }
    if let place = item.place {
      throw TwirpError(
        .failedPrecondition,
        "\(Message.noun) \(item.message.label) is of the configuration file: change it at \(place), then start again")
    }
    return item
  }

  /// Room for one more, when it is one of the API's.
  func checkRoom() throws(TwirpError) {
    guard items.count < Self.limit else {
      throw TwirpError(.resourceExhausted, "there are \(Self.limit) \(Message.noun)s; no more are taken")
    }
  }

  /// Puts the item in, in the place of what has its id.
  mutating func put(_ item: Item) {
    let index = index(of: item.message.id)
    byteCount += item.byteCount
    if index < items.count, items[index].message.id == item.message.id {
      byteCount -= items[index].byteCount
      items[index] = item
    } else {
      items.insert(item, at: index)
    }
  }

  mutating func remove(_ id: String) {
    let index = index(of: id)
    if index < items.count, items[index].message.id == id { byteCount -= items.remove(at: index).byteCount }
  }

  /// One page of what passes the filter. With `ids`: those, in that order, and an empty message for each that is not
  /// there, as LiveKit has it.
  func list(
    ids: [String], page: Livekit_Pagination, where isWanted: (Message) -> Bool
  ) throws(TwirpError) -> [Message] {
    if !ids.isEmpty {
      guard ids.count <= Livekit_Pagination.itemLimit else {
        throw MessageField.invalid(Message.idField + "s", "expected at most \(Livekit_Pagination.itemLimit) ids")
      }
      return ids.compactMap { id in
        guard let message = self[id]?.message else { return Message() }
        return isWanted(message) ? message : nil
      }
    }
    let start = page.afterID.isEmpty ? 0 : index(after: page.afterID)
    var found: [Message] = []
    for item in items[start...] where isWanted(item.message) {
      found.append(item.message)
      if found.count == page.itemLimit { break }
    }
    return found
  }

  /// Where the id is, or would be.
  private func index(of id: String) -> Int {
    var (low, high) = (0, items.count)
    while low < high {
      let middle = (low + high) / 2
      if items[middle].message.id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func index(after id: String) -> Int {
    let index = index(of: id)
    return index < items.count && items[index].message.id == id ? index + 1 : index
  }
}

extension Livekit_Pagination {
  /// LiveKit's default and maximum.
  static let itemLimit = 1000

  /// Items of this page.
  var itemLimit: Int { limit > 0 ? min(Int(limit), Self.itemLimit) : Self.itemLimit }
}
