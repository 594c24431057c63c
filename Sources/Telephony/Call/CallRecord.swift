import Base

/// What the phone leg carried.
public struct CallMedia: Hashable, Sendable {
  /// `PCMU/8000`. Empty when no codec was agreed on.
  public var codec: String
  public var packetsReceived: UInt64
  public var packetsSent: UInt64
  /// Never came, or came too late.
  public var packetsLost: Int64
  /// RFC 3550 §6.4.1.
  public var jitter: Duration
  public var framesConcealed: UInt64
  public var digitsReceived: UInt64
  public var digitsSent: UInt64

  public init(
    codec: String = "", packetsReceived: UInt64 = 0, packetsSent: UInt64 = 0, packetsLost: Int64 = 0,
    jitter: Duration = .zero, framesConcealed: UInt64 = 0, digitsReceived: UInt64 = 0, digitsSent: UInt64 = 0
  ) {
    self.codec = codec
    self.packetsReceived = packetsReceived
    self.packetsSent = packetsSent
    self.packetsLost = packetsLost
    self.jitter = jitter
    self.framesConcealed = framesConcealed
    self.digitsReceived = digitsReceived
    self.digitsSent = digitsSent
  }
}

public enum CallDirection: String, Sendable, Hashable, CaseIterable {
  case inbound
  /// Placed by us.
  case outbound
}

/// One transfer that was asked for in a call.
public struct TransferRecord: Hashable, Sendable {
  /// `STR_…`
  public var transferID: String
  public var target: String
  /// We dialled the target ourselves.
  public var wasBridged: Bool
  /// Nil while the call ends before the result.
  public var result: TransferResult?

  public init(transferID: String, target: String, wasBridged: Bool = false, result: TransferResult? = nil) {
    self.transferID = transferID
    self.target = target
    self.wasBridged = wasBridged
    self.result = result
  }
}

/// One call, after its end. Every call leaves exactly one.
public struct CallRecord: Hashable, Sendable {
  /// Transfers that a record lists; more may have been tried.
  public static let transferLimit = 16

  public var direction = CallDirection.inbound
  /// `SCL_…`
  public var callID: String
  /// SIP Call-ID.
  public var sipCallID: String
  public var fromUser: String
  public var fromHost: String
  public var toUser: String
  public var source: IPAddress?
  /// Empty where no trunk, rule or room was reached.
  public var trunkID = ""
  public var trunkLabel = ""
  public var ruleID = ""
  public var ruleLabel = ""
  public var roomName = ""
  public var identity = ""
  /// Milliseconds since 1970.
  public var receivedAtUnixMilliseconds: Int64
  /// Each counted from the INVITE; nil when it did not come to that.
  public var rangAfter: Duration?
  public var answeredAfter: Duration?
  public var acknowledgedAfter: Duration?
  public var endedAfter: Duration = .zero
  /// Nil when no port was opened, or its totals never came.
  public var media: CallMedia?
  public var endReason: EndReason
  /// The final response to the INVITE. Nil when none was sent.
  public var sipStatus: SIPStatus?
  /// Why it ended, for people.
  public var sentence: String
  /// Oldest first.
  public var transfers: [TransferRecord] = []
  /// The other call of a bridge, or the one whose place this one took. Empty without one.
  public var joinedCallID = ""
  /// `krisp_enabled` was asked for.
  public var krispEnabled = false

  // Calls that we place.

  /// Where the INVITE was sent: the trunk's address.
  public var dialledAddress = ""
  /// City, region and country of the callee, as the request gives them.
  public var destination = ""

  /// From answer to end. Zero when it was not answered.
  public var talkDuration: Duration { answeredAfter.map { endedAfter - $0 } ?? .zero }

  /// The record with its numbers as the log may show them; they stand in room names, identities, sentences and targets
  /// too.
  public func redacted(_ redaction: NumberRedaction) -> CallRecord {
    let numbers = [fromUser, toUser] + transfers.compactMap { ReferTarget($0.target)?.user }
    var result = self
    result.fromUser = redaction.redact(fromUser)
    result.toUser = redaction.redact(toUser)
    func clean(_ text: String) -> String { redaction.redactNumbers(in: redaction.redact(text, numbers: numbers)) }
    result.roomName = clean(roomName)
    result.identity = clean(identity)
    result.sentence = clean(sentence)
    for index in result.transfers.indices {
      result.transfers[index].target = clean(transfers[index].target)
      if let message = transfers[index].result?.error?.message {
        result.transfers[index].result?.error?.message = clean(message)
      }
    }
    return result
  }
}
