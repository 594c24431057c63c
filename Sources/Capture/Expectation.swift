/// What must come out of a capture when it is replayed: the `.json` beside it.
public struct Expectation: Hashable, Sendable, Codable {
  /// What the capture shows, for people.
  public var description: String?
  /// How the caller is to be played.
  public var play: Play?
  /// What the caller must see.
  public var caller: Caller?
  /// What the room and the call record must show. The replay does not see them; tests with a participant do.
  public var room: Room?

  public struct Play: Hashable, Sendable, Codable {
    /// The address to call from: `127.0.0.2` to be a stranger.
    public var source: String?
    public var username: String?
    public var password: String?
  }

  public struct Caller: Hashable, Sendable, Codable {
    /// `INVITE 180`, `INVITE 200`, `BYE 200`, … in order. A provisional response counts only when it is listed.
    public var responses: [String]?
    /// Every answer to one of our descriptions, in order.
    public var answers: [Answer]?
    public var endedBy: CallEnd?
    /// Packets that come back, of those that the answered time has room for: at least this share.
    public var returnedAudio: Double?
    /// Of the packets that come back, at least this share is louder than -50 dBov.
    public var audibleAudio: Double?
    /// Digits that come back as telephone events.
    public var returnedDigits: String?
  }

  /// What one SDP answer must say.
  public struct Answer: Hashable, Sendable, Codable {
    public var codec: String?
    /// Milliseconds.
    public var packetTime: Int?
    public var direction: String?
  }

  public struct Room: Hashable, Sendable, Codable {
    /// A regular expression over the whole name.
    public var name: String?
    public var identity: String?
    public var attributes: [String: String]?
    /// Digits that the room receives, each once.
    public var digits: String?
    /// RTP packets that the capture lacks and the record must count.
    public var lostPackets: Int?
    /// Seconds of sound that the room hears, less than which something was lost.
    public var speechSeconds: Double?
    /// The record's end reason.
    public var endReason: String?
  }
}

/// How a replayed call came to its end.
public enum CallEnd: String, Hashable, Sendable, Codable, CaseIterable {
  /// We sent BYE.
  case caller
  /// The gateway sent BYE.
  case gateway
  /// A final response of 300 or more.
  case refused
  /// We sent CANCEL and got 487.
  case cancelled
  /// No response in time.
  case silence
}
