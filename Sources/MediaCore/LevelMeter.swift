import Audio
import Base

/// Sums up the loudness of one track into reports a few times a second.
///
/// A track counts as active when it was louder than `threshold` for at least `activeShare` of the window; its level
/// is that of its loudest moment, weighted by that share.
struct LevelMeter {
  static let window = Duration.milliseconds(400)
  /// RFC 6464: decibels below full scale.
  static let threshold: UInt8 = 35
  static let activeShare: Float = 0.4
  /// Changes below this are not reported.
  private static let resolution: Float = 0.01

  private var loudest = AudioLevel.silence
  private var active = Duration.zero
  private var previous = AudioLevelReport(level: 0, isActive: false)

  /// `level` in decibels below full scale: 0 is the loudest, 127 silence.
  mutating func add(level: UInt8, duration: Duration) {
    guard level <= Self.threshold else { return }
    loudest = min(loudest, level)
    active += duration
  }

  /// Ends the window. Nil when nothing changed since the last report.
  mutating func endWindow() -> AudioLevelReport? {
    let share = min(1, Float(active.seconds / Self.window.seconds))
    let isActive = share >= Self.activeShare
    let loudness = isActive ? Float(AudioLevel.amplitude(ofLevel: loudest)) * share : 0
    // Half of the way each time: a pause between words is not a pause in speech.
    var level = (previous.level + loudness) / 2
    if level < Self.resolution { level = 0 }
    loudest = AudioLevel.silence
    active = .zero
    let report = AudioLevelReport(level: level, isActive: isActive)
    guard
      report.isActive != previous.isActive || abs(level - previous.level) >= Self.resolution
        || level == 0 && previous.level > 0
    else { return nil }
    previous = report
    return report
  }
}
