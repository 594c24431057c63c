/// Numbers that must not be dialled: whole numbers, and prefixes that end in `*`.
public struct DoNotCallList: Hashable, Sendable {
  /// Prefixes are compared one by one, so there may be few.
  public static let prefixLimit = 1000

  /// Digits as a decimal number behind a leading 1: 8 bytes for each of millions of numbers.
  private var numbers: Set<UInt64> = []
  private var others: Set<String> = []
  private var prefixes: [NumberPattern] = []

  public init() {}

  public var count: Int { numbers.count + others.count + prefixes.count }

  /// Adds one entry. False when it is a prefix too many, or nothing.
  @discardableResult
  public mutating func insert(_ text: String) -> Bool {
    if text.isEmpty { return false }
    if text.hasSuffix("*") {
      guard prefixes.count < Self.prefixLimit, text != "*" else { return false }
      prefixes.append(NumberPattern(text))
      return true
    }
    let number = PhoneNumber.normalized(text)
    if let packed = Self.packed(number) { numbers.insert(packed) } else { others.insert(number) }
    return true
  }

  /// - Parameter number: normalised.
  public func contains(_ number: String) -> Bool {
    if let packed = Self.packed(number) {
      if numbers.contains(packed) { return true }
    } else if others.contains(number) {
      return true
    }
    return prefixes.contains { $0.matches(normalized: number) }
  }

  /// Nil unless it is `+` and 1 to 18 digits.
  private static func packed(_ number: String) -> UInt64? {
    let digits = number.utf8.dropFirst()
    guard number.utf8.first == UInt8(ascii: "+"), (1...18).contains(digits.count) else { return nil }
    var value: UInt64 = 1
    for byte in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      value = value * 10 + UInt64(byte - UInt8(ascii: "0"))
    }
    return value
  }
}
