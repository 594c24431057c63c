/// Names of psrpc's channels as they stand on Redis: parts joined by `|`, each with what is no letter, digit or
/// underscore escaped.
public enum BusChannel {
  /// Where servers of a method hear requests.
  public static func request(_ service: String, _ method: String, topic: [String] = []) -> String {
    join([[service], [method], topic, ["REQ"]])
  }

  /// Where servers of a method hear whom a client has chosen.
  public static func claimResponse(_ service: String, _ method: String, topic: [String] = []) -> String {
    join([[service], [method], topic, ["RCLAIM"]])
  }

  /// Where a client hears servers that offer themselves.
  public static func claim(_ service: String, client: String) -> String { join([[service], [client], ["CLAIM"]]) }

  /// Where a client hears responses.
  public static func response(_ service: String, client: String) -> String { join([[service], [client], ["RES"]]) }

  /// A group that writes nothing, such as an empty topic, takes its separator with it; so does an empty part in a group.
  static func join(_ groups: [[String]], separator: Unicode.Scalar = "|") -> String {
    var result = String.UnicodeScalarView()
    var isSeparated = false
    for group in groups {
      if isSeparated { result.append(separator) }
      let start = result.count
      var isPartSeparated = false
      for part in group {
        if isPartSeparated { result.append(separator) }
        let partStart = result.count
        escape(part, into: &result)
        isPartSeparated = result.count > partStart
      }
      isSeparated = result.count > start
    }
    return String(result)
  }

  /// `u+` and four hexadecimal digits, or `U+` and eight beyond the basic plane.
  private static func escape(_ part: String, into result: inout String.UnicodeScalarView) {
    for scalar in part.unicodeScalars {
      if isPlain(scalar) {
        result.append(scalar)
      } else {
        let digits = String(scalar.value, radix: 16)
        let width = scalar.value < 0x10000 ? 4 : 8
        result.append(contentsOf: (width == 4 ? "u+" : "U+").unicodeScalars)
        result.append(contentsOf: String(repeating: "0", count: max(0, width - digits.utf8.count)).unicodeScalars)
        result.append(contentsOf: digits.unicodeScalars)
      }
    }
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar {
    case "0"..."9", "A"..."Z", "a"..."z", "_": true
    default: false
    }
  }
}
