import Base
import Capture
import Foundation

/// Plays the caller's side of a captured call against a running gateway and reports what came back.
public enum Replayer {
  /// Reads the capture, calls, and returns when the call is over. Takes as long as the call did, or a tenth of it.
  ///
  /// Throws `ReplayError` when there is nothing to play or no way to the gateway; a call that goes otherwise than
  /// expected is no error but a failure in the report.
  public static func run(_ options: ReplayOptions) async throws -> ReplayReport {
    // A thread of its own: the replay waits in poll(2), which must not hold up the cooperative pool.
    try await withCheckedThrowingContinuation { continuation in
      Thread.detachNewThread { continuation.resume(with: Result { try play(options) }) }
    }
  }

  /// The expectation of a `.json` file. A key that means nothing is an error: a mistyped one would expect nothing.
  public static func expectation(_ path: String) throws(ReplayError) -> Expectation {
    let data = try file(path)
    do {
      let expectation = try JSONDecoder().decode(Expectation.self, from: data)
      let known = try JSONSerialization.jsonObject(with: JSONEncoder().encode(expectation))
      let written = try JSONSerialization.jsonObject(with: data)
      if let unknown = unknownKey(in: written, known: known, path: "") {
        throw ReplayError("\(path): \(unknown): no such key in an expectation")
      }
      return expectation
    } catch let error as ReplayError {
      throw error
    } catch {
      throw ReplayError("\(path): \(error)")
    }
  }

  private static func play(_ options: ReplayOptions) throws(ReplayError) -> ReplayReport {
    let call = try call(options)
    let expectation = try options.expectation.map { path throws(ReplayError) in try Self.expectation(path) }
    var session = try ReplaySession.open(call: call, options: options, play: expectation?.play)
    var report = session.run()
    report.file = options.file
    report.expectation = options.expectation
    if let caller = expectation?.caller { report.compare(with: caller) }
    return report
  }

  private static func call(_ options: ReplayOptions) throws(ReplayError) -> CapturedCall {
    let data = try file(options.file)
    let calls: [CapturedCall]
    do {
      calls = CapturedCall.calls(in: try CapturedTraffic(Array(data)))
    } catch {
      throw ReplayError("\(options.file): \(error)")
    }
    guard let callID = options.callID else {
      guard let first = calls.first else {
        throw ReplayError("\(options.file): no SIP call in it, expected an INVITE over UDP or TCP")
      }
      return first
    }
    guard let call = calls.first(where: { $0.callID == callID }) else {
      let known = calls.map(\.callID).joined(separator: ", ")
      throw ReplayError("\(options.file): no call with Call-ID \(callID), expected one of: \(known)")
    }
    return call
  }

  private static func file(_ path: String) throws(ReplayError) -> Data {
    guard let data = FileManager.default.contents(atPath: path) else { throw ReplayError("\(path): cannot be read") }
    return data
  }

  private static func unknownKey(in written: Any, known: Any, path: String) -> String? {
    guard let written = written as? [String: Any], let known = known as? [String: Any] else { return nil }
    for (key, value) in written where !(value is NSNull) {
      let here = path.isEmpty ? key : "\(path).\(key)"
      guard let match = known[key] else { return here }
      if let unknown = unknownKey(in: value, known: match, path: here) { return unknown }
    }
    return nil
  }
}

/// Why a replay could not begin: one sentence that names the file or address.
public struct ReplayError: Error, Hashable, Sendable, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
