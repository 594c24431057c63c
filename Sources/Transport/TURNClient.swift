import Base

/// One allocation on a TURN server (RFC 8656) with a long-term credential. Bytes in, bytes out:
///
///     nextRequest(at:into:)              // on each tick, until it returns 0: to the server
///     receive(message, at:)              // a whole message of the server's: what it brought
///     wrap(…, for: peer)                 // makes of a packet for a peer one for the server
///
/// Each peer gets a channel (§12), whose binding installs its permission too, so that CreatePermission is not needed.
/// Until it is bound, and for peers beyond `maximumPeerCount`, packets travel in Send and Data indications (§11).
///
///     allocating ──401──▶ allocating with credentials ──success──▶ allocated ──refused, silent, close──▶ over
public struct TURNClient: Sendable {
  public enum Event: Hashable, Sendable {
    case nothing
    /// Peers reach us at this address of the server's.
    case allocated(Endpoint)
    /// A packet of a peer's: the bytes of `range` in the message.
    case packet(from: Endpoint, range: Range<Int>)
    /// The allocation is refused or gone. Nothing more comes.
    case failed
  }

  /// Room for a request: USERNAME, REALM and NONCE are bounded by their sum.
  public static let maximumRequestByteCount = 1_400
  public static let maximumPeerCount = 32
  private static let maximumCredentialByteCount = 1_200
  /// RFC 8656 §9: a permission lasts 5 minutes, a channel 10; a binding renews both.
  private static let bindingInterval = Duration.seconds(240)
  private static let shortestRefreshInterval = Duration.seconds(20)
  /// Answers that only ask for another nonce; more of them in a row is a server that will have none of it.
  private static let maximumStaleNonceCount = 4
  /// RFC 8656 §12: 0x4000…0x4FFF.
  private static let firstChannel: UInt16 = 0x4000
  /// UDP (RFC 8656 §18.8: an IANA protocol number and three bytes of zero).
  private static let udp: UInt32 = 17 << 24

  struct Peer: Sendable {
    let endpoint: Endpoint
    var binding = TURNRequest(method: .channelBind)
    var isBound = false
  }

  /// Where peers reach us. Nil before the allocation and after its end.
  public private(set) var relayed: Endpoint?
  /// Our address as the server sees it.
  public private(set) var mapped: Endpoint?
  public private(set) var hasFailed = false

  private let username: String
  private let password: String
  /// Over a stream channel data is padded, and nothing is repeated (RFC 8656 §12.5, RFC 8489 §6.2.2).
  private let isStream: Bool
  private var random: RandomSource
  private var realm: [UInt8] = []
  private var nonce: [UInt8] = []
  private var key: STUNKey?
  private var staleNonceCount = 0
  /// Allocate, later Refresh.
  private var allocation = TURNRequest(method: .allocate)
  private var peers: [Peer] = []

  public init(username: String, password: String, isStream: Bool, random: RandomSource = .system) {
    self.username = username
    self.password = password
    self.isStream = isStream
    self.random = random
  }

  /// Writes the request that is due and returns its length, 0 when there is none. `buffer` must hold
  /// `maximumRequestByteCount` bytes.
  public mutating func nextRequest(at now: MonotonicTime, into buffer: inout MutableRawSpan) -> Int {
    precondition(buffer.byteCount >= Self.maximumRequestByteCount, "\(buffer.byteCount) bytes are too few")
    guard !hasFailed else { return 0 }
    if allocation.isDue(at: now) {
      guard allocation.send(at: now, isStream: isStream, using: &random) else {
        fail()
        return 0
      }
      return write(allocation, peer: nil, into: &buffer)
    }
    guard relayed != nil else { return 0 }
    for index in peers.indices where peers[index].binding.isDue(at: now) {
      guard peers[index].binding.send(at: now, isStream: isStream, using: &random) else {
        // The server is silent or refuses this peer; the next renewal tries again.
        peers[index].isBound = false
        peers[index].binding.finish(nextAt: now + Self.bindingInterval)
        continue
      }
      return write(peers[index].binding, peer: index, into: &buffer)
    }
    return 0
  }

  /// Takes one whole message of the server's, `TURNFraming` tells where it ends in a stream.
  public mutating func receive(_ message: RawSpan, at now: MonotonicTime) -> Event {
    guard !hasFailed, message.byteCount >= 4 else { return .nothing }
    if message.uint8(at: 0) >> 6 == 1 { return receive(channelData: message) }
    guard let parsed = STUNMessage(message) else { return .nothing }
    switch (parsed.kind.method, parsed.kind.messageClass) {
    case (.data, .indication):
      guard let peer = parsed.xorPeerAddress, let range = parsed.data else { return .nothing }
      return .packet(from: peer, range: range)
    case (_, .success): return receive(success: parsed, message, at: now)
    case (_, .error): return receive(error: parsed, message, at: now)
    default: return .nothing
    }
  }

  /// Makes of the packet in the first `byteCount` bytes of `slot` one for the server, in place, and returns its length.
  /// Zero when there is no allocation or it does not fit.
  public mutating func wrap(_ slot: UnsafeMutableRawBufferPointer, byteCount: Int, for peer: Endpoint) -> Int {
    guard relayed != nil else { return 0 }
    guard let index = peerIndex(peer), peers[index].isBound else {
      return wrap(slot, byteCount: byteCount, inIndicationFor: peer)
    }
    let padded = isStream ? (byteCount + 3) & ~3 : byteCount
    guard let start = slot.baseAddress, 4 + padded <= slot.count else { return 0 }
    (start + 4).copyMemory(from: start, byteCount: byteCount)
    var bytes = slot.mutableBytes
    bytes.set(Self.firstChannel + UInt16(index), at: 0)
    bytes.set(UInt16(byteCount), at: 2)
    for offset in (4 + byteCount)..<(4 + padded) { bytes.set(UInt8(0), at: offset) }
    return 4 + padded
  }

  /// Writes the request that gives the allocation back, and returns its length; zero when there is none. Its answer is
  /// not waited for.
  public mutating func close(into buffer: inout MutableRawSpan) -> Int {
    guard relayed != nil else { return 0 }
    fail()
    var request = TURNRequest(method: .refresh)
    guard request.send(at: .zero, isStream: isStream, using: &random) else { return 0 }
    return write(request, peer: nil, lifetimeSeconds: 0, into: &buffer)
  }

  private mutating func fail() {
    hasFailed = true
    relayed = nil
  }

  /// The peer's place among the channels; it gets one if there is room.
  private mutating func peerIndex(_ endpoint: Endpoint) -> Int? {
    for index in peers.indices where peers[index].endpoint == endpoint { return index }
    guard peers.count < Self.maximumPeerCount else { return nil }
    peers.append(Peer(endpoint: endpoint))
    return peers.count - 1
  }

  private mutating func wrap(
    _ slot: UnsafeMutableRawBufferPointer, byteCount: Int, inIndicationFor peer: Endpoint
  ) -> Int {
    let addressByteCount = peer.address.isIPv4 ? 12 : 24
    let prefix = STUNMessage.headerByteCount + addressByteCount + 4
    let padded = (byteCount + 3) & ~3
    guard let start = slot.baseAddress, prefix + padded <= slot.count else { return 0 }
    (start + prefix).copyMemory(from: start, byteCount: byteCount)
    var bytes = slot.mutableBytes
    for offset in (prefix + byteCount)..<(prefix + padded) { bytes.set(UInt8(0), at: offset) }
    let id = STUNMessage.TransactionID(high: UInt32(truncatingIfNeeded: random.next()), low: random.next())
    var writer = STUNWriter(STUNMessage.Kind(.send, .indication), id, in: &bytes)
    writer.add(.xorPeerAddress, peer, in: &bytes)
    writer.addHeader(.data, ofValue: byteCount, in: &bytes)
    return writer.byteCount
  }

  private func write(
    _ request: TURNRequest, peer: Int?, lifetimeSeconds: UInt32? = nil, into buffer: inout MutableRawSpan
  ) -> Int {
    var writer = STUNWriter(STUNMessage.Kind(request.method, .request), request.id, in: &buffer)
    if request.method == .allocate { writer.add(.requestedTransport, Self.udp, in: &buffer) }
    if let lifetimeSeconds { writer.add(.lifetime, lifetimeSeconds, in: &buffer) }
    if let peer {
      writer.add(.channelNumber, UInt32(Self.firstChannel + UInt16(peer)) << 16, in: &buffer)
      writer.add(.xorPeerAddress, peers[peer].endpoint, in: &buffer)
    }
    guard let key else { return writer.byteCount }
    writer.add(.username, username.utf8, in: &buffer)
    writer.add(.realm, realm, in: &buffer)
    writer.add(.nonce, nonce, in: &buffer)
    writer.finish(key: key, in: &buffer)
    return writer.byteCount
  }

  private func receive(channelData message: RawSpan) -> Event {
    let index = Int(message.uint16(at: 0)) - Int(Self.firstChannel)
    let end = 4 + Int(message.uint16(at: 2))
    guard peers.indices.contains(index), end <= message.byteCount else { return .nothing }
    return .packet(from: peers[index].endpoint, range: 4..<end)
  }

  private mutating func receive(success: STUNMessage, _ message: RawSpan, at now: MonotonicTime) -> Event {
    if let key, !success.isAuthentic(message, key: key) { return .nothing }
    if allocation.isAnswered(by: success) {
      staleNonceCount = 0
      return allocationSucceeded(success, at: now)
    }
    for index in peers.indices where peers[index].binding.isAnswered(by: success) {
      staleNonceCount = 0
      peers[index].isBound = true
      peers[index].binding.finish(nextAt: now + Self.bindingInterval)
    }
    return .nothing
  }

  private mutating func allocationSucceeded(_ success: STUNMessage, at now: MonotonicTime) -> Event {
    let lifetime = Duration.seconds(Int64(success.lifetimeSeconds ?? 600))
    let isNew = allocation.method == .allocate
    if isNew {
      guard let address = success.xorRelayedAddress else {
        fail()
        return .failed
      }
      relayed = address
      mapped = success.xorMappedAddress
      allocation = TURNRequest(method: .refresh)
    }
    allocation.finish(nextAt: now + max(Self.shortestRefreshInterval, lifetime / 2))
    return isNew ? relayed.map { .allocated($0) } ?? .nothing : .nothing
  }

  private mutating func receive(error: STUNMessage, _ message: RawSpan, at now: MonotonicTime) -> Event {
    let isOfAllocation = allocation.isAnswered(by: error)
    let peer = peers.firstIndex { $0.binding.isAnswered(by: error) }
    guard isOfAllocation || peer != nil else { return .nothing }
    let asksForCredentials = error.errorCode == 401 && key == nil || error.errorCode == 438
    if asksForCredentials, takeChallenge(error, message) {
      if isOfAllocation { allocation.retry(at: now) }
      if let peer { peers[peer].binding.retry(at: now) }
      return .nothing
    }
    if let peer {
      // 403: this server relays nothing to that address. It may still serve others.
      peers[peer].isBound = false
      peers[peer].binding.finish(nextAt: now + Self.bindingInterval)
      return .nothing
    }
    fail()
    return .failed
  }

  /// REALM and NONCE of a 401 or 438 (RFC 8489 §9.2.5). False when they are missing, too long or too many.
  private mutating func takeChallenge(_ error: STUNMessage, _ message: RawSpan) -> Bool {
    staleNonceCount += 1
    guard staleNonceCount <= Self.maximumStaleNonceCount, let nonce = error.nonce,
      let realm = error.realm.map({ message.extracting($0).array() }) ?? (key == nil ? nil : realm),
      username.utf8.count + realm.count + nonce.count <= Self.maximumCredentialByteCount
    else { return false }
    self.realm = realm
    self.nonce = message.extracting(nonce).array()
    key = STUNKey(username: username, realm: realm, password: password)
    return true
  }
}
