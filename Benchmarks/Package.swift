// swift-tools-version:6.2
import PackageDescription

/// What the parts of Trunkline cost. A package of its own, so that nobody who builds Trunkline builds this.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "trunkline", path: "..")],
  targets: [
    .target(name: "CAllocations"),
    .executableTarget(
      name: "benchmarks",
      dependencies: ["CAllocations", .product(name: "MediaStack", package: "trunkline")],
      swiftSettings: [.treatAllWarnings(as: .error), .enableUpcomingFeature("MemberImportVisibility")]),
  ],
  swiftLanguageModes: [.v6]
)
