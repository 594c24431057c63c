/// What happened to a call of the test phone, and what it heard.
public struct DialReport: Hashable, Sendable, Codable, CustomStringConvertible {
  public enum End: String, Hashable, Sendable, Codable {
    /// The phone hung up when it was done.
    case done
    case remoteHangup
    case refused
    /// Nobody answered in the time given.
    case noAnswer
    case cancelled
    /// No response, or no way to send.
    case unreachable
  }

  /// The audio that came back.
  public struct Heard: Hashable, Sendable, Codable {
    public var seconds = 0.0
    /// Root mean square of what is not silence, in dBov: 0 is a full-scale square wave. Nil when all was silence.
    public var levelDecibels: Double?
    /// The strongest frequency in the loudest second. Nil without sound.
    public var frequencyHz: Double?
    /// Frames of 20 ms below -60 dBov, of all.
    public var silentShare = 1.0
    public init() {}
  }

  public var uri: String
  public var end = End.unreachable
  /// The final status of the INVITE. Nil when there was none.
  public var status: Int?
  public var reasonPhrase: String?
  /// What else went wrong.
  public var problem: String?
  /// The Reason header of the other side's BYE.
  public var remoteReason: String?
  /// Every response in order, `180 Ringing`.
  public var responses: [String] = []
  /// From the INVITE, in milliseconds. Nil when it did not come to that.
  public var ringingMilliseconds: Int?
  public var answerMilliseconds: Int?
  /// From the answer to the first audio packet.
  public var firstAudioMilliseconds: Int?
  public var callSeconds = 0.0
  public var codec: String?
  public var packetTime: Int?
  public var remoteMedia: String?
  public var sentPacketCount = 0
  public var receivedPacketCount = 0
  public var lostPacketCount = 0
  public var jitterMilliseconds = 0.0
  public var sentDigits = ""
  public var receivedDigits = ""
  public var heard = Heard()
  public var recording: String?

  public init(uri: String) { self.uri = uri }

  public var isAnswered: Bool { answerMilliseconds != nil }

  public var description: String {
    var lines = ["\(uri): \(outcome)"]
    if let ringingMilliseconds { lines.append("  ringing after    \(ringingMilliseconds) ms") }
    if let answerMilliseconds {
      lines.append("  answered after   \(answerMilliseconds) ms")
      lines.append("  call             \(Self.rounded(callSeconds)) s")
      lines.append("  media            \(codec ?? "none"), \(packetTime ?? 0) ms packets, \(remoteMedia ?? "nowhere")")
      let received = "\(receivedPacketCount) received, \(lostPacketCount) lost"
      let jitter = "jitter \(Self.rounded(jitterMilliseconds)) ms"
      lines.append("  packets          \(sentPacketCount) sent, \(received), \(jitter)")
      lines.append("  heard            \(heardText)")
    }
    if !sentDigits.isEmpty { lines.append("  digits sent      \(sentDigits)") }
    if !receivedDigits.isEmpty { lines.append("  digits received  \(receivedDigits)") }
    if let problem { lines.append("  problem          \(problem)") }
    if let recording { lines.append("  recording        \(recording)") }
    return lines.joined(separator: "\n")
  }

  private var outcome: String {
    switch end {
    case .done: "answered, hung up when done"
    case .remoteHangup: "answered, the other side hung up\(remoteReason.map { " (\($0))" } ?? "")"
    case .refused: "refused: \(status ?? 0) \(reasonPhrase ?? "")"
    case .noAnswer: "not answered in time"
    case .cancelled: isAnswered ? "interrupted" : "cancelled before an answer"
    case .unreachable: "not reached: \(status ?? 0) \(reasonPhrase ?? "")"
    }
  }

  private var heardText: String {
    guard let level = heard.levelDecibels else {
      return receivedPacketCount == 0 ? "nothing" : "silence, \(Self.rounded(heard.seconds)) s"
    }
    let frequency = heard.frequencyHz.map { ", strongest at \(Int($0.rounded())) Hz" } ?? ""
    let silent = Self.rounded(heard.silentShare * 100)
    return "\(Self.rounded(heard.seconds)) s at \(Self.rounded(level)) dBov\(frequency), \(silent) % silence"
  }

  private static func rounded(_ value: Double) -> String { String((value * 10).rounded() / 10) }
}
