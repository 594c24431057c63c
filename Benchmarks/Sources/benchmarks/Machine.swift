import COpenSSL
import COpus
import Foundation

/// What the figures were measured on.
struct Machine: Encodable, CustomStringConvertible {
  let processor: String
  let processorCount: Int
  let opus: String
  let openSSL: String
  /// Processes that wanted a processor in the last minute, this one not counted in before it started.
  let loadAverage: Double
  let isOptimized: Bool

  init() {
    let information = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let model = information.split(separator: "\n").first { $0.hasPrefix("model name") }
    processor = model?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
    processorCount = ProcessInfo.processInfo.activeProcessorCount
    opus = opus_get_version_string().map { String(cString: $0) } ?? "libopus"
    openSSL = OpenSSL_version(0).map { String(cString: $0) } ?? "OpenSSL"
    var loads = [0.0]
    loadAverage = getloadavg(&loads, 1) == 1 ? loads[0] : 0
    var isDebug = false
    assert(
      {
        isDebug = true
        return true
      }())
    isOptimized = !isDebug
  }

  var description: String {
    let build = isOptimized ? "" : "\nThis is a debug build: build with -c release for figures that mean something."
    return "\(processor), \(processorCount) cores, load average \(loadAverage); \(opus); \(openSSL)\(build)"
  }
}
