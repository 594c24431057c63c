import Foundation
import Synchronization

/// How busy the machine's processors are, or those that a container may use.
final class NodeLoad: Sendable {
  /// CPU time used and available since the start of the machine or container, in any one unit.
  struct Sample: Hashable, Sendable {
    var used: Double
    var available: Double
  }

  static let interval: Duration = .seconds(1)

  private struct State {
    var last: Sample?
    var share = 0.0
  }

  /// Share above which the machine counts as exhausted.
  let limit: Double
  private let state = Mutex(State())

  init(limit: Double) { self.limit = limit }

  /// 0 to 1, over the last `interval`.
  var share: Double { state.withLock { $0.share } }
  var isExhausted: Bool { share > limit }

  /// What calls may still use, 0 to 1. With a limit of 1 the processors do not count.
  ///
  /// - Parameter callLimit: 0: none.
  func freeCapacity(calls: Int, callLimit: Int) -> Float {
    let ofProcessors = limit < 1 ? max(0, 1 - share / limit) : 1
    let ofCalls = callLimit > 0 ? max(0, 1 - Double(calls) / Double(callLimit)) : 1
    return Float(min(ofProcessors, ofCalls))
  }

  /// Until the task is cancelled; `changed` is called after each look.
  func watch(_ changed: @Sendable () async -> Void) async {
    var started = ContinuousClock.now
    while true {
      note(Self.containerSample(since: started) ?? Self.machineSample())
      started = min(started, ContinuousClock.now)
      await changed()
      guard (try? await Task.sleep(for: Self.interval)) != nil else { return }
    }
  }

  func note(_ sample: Sample?) {
    guard let sample else { return }
    state.withLock { state in
      if let last = state.last, sample.available > last.available {
        state.share = min(max((sample.used - last.used) / (sample.available - last.available), 0), 1)
      }
      state.last = sample
    }
  }

  private static func machineSample() -> Sample? { file("/proc/stat").flatMap(Sample.init(procStat:)) }

  /// Where control groups (version 2) bound the processors of a container.
  private static func containerSample(since start: ContinuousClock.Instant) -> Sample? {
    guard let maximum = file("/sys/fs/cgroup/cpu.max"), let usage = file("/sys/fs/cgroup/cpu.stat") else { return nil }
    return Sample(cpuMax: maximum, cpuStat: usage, elapsed: start.duration(to: .now))
  }

  private static func file(_ path: String) -> String? { try? String(contentsOfFile: path, encoding: .utf8) }
}

extension NodeLoad.Sample {
  /// The first line of `/proc/stat`: ticks as user, nice, system, idle, iowait, irq, softirq, steal.
  init?(procStat text: String) {
    guard let line = text.split(separator: "\n").first, line.hasPrefix("cpu ") else { return nil }
    let ticks = line.split(separator: " ").dropFirst().prefix(8).compactMap { Double($0) }
    guard ticks.count >= 5 else { return nil }
    let all = ticks.reduce(0, +)
    self.init(used: all - ticks[3] - ticks[4], available: all)
  }

  /// `cpu.max` (`200000 100000`: two processors) and `usage_usec` of `cpu.stat`. Nil: no bound, or no such files.
  init?(cpuMax: String, cpuStat: String, elapsed: Duration) {
    let bound = cpuMax.split { $0 == " " || $0 == "\n" }.map { Double($0) }
    guard bound.count == 2, let quota = bound[0], let period = bound[1], quota > 0, period > 0,
      let line = cpuStat.split(separator: "\n").first(where: { $0.hasPrefix("usage_usec ") }),
      let used = Double(line.dropFirst("usage_usec ".count))
    else { return nil }
    let (seconds, attoseconds) = elapsed.components
    self.init(used: used, available: (Double(seconds) * 1e6 + Double(attoseconds) / 1e12) * quota / period)
  }
}
