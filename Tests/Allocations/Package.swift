// swift-tools-version:6.2
import PackageDescription

/// The packet path alone, so that its allocations are counted in a release build without building the whole program in
/// release: unoptimised code allocates in generic loops of the standard library. Sources and tests are links.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error), .enableUpcomingFeature("MemberImportVisibility")]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func library(_ name: String, pkgConfig: String? = nil) -> Target {
  .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig)
}

let package = Package(
  name: "trunkline",
  targets: [
    library("COpenSSL", pkgConfig: "openssl"), library("COpus", pkgConfig: "opus"),
    library("CSpanDSP", pkgConfig: "spandsp"), library("CSRTP", pkgConfig: "libsrtp2"), library("CUsrSCTP"),
    .target(name: "CSRTPCrypto", dependencies: ["COpenSSL", "CSRTP"], path: "Sources/C/CSRTPCrypto"),
    core("Base"),
    core("RTP", ["Base"]),
    core("Audio", ["Base", "COpus", "CSpanDSP"]),
    core("Transport", ["Base", "COpenSSL", "CSRTP", "CSRTPCrypto", "CUsrSCTP"]),
    core("MediaCore", ["Base", "RTP", "Audio", "Transport"]),
    .target(name: "CMallocCount", path: "CMallocCount"),
    .target(name: "CWallClock", path: "CWallClock"),
    .target(
      name: "MediaTestSupport", dependencies: ["Base", "RTP", "Audio", "Transport", "MediaCore", "COpenSSL"],
      path: "MediaTestSupport", swiftSettings: strict),
    .testTarget(
      name: "MediaCoreTests",
      dependencies: [
        "MediaCore", "MediaTestSupport", "CMallocCount", "CWallClock", "Base", "RTP", "Audio", "Transport",
      ],
      path: "MediaCoreTests", swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
