import Base
import RTP
import Transport

/// RTCP in and out (RFC 3550 §6, RFC 4585 §6.2.1).
extension RoomTransport {
  /// Sender reports in one datagram; further streams report in the next interval.
  private static let senderReportLimit = 16
  /// Packets sent again for one datagram of NACKs: more than a peer can have lost and still want.
  private static let retransmissionLimit = 32
  /// Of the receiver reports of a peer that sends nothing itself.
  private static let receiverSSRC: UInt32 = 1

  mutating func receiveReports(_ datagram: RawSpan, at now: MonotonicTime, _ output: inout MediaOutput) {
    var reader = RTCP.Reader()
    var budget = Self.retransmissionLimit
    while let packet = reader.next(in: datagram) {
      switch packet {
      case .senderReport(let report, let blocks):
        for index in 0..<received.count where received[index].pointee.ssrc == report.ssrc {
          received[index].pointee.received(report, at: now)
        }
        receiveBlocks(blocks, datagram, at: now, output)
      case .receiverReport(_, let blocks):
        receiveBlocks(blocks, datagram, at: now, output)
      case .nack(_, let media, let entries):
        guard let track = sentTrack(ssrc: media) else { continue }
        entries.forEachSequenceNumber(in: datagram) { number in
          guard budget > 0 else { return }
          budget -= 1
          retransmit(number, of: track, &output)
        }
      default: break
      }
    }
  }

  /// Sends SR for what we send, RR for what we receive, and our name.
  mutating func sendReports(at now: MonotonicTime, _ output: inout MediaOutput) {
    reportStatistics(output)
    guard let route = ice.route, let slot = output.transmit.reserve() else { return }
    var datagram = slot.mutableBytes
    let ntpTimestamp = output.ntpTimestamp(at: now)
    var (lastStart, end, ssrc) = (0, 0, Self.receiverSSRC)
    var count = 0
    for index in 0..<sent.count where count < Self.senderReportLimit {
      guard
        let report = sent[(index + reports.rotation) % sent.count].pointee.senderReport(
          at: now, ntpTimestamp: ntpTimestamp),
        let next = RTCP.write(report, into: &datagram, at: end)
      else { continue }
      (lastStart, end, ssrc) = (end, next, report.ssrc)
      count += 1
    }
    reports.rotation &+= count
    if count == 0 { end = RTCP.writeReceiverReport(ssrc: ssrc, into: &datagram) ?? 0 }
    for index in 0..<received.count {
      guard let block = received[index].pointee.reportBlock(at: now) else { continue }
      end = RTCP.appendReportBlock(block, toReportAt: lastStart, endingAt: end, in: &datagram) ?? end
    }
    end = Self.writeName(ssrc, into: &datagram, at: end) ?? end
    guard let byteCount = outbound?.protectRTCP(&datagram, byteCount: end) else { return }
    commit(byteCount, in: slot, over: route, &output)
  }

  /// BYE for each stream (RFC 3550 §6.6).
  mutating func sendGoodbye(_ output: inout MediaOutput) {
    guard let route = ice.route, let first = sent.first?.pointee.ssrc, let slot = output.transmit.reserve()
    else { return }
    var datagram = slot.mutableBytes
    var end = RTCP.writeReceiverReport(ssrc: first, into: &datagram) ?? 0
    for index in 0..<sent.count {
      end = RTCP.writeGoodbye(ssrc: sent[index].pointee.ssrc, into: &datagram, at: end) ?? end
    }
    guard let byteCount = outbound?.protectRTCP(&datagram, byteCount: end) else { return }
    commit(byteCount, in: slot, over: route, &output)
  }

  private func sentTrack(ssrc: UInt32) -> UnsafeMutablePointer<SentTrack>? {
    for index in 0..<sent.count where sent[index].pointee.ssrc == ssrc { return sent[index] }
    return nil
  }

  private mutating func receiveBlocks(
    _ blocks: RTCP.BlockList, _ datagram: RawSpan, at now: MonotonicTime, _ output: borrowing MediaOutput
  ) {
    for index in 0..<blocks.count {
      guard let block = blocks.block(index, in: datagram), let track = sentTrack(ssrc: block.ssrc) else { continue }
      track.pointee.received(block, ntpTimestamp: output.ntpTimestamp(at: now))
    }
  }

  private mutating func retransmit(
    _ sequenceNumber: UInt16, of track: UnsafeMutablePointer<SentTrack>, _ output: inout MediaOutput
  ) {
    guard let route = ice.route, let slot = output.transmit.reserve() else { return }
    let byteCount = track.pointee.copyForRetransmission(sequenceNumber, into: slot)
    guard byteCount > 0 else { return }
    commit(byteCount, in: slot, over: route, &output)
  }

  private mutating func reportStatistics(_ output: borrowing MediaOutput) {
    for index in 0..<received.count {
      let track = received[index]
      guard track.pointee.packetCount > 0 else { continue }
      var statistics = track.pointee.statistics()
      if let playout = track.pointee.source.pointee.playout {
        statistics.framesConcealed = playout.pointee.framesConcealed
        statistics.playoutDelay = playout.pointee.delay
      }
      output.emit(.receivedTrackStatistics(track.pointee.source.pointee.id, statistics))
    }
    for index in 0..<sent.count {
      guard let carried = sent[index].pointee.track else { continue }
      output.emit(.sentTrackStatistics(id, carried, sent[index].pointee.statistics))
    }
  }

  /// Every stream of ours has the same name: they share one clock (RFC 7022).
  private static let name = Array("trunkline".utf8)

  private static func writeName(_ ssrc: UInt32, into datagram: inout MutableRawSpan, at offset: Int) -> Int? {
    RTCP.writeSourceDescription(ssrc: ssrc, cname: name.span, into: &datagram, at: offset)
  }
}
