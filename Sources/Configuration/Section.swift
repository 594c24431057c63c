import Yams

/// One mapping of the file. Every key that is asked of it exists; whatever else stands in it is refused at the end.
final class Section {
  /// How keys may be spelled: LiveKit's protojson takes `room_prefix` and `roomPrefix`.
  enum Spelling { case snakeCase, snakeOrCamelCase }

  let path: String
  let line: Int?
  let isPresent: Bool
  let reading: Reading
  private let spelling: Spelling
  private var entries: [String: Entry] = [:]
  private var asked: Set<String> = []

  private struct Entry {
    var line: Int?
    var node: Node
    var writtenName: String
  }

  init(
    _ node: Node?, path: String, line: Int? = nil, isSecret: Bool = false, spelling: Spelling = .snakeCase,
    reading: Reading
  ) {
    self.path = path
    self.line = line ?? node?.mark?.line
    self.reading = reading
    self.spelling = spelling
    isPresent = node != nil
    guard let node, !node.isEmptyValue else { return }
    guard let mapping = node.mapping else {
      reading.refuse(path, line: self.line, value: isSecret ? nil : node.shortText, "expected keys and values")
      return
    }
    for (key, value) in mapping {
      let written = key.scalar?.string ?? "?"
      let name = spelling == .snakeCase ? written : Self.snakeCase(written)
      if let twin = entries[name] {
        reading.refuse(self.path(of: name), line: key.mark?.line, "given twice; also in line \(twin.line ?? 0)")
      }
      entries[name] = Entry(line: key.mark?.line, node: value, writtenName: written)
    }
  }

  // MARK: Asking

  /// The value of `key`, when it is there and well-formed. `null` counts as absent.
  func value<Value>(_ key: String, _ format: ValueFormat<Value>, isSecret: Bool = false) -> Value? {
    guard let entry = ask(key) else { return nil }
    if let value = format.parse(entry.node) { return value }
    if reading.takesZeroForNothing, entry.node.asksForNothing { return nil }
    refuse(key, isSecret: isSecret, format.expected)
    return nil
  }

  /// Overwrites `target` when the key is there.
  func read<Value>(_ key: String, into target: inout Value, _ format: ValueFormat<Value>) {
    if let value = value(key, format) { target = value }
  }

  /// A list; each item that is wrong is refused by its index. A single value counts as a list of one.
  /// `problem` says what is wrong with a value that has the right form.
  func list<Value>(
    _ key: String, of format: ValueFormat<Value>, problem: (Value) -> String? = { _ in nil }
  ) -> [Value]? {
    guard let entry = ask(key) else { return nil }
    let nodes = entry.node.sequence.map(Array.init) ?? [entry.node]
    return nodes.enumerated().compactMap { index, node in
      let value = format.parse(node)
      guard let expected = value.map(problem) ?? format.expected else { return value }
      reading.refuse(
        "\(path(of: key))[\(index)]", line: node.mark?.line ?? entry.line, value: node.shortText, expected)
      return nil
    }
  }

  /// A mapping whose keys are the user's own: headers, attributes, API keys. In the order of the file.
  func pairs<Value>(_ key: String, of format: ValueFormat<Value>, isSecret: Bool = false) -> [(String, Value)]? {
    guard let entry = ask(key) else { return nil }
    guard let mapping = entry.node.mapping else {
      refuse(key, isSecret: isSecret, "expected keys and values")
      return nil
    }
    return mapping.compactMap { name, node in
      let name = (name.scalar?.string ?? "?", name.mark?.line)
      if let value = format.parse(node) { return (name.0, value) }
      reading.refuse(
        "\(path(of: key)).\(name.0)", line: name.1, value: isSecret ? "…" : node.shortText, format.expected)
      return nil
    }
  }

  /// A nested mapping; the closure also runs when it is absent, on an empty one, so that its keys become known.
  @discardableResult
  func section<Result>(_ key: String, isSecret: Bool = false, _ body: (Section) -> Result) -> Result {
    let entry = ask(key)
    let section = Section(
      entry?.node, path: path(of: key), line: entry?.line ?? line, isSecret: isSecret, spelling: spelling,
      reading: reading)
    defer { section.refuseTheRest() }
    return body(section)
  }

  /// A list of mappings in LiveKit's JSON shape. `wrapper` names the object that `lk` files put around each.
  func items<Item>(_ key: String, wrapper: String, _ body: (Section, Int) -> Item?) -> [Item] {
    guard let entry = ask(key) else {
      probe(key) { _ = body($0, 0) }
      return []
    }
    let nodes = entry.node.sequence.map(Array.init) ?? [entry.node]
    return nodes.enumerated().compactMap { index, node in
      let path = "\(self.path(of: key))[\(index)]"
      let inner = Self.unwrapped(node, wrapper)
      let section = Section(inner, path: path, spelling: .snakeOrCamelCase, reading: reading)
      defer { section.refuseTheRest() }
      return body(section, index)
    }
  }

  /// A key of LiveKit's that this version does not honour: refused unless its value asks for nothing.
  func unavailable(_ key: String, _ hint: String = "") {
    reading.knowAsUnsettable(path(of: key))
    guard let entry = ask(key), !entry.node.asksForNothing else { return }
    refuse(key, isSecret: true, "not available in this version" + (hint.isEmpty ? "" : ": " + hint))
  }

  /// A key of livekit-sip's that is taken for the sake of its files. Whoever sets it learns why that changes nothing.
  func ineffective(_ key: String, _ why: String) {
    reading.knowAsUnsettable(path(of: key))
    guard let entry = ask(key), !entry.node.asksForNothing else { return }
    reading.warn(path(of: key), line: entry.line ?? line, "has no effect: " + why)
  }

  /// A key that servers write into their answers: known, and without effect.
  func ignored(_ key: String) {
    reading.knowAsUnsettable(path(of: key))
    _ = ask(key)
  }

  // MARK: Refusing

  /// Refuses the value of `key`, which passed its format but does not fit the rest.
  func refuse(_ key: String, isSecret: Bool = false, _ expected: String) {
    let entry = entries[key]
    let value = entry.flatMap { isSecret ? nil : $0.node.shortText }
    reading.refuse(path(of: key), line: entry?.line ?? line, value: value, expected)
  }

  /// The keys that are there, sorted.
  var names: [String] { entries.keys.sorted() }
  func line(of key: String) -> Int? { entries[key]?.line ?? line }
  /// The key is there with a value.
  func has(_ key: String) -> Bool { entries[key].map { !$0.node.isEmptyValue } ?? false }
  /// The key is there, if only with an empty mapping.
  func isGiven(_ key: String) -> Bool { entries[key] != nil }

  /// Stands in for a value without which the item means nothing. The refusal is noted once.
  func requires(_ key: String) -> String {
    if isPresent, !has(key) { reading.refuse(path(of: key), line: line, "expected this key") }
    return ""
  }
  func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// Every key that nothing asked for.
  func refuseTheRest() {
    for (name, entry) in entries where !asked.contains(name) {
      reading.refuseUnknown(path(of: entry.writtenName), name: name, line: entry.line)
    }
  }

  // MARK: Helpers

  private func ask(_ key: String) -> Entry? {
    asked.insert(key)
    reading.know(path(of: key))
    guard let entry = entries[key], !entry.node.isEmptyValue else { return nil }
    return entry
  }

  private func probe(_ key: String, _ body: (Section) -> Void) {
    let wasProbing = reading.isProbing
    reading.isProbing = true
    body(Section(nil, path: path(of: key) + "[]", spelling: .snakeOrCamelCase, reading: reading))
    reading.isProbing = wasProbing
  }

  /// `{"trunk": {…}}` means what stands inside it.
  private static func unwrapped(_ node: Node, _ wrapper: String) -> Node {
    guard let mapping = node.mapping, mapping.count == 1, let (key, value) = mapping.first,
      let name = key.scalar?.string, snakeCase(name) == wrapper, value.mapping != nil
    else { return node }
    return value
  }

  static func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
      if character.isASCII, character.isUppercase {
        result += "_" + character.lowercased()
      } else {
        result.append(character)
      }
    }
    return result
  }
}

extension Node {
  /// `key:` without a value, `~` or `null`.
  var isEmptyValue: Bool {
    guard let scalar, scalar.style == .plain || scalar.style == .any else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.string)
  }

  /// `false`, 0, an empty text, list or mapping, a mapping to nothing else: a key that is there but off.
  var asksForNothing: Bool {
    switch self {
    case .scalar(let scalar): isEmptyValue || ["", "false", "0", "0s"].contains(scalar.string.lowercased())
    case .sequence(let sequence): sequence.isEmpty
    case .mapping(let mapping): mapping.allSatisfy(\.value.asksForNothing)
    case .alias: false
    }
  }

  /// The value as written, for a message of one line.
  var shortText: String {
    switch self {
    case .scalar(let scalar): "\"" + String(scalar.string.prefix(60)).replacing("\n", with: "⏎") + "\""
    case .sequence(let sequence): "a list of \(sequence.count)"
    case .mapping(let mapping): "a mapping of \(mapping.count)"
    case .alias: "an alias"
    }
  }
}
