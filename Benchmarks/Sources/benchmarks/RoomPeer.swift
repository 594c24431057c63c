import Base
import COpenSSL
import MediaCore
import RTP
import Transport

/// A participant's WebRTC side without a socket: enough of ICE, DTLS and SRTP to publish one track and stay connected.
final class RoomPeer {
  static let ssrc: UInt32 = 5000
  /// Receiver reports come from a source of their own.
  private static let reportSSRC: UInt32 = 5001
  static let payloadType: UInt8 = 111
  static let levelExtensionID: UInt8 = 1
  /// RFC 8285 §4.2: one element of one byte, the level of a voice at -20 dBov (RFC 6464), and padding.
  private static let levelExtension: [UInt8] = [0xBE, 0xDE, 0, 1, levelExtensionID << 4, 0x80 | 20, 0, 0]

  let endpoint: Endpoint
  let credentials = ICECredentials.random()
  let fingerprint: String
  private var dtls: DTLSConnection
  private var outbound: SRTPContext?
  private var sequenceNumber: UInt16 = 1000
  private var timestamp: UInt32 = 0
  private var buffer = [UInt8](repeating: 0, count: 2048)

  /// Nil when memory is short.
  init?(at endpoint: Endpoint, serverFingerprint: String) {
    guard let certificate = DTLSCertificate.selfSigned(), let context = DTLSContext(certificate),
      let server = DTLSFingerprint(serverFingerprint),
      let dtls = DTLSConnection(context, role: .client, peerFingerprints: [server])
    else { return nil }
    self.endpoint = endpoint
    self.dtls = dtls
    fingerprint = context.fingerprint.description
    self.dtls.start()
  }

  var isConnected: Bool { outbound != nil }
  var state: DTLSConnection.State { dtls.state }

  /// Sends what is overdue again.
  func handleTimeout() { dtls.handleTimeout() }

  /// Takes what the engine sent; only the handshake is of interest.
  func receive(_ datagram: RawSpan) {
    guard case .dtls = DatagramKind(datagram), outbound == nil else { return }
    dtls.receive(datagram)
    if case .connected(let keys) = dtls.state {
      outbound = SRTPContext(keys.profile, masterKey: keys.outbound, direction: .outbound)
    }
  }

  /// The next datagram of the handshake. Nil when there is none.
  func nextDatagram() -> [UInt8]? {
    var elements = buffer.mutableSpan
    var bytes = elements.mutableBytes
    let count = dtls.nextDatagram(into: &bytes)
    return count > 0 ? Array(buffer[..<count]) : nil
  }

  /// Writes the next protected RTP packet and returns its length.
  func packet(_ payload: [UInt8], timestampStep: UInt32, into slot: UnsafeMutableRawBufferPointer) -> Int {
    var bytes = slot.mutableBytes
    RTPHeader(
      payloadType: Self.payloadType, sequenceNumber: sequenceNumber, timestamp: timestamp, ssrc: Self.ssrc
    ).write(into: &bytes)
    bytes.set(UInt8(0x90), at: 0)
    var end = RTPHeader.byteCount
    for byte in Self.levelExtension + payload {
      bytes.set(byte, at: end)
      end += 1
    }
    sequenceNumber &+= 1
    timestamp &+= timestampStep
    return outbound?.protect(&bytes, byteCount: end) ?? 0
  }

  /// Writes a protected receiver report about `ssrc` and returns its length.
  func report(on ssrc: UInt32, into slot: UnsafeMutableRawBufferPointer) -> Int {
    var bytes = slot.mutableBytes
    let block = RTCP.ReportBlock(
      ssrc: ssrc, fractionLost: 0, cumulativeLost: 0, highestSequence: 0, jitter: 10, lastSenderReport: 0,
      delaySinceLastSenderReport: 0)
    guard let end = RTCP.writeReceiverReport(ssrc: Self.reportSSRC, block: block, into: &bytes) else { return 0 }
    return outbound?.protectRTCP(&bytes, byteCount: end) ?? 0
  }

  /// A connectivity check (RFC 8445 §7.1), which also renews consent.
  func check() -> [UInt8] {
    var message: [UInt8] = [0x00, 0x01, 0, 0, 0x21, 0x12, 0xA4, 0x42]
    for _ in 0..<12 { message.append(.random(in: 0...255)) }
    Self.append(0x0006, Array("\(credentials.ufrag):peer".utf8), to: &message)
    Self.append(0x0024, [0x6E, 0x7F, 0x1E, 0xFF], to: &message)
    Self.append(0x0025, [], to: &message)
    // MESSAGE-INTEGRITY and FINGERPRINT cover the message with a length that counts them in already (RFC 8489 §14.5).
    Self.setLength(of: &message, adding: 24)
    let key = Array(credentials.password.utf8)
    var tag = [UInt8](repeating: 0, count: 20)
    var tagByteCount: UInt32 = 0
    HMAC(EVP_sha1(), key, Int32(key.count), message, message.count, &tag, &tagByteCount)
    Self.append(0x0008, tag, to: &message)
    Self.setLength(of: &message, adding: 8)
    let fingerprint = Self.crc32(message) ^ 0x5354_554E
    Self.append(0x8028, (0..<4).map { UInt8(truncatingIfNeeded: fingerprint >> (24 - 8 * UInt32($0))) }, to: &message)
    return message
  }

  private static func append(_ type: UInt16, _ value: [UInt8], to message: inout [UInt8]) {
    message += [UInt8(type >> 8), UInt8(type & 0xFF), UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
    while message.count % 4 != 0 { message.append(0) }
  }

  private static func setLength(of message: inout [UInt8], adding pending: Int) {
    let length = message.count - 20 + pending
    (message[2], message[3]) = (UInt8(length >> 8), UInt8(length & 0xFF))
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = ~0
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
  }
}
