import ArgumentParser
import Foundation
import LiveKitProtocol
import SwiftProtobuf

struct RoomCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "room", abstract: "Look into rooms, and act on them.",
    discussion: """
      Examples:
        trunkline room list
        trunkline room participants lobby
        trunkline room remove lobby sip_+15550123
      """,
    subcommands: [RoomList.self, RoomParticipants.self, RoomDelete.self, RoomRemove.self, RoomSendData.self])
}

extension TwirpClient {
  fileprivate func rooms<Request: Message, Response: Message>(
    _ method: String, _ request: Request, grants: Grants
  ) async throws(CommandFailure) -> Response {
    try await call("livekit.RoomService", method, request, grants: grants)
  }
}

struct RoomList: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the rooms there are.",
    discussion: """
      --json prints one object in a line.

      Example:
        trunkline room list
      """)

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let response: Livekit_ListRoomsResponse = try await server.client(ofRooms: true).rooms(
      "ListRooms", Livekit_ListRoomsRequest(), grants: .rooms)
    if server.json {
      for room in response.rooms { print(try Output.json(room)) }
      return
    }
    let table = TextTable<Livekit_Room>([
      ("name", \.name), ("sid", \.sid), ("participants", { "\($0.numParticipants)" }),
      ("publishers", { "\($0.numPublishers)" }),
      ("since", { Output.time(Google_Protobuf_Timestamp(seconds: $0.creationTime)) }), ("metadata", \.metadata),
    ])
    print(table.text(response.rooms, none: "There is no room."))
  }
}

struct RoomParticipants: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "participants", abstract: "List who is in a room.",
    discussion: """
      --json prints one object in a line, with tracks and attributes.

      Example:
        trunkline room participants lobby
      """)

  @Argument(help: "The room.")
  var room: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_ListParticipantsRequest()
    request.room = room
    let response: Livekit_ListParticipantsResponse = try await server.client(ofRooms: true).rooms(
      "ListParticipants", request, grants: .roomAdmin(room))
    if server.json {
      for participant in response.participants { print(try Output.json(participant)) }
      return
    }
    let table = TextTable<Livekit_ParticipantInfo>([
      ("identity", \.identity), ("name", \.name), ("sid", \.sid), ("kind", { "\($0.kind)" }),
      ("state", { "\($0.state)" }),
      ("tracks", { $0.tracks.map { $0.name.isEmpty ? $0.sid : $0.name }.joined(separator: " ") }),
      ("since", { Output.time(Google_Protobuf_Timestamp(seconds: $0.joinedAt)) }),
    ])
    print(table.text(response.participants, none: "Nobody is in the room."))
  }
}

struct RoomDelete: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Close a room: everyone leaves, phones are hung up.",
    discussion: """
      Example:
        trunkline room delete lobby
      """)

  @Argument(help: "The room.")
  var room: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_DeleteRoomRequest()
    request.room = room
    let _: Livekit_DeleteRoomResponse = try await server.client(ofRooms: true).rooms(
      "DeleteRoom", request, grants: .rooms)
    print(server.json ? "{}" : "Deleted \(room).")
  }
}

struct RoomRemove: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Put a participant out of a room; a phone is hung up.",
    discussion: """
      Example:
        trunkline room remove lobby sip_+15550123
      """)

  @Argument(help: "The room.")
  var room: String

  @Argument(help: "The participant's identity.")
  var identity: String

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_RoomParticipantIdentity()
    request.room = room
    request.identity = identity
    let _: Livekit_RemoveParticipantResponse = try await server.client(ofRooms: true).rooms(
      "RemoveParticipant", request, grants: .roomAdmin(room))
    print(server.json ? "{}" : "Removed \(identity).")
  }
}

struct RoomSendData: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send-data", abstract: "Send text to everyone in a room, or to some.",
    discussion: """
      Arrives as a data packet that names no sender.

      Examples:
        trunkline room send-data lobby 'closing in five minutes'
        trunkline room send-data lobby '{"page": 3}' --topic slides --to agent
      """)

  @Argument(help: "The room.")
  var room: String

  @Argument(help: "The text.")
  var data: String

  @Option(help: "The packet's topic.")
  var topic: String?

  @Option(name: .customLong("to"), help: "Identity of who gets it; may be repeated.")
  var destinations: [String] = []

  @Flag(help: "Send once, without making sure that it arrives.")
  var lossy = false

  @OptionGroup var server: ServerOptions

  func run() async throws {
    var request = Livekit_SendDataRequest()
    request.room = room
    request.data = Data(data.utf8)
    request.kind = lossy ? .lossy : .reliable
    request.destinationIdentities = destinations
    if let topic { request.topic = topic }
    let _: Livekit_SendDataResponse = try await server.client(ofRooms: true).rooms(
      "SendData", request, grants: .roomAdmin(room))
    print(server.json ? "{}" : "Sent.")
  }
}
