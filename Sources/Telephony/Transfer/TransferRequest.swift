/// What a program asks for with `TransferSIPParticipant`.
public struct TransferRequest: Hashable, Sendable {
  /// Told apart from other requests about the same call; chosen by whoever waits for the result.
  public typealias ID = UInt64

  /// When the request names none; what LiveKit's server waits.
  public static let defaultRingingTimeout: Duration = .seconds(30)
  public static let ringingTimeoutLimit: Duration = .seconds(600)

  public var id: ID
  /// `STR_…`
  public var transferID: String
  public var target: ReferTarget
  /// The caller hears ringback instead of the room meanwhile.
  public var playDialtone: Bool
  /// Headers of the REFER, or of the INVITE of a bridge.
  public var headers: [CallFacts.Header]
  public var ringingTimeout: Duration
  /// Whose limits a bridge's call out counts for. Empty: nobody's.
  public var apiKey = ""

  public init(
    id: ID, transferID: String, target: ReferTarget, playDialtone: Bool = false, headers: [CallFacts.Header] = [],
    ringingTimeout: Duration = TransferRequest.defaultRingingTimeout
  ) {
    self.id = id
    self.transferID = transferID
    self.target = target
    self.playDialtone = playDialtone
    self.headers = headers
    self.ringingTimeout = ringingTimeout
  }

  /// Checks the fields of the API's message. Room and participant are looked up by the caller.
  public static func make(
    id: ID, transferID: String, roomName: String, participantIdentity: String, transferTo: String, playDialtone: Bool,
    headers: [String: String], ringingTimeout: Duration?
  ) throws(CallError) -> TransferRequest {
    for (field, value) in [
      ("room_name", roomName), ("participant_identity", participantIdentity), ("transfer_to", transferTo),
    ] where value.isEmpty {
      throw CallError(.invalidArgument, "\(field) is required")
    }
    return try make(
      id: id, transferID: transferID, transferTo: transferTo, playDialtone: playDialtone, headers: headers,
      ringingTimeout: ringingTimeout)
  }

  /// The same for a call that is known.
  public static func make(
    id: ID, transferID: String, transferTo: String, playDialtone: Bool, headers: [String: String],
    ringingTimeout: Duration?
  ) throws(CallError) -> TransferRequest {
    guard let target = ReferTarget(transferTo) else {
      throw CallError(.invalidArgument, "transfer_to is no sip:, sips: or tel: URI")
    }
    if let problem = HeaderCheck.problem(headers: headers) { throw CallError(.invalidArgument, "headers: \(problem)") }
    let timeout = ringingTimeout.flatMap { $0 == .zero ? nil : $0 } ?? defaultRingingTimeout
    guard timeout > .zero, timeout <= ringingTimeoutLimit else {
      throw CallError(.invalidArgument, "ringing_timeout is from 0 to 600 s")
    }
    return TransferRequest(
      id: id, transferID: transferID, target: target, playDialtone: playDialtone,
      headers: headers.sorted { $0.key < $1.key }.map { CallFacts.Header($0.key, $0.value) }, ringingTimeout: timeout)
  }
}
