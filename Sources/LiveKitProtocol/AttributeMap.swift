import FoundationEssentials

/// A JSON object whose values are all strings.
struct AttributeMap {
  let values: [String: String]

  init(json: [UInt8]) throws { values = try JSONDecoder().decode([String: String].self, from: Data(json)) }
}
