import FoundationEssentials

/// A JSON object whose values are all strings.
struct AttributeMap {
  let values: [String: String]

  init(_ values: [String: String]) { self.values = values }

  init(json: [UInt8]) throws { values = try JSONDecoder().decode([String: String].self, from: Data(json)) }

  /// The same text for the same values.
  var json: [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return (try? encoder.encode(values)).map { Array($0) } ?? Array("{}".utf8)
  }
}
