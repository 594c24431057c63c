import Foundation

/// `benchmarks [--json] [--rounds N] [--capture FILE] [NAME ...]`
@main
enum Benchmarks {
  private static let names = ["g711", "opus", "mixer", "srtp", "call"]
  private static let usage = """
    usage: benchmarks [--json] [--rounds N] [--capture FILE] [NAME ...]
      NAME         what to measure, of \(names.joined(separator: ", ")); all by default
      --json       figures for programs instead of a table
      --rounds N   measure N times and take the best, 7 by default
      --capture F  the caller's speech: a capture with PCMU in 20 ms packets
    """

  private struct Arguments {
    var isJSON = false
    var rounds = 7
    var capture = defaultCapture
    var names: Set<String> = []
  }

  static func main() {
    guard let arguments = parse(CommandLine.arguments.dropFirst()) else {
      FileHandle.standardError.write(Data((usage + "\n").utf8))
      exit(2)
    }
    do {
      let report = try measure(arguments)
      print(arguments.isJSON ? report.json : report.table)
    } catch {
      FileHandle.standardError.write(Data("benchmarks: \(error)\n".utf8))
      exit(1)
    }
  }

  private static func measure(_ arguments: Arguments) throws -> Report {
    let speech = try Speech(capture: arguments.capture)
    let stopwatch = Stopwatch(rounds: arguments.rounds)
    var report = Report()
    for name in names where arguments.names.isEmpty || arguments.names.contains(name) {
      switch name {
      case "g711": G711Benchmark.run(speech, stopwatch, &report)
      case "opus": OpusBenchmark.run(speech, stopwatch, &report)
      case "mixer": MixerBenchmark.run(speech, stopwatch, &report)
      case "srtp": SRTPBenchmark.run(stopwatch, &report)
      default: try CallBenchmark.run(speech, stopwatch, &report)
      }
    }
    return report
  }

  private static func parse(_ words: some Sequence<String>) -> Arguments? {
    var arguments = Arguments()
    var words = words.makeIterator()
    while let word = words.next() {
      switch word {
      case "--json": arguments.isJSON = true
      case "--rounds":
        guard let rounds = words.next().flatMap(Int.init), rounds > 0 else { return nil }
        arguments.rounds = rounds
      case "--capture":
        guard let path = words.next() else { return nil }
        arguments.capture = path
      case _ where names.contains(word): arguments.names.insert(word)
      default: return nil
      }
    }
    return arguments
  }

  /// A capture of this repository, found from where this file was compiled.
  private static var defaultCapture: String {
    var root = URL(filePath: #filePath)
    for _ in 0..<4 { root.deleteLastPathComponent() }
    return root.appending(path: "pcaps/twilio-udp.pcap").path
  }
}
