import Foundation
import Testing

/// `scripts/install-dependencies` is the one place that names Debian packages; everything else is held to it.
@Suite struct PackagingTests {
  static let root: URL = {
    var directory = URL(filePath: #filePath).resolvingSymlinksInPath()
    repeat {
      directory.deleteLastPathComponent()
    } while directory.path != "/"
      && !FileManager.default.fileExists(atPath: directory.appending(path: "scripts/install-dependencies").path)
    return directory
  }()

  func text(_ path: String) throws -> String {
    try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
  }

  func packages(_ kind: String...) throws -> Set<String> {
    let process = Process()
    process.executableURL = Self.root.appending(path: "scripts/install-dependencies")
    process.arguments = ["--list"] + kind
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return Set(String(decoding: data, as: UTF8.self).split(separator: "\n").map(String.init))
  }

  @Test("both stages of the Docker image take their packages from the script, and name none themselves")
  func dockerfile() throws {
    let stages = try text("docker/Dockerfile").components(separatedBy: "\nFROM ").dropFirst()
    #expect(stages.count == 2)
    #expect(stages.first?.contains("RUN scripts/install-dependencies\n") == true)
    #expect(stages.last?.contains("/tmp/install-dependencies --runtime") == true)
    for stage in stages { #expect(!stage.contains("apt-get") && !stage.contains("apt install")) }
  }

  @Test("the image runs as a user of its own, with the shipped configuration")
  func image() throws {
    let stage = try #require(try text("docker/Dockerfile").components(separatedBy: "\nFROM ").last)
    let user = try #require(stage.range(of: "\nUSER trunkline\n"))
    #expect(stage[user.upperBound...].contains("ENTRYPOINT"))
    #expect(stage.contains("COPY conf /etc/trunkline"))
    let compose = try text("docker/compose.yaml")
    #expect(compose.contains("dockerfile: docker/Dockerfile"))
    #expect(compose.contains("network_mode: host"))
  }

  @Test("every package that Package.swift names for its C libraries is installed for a build or for the tests")
  func packageManifest() throws {
    let named = try text("Package.swift").matches(of: #/\.apt\(\["([^"]+)"\]\)/#).map { String($0.1) }
    #expect(named.count >= 6)
    #expect(try Set(named).subtracting(packages("--test")) == [])
  }

  @Test("every C library that the program links is a build package with its counterpart in the image")
  func runtimeCounterparts() throws {
    let headers = try packages().filter { $0.hasSuffix("-dev") && !["libc6-dev", "libtiff-dev"].contains($0) }
      .subtracting(["libstdc++-12-dev"])
    let runtime = try packages("--runtime").subtracting(["ca-certificates", "libstdc++6"])
    #expect(headers.count == runtime.count)
    #expect(runtime.allSatisfy { !$0.hasSuffix("-dev") })
    #expect(try packages().isSubset(of: packages("--test")))
  }

  @Test("the Python packages of the tests are pinned")
  func requirements() throws {
    let lines = try text("scripts/requirements.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }
    #expect(lines.allSatisfy { $0.contains("==") })
    for name in ["livekit", "livekit-api", "livekit-protocol", "numpy", "pytest"] {
      #expect(lines.contains { $0.hasPrefix(name + "==") })
    }
  }
}
