import Base
import Foundation
import Logging
import MediaCore
import Telephony

/// Appends one JSON object per ended call to `calls.jsonl` in the data directory.
///
/// A task of its own writes: a slow disk delays records, never calls. None is lost at a regular end.
final class CallRecordLog: Sendable {
  struct OpenError: Error, CustomStringConvertible {
    let description: String
  }

  private struct Entry: Sendable {
    let record: CallRecord
    let media: PhoneLegStatistics?
  }

  private let entries: AsyncStream<Entry>.Continuation
  private let writer: Task<Void, Never>

  init(directory: String, redaction: NumberRedaction, log: Logger) throws(OpenError) {
    let path = directory + "/calls.jsonl"
    let file: FileHandle
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      if !FileManager.default.fileExists(atPath: path) {
        // Records hold phone numbers: for the owner's eyes.
        _ = FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
      }
      file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.seekToEnd()
    } catch {
      throw OpenError(
        description: "data_dir: \(path): expected a file that can be written: \(error.localizedDescription)")
    }
    let (stream, continuation) = AsyncStream.makeStream(of: Entry.self)
    entries = continuation
    writer = Task.detached {
      let encoder = JSONEncoder()
      encoder.keyEncodingStrategy = .convertToSnakeCase
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      for await entry in stream {
        do {
          let line = CallRecordLine(entry.record.redacted(redaction), media: entry.media)
          try file.write(contentsOf: encoder.encode(line) + Data("\n".utf8))
        } catch {
          log.error(
            "a call record was not written", metadata: ["call": "\(entry.record.callID)", "error": "\(error)"])
        }
      }
      try? file.close()
    }
  }

  /// Queues the record. Never blocks.
  func write(_ record: CallRecord, media: PhoneLegStatistics?) { entries.yield(Entry(record: record, media: media)) }

  /// Returns when everything is in the file.
  func close() async {
    entries.finish()
    await writer.value
  }
}

/// A call record as it is kept. Times are RFC 3339 in UTC, durations are milliseconds.
private struct CallRecordLine: Encodable {
  let direction: String
  let callId: String
  let sipCallId: String
  let from: String
  let to: String
  let source: String?
  let dialledAddress: String?
  let destination: String?
  let trunkId: String
  let trunk: String
  let ruleId: String
  let rule: String
  let room: String
  let identity: String
  let receivedAt: String
  let rangAfterMs: Int64?
  let answeredAfterMs: Int64?
  let acknowledgedAfterMs: Int64?
  let endedAfterMs: Int64
  let talkMs: Int64
  let endReason: String
  let sentence: String
  let sipStatus: Int?
  let joinedCallId: String?
  let transfers: [Transfer]?
  let krispEnabled: Bool?
  let codec: String?
  let packetsReceived: UInt64?
  let packetsSent: UInt64?
  let packetsLost: Int64?
  let packetsLate: UInt64?
  let packetsFromStrangers: UInt64?
  let framesConcealed: UInt64?
  let jitterMs: Double?
  let digitsReceived: UInt64?
  let digitsDropped: UInt64?
  let digitsSent: UInt64?

  /// One `TransferRecord`. `reason` and what follows are missing where the call ended before the result.
  struct Transfer: Encodable {
    let transferId: String
    let target: String
    let bridged: Bool
    let succeeded: Bool?
    let reason: String?
    let sipStatus: Int?
    let error: String?

    init(_ record: TransferRecord) {
      transferId = record.transferID
      target = record.target
      bridged = record.wasBridged
      succeeded = record.result?.isSuccess
      reason = record.result.map { "\($0.reason)" }
      sipStatus = record.result?.sipStatus?.code
      error = record.result?.error?.message
    }
  }

  init(_ record: CallRecord, media: PhoneLegStatistics?) {
    func given(_ text: String) -> String? { text.isEmpty ? nil : text }
    direction = record.direction.rawValue
    dialledAddress = given(record.dialledAddress)
    destination = given(record.destination)
    joinedCallId = given(record.joinedCallID)
    transfers = record.transfers.isEmpty ? nil : record.transfers.map(Transfer.init)
    krispEnabled = record.krispEnabled ? true : nil
    callId = record.callID
    sipCallId = record.sipCallID
    from = record.fromUser
    to = record.toUser
    source = record.source?.description
    trunkId = record.trunkID
    trunk = record.trunkLabel
    ruleId = record.ruleID
    rule = record.ruleLabel
    room = record.roomName
    identity = record.identity
    receivedAt = WallClock.text(Double(record.receivedAtUnixMilliseconds) / 1000)
    rangAfterMs = record.rangAfter?.wholeMilliseconds
    answeredAfterMs = record.answeredAfter?.wholeMilliseconds
    acknowledgedAfterMs = record.acknowledgedAfter?.wholeMilliseconds
    endedAfterMs = record.endedAfter.wholeMilliseconds
    talkMs = record.talkDuration.wholeMilliseconds
    endReason = record.endReason.code
    sentence = record.sentence
    sipStatus = record.sipStatus?.code
    codec = record.media?.codec
    packetsReceived = media?.packetsReceived
    packetsSent = media?.packetsSent
    packetsLost = media?.packetsLost
    packetsLate = media?.packetsLateOrDuplicate
    packetsFromStrangers = media?.packetsFromStrangers
    framesConcealed = media?.framesConcealed
    jitterMs = media.map { Double($0.jitter.wholeNanoseconds) / 1e6 }
    digitsReceived = media?.digitsReceived
    digitsDropped = media?.digitsDropped
    digitsSent = media?.digitsSent
  }
}
