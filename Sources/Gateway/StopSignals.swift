import Dispatch
import Glibc

/// What an operator asks a running process to do.
enum StopRequest: Sendable {
  /// SIGTERM, SIGQUIT: take no new calls, let the running ones end.
  case drain
  /// SIGINT: end every call now.
  case stop
}

/// Turns the process's signals into a stream, instead of their default of ending the process.
struct StopSignals {
  let requests: AsyncStream<StopRequest>
  private let sources: [any DispatchSourceSignal]

  init() {
    let (requests, continuation) = AsyncStream.makeStream(of: StopRequest.self, bufferingPolicy: .bufferingNewest(4))
    self.requests = requests
    sources = [(SIGTERM, StopRequest.drain), (SIGQUIT, .drain), (SIGINT, .stop)].map { number, request in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler { continuation.yield(request) }
      source.resume()
      return source
    }
    signal(SIGPIPE, SIG_IGN)
  }
}
