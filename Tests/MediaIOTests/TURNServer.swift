import Base
import Foundation
import Glibc
import Linux
import MediaCore

/// A real `turnserver` (coturn) on free ports of 127.0.0.1, for UDP, TCP and TLS.
final class TURNServer {
  static let username = "user"
  static let password = "secret"

  let port: UInt16
  let tlsPort: UInt16
  /// A PEM file: the server's own certificate, for `localhost`.
  let authorityFile: String
  private let directory: URL
  private let process = Process()

  init() throws {
    // Below the ports that the kernel gives to everybody: nobody takes them before the server does.
    port = .random(in: 30_000..<32_000)
    tlsPort = port + 1
    directory = FileManager.default.temporaryDirectory.appending(path: "turn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    let certificate = directory.appending(path: "certificate.pem").path
    let key = directory.appending(path: "key.pem").path
    authorityFile = certificate
    try Self.makeCertificate(certificate, key)
    process.executableURL = URL(filePath: "/usr/bin/turnserver")
    process.arguments = [
      "-n", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1", "--listening-port", "\(port)",
      "--tls-listening-port", "\(tlsPort)", "--lt-cred-mech", "--user", "\(Self.username):\(Self.password)",
      "--realm", "example.org", "--cert", certificate, "--pkey", key, "--no-cli", "--no-dtls",
      "--allow-loopback-peers", "--userdb", directory.appending(path: "db").path,
      "--pidfile", directory.appending(path: "pid").path, "--log-file", "stdout",
    ]
    process.currentDirectoryURL = directory
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    try awaitListener()
  }

  deinit {
    if process.isRunning {
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    try? FileManager.default.removeItem(at: directory)
  }

  func server(_ transport: ICEServer.TransportProtocol, name: String = "localhost") -> ICEServer {
    ICEServer(
      endpoint: Endpoint(.loopbackV4, transport == .tls ? tlsPort : port), transport: transport, name: name,
      username: Self.username, password: Self.password)
  }

  /// Until both ports take connections; ten seconds at most.
  private func awaitListener() throws {
    let start = TestSocket.now()
    while !isListening(port) || !isListening(tlsPort) {
      guard TestSocket.now() - start < .seconds(10), process.isRunning else { throw CocoaError(.executableLoad) }
      TestSocket.wait(until: TestSocket.now() + .milliseconds(10))
    }
  }

  private func isListening(_ port: UInt16) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    return SocketAddress.with(Endpoint(.loopbackV4, port)) { connect(descriptor, $0, $1) == 0 }
  }

  private static func makeCertificate(_ certificate: String, _ key: String) throws {
    let openssl = Process()
    openssl.executableURL = URL(filePath: "/usr/bin/openssl")
    openssl.arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out",
      certificate, "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
    ]
    openssl.standardError = FileHandle.nullDevice
    try openssl.run()
    openssl.waitUntilExit()
  }
}
