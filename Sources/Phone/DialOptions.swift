import Base
import SDP
import SIP

/// What the test phone calls, says and keeps.
public struct DialOptions: Sendable {
  /// What is sent while the call is up.
  public enum Sound: Hashable, Sendable {
    /// Path of a WAV file: 16-bit PCM, A-law or µ-law, any rate, one channel or the first of several.
    case file(String)
    /// A sine wave at -9 dBov.
    case tone(frequencyHz: Double)
    case silence
  }

  /// `sip:user@host[:port][;transport=tcp]`.
  public var uri: String
  /// A SIP URI, a name-addr, or the user part alone. Nil: `sip:trunkline@` and the local address.
  public var from: String?
  public var sound = Sound.silence
  /// 0–9, *, #, A–D; `w` waits half a second. Sent as telephone events as soon as the call is answered.
  public var digits = ""
  /// Path of a WAV file for what comes back: 16-bit PCM, 8 kHz, one channel.
  public var recording: String?
  /// How long the call is up before the phone hangs up. Nil: until sound and digits have been sent, and a second more;
  /// ten seconds when there is neither.
  public var duration: Duration?
  /// How long it may ring.
  public var ringTimeout: Duration = .seconds(180)
  /// The only codec to offer. Nil offers both.
  public var codec: AudioCodec?
  /// Milliseconds in a packet: 10, 20, … 60.
  public var packetTime = 20
  public var credentials: SIPCredentials?
  /// Nil: what the URI says.
  public var transport: SIPTransport?
  /// The local address to call from. Nil: the one that leads to the target.
  public var source: IPAddress?
  /// More headers of the INVITE.
  public var headers: [SIPHeader] = []

  public init(uri: String) { self.uri = uri }
}

/// Why no call could be tried: a mistake in the options, a file, a name.
public struct DialError: Error, Hashable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}
