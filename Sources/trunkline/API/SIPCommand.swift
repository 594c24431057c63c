import ArgumentParser
import Configuration
import LiveKitProtocol
import SwiftProtobuf

struct SIPCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sip", abstract: "Manage trunks and dispatch rules; place and transfer calls.",
    discussion: """
      Talks to a running gateway through its API: --url and keys, else LIVEKIT_URL, LIVEKIT_API_KEY and \
      LIVEKIT_API_SECRET, else the configuration file on this machine.

      Examples:
        trunkline sip inbound list
        trunkline sip dispatch create rule.json
        trunkline sip participant create call.json --wait
      """,
    subcommands: [
      CatalogCommand<InboundTrunks>.self, CatalogCommand<OutboundTrunks>.self, CatalogCommand<DispatchRules>.self,
      ParticipantCommand.self,
    ])
}

struct ParticipantCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "participant", abstract: "Place calls into rooms, and transfer them.",
    discussion: """
      Example:
        trunkline sip participant create --trunk ST_… --call +15550100 --room lobby
      """,
    subcommands: [ParticipantCreate.self, ParticipantTransfer.self])
}

struct ParticipantCreate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Call a number and bring the phone into a room.",
    discussion: """
      The JSON is a CreateSIPParticipantRequest, as for `lk sip participant create`; options go before what it says. \
      Returns when the participant is in the room, with --wait when the phone was answered.

      Examples:
        trunkline sip participant create call.json
        trunkline sip participant create --trunk ST_… --call +15550100 --room lobby --wait
        trunkline sip participant create --call +15550100 --room lobby --dtmf 'ww1#'

      Exit codes: 0 done, 1 the call failed (the SIP status is in the message), 2 a mistake in arguments or files.
      """)

  @Argument(help: "A file, - for standard input, or the JSON itself.")
  var json: String?

  @Option(help: "Id of the outbound trunk.")
  var trunk: String?

  @Option(help: "Whom to call.")
  var call: String?

  @Option(help: "Which of the trunk's numbers calls.")
  var number: String?

  @Option(help: "The room.")
  var room: String?

  @Option(help: "The participant's identity. Default: sip_ and the number called.")
  var identity: String?

  @Option(help: "The participant's name.")
  var name: String?

  @Option(help: "Keys to press once answered; w waits half a second.")
  var dtmf: String?

  @Flag(help: "Wait until the phone is answered.")
  var wait = false

  @OptionGroup var server: ServerOptions

  func run() async throws {
    let request = try request()
    let info: Livekit_SIPParticipantInfo = try await server.client().sip(
      "CreateSIPParticipant", request, grants: .sipCall, ringing: request.ringingTimeout)
    try Output.show(
      info,
      TextTable([
        ("call", \.sipCallID), ("participant", \.participantID), ("identity", \.participantIdentity),
        ("room", \.roomName),
      ]), asJSON: server.json)
  }

  func request() throws(CommandFailure) -> Livekit_CreateSIPParticipantRequest {
    var request = Livekit_CreateSIPParticipantRequest()
    if let json { request = try JSONInput(json).message() }
    if let trunk { request.sipTrunkID = trunk }
    if let call { request.sipCallTo = call }
    if let number { request.sipNumber = number }
    if let room { request.roomName = room }
    if let identity { request.participantIdentity = identity }
    if let name { request.participantName = name }
    if let dtmf { request.dtmf = dtmf }
    if wait { request.waitUntilAnswered = true }
    return request
  }
}

struct ParticipantTransfer: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "transfer", abstract: "Transfer a phone in a room to another number.",
    discussion: """
      Returns when the transfer has succeeded; when it fails, the call goes on in its room.

      Examples:
        trunkline sip participant transfer --room lobby --identity sip_+15550123 --to tel:+15550199
        trunkline sip participant transfer --room lobby --identity sip_+15550123 --to sip:desk@pbx.example.com \
      --play-dialtone
      """)

  @Option(help: "The room.")
  var room: String

  @Option(help: "The phone's identity, as `trunkline room participants` shows it.")
  var identity: String

  @Option(help: "tel:, sip: or sips: URI.")
  var to: String

  @Flag(name: .customLong("play-dialtone"), help: "The phone hears ringing meanwhile.")
  var playDialtone = false

  @Option(name: .customLong("ring-timeout"), help: "Give up when nobody answered for so long. Default: 30s.")
  var ringTimeout: String?

  @OptionGroup var server: ServerOptions

  func validate() throws {
    if let ringTimeout, DurationText.parse(ringTimeout) == nil {
      throw ValidationError("--ring-timeout \(ringTimeout): expected a time such as 30s or 1m")
    }
  }

  func request() -> Livekit_TransferSIPParticipantRequest {
    var request = Livekit_TransferSIPParticipantRequest()
    request.roomName = room
    request.participantIdentity = identity
    request.transferTo = to
    request.playDialtone = playDialtone
    if let timeout = ringTimeout.flatMap({ DurationText.parse($0) }) {
      let (seconds, attoseconds) = timeout.components
      request.ringingTimeout = Google_Protobuf_Duration(
        seconds: seconds, nanos: Int32(clamping: attoseconds / 1_000_000_000))
    }
    return request
  }

  func run() async throws {
    let request = request()
    var grants = Grants.roomAdmin(room)
    grants.sip.call = true
    let response: Livekit_TransferSIPParticipantResponse = try await server.client().sip(
      "TransferSIPParticipant", request, grants: grants, ringing: request.ringingTimeout)
    print(server.json ? try Output.json(response) : "Transferred.")
  }
}
