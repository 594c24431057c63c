// swift-tools-version:6.2
import PackageDescription

/// One fuzzer for each parser of network input. `./run` builds with coverage and the address sanitizer and starts one.
let parsers: [(name: String, product: String)] = [
  ("RTPFuzzer", "MediaStack"), ("RTCPFuzzer", "MediaStack"), ("TelephoneEventFuzzer", "MediaStack"),
  ("STUNFuzzer", "MediaStack"), ("TURNFuzzer", "MediaStack"), ("SDPFuzzer", "RoomStack"),
  ("SignallingFuzzer", "RoomStack"), ("AgentFuzzer", "RoomStack"), ("DNSFuzzer", "CallStack"),
  ("SIPTextFuzzer", "CallStack"),
]

let package = Package(
  name: "fuzz",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "trunkline", path: "..")],
  targets: [
    .target(name: "CFuzzer"), .target(name: "FuzzDriver", dependencies: ["CFuzzer"]),
  ]
    + parsers.map {
      .executableTarget(name: $0.name, dependencies: ["FuzzDriver", .product(name: $0.product, package: "trunkline")])
    },
  swiftLanguageModes: [.v6]
)
