import CLinux
import Glibc
import Synchronization

/// A connection to Redis for publish, subscribe and locks, on a thread of its own. It comes back by itself after a loss.
public final class RedisClient: Sendable {
  /// What is wrong with the configuration's files, or with the machine; one line.
  public struct StartError: Error, CustomStringConvertible {
    public let description: String
  }

  private let mailbox: RedisMailbox

  /// - Parameter onEvent: called on the client's thread; must not block.
  public init(
    _ configuration: RedisConfiguration, onEvent: @escaping @Sendable (RedisEvent) -> Void
  ) throws(StartError) {
    guard let mailbox = RedisMailbox() else { throw StartError(description: "no file descriptor is left") }
    self.mailbox = mailbox
    let tls: TLSSettings?
    do throws(RedisFault) {
      tls = if let settings = configuration.tls { try TLSSettings(settings) } else { nil }
    } catch {
      throw StartError(description: error.description)
    }
    let launch = Launch(RedisLoop(configuration, tls: tls, mailbox: mailbox, onEvent: onEvent))
    guard launch.start() else { throw StartError(description: "no memory for a thread") }
  }

  /// Lost while Redis is away.
  public func publish(_ channel: String, _ payload: [UInt8]) {
    mailbox.post(.publish(channel: channel, payload))
  }

  /// Held through every reconnection.
  public func subscribe(_ channels: [String]) { mailbox.post(.subscribe(channels)) }

  public func unsubscribe(_ channels: [String]) { mailbox.post(.unsubscribe(channels)) }

  /// `SET key … NX EX lifetime`; `locked` with the same token follows. False: it does not.
  public func lock(_ token: UInt64, key: String, lifetime: Duration) -> Bool {
    mailbox.post(.lock(token, key: key, lifetime: lifetime))
  }

  /// Ends the thread; events may still come for a moment.
  public func close() { mailbox.post(.close) }
}

/// Carries a loop to the thread that runs it.
// @unchecked: the loop is touched by the new thread alone, once `start` has made it.
private final class Launch: @unchecked Sendable {
  private let loop: RedisLoop

  init(_ loop: RedisLoop) { self.loop = loop }

  /// pthread_create(3). False when there is no memory for a thread.
  func start() -> Bool {
    var thread = pthread_t()
    let retained = Unmanaged.passRetained(self)
    let result = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        clinux_name_thread("redis")
        Unmanaged<Launch>.fromOpaque(argument).takeRetainedValue().loop.run()
        return nil
      }, retained.toOpaque())
    guard result == 0 else {
      retained.release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}
