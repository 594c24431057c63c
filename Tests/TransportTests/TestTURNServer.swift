import Base

@testable import Transport

/// The server's side of RFC 8656 for one client, and what tests want to see of it.
final class TestTURNServer {
  static let relayed = Endpoint(IPAddress(v4: 0xCB00_7109), 49_152)
  static let mapped = Endpoint(IPAddress(v4: 0xC000_0201), 4000)

  var username = "user"
  var password = "secret"
  let realm = Array("example.org".utf8)
  var nonce = Array("nonce-1".utf8)
  var lifetimeSeconds: UInt32 = 600
  /// Answered with this error instead, by method.
  var refusals: [STUNMessage.Method: Int] = [:]
  /// Peers that may not be bound.
  var forbidden: Set<Endpoint> = []
  private(set) var isAllocated = false
  private(set) var wasGivenBack = false
  private(set) var requests: [STUNMessage.Kind] = []
  private(set) var channels: [UInt16: Endpoint] = [:]
  /// What the client had relayed.
  private(set) var relayedPackets: [(to: Endpoint, bytes: [UInt8], inChannel: Bool)] = []
  private var allocateID: STUNMessage.TransactionID?

  /// Takes a message of the client's; returns the answer, if there is one.
  func receive(_ message: [UInt8]) -> [UInt8]? {
    if message[0] >> 6 == 1 {
      let (number, count) = (UInt16(message[0]) << 8 | UInt16(message[1]), Int(message[2]) << 8 | Int(message[3]))
      if let peer = channels[number] { relayedPackets.append((peer, Array(message[4..<(4 + count)]), true)) }
      return nil
    }
    guard let parsed = STUNMessage(bytes: message) else { return nil }
    requests.append(parsed.kind)
    if parsed.kind.method == .send {
      if let peer = parsed.xorPeerAddress, let data = parsed.data,
        channels.values.contains(where: { $0.address == peer.address })
      {
        relayedPackets.append((peer, Array(message[data]), false))
      }
      return nil
    }
    guard let realmRange = parsed.realm, let nonceRange = parsed.nonce, let usernameRange = parsed.username else {
      return failure(401, to: parsed, isAuthenticated: false)
    }
    guard Array(message[realmRange]) == realm, String(decoding: message[usernameRange], as: UTF8.self) == username,
      parsed.isAuthentic(bytes: message, key: key)
    else { return failure(401, to: parsed, isAuthenticated: false) }
    guard Array(message[nonceRange]) == nonce else { return failure(438, to: parsed, isAuthenticated: false) }
    if let code = refusals[parsed.kind.method] { return failure(code, to: parsed, isAuthenticated: true) }
    return serve(parsed, message)
  }

  /// A packet of a peer's on its way to the client, in a channel if there is one.
  func packet(from peer: Endpoint, _ bytes: [UInt8]) -> [UInt8] {
    if let number = channels.first(where: { $0.value == peer })?.key {
      return [UInt8(number >> 8), UInt8(number & 0xFF), UInt8(bytes.count >> 8), UInt8(bytes.count & 0xFF)] + bytes
    }
    return write(STUNMessage.Kind(.data, .indication), STUNMessage.TransactionID(high: 1, low: 2)) { writer, buffer in
      writer.add(.xorPeerAddress, peer, in: &buffer)
      writer.add(.data, bytes, in: &buffer)
    }
  }

  private var key: STUNKey { STUNKey(username: username, realm: realm, password: password) }

  private func serve(_ request: STUNMessage, _ message: [UInt8]) -> [UInt8] {
    switch request.kind.method {
    case .allocate:
      // The same transaction again is the same allocation, another one is a mismatch.
      if isAllocated, allocateID != request.transactionID { return failure(437, to: request, isAuthenticated: true) }
      isAllocated = true
      allocateID = request.transactionID
      return success(request) { writer, buffer in
        writer.add(.xorRelayedAddress, Self.relayed, in: &buffer)
        writer.add(.xorMappedAddress, Self.mapped, in: &buffer)
        writer.add(.lifetime, self.lifetimeSeconds, in: &buffer)
      }
    case .refresh:
      wasGivenBack = request.lifetimeSeconds == 0
      return success(request) { writer, buffer in writer.add(.lifetime, self.lifetimeSeconds, in: &buffer) }
    case .channelBind:
      guard let peer = request.xorPeerAddress, !forbidden.contains(peer) else {
        return failure(403, to: request, isAuthenticated: true)
      }
      let text = message.indices.first { message[$0...].starts(with: [0x00, 0x0C, 0x00, 0x04]) } ?? 0
      channels[UInt16(message[text + 4]) << 8 | UInt16(message[text + 5])] = peer
      return success(request) { _, _ in }
    default: return failure(400, to: request, isAuthenticated: true)
    }
  }

  private func success(
    _ request: STUNMessage, _ body: (inout STUNWriter, inout MutableRawSpan) -> Void
  ) -> [UInt8] {
    write(STUNMessage.Kind(request.kind.method, .success), request.transactionID) { writer, buffer in
      body(&writer, &buffer)
      writer.finish(key: key, in: &buffer)
    }
  }

  private func failure(_ code: Int, to request: STUNMessage, isAuthenticated: Bool) -> [UInt8] {
    write(STUNMessage.Kind(request.kind.method, .error), request.transactionID) { writer, buffer in
      writer.add(.errorCode, [0, 0, UInt8(code / 100), UInt8(code % 100)], in: &buffer)
      if isAuthenticated {
        writer.finish(key: key, in: &buffer)
      } else {
        writer.add(.realm, realm, in: &buffer)
        writer.add(.nonce, nonce, in: &buffer)
      }
    }
  }

  private func write(
    _ kind: STUNMessage.Kind, _ id: STUNMessage.TransactionID,
    _ body: (inout STUNWriter, inout MutableRawSpan) -> Void
  ) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 2_048)
    let count = bytes.withRaw { buffer in
      var writer = STUNWriter(kind, id, in: &buffer)
      body(&writer, &buffer)
      return writer.byteCount
    }
    return Array(bytes[..<count])
  }
}
