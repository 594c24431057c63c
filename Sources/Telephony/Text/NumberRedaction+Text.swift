import Base

extension NumberRedaction {
  /// What counts as a phone number in free text: at least this many digits.
  private static let numberLength = 7
  /// RFC 3966 §5.1.1, between digits and about them.
  private static let separators: Set<Unicode.Scalar> = ["-", ".", "(", ")"]
  /// Between the groups of one number. `%20` is one too (RFC 3261 §19.1.2).
  private static let spaces: Set<Unicode.Scalar> = [" ", "\t", "\u{A0}", "\u{2009}", "\u{202F}"]

  /// Redacts every phone number in a text, whatever separates its digits. Addresses stay: they tell where trouble comes
  /// from.
  public func redactNumbers(in text: String) -> String {
    guard self != .full else { return text }
    let scalars = Array(text.unicodeScalars)
    var result = String.UnicodeScalarView()
    var index = 0
    while index < scalars.count {
      let end = Self.runEnd(scalars, from: index)
      if end == index {
        result.append(scalars[index])
        index += 1
      } else {
        result.append(contentsOf: redacted(scalars[index..<end]))
        index = end
      }
    }
    return String(result)
  }

  /// Where the digits, separators and single spaces end that begin at `start`.
  private static func runEnd(_ scalars: [Unicode.Scalar], from start: Int) -> Int {
    var index = start
    while index < scalars.count {
      if isPart(scalars[index]) {
        index += 1
      } else {
        let next = index + gapLength(scalars[index...])
        guard index > start, next > index, next < scalars.count, isPart(scalars[next]) else { break }
        index = next
      }
    }
    return index
  }

  /// Scalars of one space; 0 when there is none.
  private static func gapLength(_ scalars: ArraySlice<Unicode.Scalar>) -> Int {
    guard let first = scalars.first else { return 0 }
    if spaces.contains(first) { return 1 }
    return scalars.starts(with: "%20".unicodeScalars) ? 3 : 0
  }

  /// Groups that are no address, one after the other, are one number.
  private func redacted(_ run: ArraySlice<Unicode.Scalar>) -> String.UnicodeScalarView {
    var result = String.UnicodeScalarView()
    var number = run[run.startIndex..<run.startIndex]
    var index = run.startIndex
    while index < run.endIndex {
      let gap = Self.gapLength(run[index...])
      let groupEnd = run[(index + gap)...].firstIndex { !Self.isPart($0) } ?? run.endIndex
      let group = run[(index + gap)..<groupEnd]
      if Self.isAddress(group) {
        result.append(contentsOf: redactedNumber(number))
        result.append(contentsOf: run[index..<groupEnd])
        number = run[groupEnd..<groupEnd]
      } else {
        number = run[number.startIndex..<groupEnd]
      }
      index = groupEnd
    }
    result.append(contentsOf: redactedNumber(number))
    return result
  }

  /// Separators about the number stay.
  private func redactedNumber(_ number: ArraySlice<Unicode.Scalar>) -> String.UnicodeScalarView {
    // A leading %20 holds digits that are none of the number's.
    let lead = Self.gapLength(number)
    let rest = number.dropFirst(lead)
    let digits = Self.digits(rest)
    guard digits.count >= Self.numberLength, let first = rest.firstIndex(where: Self.isDigit),
      let last = rest.lastIndex(where: Self.isDigit)
    else { return String.UnicodeScalarView(number) }
    var result = String.UnicodeScalarView(number[number.startIndex..<first])
    result.append(contentsOf: redact(digits).unicodeScalars)
    result.append(contentsOf: number[(last + 1)...])
    return result
  }

  private static func digits(_ number: ArraySlice<Unicode.Scalar>) -> String {
    var digits = ""
    var index = number.startIndex
    while index < number.endIndex {
      let gap = gapLength(number[index...])
      if gap == 0, isDigit(number[index]) { digits.unicodeScalars.append(number[index]) }
      index += max(1, gap)
    }
    return digits
  }

  private static func isAddress(_ group: ArraySlice<Unicode.Scalar>) -> Bool {
    guard let first = group.firstIndex(where: isDigit), let last = group.lastIndex(where: isDigit) else { return false }
    return IPAddress(String(String.UnicodeScalarView(group[first...last]))) != nil
  }

  private static func isPart(_ scalar: Unicode.Scalar) -> Bool { isDigit(scalar) || separators.contains(scalar) }
  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
}
