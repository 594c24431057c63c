import SwiftProtobuf
import Telephony

/// Bounds and forms of the fields that trunks and rules share. What is wrong is thrown with the field's name.
enum MessageField {
  /// Entries of one list, and of one map.
  static let listLimit = 1000
  static let mapLimit = 128
  /// Names and values of a map together: half of the attributes that a participant may have, the rest being the call's.
  static let mapByteLimit = 32_000
  static let nameByteLimit = 256
  /// What a room takes.
  static let metadataByteLimit = 64_000

  /// Twirp's error for an argument, with the meta key that its clients look for.
  static func invalid(_ field: String, _ expected: String) -> TwirpError {
    TwirpError(.invalidArgument, "\(field): \(expected)", meta: ["argument": field])
  }

  static func text(_ value: String, _ field: String, limit: Int = nameByteLimit) throws(TwirpError) -> String {
    guard value.utf8.count <= limit else { throw invalid(field, "expected at most \(limit) bytes") }
    return value
  }

  static func numbers(_ values: [String], _ field: String) throws(TwirpError) -> [NumberPattern] {
    try entries(values, field).map { NumberPattern($0) }
  }

  /// A list without empty entries.
  static func entries(_ values: [String], _ field: String) throws(TwirpError) -> [String] {
    guard values.count <= listLimit else { throw invalid(field, "expected at most \(listLimit) entries") }
    for value in values where value.isEmpty || value.utf8.count > nameByteLimit {
      throw invalid(field, "expected entries of 1 to \(nameByteLimit) bytes")
    }
    return values
  }

  static func addresses(
    _ values: [String], _ field: String, providers: Set<String>
  ) throws(TwirpError) -> [AddressPattern] {
    var patterns: [AddressPattern] = []
    for value in try entries(values, field) {
      let pattern = AddressPattern(value)
      if let problem = pattern.problem { throw invalid(field, "\"\(value.prefix(64))\": \(problem)") }
      if case .provider(let name) = pattern.kind, !providers.contains(name) {
        let known = providers.isEmpty ? "none" : providers.sorted().joined(separator: ", ")
        throw invalid(field, "\"\(value.prefix(64))\": the providers file has no such name; it has \(known)")
      }
      patterns.append(pattern)
    }
    return patterns
  }

  static func map(_ values: [String: String], _ field: String) throws(TwirpError) -> [String: String] {
    guard values.count <= mapLimit else { throw invalid(field, "expected at most \(mapLimit) entries") }
    for (key, value) in values where key.isEmpty || key.utf8.count > nameByteLimit || value.utf8.count > 4096 {
      throw invalid(field, "expected keys of 1 to \(nameByteLimit) bytes and values of at most 4096")
    }
    guard values.reduce(0, { $0 + $1.key.utf8.count + $1.value.utf8.count }) <= mapByteLimit else {
      throw invalid(field, "expected at most \(mapByteLimit) bytes together")
    }
    return values
  }

  static func headers(_ values: [String: String], _ field: String) throws(TwirpError) -> [String: String] {
    if let problem = HeaderCheck.problem(headers: values) { throw invalid(field, problem) }
    return try map(values, field)
  }

  /// A map whose keys are header names.
  static func headerKeys(_ values: [String: String], _ field: String) throws(TwirpError) -> [String: String] {
    if let problem = HeaderCheck.problem(names: values.keys.sorted()) { throw invalid(field, problem) }
    return try map(values, field)
  }

  /// A map whose values are header names.
  static func headerValues(_ values: [String: String], _ field: String) throws(TwirpError) -> [String: String] {
    if let problem = HeaderCheck.problem(names: values.values.sorted()) { throw invalid(field, problem) }
    return try map(values, field)
  }

  /// Nil for zero, which is LiveKit's way to say nothing.
  static func duration(
    _ value: Google_Protobuf_Duration, _ field: String, limit: Duration
  ) throws(TwirpError) -> Duration? {
    let isSound = (0...Int64(1e9)).contains(value.seconds) && (0..<1_000_000_000).contains(value.nanos)
    guard isSound, Duration(value) <= limit else {
      throw invalid(field, "expected a time from 0s to \(limit.components.seconds)s")
    }
    return Duration(value) == .zero ? nil : Duration(value)
  }

  static let ringingLimit = Duration.seconds(3600)
  static let callLimit = Duration.seconds(30 * 86_400)
}

extension Duration {
  init(_ value: Google_Protobuf_Duration) { self = .seconds(value.seconds) + .nanoseconds(Int64(value.nanos)) }
}

extension Google_Protobuf_Duration {
  init(_ value: Duration) {
    let (seconds, attoseconds) = value.components
    self.init(seconds: seconds, nanos: Int32(clamping: attoseconds / 1_000_000_000))
  }
}

/// What the phone legs of this gateway can do.
public struct PhoneCapabilities: Sendable, Hashable {
  /// `PCMU/8000`
  public var codecs: [String]
  public var hasTLS: Bool
  public var hasSRTP: Bool

  public init(codecs: [String], hasTLS: Bool, hasSRTP: Bool) {
    self.codecs = codecs
    self.hasTLS = hasTLS
    self.hasSRTP = hasSRTP
  }
}
