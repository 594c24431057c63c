import Telephony

public struct LoggingSettings: Sendable, Equatable {
  public enum Level: String, Sendable, CaseIterable {
    case debug, info, warn, error
  }

  public var level = Level.info
  /// One JSON object per line instead of text.
  public var isJSON = false
  /// How phone numbers appear in the log and in call records (`log_numbers`).
  public var numbers = NumberRedaction.full

  public init() {}
}
