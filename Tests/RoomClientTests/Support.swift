import Base
import Dispatch
import Foundation
import RoomClient
import Synchronization
import Testing
import WebServer

/// Events of connections, to be waited for.
final class EventLog: Sendable {
  private let events = Mutex<[UInt64: [RoomClient.Event]]>([:])

  func add(_ id: UInt64, _ event: RoomClient.Event) { events.withLock { $0[id, default: []].append(event) } }
  func of(_ id: UInt64) -> [RoomClient.Event] { events.withLock { $0[id] ?? [] } }

  /// True as soon as the condition holds; false after the deadline.
  func wait(_ id: UInt64, _ condition: ([RoomClient.Event]) -> Bool) async -> Bool {
    await eventually { condition(of(id)) }
  }
}

/// Waits for a condition that another thread brings about.
func eventually(within patience: Duration = .seconds(20), _ condition: () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now + patience
  while !condition() {
    guard ContinuousClock.now < deadline else { return false }
    await withCheckedContinuation { continuation in
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(2)) { continuation.resume() }
    }
  }
  return true
}

extension RoomClient.Event {
  var reason: String? { if case .closed(let reason) = self { reason } else { nil } }
  var isOver: Bool {
    switch self {
    case .closed, .refused: true
    case .opened, .message: false
    }
  }
}

/// WebSockets at `/socket`; anything else gets the status that its path names.
struct SocketServer: WebHandler {
  var session: @Sendable (WebSocketConnection) async -> Void = SocketServer.echo
  let requests = Requests()

  final class Requests: Sendable {
    private let paths = Mutex<[(path: String, authorization: String)]>([])
    func add(_ path: String, _ authorization: String) { paths.withLock { $0.append((path, authorization)) } }
    var all: [(path: String, authorization: String)] { paths.withLock { $0 } }
  }

  func respond(to request: HTTPRequest) async -> HTTPResponse { .text(404, "nothing here") }

  func bodyAllowance(for request: HTTPRequest) -> BodyAllowance { .none }

  func decideUpgrade(of request: HTTPRequest) async -> WebSocketDecision {
    requests.add(request.path + (request.queryValue("q") ?? ""), request.header("Authorization") ?? "")
    if request.path == "/socket" { return .accept(session: session) }
    return .refuse(.text(Int(request.path.dropFirst()) ?? 404, "refused"))
  }

  static func echo(_ connection: WebSocketConnection) async {
    for await message in connection.messages { connection.send(message) }
  }

  /// Runs `body` against a server on a free port of 127.0.0.1.
  func run(_ body: (UInt16) async throws -> Void) async throws {
    let server = try await WebServer.start(on: [Endpoint(.loopbackV4, 0)], limits: WebServerLimits(), handler: self)
    do {
      try await body(try #require(server.endpoints.first).port)
    } catch {
      await server.close()
      throw error
    }
    await server.close()
  }
}

/// An authority, and certificates made by it, as PEM files.
struct Certificates {
  let directory: URL
  var authority: String { path("ca.pem") }

  init() async throws {
    directory = FileManager.default.temporaryDirectory.appending(path: "wss-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    try await Self.openssl([
      "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout",
      path("ca.key"), "-out", authority,
    ])
  }

  func remove() { try? FileManager.default.removeItem(at: directory) }

  func path(_ name: String) -> String { directory.appending(path: name).path }

  /// A certificate and its key in one file.
  func make(_ name: String, names: String, isSigned: Bool = true, days: String = "2") async throws -> String {
    let extensions = path("\(name).ext")
    try "subjectAltName=\(names)".write(toFile: extensions, atomically: true, encoding: .utf8)
    try await Self.openssl([
      "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=\(name)", "-keyout", path("\(name).key"), "-out",
      path("\(name).csr"),
    ])
    var words = ["x509", "-req", "-in", path("\(name).csr"), "-days", days, "-extfile", extensions]
    words +=
      isSigned
      ? ["-CA", authority, "-CAkey", path("ca.key"), "-CAcreateserial"] : ["-signkey", path("\(name).key")]
    try await Self.openssl(words + ["-out", path("\(name).crt")])
    let both =
      try String(contentsOfFile: path("\(name).crt"), encoding: .utf8)
      + String(contentsOfFile: path("\(name).key"), encoding: .utf8)
    try both.write(toFile: path("\(name).pem"), atomically: true, encoding: .utf8)
    return path("\(name).pem")
  }

  private static func openssl(_ words: [String]) async throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/openssl")
    process.arguments = words
    process.standardError = FileHandle.nullDevice
    let status = try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { ended.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { ended.resume(throwing: error) }
    }
    try #require(status == 0, "openssl \(words)")
  }
}

/// `echo_server.py` with a certificate, on a port of its own.
final class SecureServer {
  let port: UInt16
  private let process = Process()
  private let output: String

  init(certificate: String) async throws {
    let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "echo_server.py").path
    output = certificate + ".said"
    let output = output
    try Data().write(to: URL(filePath: output))
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [script, certificate]
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
    process.standardError = FileHandle.nullDevice
    try process.run()
    // The first line is the port.
    var line = ""
    _ = await eventually {
      line = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
      return line.hasSuffix("\n")
    }
    let number = UInt16(line.trimmingCharacters(in: .whitespacesAndNewlines))
    if number == nil { Self.end(process) }
    port = try #require(number)
  }

  func stop() { Self.end(process) }

  /// Its lines after the first.
  var words: [Substring] {
    (try? String(contentsOfFile: output, encoding: .utf8))?.split(separator: "\n").dropFirst().map(\.self) ?? []
  }

  /// A child of one of Dispatch's threads takes no other signal: those are blocked there, and so in it.
  private static func end(_ process: Process) { kill(process.processIdentifier, SIGKILL) }
}

/// What a session received.
final class Outcome: Sendable {
  private let state = Mutex<(all: [[UInt8]], hasEnded: Bool)>(([], false))

  func add(_ bytes: [UInt8]) { state.withLock { $0.all.append(bytes) } }
  func end() { state.withLock { $0.hasEnded = true } }
  var all: [[UInt8]] { state.withLock { $0.all } }
  var hasEnded: Bool { state.withLock { $0.hasEnded } }
}

/// A TCP port that is listened on and nobody accepts from.
final class Listener {
  let port: UInt16
  private let descriptor: Int32

  init() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.descriptor = descriptor
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    try #require(isBound)
    port = UInt16(bigEndian: address.sin_port)
  }

  func close() { _ = Foundation.close(descriptor) }
}

/// A port that nobody listens on.
func freePort() throws -> UInt16 {
  let listener = try Listener()
  listener.close()
  return listener.port
}
