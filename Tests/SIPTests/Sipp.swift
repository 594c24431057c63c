import Foundation

/// Runs sipp (sip-tester), an independent implementation, against an agent.
struct Sipp {
  struct Result {
    var status: Int32
    /// What sipp wrote about unexpected messages.
    var errors: String
  }

  static let path = "/usr/bin/sipp"
  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: path) }

  /// - Parameters:
  ///   - scenario: XML, or a built-in scenario's name.
  ///   - arguments: what goes before the target.
  static func run(_ scenario: String, target: String?, _ arguments: [String]) async throws -> Result {
    let directory = FileManager.default.temporaryDirectory.appending(path: "sipp-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    var all =
      ["-nostdin", "-max_socket", "1000", "-i", "127.0.0.1", "-trace_err", "-error_file", "errors.log"] + arguments
    if scenario.hasPrefix("<") {
      try scenario.write(to: directory.appending(path: "scenario.xml"), atomically: true, encoding: .utf8)
      all += ["-sf", "scenario.xml"]
    } else {
      all += ["-sn", scenario]
    }
    if let target { all.append(target) }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = all
    process.currentDirectoryURL = directory
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    let status = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int32, any Error>) in
      process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
      do { try process.run() } catch { continuation.resume(throwing: error) }
    }
    let errors = (try? String(contentsOf: directory.appending(path: "errors.log"), encoding: .utf8)) ?? ""
    return Result(status: status, errors: errors)
  }
}
