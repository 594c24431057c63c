import API
import Base
import Bus
import Configuration
import Linux
import LiveKitProtocol
import Logging
import SIP
import SwiftProtobuf
import Telephony

/// What livekit-servers ask of this gateway over the bus (`SIPInternal`): calls out, and transfers of its calls.
struct ClusterCalls: Sendable {
  let bus: ClusterBus
  let controller: CallController
  let settings: ClusterSettings
  let options: OutboundOptions
  let capabilities: PhoneCapabilities
  let load: NodeLoad
  let callLimit: Int
  let log: Logger

  init(
    _ member: ClusterMember, _ configuration: GatewayConfiguration, _ controller: CallController, _ load: NodeLoad,
    _ log: Logger
  ) {
    bus = member.bus
    self.controller = controller
    settings = member.settings
    options = configuration.outbound.options
    capabilities = PhoneCapabilities(configuration)
    self.load = load
    callLimit = configuration.limits.activeCalls
    self.log = log
  }

  /// Takes calls out and transfers from here on.
  func start() async {
    await bus.screen { [settings] method, payload in
      guard method == .createSIPParticipant, !settings.trunkIDs.isEmpty,
        let request = try? Rpc_InternalCreateSIPParticipantRequest(serializedBytes: payload)
      else { return true }
      return settings.trunkIDs.contains(request.sipTrunkID)
    }
    await bus.handle(.createSIPParticipant) { invocation in await answer(invocation, dial) }
    await bus.handle(.transferSIPParticipant) { invocation in await answer(invocation, transfer) }
    await bus.register(.createSIPParticipant, topic: [settings.clusterID], sharesLoad: true)
  }

  /// Takes no calls out any more; those that are taken are placed, which this waits for, a second at most.
  func stop() async {
    await bus.withdraw(.createSIPParticipant, topic: [settings.clusterID])
    for _ in 0..<100 where await bus.undecidedCount > 0 { try? await Task.sleep(for: .milliseconds(10)) }
  }

  /// After each change of the load.
  func shareLoad() async {
    let calls = await controller.callCount
    await bus.setFreeCapacity(load.freeCapacity(calls: calls, callLimit: callLimit))
  }

  private func answer<Request: Message, Response: Message>(
    _ invocation: BusServer.Invocation,
    _ body: @Sendable (Request, BusServer.Invocation) async -> Result<Response, BusError>
  ) async -> Result<[UInt8], BusError> {
    guard let request = try? Request(serializedBytes: invocation.payload) else {
      return .failure(BusError(.malformedRequest, "\(invocation.method.name) cannot be read"))
    }
    let result = await body(request, invocation)
    if case .failure(let error) = result {
      log.notice(
        "a request of the bus was not carried out",
        metadata: ["method": "\(invocation.method.name)", "code": "\(error.code.rawValue)", "why": "\(error.message)"])
    }
    return result.map { (try? $0.serializedBytes()) ?? [] }
  }

  // MARK: CreateSIPParticipant

  @Sendable private func dial(
    _ message: Rpc_InternalCreateSIPParticipantRequest, _ invocation: BusServer.Invocation
  ) async -> Result<Rpc_InternalCreateSIPParticipantResponse, BusError> {
    if load.isExhausted { return .failure(BusError(.unavailable, "cpu exhausted")) }
    let plan: OutboundCallPlan
    do {
      plan = try ClusterCallPlan.make(message, options, capabilities)
    } catch {
      return .failure(BusError(error))
    }
    let dialling = Task { await controller.carryOut(plan, apiKey: "") }
    // Nobody waits any longer: a phone that still rings stops.
    let limit = Task {
      try await Task.sleep(for: max(invocation.deadline - MonotonicClock.now(), .zero))
      dialling.cancel()
    }
    let outcome = await dialling.value
    limit.cancel()
    await shareLoad()
    return outcome.map { summary in
      var response = Rpc_InternalCreateSIPParticipantResponse()
      response.participantID = summary.participantSID
      response.participantIdentity = summary.identity
      response.sipCallID = summary.callID
      return response
    }.mapError { BusError($0) }
  }

  // MARK: TransferSIPParticipant

  @Sendable private func transfer(
    _ message: Rpc_InternalTransferSIPParticipantRequest, _ invocation: BusServer.Invocation
  ) async -> Result<Rpc_InternalTransferSIPParticipantResponse, BusError> {
    let callID = message.sipCallID.isEmpty ? invocation.topic.first ?? "" : message.sipCallID
    let result = await controller.transfer(
      callID: callID, to: message.transferTo, playDialtone: message.playDialtone, headers: message.headers,
      ringingTimeout: message.hasRingingTimeout ? Duration(message.ringingTimeout) : nil)
    switch result {
    case .failure(let error): return .failure(BusError(error))
    case .success(let result):
      if let error = result.error { return .failure(BusError(error)) }
      var response = Rpc_InternalTransferSIPParticipantResponse()
      response.transferID = result.transferID
      response.status = .stsTransferSuccessful
      response.reason = Livekit_SIPTransferReason(rawValue: result.reason.rawValue) ?? .strUnspecified
      if let status = result.sipStatus { response.sipStatus = Livekit_SIPStatus(status) }
      return .success(response)
    }
  }
}

extension BusError {
  init(_ error: CallError) {
    let details = error.sipStatus.map { [Google_Protobuf_Any(packing: Livekit_SIPStatus($0))] } ?? []
    self.init(Code(rawValue: error.code.rawValue) ?? .internal, error.message, details: details)
  }
}
