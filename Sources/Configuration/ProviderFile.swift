import Telephony

/// What `provider:NAME` in `allowed_addresses` stands for: a file that maps names to lists of addresses, CIDR blocks and
/// host names. Providers change their lists; the file changes with them, the program does not.
enum ProviderFile {
  static let name = "providers.yaml"

  /// `providers_file`, relative to the configuration's directory; else `providers.yaml` there, when it exists.
  static func read(_ root: Section, directory: String?) -> [String: [AddressPattern]] {
    let given = root.value("providers_file", .nonEmptyText)
    guard let path = path(given ?? name, in: directory) else { return [:] }
    do {
      return try parse(TextFile.read(path), name: path)
    } catch {
      if given == nil, error.isMissingFile { return [:] }
      root.reading.add(error.problems)
      return [:]
    }
  }

  private static func path(_ name: String, in directory: String?) -> String? {
    if name.hasPrefix("/") { return name }
    return (directory ?? "") + name
  }

  static func parse(_ text: String, name: String) throws(ConfigurationError) -> [String: [AddressPattern]] {
    let reading = Reading(source: name)
    var providers: [String: [AddressPattern]] = [:]
    let root = Section(try YAMLText.compose(text, name: name), path: "", reading: reading)
    for provider in root.names {
      let patterns = root.list(provider, of: .addressPattern, problem: problem) ?? []
      providers[provider] = patterns
    }
    let problems = reading.allProblems()
    guard problems.isEmpty else { throw ConfigurationError(problems) }
    return providers
  }

  private static func problem(_ pattern: AddressPattern) -> String? {
    if case .provider = pattern.kind { return "expected an address, a CIDR block or a host name" }
    return pattern.problem
  }
}
