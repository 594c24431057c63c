/// A bound on how long a request may take.
enum Deadline {
  private enum Outcome<Value: Sendable>: Sendable {
    case done(Result<Value, TwirpError>)
    case late
  }

  /// The body's outcome; past `limit` its task is cancelled, awaited, and `deadline_exceeded` thrown unless it succeeded.
  static func run<Value: Sendable>(
    _ limit: Duration, _ what: String, _ body: @escaping @Sendable () async throws(TwirpError) -> Value
  ) async throws(TwirpError) -> Value {
    let outcome = await withTaskGroup(of: Outcome<Value>.self, returning: Result<Value, TwirpError>.self) { group in
      group.addTask {
        do throws(TwirpError) { return .done(.success(try await body())) } catch { return .done(.failure(error)) }
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return .late
      }
      var isLate = false
      while let outcome = await group.next() {
        switch outcome {
        case .done(let result):
          group.cancelAll()
          if isLate, case .failure = result { return .failure(late(limit, what)) }
          return result
        case .late:
          isLate = !Task.isCancelled
          group.cancelAll()
        }
      }
      return .failure(late(limit, what))
    }
    return try outcome.get()
  }

  private static func late(_ limit: Duration, _ what: String) -> TwirpError {
    TwirpError(.deadlineExceeded, "\(what) took longer than \(limit.components.seconds) s")
  }
}
