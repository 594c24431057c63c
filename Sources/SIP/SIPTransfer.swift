import Telephony

/// The REFERs of one dialog, ours and the peer's: at most one of each at a time.
struct SIPTransfer {
  /// CSeq number of our REFER whose subscription is open: NOTIFYs are expected.
  var sentREFER: UInt32?
  /// Statuses told about it; a peer may send any number.
  private var toldStatuses: [SIPStatus] = []
  private static let statusLimit = 32

  /// The peer's REFER that waits for `answerRefer`, or whose outcome we owe.
  private(set) var received: Received?
  private var receivedCount = 0

  struct Received {
    var sequenceNumber: UInt32
    /// Event of the NOTIFYs; the first REFER of a dialog needs no id (RFC 3515 §2.4.6).
    var event: String
    var isAccepted = false
    /// A NOTIFY waits for its answer; what to send next.
    var isNotifying = false
    var next: (status: SIPStatus, isFinal: Bool)?
    var lastNotified: SIPStatus?
  }

  mutating func sent(_ sequenceNumber: UInt32) {
    sentREFER = sequenceNumber
    toldStatuses = []
  }

  /// Whether the handler has not heard this of our REFER.
  mutating func isNews(_ status: SIPStatus, isFinal: Bool) -> Bool {
    if isFinal { return true }
    guard toldStatuses.count < Self.statusLimit, !toldStatuses.contains(status) else { return false }
    toldStatuses.append(status)
    return true
  }

  /// False while another one is open.
  mutating func receive(_ sequenceNumber: UInt32) -> Bool {
    guard received == nil else { return false }
    receivedCount += 1
    received = Received(
      sequenceNumber: sequenceNumber, event: receivedCount == 1 ? "refer" : "refer;id=\(sequenceNumber)")
    return true
  }

  mutating func accept() { received?.isAccepted = true }
  mutating func close() { received = nil }

  /// The NOTIFY to send, if one is to be sent now. A newer status takes the place of one that still waits.
  mutating func notify(_ status: SIPStatus, isFinal: Bool) -> [SIPHeader]? {
    guard var open = received, open.isAccepted, isFinal || open.lastNotified != status else { return nil }
    // Nothing comes after a final status.
    if open.next?.isFinal == true { return nil }
    open.next = (status, isFinal)
    received = open
    return sendNext()
  }

  /// The peer has answered our NOTIFY. The next one, if there is one.
  mutating func notifyAnswered() -> [SIPHeader]? {
    received?.isNotifying = false
    return sendNext()
  }

  /// Body of the NOTIFY whose headers were returned last.
  private(set) var fragment = ""

  private mutating func sendNext() -> [SIPHeader]? {
    guard var open = received, !open.isNotifying, let next = open.next else { return nil }
    open.next = nil
    open.isNotifying = true
    open.lastNotified = next.status
    received = next.isFinal ? nil : open
    fragment = "SIP/2.0 \(next.status.code) \(next.status.phrase)\r\n"
    return [
      SIPHeader("Event", open.event),
      SIPHeader("Subscription-State", next.isFinal ? "terminated;reason=noresource" : "active;expires=180"),
    ]
  }
}
