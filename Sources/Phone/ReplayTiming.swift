/// The pace of a replay and its patience.
struct ReplayTiming: Hashable, Sendable {
  var isFast: Bool
  var responseTimeout: Duration
  var answerTimeout: Duration
  /// How long the gateway may take to hang up after the captured end, before we do.
  var grace = Duration.seconds(1)

  /// A tenth when fast.
  func scaled(_ duration: Duration) -> Duration { isFast ? duration / 10 : duration }
}
