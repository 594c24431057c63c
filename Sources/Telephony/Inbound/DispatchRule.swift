/// Which room a call goes to (`SIPDispatchRuleInfo`).
public struct DispatchRule: Hashable, Sendable {
  /// How the room is named. An empty `pin` asks for none.
  public enum Kind: Hashable, Sendable {
    /// Everyone into one room.
    case direct(roomName: String, pin: String = "")
    /// A room for each call, named for the caller.
    case individual(roomPrefix: String = "", pin: String = "", noRandomness: Bool = false)
    /// A room for each called number.
    case callee(roomPrefix: String = "", pin: String = "", randomize: Bool = false)
  }

  /// `SDR_…`. Unique.
  public var id: String
  public var name: String
  public var kind: Kind
  /// Ids or names of trunks. Empty: calls of any trunk that no rule with trunks takes.
  public var trunkIDs: [String]
  /// Called numbers. Empty: any.
  public var numbers: [NumberPattern]
  /// Calling numbers. Empty: any.
  public var inboundNumbers: [NumberPattern]
  public var hidePhoneNumber: Bool
  /// Metadata of the participant.
  public var metadata: String
  /// Attributes of the participant.
  public var attributes: [String: String]
  public var roomPreset: String
  public var roomConfiguration: RoomConfiguration?
  public var krispEnabled: Bool
  public var media: MediaOptions
  public var call: CallOverrides

  public init(
    id: String, name: String = "", kind: Kind, trunkIDs: [String] = [], numbers: [NumberPattern] = [],
    inboundNumbers: [NumberPattern] = [], hidePhoneNumber: Bool = false, metadata: String = "",
    attributes: [String: String] = [:], roomPreset: String = "", roomConfiguration: RoomConfiguration? = nil,
    krispEnabled: Bool = false, media: MediaOptions = MediaOptions(), call: CallOverrides = CallOverrides()
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.trunkIDs = trunkIDs
    self.numbers = numbers
    self.inboundNumbers = inboundNumbers
    self.hidePhoneNumber = hidePhoneNumber
    self.metadata = metadata
    self.attributes = attributes
    self.roomPreset = roomPreset
    self.roomConfiguration = roomConfiguration
    self.krispEnabled = krispEnabled
    self.media = media
    self.call = call
  }

  public var pin: String {
    switch kind {
    case .direct(_, let pin), .individual(_, let pin, _), .callee(_, let pin, _): pin
    }
  }

  /// The name people gave it, else its id.
  public var label: String { name.isEmpty ? id : name }

  /// Whether `trunkIDs` names the trunk, by id or by name.
  public func names(_ trunk: InboundTrunk) -> Bool {
    trunkIDs.contains(trunk.id) || !trunk.name.isEmpty && trunkIDs.contains(trunk.name)
  }

  /// Direct: the room. Otherwise: the prefix.
  var roomNameOrPrefix: String {
    switch kind {
    case .direct(let name, _): name
    case .individual(let prefix, _, _), .callee(let prefix, _, _): prefix
    }
  }
}
