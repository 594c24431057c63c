import CLinux
import CWebSockets
import Dispatch
import Glibc

/// Makes the library's context on the new thread, and serves it until the end.
// @unchecked: `failure` is written before the signal and read after it.
final class RoomClientLaunch: @unchecked Sendable {
  private(set) var failure = ""
  private let options: RoomClient.Options
  private let mailbox: RoomClientMailbox
  private let onEvent: @Sendable (UInt64, RoomClient.Event) -> Void
  private let isReady = DispatchSemaphore(value: 0)

  init(
    options: RoomClient.Options, mailbox: RoomClientMailbox,
    onEvent: @escaping @Sendable (UInt64, RoomClient.Event) -> Void
  ) {
    self.options = options
    self.mailbox = mailbox
    self.onEvent = onEvent
  }

  /// Nil when `failure` says why.
  func startThread() -> pthread_t? {
    var thread = pthread_t()
    let result = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<RoomClientLaunch>.fromOpaque(context).takeRetainedValue().run() }
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    guard result == 0 else {
      Unmanaged.passUnretained(self).release()
      failure = "no thread could be made: error \(result)"
      return nil
    }
    isReady.wait()
    guard failure.isEmpty else {
      pthread_join(thread, nil)
      return nil
    }
    return thread
  }

  private func run() {
    clinux_name_thread("room-client")
    let loop = RoomClientLoop(limits: options.limits, mailbox: mailbox, onEvent: onEvent)
    guard let library = makeLibrary(loop) else {
      failure = options.authorityFile.map { "the authorities in \($0) cannot be read" } ?? "no memory for WebSockets"
      isReady.signal()
      return
    }
    loop.library = library
    nonisolated(unsafe) let waking = library
    mailbox.setWake { cws_wake(waking) }
    isReady.signal()
    // The library knows it by its address alone.
    withExtendedLifetime(loop) {
      cws_run(library, loop.stops)
      mailbox.setWake(nil)
      cws_destroy(library)
    }
  }

  private func makeLibrary(_ loop: RoomClientLoop) -> OpaquePointer? {
    let handlers = RoomClientLoop.handlers
    var options = cws_options(
      ca_file: nil, max_request_byte_count: self.options.limits.requestByteCount,
      descriptor_limit: Self.descriptorLimit,
      connect_seconds: self.options.limits.connectSeconds, ping_seconds: self.options.limits.pingSeconds,
      hangup_seconds: self.options.limits.hangupSeconds)
    // Nothing is called before `run` serves the library.
    let user = Unmanaged.passUnretained(loop).toOpaque()
    return withUnsafePointer(to: handlers) { handlers in
      guard let file = self.options.authorityFile else { return cws_create(&options, handlers, user) }
      return file.withCString {
        options.ca_file = $0
        return cws_create(&options, handlers, user)
      }
    }
  }

  /// The library makes a table of all descriptors that the process may have, which containers allow a billion of.
  private static var descriptorLimit: UInt32 {
    var limit = rlimit()
    let isLarge = getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) != 0 || limit.rlim_cur > 1 << 20
    return isLarge ? 65_536 : 0
  }
}
