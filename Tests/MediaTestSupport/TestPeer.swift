import Base
import MediaCore
import RTP
import Transport

/// One RTP packet that a peer or a phone got, in clear.
public struct GotPacket: Sendable {
  public var header: RTPHeader
  public var payload: [UInt8]
  public var bytes: [UInt8]
  public var at: MonotonicTime
}

/// A WebRTC client without sockets: what a stock client does on the wire, and a record of what it got.
public final class TestPeer {
  public internal(set) var endpoint: Endpoint
  public let credentials: ICECredentials
  public let role: DTLSConnection.Role
  public let fingerprint: String
  /// Datagrams to be carried to the engine.
  public var outbox: [[UInt8]] = []
  public private(set) var packets: [GotPacket] = []
  /// Protected, as they came.
  public private(set) var rawPackets: [[UInt8]] = []
  public private(set) var reports: [RTCP.Packet] = []
  public private(set) var reportDatagrams: [[UInt8]] = []
  public private(set) var messages: [(label: String, bytes: [UInt8])] = []
  public private(set) var openLabels: [String] = []
  public private(set) var stunResponseCount = 0
  public private(set) var unreadableCount = 0
  public var isConnected: Bool { outbound != nil }
  public var dtlsState: DTLSConnection.State { dtls.state }
  private var dtls: DTLSConnection
  private var inbound: SRTPContext?
  private var outbound: SRTPContext?
  private var channels: DataChannels?
  private var scratch = [UInt8](repeating: 0, count: 16 << 10)

  /// Nil when memory is short.
  public init?(
    at endpoint: Endpoint, credentials: ICECredentials, serverFingerprint: String,
    role: DTLSConnection.Role = .client
  ) {
    guard let certificate = DTLSCertificate.selfSigned(), let context = DTLSContext(certificate),
      let server = DTLSFingerprint(serverFingerprint),
      let dtls = DTLSConnection(context, role: role, peerFingerprints: [server])
    else { return nil }
    self.endpoint = endpoint
    self.credentials = credentials
    self.role = role
    self.dtls = dtls
    fingerprint = context.fingerprint.description
  }

  /// Sends a connectivity check, and begins DTLS when it is the client.
  public func start() {
    check()
    if role == .client {
      dtls.start()
      flush()
    }
  }

  public func check() { outbox.append(STUNRequest.make(to: credentials.ufrag, password: credentials.password)) }

  public func check(_ credentials: ICECredentials) {
    outbox.append(STUNRequest.make(to: credentials.ufrag, password: credentials.password))
  }

  public func receive(_ datagram: [UInt8], at now: MonotonicTime) {
    var datagram = datagram
    switch DatagramKind(datagram.span.bytes) {
    case .stun: stunResponseCount += 1
    case .dtls: receiveDTLS(datagram)
    case .rtp: receiveRTP(&datagram, at: now)
    case .rtcp: receiveRTCP(&datagram)
    case .unknown: unreadableCount += 1
    }
  }

  /// Lets SCTP send what its timers have made.
  public func tick() { pump() }

  /// Protects and queues an RTP packet; `extensionBlock` goes between header and payload, header bit included.
  public func send(_ header: RTPHeader, payload: [UInt8], extensionBlock: [UInt8] = []) {
    var packet = Self.rtp(header, payload: payload, extensionBlock: extensionBlock)
    let count = packet.count
    packet += [UInt8](repeating: 0, count: SRTPContext.maximumTrailerByteCount)
    var elements = packet.mutableSpan
    var bytes = elements.mutableBytes
    guard let length = outbound?.protect(&bytes, byteCount: count) else { return }
    outbox.append(Array(packet[..<length]))
  }

  /// Protects and queues an RTCP datagram.
  public func sendRTCP(_ datagram: [UInt8]) {
    var packet = datagram + [UInt8](repeating: 0, count: SRTPContext.maximumTrailerByteCount)
    var elements = packet.mutableSpan
    var bytes = elements.mutableBytes
    guard let length = outbound?.protectRTCP(&bytes, byteCount: datagram.count) else { return }
    outbox.append(Array(packet[..<length]))
  }

  public func openChannel(_ label: String) {
    if channels == nil { channels = DataChannels(dtlsRole: role) }
    _ = channels?.openChannel(label: label)
    pump()
  }

  @discardableResult
  public func send(_ message: [UInt8], label: String) -> DataChannels.SendResult {
    guard let stream = channels?.stream(labelled: label) else { return .closed }
    let result = channels?.send(message.span.bytes, on: stream) ?? .closed
    pump()
    return result
  }

  public func close() {
    dtls.close()
    flush()
  }

  public func forgetPackets() {
    packets = []
    rawPackets = []
    reports = []
    reportDatagrams = []
  }

  public static func rtp(_ header: RTPHeader, payload: [UInt8], extensionBlock: [UInt8] = []) -> [UInt8] {
    var packet = [UInt8](repeating: 0, count: RTPHeader.byteCount)
    var elements = packet.mutableSpan
    var bytes = elements.mutableBytes
    header.write(into: &bytes)
    if !extensionBlock.isEmpty { packet[0] |= 0x10 }
    return packet + extensionBlock + payload
  }

  private func receiveDTLS(_ datagram: [UInt8]) {
    dtls.receive(datagram.span.bytes)
    if outbound == nil, case .connected(let keys) = dtls.state {
      inbound = SRTPContext(keys.profile, masterKey: keys.inbound, direction: .inbound)
      outbound = SRTPContext(keys.profile, masterKey: keys.outbound, direction: .outbound)
    }
    while true {
      var elements = scratch.mutableSpan
      var bytes = elements.mutableBytes
      guard case .bytes(let count) = dtls.read(into: &bytes) else { break }
      if channels == nil { channels = DataChannels(dtlsRole: role) }
      channels?.receive(Array(scratch[..<count]).span.bytes)
    }
    pump()
  }

  private func receiveRTP(_ datagram: inout [UInt8], at now: MonotonicTime) {
    rawPackets.append(datagram)
    let count = datagram.count
    var elements = datagram.mutableSpan
    var bytes = elements.mutableBytes
    guard case .packet(let length) = inbound?.unprotect(&bytes, byteCount: count) else {
      unreadableCount += 1
      return
    }
    let plain = Array(datagram[..<length])
    guard let layout = RTPLayout.parse(plain.span.bytes) else { return }
    packets.append(GotPacket(header: layout.header, payload: Array(plain[layout.payload]), bytes: plain, at: now))
  }

  private func receiveRTCP(_ datagram: inout [UInt8]) {
    let count = datagram.count
    var elements = datagram.mutableSpan
    var bytes = elements.mutableBytes
    guard case .packet(let length) = inbound?.unprotectRTCP(&bytes, byteCount: count) else {
      unreadableCount += 1
      return
    }
    let plain = Array(datagram[..<length])
    reportDatagrams.append(plain)
    var reader = RTCP.Reader()
    while let packet = reader.next(in: plain.span.bytes) { reports.append(packet) }
  }

  private func pump() {
    while let event = channels?.nextEvent() {
      switch event {
      case .opened(_, let label): openLabels.append(label)
      case .message(_, let label, let bytes, _): messages.append((label, bytes))
      default: break
      }
    }
    while true {
      var elements = scratch.mutableSpan
      var bytes = elements.mutableBytes
      let count = channels?.nextPacket(into: &bytes) ?? 0
      guard count > 0 else { break }
      _ = dtls.write(Array(scratch[..<count]).span.bytes)
    }
    flush()
  }

  private func flush() {
    while true {
      var elements = scratch.mutableSpan
      var bytes = elements.mutableBytes
      let count = dtls.nextDatagram(into: &bytes)
      guard count > 0 else { return }
      outbox.append(Array(scratch[..<count]))
    }
  }
}
