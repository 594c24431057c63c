// swift-tools-version:6.2
import PackageDescription

/// Warnings are errors in our own code; members must be imported where they are used.
let strict: [SwiftSetting] = [
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// The rings of docs/architecture.md: core decides, edges own a thread and a C library, the gateway wires.
let cLibraries: [Target] = [
  .systemLibrary(name: "COpenSSL", path: "Sources/C/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "COpus", path: "Sources/C/COpus", pkgConfig: "opus", providers: [.apt(["libopus-dev"])]),
  .systemLibrary(
    name: "CSpanDSP", path: "Sources/C/CSpanDSP", pkgConfig: "spandsp", providers: [.apt(["libspandsp-dev"])]),
  .systemLibrary(name: "CSRTP", path: "Sources/C/CSRTP", pkgConfig: "libsrtp2", providers: [.apt(["libsrtp2-dev"])]),
  // The ciphers that libsrtp is given.
  .target(name: "CSRTPCrypto", dependencies: ["COpenSSL", "CSRTP"], path: "Sources/C/CSRTPCrypto"),
  // No pkgConfig: its flags name a macro that SwiftPM warns about.
  .systemLibrary(name: "CRedis", path: "Sources/C/CRedis", providers: [.apt(["libhiredis-dev"])]),
  .systemLibrary(
    name: "CCurlLibrary", path: "Sources/C/CCurlLibrary", pkgConfig: "libcurl",
    providers: [.apt(["libcurl4-openssl-dev"])]),
  .target(name: "CCurl", dependencies: ["CCurlLibrary"], path: "Sources/C/CCurl"),
  .systemLibrary(name: "CZlib", path: "Sources/C/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  // No pkgConfig: its flags name macros that the public header does not read and SwiftPM warns about.
  .systemLibrary(name: "CUsrSCTP", path: "Sources/C/CUsrSCTP", providers: [.apt(["libusrsctp-dev"])]),
  .systemLibrary(
    name: "CSofiaLibrary", path: "Sources/C/CSofiaLibrary", pkgConfig: "sofia-sip-ua",
    providers: [.apt(["libsofia-sip-ua-dev"])]),
  // Facades: their headers include none of the library's, because Sofia's define _GNU_SOURCE.
  .target(name: "CSofia", dependencies: ["CSofiaLibrary"], path: "Sources/C/CSofia"),
  .systemLibrary(
    name: "CWebSocketsLibrary", path: "Sources/C/CWebSocketsLibrary", pkgConfig: "libwebsockets",
    providers: [.apt(["libwebsockets-dev"])]),
  .target(name: "CWebSockets", dependencies: ["CWebSocketsLibrary", "COpenSSL"], path: "Sources/C/CWebSockets"),
  .target(name: "CLinux", path: "Sources/C/CLinux"),
]

func core(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func edge(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target { core(name, dependencies) }

func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, swiftSettings: strict)
}

let package = Package(
  name: "trunkline",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "trunkline", targets: ["trunkline"]),
    // What Benchmarks/, a package of its own, measures.
    .library(name: "MediaStack", targets: ["Base", "RTP", "Audio", "Transport", "MediaCore", "Capture"]),
    // What Fuzz/, another, feeds.
    .library(name: "CallStack", targets: ["Base", "Telephony"]),
    .library(name: "RoomStack", targets: ["Base", "SDP", "LiveKitProtocol", "RoomCore", "AgentCore"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
  ],
  targets: cLibraries + [
    // Core: no socket, clock, thread, lock, log or Foundation.
    core("Base"),
    core("RTP", ["Base"]),
    core("SDP", ["Base"]),
    core("Audio", ["Base", "COpus", "CSpanDSP"]),
    core("Transport", ["Base", "COpenSSL", "CSRTP", "CSRTPCrypto", "CUsrSCTP"]),
    core("MediaCore", ["Base", "RTP", "Audio", "Transport"]),
    core("Telephony", ["Base", "COpenSSL"]),
    .target(
      name: "LiveKitProtocol",
      dependencies: [
        "CZlib", .product(name: "SwiftProtobuf", package: "swift-protobuf"),
        .product(name: "JWTKit", package: "jwt-kit"),
      ],
      exclude: ["Protos"], swiftSettings: strict),
    core(
      "RoomCore",
      ["Base", "SDP", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    core(
      "RoomClientCore",
      ["Base", "SDP", "LiveKitProtocol", "RoomCore", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    core(
      "API",
      ["Base", "Telephony", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    core("Metrics"),
    core("AgentCore", ["Base", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    core(
      "Bus", ["Base", "COpenSSL", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    core("Capture", ["Base", "RTP", "SDP"]),
    // Edges: each owns a thread and a library.
    edge("Linux", ["Base", "CLinux"]),
    edge("MediaIO", ["Base", "Linux", "RTP", "Transport", "MediaCore", "CLinux", "COpenSSL"]),
    edge("SIP", ["Base", "Linux", "Telephony", "CSofia", "CLinux"]),
    edge("RoomClient", ["Base", "Linux", "CCurl", "CLinux", "CWebSockets"]),
    edge(
      "WebServer",
      [
        "Base", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"), .product(name: "NIOWebSocket", package: "swift-nio"),
      ]),
    edge(
      "Store",
      [
        "API", "LiveKitProtocol", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    edge(
      "Webhooks",
      [
        "API", "Base", "CCurl", "LiveKitProtocol", "Telephony", .product(name: "Logging", package: "swift-log"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    edge("Redis", ["Base", "Linux", "CLinux", "COpenSSL", "CRedis"]),
    // The gateway wires.
    edge(
      "Configuration",
      ["Base", "Audio", "Telephony", "Redis", "RoomClientCore", .product(name: "Yams", package: "Yams")]),
    edge(
      "Gateway",
      [
        "Base", "Linux", "RTP", "SDP", "Audio", "MediaCore", "Telephony", "LiveKitProtocol", "RoomCore", "MediaIO",
        "SIP", "WebServer", "Configuration", "API", "AgentCore", "Store", "Webhooks", "Metrics", "Bus", "Redis",
        "RoomClient", "RoomClientCore",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    edge("Phone", ["Base", "Linux", "RTP", "SDP", "Audio", "Capture", "Telephony", "SIP", "MediaIO"]),
    .executableTarget(
      name: "trunkline",
      dependencies: [
        "Base", "Capture", "Configuration", "Gateway", "LiveKitProtocol", "Phone", "Redis", "RoomClientCore", "SDP",
        "SIP",
        "Telephony",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      swiftSettings: strict),
    tests("API", ["Base", "LiveKitProtocol", "Telephony", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests(
      "Store",
      [
        "API", "LiveKitProtocol", .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    tests("Webhooks"),
    tests("SIP", ["Base", "Linux", "Telephony", "CLinux"]),
    tests("Base"),
    tests("Metrics"),
    tests("Redis", ["Base", "Linux"]),
    tests("Bus", ["Base", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests(
      "LiveKitProtocol",
      [
        "Base", "CZlib", .product(name: "JWTKit", package: "jwt-kit"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    tests(
      "RoomCore",
      ["Base", "SDP", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests(
      "RoomClientCore",
      ["Base", "SDP", "LiveKitProtocol", "RoomCore", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests(
      "AgentCore", ["Base", "LiveKitProtocol", .product(name: "SwiftProtobuf", package: "swift-protobuf")]),
    tests("Telephony"),
    tests("RTP"),
    tests("SDP"),
    tests("Configuration", ["Base", "Telephony", "Redis", "RoomClientCore", .product(name: "Yams", package: "Yams")]),
    .testTarget(
      name: "RoomClientTests", dependencies: ["RoomClient", "Base", "WebServer"], exclude: ["echo_server.py"],
      swiftSettings: strict),
    tests("WebServer", ["Base", "Linux", .product(name: "NIOCore", package: "swift-nio")]),
    tests("Audio", ["CSpanDSP"]),
    tests("Transport", ["Base", "CMallocCount", "CWallClock", "COpenSSL"]),
    // Stands in for gettimeofday, so that tests in virtual time need not wait.
    .target(name: "CWallClock", path: "Tests/CWallClock"),
    // Counts allocations by standing in for malloc; peers and phones without sockets.
    .target(name: "CMallocCount", path: "Tests/CMallocCount"),
    .target(
      name: "MediaTestSupport", dependencies: ["Base", "RTP", "Audio", "Transport", "MediaCore", "COpenSSL"],
      path: "Tests/MediaTestSupport", swiftSettings: strict),
    tests("MediaCore", ["MediaTestSupport", "CMallocCount", "CWallClock", "Base", "RTP", "Audio", "Transport"]),
    tests("MediaIO", ["MediaCore", "MediaTestSupport", "CMallocCount", "Base", "Linux", "RTP", "Audio", "Transport"]),
    tests(
      "Gateway",
      [
        "API", "Base", "LiveKitProtocol", "MediaCore", "RoomClientCore", "RoomCore", "Telephony",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ]),
    tests("Capture", ["Base", "RTP", "SDP"]),
    tests("Phone", ["Base", "Linux", "RTP", "SDP", "Audio", "Capture", "SIP", "Telephony"]),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "trunkline", "Base", "Configuration", "LiveKitProtocol", "Phone", "SDP", "SIP", "Telephony",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)
