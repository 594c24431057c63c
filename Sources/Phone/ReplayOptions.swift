import Base
import Capture

/// What to replay, where to, and how.
public struct ReplayOptions: Hashable, Sendable {
  /// Path of a pcap or pcapng file.
  public var file: String
  /// `HOST:PORT` of the gateway's SIP port.
  public var target: String
  /// Path of the `.json` that says what must come out.
  public var expectation: String?
  /// Play the pauses of the capture ten times as fast. What comes back keeps its own pace.
  public var isFast = false
  /// Nil: as in the capture.
  public var transport: CapturedMessage.Transport?
  /// The local address to call from. Nil: the one that leads to the target.
  public var source: String?
  /// For digest challenges. Nil: the name in the capture, or in the expectation.
  public var username: String?
  public var password: String?
  /// Which call, when the capture has several. Nil: the first.
  public var callID: String?
  /// How long to wait for the first response to a request.
  public var responseTimeout: Duration = .seconds(8)
  /// How long to let it ring before the caller gives up with CANCEL.
  public var answerTimeout: Duration = .seconds(60)

  public init(file: String, target: String) {
    self.file = file
    self.target = target
  }
}
