import Base
import Foundation
import Linux
import Synchronization
import Testing

@testable import Redis

/// A real `redis-server` on a free port of 127.0.0.1, in a directory of its own.
final class RedisServer: @unchecked Sendable {
  let port: UInt16
  let directory: URL
  private let arguments: [String]
  private var process: Process?

  init(_ arguments: [String] = [], port: UInt16? = nil, tls: Bool = false) throws {
    self.port = port ?? Self.freePort()
    directory = FileManager.default.temporaryDirectory.appending(path: "redis-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let ports = tls ? ["--port", "0", "--tls-port", "\(self.port)"] : ["--port", "\(self.port)"]
    self.arguments = ports + ["--bind", "127.0.0.1", "--save", "", "--dir", directory.path] + arguments
  }

  deinit {
    stop()
    try? FileManager.default.removeItem(at: directory)
  }

  private static let nextPort = Atomic<UInt16>(.random(in: 21_000..<30_000))

  /// A TCP port below those that the kernel gives to everybody, so that nobody takes it before the server does.
  static func freePort() -> UInt16 {
    for _ in 0..<1000 {
      let port = nextPort.wrappingAdd(1, ordering: .relaxed).newValue
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { close(descriptor) }
      if SocketAddress.with(Endpoint(.loopbackV4, port), { bind(descriptor, $0, $1) }) == 0 { return port }
    }
    return 0
  }

  func start() throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/redis-server")
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    self.process = process
  }

  func stop() {
    guard let process, process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
    self.process = nil
  }

  var address: RedisAddress { RedisAddress(host: "127.0.0.1", port: port) }

  /// `redis-cli`; what it prints.
  @discardableResult
  func command(_ words: String..., options: [String] = []) throws -> String {
    try run("/usr/bin/redis-cli", ["-p", "\(port)"] + options + words)
  }

  static func run(_ path: String, _ arguments: [String]) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: path)
    process.arguments = arguments
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self)
  }

  private func run(_ path: String, _ arguments: [String]) throws -> String { try Self.run(path, arguments) }
}

/// Events of a client, to be waited for.
final class EventLog: Sendable {
  private let events = Mutex<[RedisEvent]>([])

  func add(_ event: RedisEvent) { events.withLock { $0.append(event) } }
  var all: [RedisEvent] { events.withLock { $0 } }

  /// Waits until the condition holds of all that came; false after 20 s.
  func wait(_ condition: ([RedisEvent]) -> Bool) async -> Bool {
    let deadline = ContinuousClock.now + .seconds(20)
    while !condition(all) {
      guard ContinuousClock.now < deadline else { return false }
      try? await Task.sleep(for: .milliseconds(5))
    }
    return true
  }
}

extension RedisEvent {
  var isReady: Bool { if case .ready = self { true } else { false } }
  var isLost: Bool { if case .lost = self { true } else { false } }
  var reason: String? {
    switch self {
    case .lost(let reason), .unreachable(let reason): reason
    default: nil
    }
  }
}
