import Capture

/// What came back from a replayed call.
public struct ReplayReport: Hashable, Sendable, Codable {
  /// A shorter call, as `--fast` makes them, tells nothing of the pace of what comes back.
  static let shortestJudgedSeconds = 1.0

  /// One SDP answer of the gateway.
  public struct Answer: Hashable, Sendable, Codable {
    public var codec: String
    /// Milliseconds.
    public var packetTime: Int
    public var direction: String
    /// Where the gateway takes media.
    public var media: String
  }

  public var file = ""
  /// The file that said what must come out. Nil when nothing was expected.
  public var expectation: String?
  /// Today's Call-ID: look for it in the gateway's log.
  public var callID: String
  public var transport: String
  public var target: String
  /// `INVITE 180`, `INVITE 200`, `BYE 200`, … in order; repeats are left out.
  public var responses: [String] = []
  public var answers: [Answer] = []
  public var endedBy: CallEnd = .silence
  /// The text of a refusal, or of the gateway's Reason header.
  public var endText: String?
  /// From the INVITE, in milliseconds. Nil when there was none.
  public var ringingMilliseconds: Int?
  public var finalMilliseconds: Int?
  public var answeredSeconds = 0.0
  public var sentPacketCount = 0
  public var returnedPacketCount = 0
  public var lostPacketCount = 0
  /// Packets returned, of those that the time in which the gateway may send has room for. Nil when it never may.
  public var returnedAudio: Double?
  /// The share of returned audio packets louder than -50 dBov. Nil without any.
  public var audibleAudio: Double?
  public var returnedDigits = ""
  /// What the replay could not do as captured.
  public var notes: [String] = []
  /// Each sentence names what was expected and what came.
  public var failures: [String] = []

  /// True when nothing was expected, too.
  public var isAsExpected: Bool { failures.isEmpty }
}

extension ReplayReport: CustomStringConvertible {
  /// Several lines for a terminal.
  public var description: String {
    var lines = ["\(file) over \(transport) to \(target), Call-ID \(callID)"]
    lines.append("  responses     \(responses.isEmpty ? "none" : responses.joined(separator: ", "))")
    let times = [("first ringing", ringingMilliseconds), ("final", finalMilliseconds)]
    let known = times.compactMap { name, value in value.map { "\(name) after \($0) ms" } }
    if !known.isEmpty { lines.append("  timing        " + known.joined(separator: ", ")) }
    for answer in answers {
      lines.append("  answer        \(answer.codec) \(answer.packetTime) ms \(answer.direction) at \(answer.media)")
    }
    lines.append("  ended by      \(endedBy.rawValue)" + (endText.map { ": \($0)" } ?? ""))
    if answeredSeconds > 0 {
      lines.append("  answered for  \(rounded(answeredSeconds)) s")
      lines.append(
        "  packets       \(sentPacketCount) sent, \(returnedPacketCount) came back, \(lostPacketCount) lost on the way")
      if let returnedAudio { lines.append("  audio back    \(percent(returnedAudio)) of the time") }
      if let audibleAudio { lines.append("  audible       \(percent(audibleAudio)) of what came back") }
      lines.append("  digits back   \(returnedDigits.isEmpty ? "none" : returnedDigits)")
    }
    for note in notes { lines.append("  note: \(note)") }
    for failure in failures { lines.append("  FAILED: \(failure)") }
    if let expectation, isAsExpected { lines.append("  as expected in \(expectation)") }
    return lines.joined(separator: "\n")
  }

  private func percent(_ share: Double) -> String { "\(rounded(share * 100)) %" }

  private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}

extension ReplayReport {
  /// Adds a failure for everything that came otherwise.
  public mutating func compare(with expected: Expectation.Caller) {
    if let wanted = expected.responses {
      let came = responses.filter { !$0.hasPrefix("INVITE 1") || wanted.contains($0) }
      expect(came == wanted, "responses", wanted.joined(separator: ", "), came.joined(separator: ", "))
    }
    if let wanted = expected.answers { compareAnswers(wanted) }
    if let wanted = expected.endedBy { expect(endedBy == wanted, "end", wanted.rawValue, endedBy.rawValue) }
    if let wanted = expected.returnedDigits { expect(returnedDigits == wanted, "digits", wanted, returnedDigits) }
    if let wanted = expected.returnedAudio, answeredSeconds >= Self.shortestJudgedSeconds {
      expect((returnedAudio ?? 0) >= wanted, "returned audio", "at least \(wanted)", "\(returnedAudio ?? 0)")
    }
    if let wanted = expected.audibleAudio {
      expect((audibleAudio ?? 0) >= wanted, "audible audio", "at least \(wanted)", "\(audibleAudio ?? 0)")
    }
  }

  private mutating func compareAnswers(_ wanted: [Expectation.Answer]) {
    expect(answers.count == wanted.count, "SDP answers", "\(wanted.count)", "\(answers.count)")
    for (index, pair) in zip(wanted, answers).enumerated() {
      let name = "answer \(index + 1)"
      if let codec = pair.0.codec { expect(codec == pair.1.codec, "\(name) codec", codec, pair.1.codec) }
      if let time = pair.0.packetTime {
        expect(time == pair.1.packetTime, "\(name) packet time", "\(time)", "\(pair.1.packetTime)")
      }
      if let direction = pair.0.direction {
        expect(direction == pair.1.direction, "\(name) direction", direction, pair.1.direction)
      }
    }
  }

  private mutating func expect(_ isMet: Bool, _ what: String, _ wanted: String, _ came: String) {
    if !isMet { failures.append("\(what): expected \(wanted), got \(came.isEmpty ? "nothing" : came)") }
  }
}
