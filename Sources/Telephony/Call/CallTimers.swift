/// The timers that run in one call.
struct CallTimers: Sendable {
  private var running: Set<CallTimer> = []

  func isRunning(_ timer: CallTimer) -> Bool { running.contains(timer) }

  /// A timer that runs already starts anew.
  mutating func start(_ timer: CallTimer, _ duration: Duration) -> [CallAction] {
    let cancelled = cancel(timer)
    running.insert(timer)
    return cancelled + [.startTimer(timer, after: duration)]
  }

  mutating func cancel(_ timer: CallTimer) -> [CallAction] {
    running.remove(timer) == nil ? [] : [.cancelTimer(timer)]
  }

  mutating func cancelAll(but kept: CallTimer? = nil) -> [CallAction] {
    CallTimer.allCases.filter { $0 != kept }.flatMap { cancel($0) }
  }

  /// Whether the timer ran; a late one is told from one that was cancelled.
  mutating func fired(_ timer: CallTimer) -> Bool { running.remove(timer) != nil }
}
