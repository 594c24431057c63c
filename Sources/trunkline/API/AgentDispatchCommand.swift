import ArgumentParser
import LiveKitProtocol
import SwiftProtobuf

struct AgentDispatchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dispatch", abstract: "Ask agents into rooms.",
    discussion: """
      Examples:
        trunkline dispatch create lobby telephony-agent
        trunkline dispatch list lobby
      """,
    subcommands: [AgentDispatchCreate.self, AgentDispatchList.self, AgentDispatchDelete.self])

  static var columns: [TextTable<Livekit_AgentDispatch>.Column] {
    [
      ("id", \.id), ("agent", \.agentName), ("room", \.room), ("jobs", { "\($0.state.jobs.count)" }),
      ("status", { $0.state.jobs.last.map { "\($0.state.status)" } ?? "" }), ("metadata", \.metadata),
    ]
  }
}

extension TwirpClient {
  fileprivate func dispatch<Request: Message, Response: Message>(
    _ method: String, _ request: Request, room: String
  ) async throws(CommandFailure) -> Response {
    try await call("livekit.AgentDispatchService", method, request, grants: .roomAdmin(room))
  }
}

struct AgentDispatchCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Ask an agent to join a room.",
    discussion: """
      The room is made when it is not there.

      Example:
        trunkline dispatch create lobby telephony-agent --metadata '{"language": "en"}'
      """)

  @Argument(help: "The room.")
  var room: String

  @Argument(help: "The name that the agent's worker registered with.")
  var agent: String

  @Option(help: "Passed to the agent.")
  var metadata = ""

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_CreateAgentDispatchRequest()
    request.room = room
    request.agentName = agent
    request.metadata = metadata
    let dispatch: Livekit_AgentDispatch = try await server.client(ofRooms: true).dispatch(
      "CreateDispatch", request, room: room)
    try Output.show(dispatch, TextTable(AgentDispatchCommand.columns), asJSON: server.json)
  }
}

struct AgentDispatchList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List what agents were asked into a room.",
    discussion: """
      Example:
        trunkline dispatch list lobby
      """)

  @Argument(help: "The room.")
  var room: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_ListAgentDispatchRequest()
    request.room = room
    let response: Livekit_ListAgentDispatchResponse = try await server.client(ofRooms: true).dispatch(
      "ListDispatch", request, room: room)
    if server.json {
      for dispatch in response.agentDispatches { print(try Output.json(dispatch)) }
    } else {
      print(TextTable(AgentDispatchCommand.columns).text(response.agentDispatches, none: "No agent was asked."))
    }
  }
}

struct AgentDispatchDelete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Take back a dispatch; its agents leave.",
    discussion: """
      Example:
        trunkline dispatch delete lobby AD_…
      """)

  @Argument(help: "The room.")
  var room: String

  @Argument(help: "The id that list shows.")
  var id: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_DeleteAgentDispatchRequest()
    request.room = room
    request.dispatchID = id
    let _: Livekit_AgentDispatch = try await server.client(ofRooms: true).dispatch(
      "DeleteDispatch", request, room: room)
    print(server.json ? "{}" : "Deleted \(id.singleLine).")
  }
}
