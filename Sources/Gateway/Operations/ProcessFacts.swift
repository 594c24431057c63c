import Base
import Foundation
import Linux

/// What the kernel says of this process, under the names that Prometheus's own libraries use.
enum ProcessFacts {
  static let startedAt = WallClock.now()

  /// User and system time.
  static var cpuSeconds: Double { (MonotonicClock.processCPUTime() - .zero).seconds }

  static var residentBytes: Double {
    guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
    let pages = text.split(separator: " ").dropFirst().first.flatMap { Double($0) } ?? 0
    return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
  }

  static var openDescriptors: Double {
    Double((try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd"))?.count ?? 0)
  }
}
