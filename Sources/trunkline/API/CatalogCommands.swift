import ArgumentParser
import LiveKitProtocol

struct CatalogCommand<Kind: CatalogKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: Kind.name, abstract: "Manage \(Kind.noun)s.",
      discussion: """
        Files are those of `lk sip \(Kind.name)`. What the configuration file has is listed too and changed there.

        Examples:
          trunkline sip \(Kind.name) list
          trunkline sip \(Kind.name) create '\(Kind.sample)'
        """,
      subcommands: [
        CatalogCreate<Kind>.self, CatalogList<Kind>.self, CatalogUpdate<Kind>.self, CatalogDelete<Kind>.self,
      ])
  }
}

struct CatalogCreate<Kind: CatalogKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "create", abstract: "Create \(Kind.oneNoun) from JSON.",
      discussion: """
        It takes effect for the next call.

        Examples:
          trunkline sip \(Kind.name) create \(Kind.name).json
          trunkline sip \(Kind.name) create '\(Kind.sample)'
          cat \(Kind.name).json | trunkline sip \(Kind.name) create - --json
        """)
  }

  @Argument(help: "A file, - for standard input, or the JSON itself.")
  var json: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let item = try await Kind.create(JSONInput(json), server.client())
    try Output.show(item, TextTable(Kind.columns), asJSON: server.json)
  }
}

struct CatalogList<Kind: CatalogKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "list", abstract: "List \(Kind.noun)s.",
      discussion: """
        --json prints one object in a line.

        Examples:
          trunkline sip \(Kind.name) list
          trunkline sip \(Kind.name) list --json | jq -r .name
        """)
  }

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let client = try server.client()
    var items: [Kind.Item] = []
    var page: [Kind.Item] = []
    repeat {
      page = try await Kind.page(after: items.last.map(Kind.id) ?? "", client)
      items += page
    } while page.count >= 1000
    if server.json {
      for item in items { print(try Output.json(item)) }
    } else {
      print(TextTable(Kind.columns).text(items, none: "There is no \(Kind.noun)."))
    }
  }
}

struct CatalogUpdate<Kind: CatalogKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "update", abstract: "Change \(Kind.oneNoun), or replace it.",
      discussion: """
        {"update": {…}} changes the fields that it names; lists take set, add, remove and clear. {"replace": {…}}, or a \
        whole \(Kind.noun) alone, takes the place of what was. Running calls keep what they were matched with.

        Examples:
          trunkline sip \(Kind.name) update ID '\(Kind.change)'
          trunkline sip \(Kind.name) update ID \(Kind.name).json
        """)
  }

  @Argument(help: "The id that list shows.")
  var id: String

  @Argument(help: "A file, - for standard input, or the JSON itself.")
  var json: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let item = try await Kind.update(id, JSONInput(json), server.client())
    try Output.show(item, TextTable(Kind.columns), asJSON: server.json)
  }
}

struct CatalogDelete<Kind: CatalogKind>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "delete", abstract: "Delete \(Kind.oneNoun).",
      discussion: """
        Running calls go on.

        Example:
          trunkline sip \(Kind.name) delete ID
        """)
  }

  @Argument(help: "The id that list shows.")
  var id: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    try await Kind.delete(id, server.client())
    print(server.json ? "{}" : "Deleted \(id.singleLine).")
  }
}
