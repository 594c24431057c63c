import ArgumentParser
import Configuration
import Foundation
import LiveKitProtocol

struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make access tokens for rooms and APIs.",
    discussion: """
      A token says who its holder is and what it may do; SDKs and agents present it when they join a room.

      Example:
        trunkline token create --room lobby --identity alice
      """,
    subcommands: [TokenCreateCommand.self])
}

struct TokenCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Print a new access token.",
    discussion: """
      Signs with the first pair of `keys` in the configuration. The token alone goes to standard output.

      Examples:
        trunkline token create --room lobby --identity alice
        trunkline token create --room lobby --identity helper --agent --ttl 24h
        trunkline token create --identity ops --sip-admin --sip-call
        export LIVEKIT_TOKEN=$(trunkline token create --room lobby --identity bob)
      """)

  @OptionGroup var options: ConfigurationOptions

  @Option(help: "The room that the holder may join.")
  var room: String?

  @Option(help: "Who the holder is; unique in its room.")
  var identity: String

  @Option(help: "The name that other participants see.")
  var name: String = ""

  @Flag(help: "The holder is an agent: it joins as kind agent and, without --room, may register as a worker.")
  var agent = false

  @Flag(name: .customLong("sip-admin"), help: "May manage trunks and dispatch rules.")
  var sipAdmin = false

  @Flag(name: .customLong("sip-call"), help: "May place and transfer calls.")
  var sipCall = false

  @Flag(name: .customLong("room-admin"), help: "May manage the room and its participants.")
  var roomAdmin = false

  @Flag(name: .customLong("room-create"), help: "May create and delete rooms.")
  var roomCreate = false

  @Flag(name: .customLong("room-list"), help: "May list all rooms.")
  var roomList = false

  @Option(help: "How long the token is valid: 30m, 6h, 7d.")
  var ttl: String = DurationText.format(TokenRequest.defaultLifetime)

  func validate() throws {
    guard let lifetime = DurationText.parse(ttl), lifetime > .zero else {
      throw ValidationError("--ttl \(ttl): expected a time such as 30m, 6h or 7d")
    }
    if room?.isEmpty ?? false { throw ValidationError("--room: expected a name") }
    if identity.isEmpty { throw ValidationError("--identity: expected a name") }
    if roomAdmin, room == nil { throw ValidationError("--room-admin: expected --room beside it") }
    if room == nil, !sipAdmin, !sipCall, !agent, !roomCreate, !roomList {
      throw ValidationError("the token would allow nothing: expected --room, --agent, --sip-admin or another right")
    }
  }

  func run() async throws {
    let configuration = try options.load()
    let request = TokenRequest(
      room: room, identity: identity, name: name, isAgent: agent, mayManageTrunks: sipAdmin, mayCall: sipCall,
      mayManageRoom: roomAdmin, mayCreateRooms: roomCreate, mayListRooms: roomList,
      lifetime: DurationText.parse(ttl) ?? TokenRequest.defaultLifetime)
    print(try await request.token(signedBy: configuration.keys[0]))
  }
}

/// What a token is to say.
struct TokenRequest {
  static let defaultLifetime = Duration.seconds(AccessToken.defaultLifetimeSeconds)

  var room: String?
  var identity: String
  var name = ""
  var isAgent = false
  var mayManageTrunks = false
  var mayCall = false
  var mayManageRoom = false
  var mayCreateRooms = false
  var mayListRooms = false
  var lifetime = defaultLifetime

  var grants: Grants {
    var grants = Grants(identity: identity, name: name)
    if let room {
      grants.video.roomJoin = true
      grants.video.room = room
    }
    if mayManageRoom { grants.video.roomAdmin = true }
    if mayCreateRooms { grants.video.roomCreate = true }
    if mayListRooms { grants.video.roomList = true }
    if isAgent {
      grants.kind = .agent
      grants.video.agent = true
    }
    if mayManageTrunks { grants.sip.admin = true }
    if mayCall { grants.sip.call = true }
    return grants
  }

  func token(signedBy key: APIKey) async throws(CommandFailure) -> String {
    let now = Int64(Date().timeIntervalSince1970)
    let token = AccessToken(
      apiKey: key.name, grants: grants, notBefore: now, expires: now + lifetime.components.seconds)
    do {
      return try await token.signed(with: key.secret)
    } catch {
      throw CommandFailure(.failed, "trunkline: \(error.reason)")
    }
  }
}
