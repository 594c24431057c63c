import NIOCore

/// The one deadline a connection lives under. Setting it again replaces it.
///
/// A class because the scheduled closure and its owner share it; confined to the event loop.
final class ConnectionTimer {
  private let loop: any EventLoop
  private var task: Scheduled<Void>?

  init(loop: any EventLoop) { self.loop = loop }

  func set(_ duration: Duration, _ body: @escaping () -> Void) {
    task?.cancel()
    let bound = NIOLoopBound(body, eventLoop: loop)
    task = loop.scheduleTask(in: TimeAmount(duration)) { bound.value() }
  }

  func cancel() {
    task?.cancel()
    task = nil
  }
}

/// Ends a connection so that what was written still arrives: our side is shut, what the peer still sends is dropped,
/// and after `grace` the socket goes. Closing at once with unread input would reset the connection.
enum LingeringClose {
  static let grace: Duration = .seconds(2)

  static func start(_ channel: any Channel, _ timer: ConnectionTimer) {
    channel.close(mode: .output, promise: nil)
    timer.set(grace) { channel.close(promise: nil) }
  }
}
