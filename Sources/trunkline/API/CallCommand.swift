import ArgumentParser
import Foundation
import LiveKitProtocol
import SwiftProtobuf

struct CallCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "call", abstract: "Look at running calls, and end them.",
    discussion: """
      Ended calls are in calls.jsonl of data_dir.

      Examples:
        trunkline call list
        trunkline call hangup SCL_…
      """,
    subcommands: [CallList.self, CallShow.self, CallHangUp.self])
}

extension TwirpClient {
  fileprivate func calls<Request: Message, Response: Message>(
    _ method: String, _ request: Request
  ) async throws(CommandFailure) -> Response {
    var grants = Grants.sipAdmin
    grants.sip.call = true
    return try await call("trunkline.Calls", method, request, grants: grants)
  }
}

extension Trunkline_Call {
  fileprivate var directionName: String {
    switch direction {
    case .scdInbound: "in"
    case .scdOutbound: "out"
    case .scdUnknown, .UNRECOGNIZED: ""
    }
  }

  fileprivate var stateName: String {
    switch state {
    case .unknown, .UNRECOGNIZED: ""
    case .dialing: "dialing"
    case .ringing: "ringing"
    case .active: "active"
    case .onHold: "on hold"
    case .transferring: "transferring"
    case .ending: "ending"
    }
  }

  /// Since when it is answered, or since when it is there: `3m12s`.
  fileprivate var age: String {
    let start = hasAnsweredAt ? answeredAt.seconds : startedAt.seconds
    return "\(Duration.seconds(max(Int64(Date().timeIntervalSince1970) - start, 0)).brief)"
  }
}

extension Duration {
  fileprivate var brief: String {
    let seconds = components.seconds
    if seconds < 60 { return "\(seconds)s" }
    return seconds < 3600 ? "\(seconds / 60)m\(seconds % 60)s" : "\(seconds / 3600)h\(seconds / 60 % 60)m"
  }
}

struct CallList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the calls there are, and what keeps them ringing.",
    discussion: """
      --json prints one object in a line.

      Examples:
        trunkline call list
        trunkline call list --room lobby
      """)

  @Option(help: "Only calls in this room.")
  var room: String?

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Trunkline_ListCallsRequest()
    request.roomName = room ?? ""
    let response: Trunkline_ListCallsResponse = try await server.client().calls("ListCalls", request)
    if server.json {
      for call in response.calls { print(try Output.json(call)) }
      return
    }
    let table = TextTable<Trunkline_Call>([
      ("id", \.callID), ("way", \.directionName), ("state", \.stateName), ("from", \.from), ("to", \.to),
      ("trunk", { $0.trunkName.isEmpty ? $0.trunkID : $0.trunkName }), ("room", \.roomName), ("for", \.age),
      ("waits for", \.waitsFor),
    ])
    print(table.text(response.calls, none: "There is no call."))
  }
}

struct CallShow: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show all that is known of a call.",
    discussion: """
      Example:
        trunkline call show SCL_…
      """)

  @Argument(help: "The id that list shows; also the participant's attribute sip.callID.")
  var id: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Trunkline_GetCallRequest()
    request.callID = id
    let call: Trunkline_Call = try await server.client().calls("GetCall", request)
    if server.json { return print(try Output.json(call)) }
    let facts = [
      ("Call", call.callID), ("SIP Call-ID", call.sipCallID), ("Direction", call.directionName),
      ("State", call.stateName), ("From", call.from), ("To", call.to), ("Peer", call.peer),
      ("Trunk", [call.trunkID, call.trunkName].filter { !$0.isEmpty }.joined(separator: " ")),
      ("Rule", [call.ruleID, call.ruleName].filter { !$0.isEmpty }.joined(separator: " ")),
      ("Room", call.roomName), ("Identity", call.participantIdentity), ("Started", Output.time(call.startedAt)),
      ("Answered", Output.time(call.answeredAt)), ("Codec", call.codec), ("Waits for", call.waitsFor),
    ]
    for (name, value) in facts where !value.isEmpty { print(name.padded(to: 12) + value.singleLine) }
  }
}

struct CallHangUp: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hangup", abstract: "End a call.",
    discussion: """
      Example:
        trunkline call hangup SCL_…
      """)

  @Argument(help: "The id that list shows.")
  var id: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Trunkline_HangUpRequest()
    request.callID = id
    let call: Trunkline_Call = try await server.client().calls("HangUp", request)
    print(server.json ? try Output.json(call) : "Ended \(call.callID).")
  }
}
