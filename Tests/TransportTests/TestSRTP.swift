@testable import Transport

/// A context behind the shapes that are easy to compare.
final class TestSRTP {
  private var context: SRTPContext

  init(_ profile: SRTPProfile, _ direction: SRTPContext.Direction, masterKey: SRTPMasterKey? = nil) throws {
    context = try made(SRTPContext(profile, masterKey: masterKey ?? .sample(profile), direction: direction))
  }

  func protect(_ packet: [UInt8], room: Int = SRTPContext.maximumTrailerByteCount) -> [UInt8]? {
    var bytes = packet + Array(repeating: 0, count: room)
    let count = bytes.withRaw { context.protect(&$0, byteCount: packet.count) }
    return count.map { Array(bytes[..<$0]) }
  }

  func protectRTCP(_ packet: [UInt8], room: Int = SRTPContext.maximumTrailerByteCount) -> [UInt8]? {
    var bytes = packet + Array(repeating: 0, count: room)
    let count = bytes.withRaw { context.protectRTCP(&$0, byteCount: packet.count) }
    return count.map { Array(bytes[..<$0]) }
  }

  /// The plain packet, or why there is none.
  func unprotect(_ packet: [UInt8]) -> Result {
    var bytes = packet
    let outcome = bytes.withRaw { context.unprotect(&$0, byteCount: packet.count) }
    return Result(outcome, bytes)
  }

  func unprotectRTCP(_ packet: [UInt8]) -> Result {
    var bytes = packet
    let outcome = bytes.withRaw { context.unprotectRTCP(&$0, byteCount: packet.count) }
    return Result(outcome, bytes)
  }

  func addStream(_ ssrc: UInt32) -> Bool { context.addStream(ssrc: ssrc) }
  func removeStream(_ ssrc: UInt32) { context.removeStream(ssrc: ssrc) }

  enum Result: Equatable {
    case plain([UInt8])
    case refused(SRTPContext.Outcome)

    init(_ outcome: SRTPContext.Outcome, _ bytes: [UInt8]) {
      if case .packet(let count) = outcome { self = .plain(Array(bytes[..<count])) } else { self = .refused(outcome) }
    }
  }
}

extension SRTPMasterKey {
  static func sample(_ profile: SRTPProfile) -> SRTPMasterKey {
    let salt: ClosedRange<UInt8> = profile == .aeadAES128GCM ? 0xA0...0xAB : 0xA0...0xAD
    guard let key = SRTPMasterKey(profile, key: 1...16, salt: salt) else { preconditionFailure("lengths") }
    return key
  }
}

/// An RTP packet of 40 bytes of payload.
func rtpPacket(_ sequenceNumber: UInt16, ssrc: UInt8 = 7, header: [UInt8] = []) -> [UInt8] {
  let first: UInt8 = header.isEmpty ? 0x80 : 0x92
  return [first, 111, UInt8(sequenceNumber >> 8), UInt8(sequenceNumber & 0xFF), 0, 0, 0, 9, 0, 0, 0, ssrc] + header
    + (0..<40)
}

/// Two CSRCs and an extension of one word.
let longHeader: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 2, 0xBE, 0xDE, 0, 1, 0x10, 0x55, 0, 0]

func receiverReport(ssrc: UInt8 = 7) -> [UInt8] {
  [0x81, 201, 0, 7, 0, 0, 0, ssrc] + [UInt8](repeating: 0x5A, count: 24)
}
