import Base

/// Names a call's room as LiveKit does.
public enum RoomName {
  /// - Parameters:
  ///   - from: user part of From, raw; only its last characters when the rule hides numbers.
  ///   - to: user part of To, raw.
  public static func make(
    _ kind: DispatchRule.Kind, from: String, to: String, using generator: inout some RandomNumberGenerator
  ) -> String {
    make(kind, from: from, to: to, random: GUID.make(using: &generator))
  }

  /// The form of the name, with words where the random characters stand.
  static func form(_ kind: DispatchRule.Kind, from: String, to: String) -> String {
    make(kind, from: from, to: to, random: "<\(GUID.bodyLength) characters>")
  }

  private static func make(_ kind: DispatchRule.Kind, from: String, to: String, random: String) -> String {
    switch kind {
    case .direct(let name, _): name
    case .individual(let prefix, _, let noRandomness):
      joined(prefix, from) + (noRandomness ? "" : "_" + random)
    case .callee(let prefix, _, let randomize):
      joined(prefix, to) + (randomize ? "_" + random : "")
    }
  }

  private static func joined(_ prefix: String, _ number: String) -> String {
    prefix.isEmpty ? number : prefix + "_" + number
  }
}
