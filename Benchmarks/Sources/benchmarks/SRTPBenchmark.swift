import RTP
import Transport

/// SRTP of one 20 ms packet: 12 bytes of header, 8 of extension, 120 of Opus.
enum SRTPBenchmark {
  private static let group = "SRTP, a packet of 140 bytes"
  private static let byteCount = 140
  private static let batch = 2000

  static func run(_ stopwatch: Stopwatch, _ report: inout Report) {
    for (name, profile) in [
      ("AEAD_AES_128_GCM", SRTPProfile.aeadAES128GCM), ("AES128_CM_SHA1_80", .aes128CMSHA1With80BitTag),
    ] {
      let key = SRTPMasterKey(
        profile, key: (0..<16).map { UInt8($0) }, salt: (0..<profile.saltByteCount).map { UInt8($0) })
      guard let key, var outbound = SRTPContext(profile, masterKey: key, direction: .outbound),
        var inbound = SRTPContext(profile, masterKey: key, direction: .inbound)
      else { continue }
      var packets = [[UInt8]](repeating: [], count: batch)
      var lengths = [Int](repeating: 0, count: batch)
      var sequenceNumber: UInt16 = 0
      var (protect, unprotect) = (Int64.max, Int64.max)
      for _ in 0...stopwatch.rounds {
        for index in 0..<batch {
          packets[index] = plain(sequenceNumber)
          sequenceNumber &+= 1
        }
        let start = Stopwatch.now()
        for index in 0..<batch {
          var elements = packets[index].mutableSpan
          var bytes = elements.mutableBytes
          lengths[index] = outbound.protect(&bytes, byteCount: byteCount) ?? 0
        }
        let middle = Stopwatch.now()
        for index in 0..<batch {
          var elements = packets[index].mutableSpan
          var bytes = elements.mutableBytes
          consume(inbound.unprotect(&bytes, byteCount: lengths[index]))
        }
        protect = min(protect, middle - start)
        unprotect = min(unprotect, Stopwatch.now() - middle)
      }
      report.add(group, "\(name) protect", Double(protect) / Double(batch), "ns")
      report.add(group, "\(name) unprotect", Double(unprotect) / Double(batch), "ns")
    }
  }

  private static func plain(_ sequenceNumber: UInt16) -> [UInt8] {
    var packet = [UInt8](repeating: 0x5A, count: byteCount + SRTPContext.maximumTrailerByteCount)
    var elements = packet.mutableSpan
    var bytes = elements.mutableBytes
    RTPHeader(payloadType: 111, sequenceNumber: sequenceNumber, timestamp: UInt32(sequenceNumber) * 960, ssrc: 7)
      .write(into: &bytes)
    return packet
  }
}
