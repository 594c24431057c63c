import API
import Base
import LiveKitProtocol
import Logging
import RoomCore
import SIP
import SwiftProtobuf
import Telephony

/// What programs ask of calls, taken to the SIP thread.
struct GatewayCalls: CallService {
  let controller: CallController
  let capabilities: PhoneCapabilities

  func createParticipant(
    _ message: Livekit_CreateSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_SIPParticipantInfo {
    let request = try OutboundCallRequest(message, capabilities)
    let outcome = await controller.dial(request, apiKey: caller.apiKey)
    switch outcome {
    case .success(let summary):
      var info = Livekit_SIPParticipantInfo()
      info.participantID = summary.participantSID
      info.participantIdentity = summary.identity
      info.roomName = summary.roomName
      info.sipCallID = summary.callID
      return info
    case .failure(let error): throw TwirpError(error)
    }
  }

  func transferParticipant(
    _ message: Livekit_TransferSIPParticipantRequest, for caller: APICaller
  ) async throws(TwirpError) -> Livekit_TransferSIPParticipantResponse {
    let result = await controller.transfer(message, for: caller)
    switch result {
    case .failure(let error): throw TwirpError(error)
    case .success(let result):
      if let error = result.error { throw TwirpError(error) }
      var response = Livekit_TransferSIPParticipantResponse()
      response.transferID = result.transferID
      response.status = .stsTransferSuccessful
      response.reason = Livekit_SIPTransferReason(rawValue: result.reason.rawValue) ?? .strUnspecified
      if let status = result.sipStatus { response.sipStatus = Livekit_SIPStatus(status) }
      return response
    }
  }

  func moveParticipant(_ request: Livekit_MoveParticipantRequest) async throws(TwirpError) {
    guard !request.destinationRoom.isEmpty, request.destinationRoom.utf8.count <= 256 else {
      throw TwirpError(.invalidArgument, "destination_room: expected a name of 1 to 256 bytes")
    }
    let fault = await controller.move(request.identity, from: request.room, to: request.destinationRoom)
    if let fault { throw TwirpError(fault) }
  }

  func calls() async -> [Trunkline_Call] { await controller.summaries.map(\.message) }

  func hangUp(_ callID: String) async throws(TwirpError) -> Trunkline_Call {
    guard let summary = await controller.hangUp(callID) else {
      throw TwirpError(.notFound, "there is no call \(callID.prefix(64))")
    }
    return summary.message
  }
}

extension CallError {
  fileprivate static func noCall(_ room: String) -> CallError {
    CallError(.notFound, "room \(room.prefix(64)) has no phone call of that identity")
  }
}

extension TwirpError {
  init(_ error: CallError) {
    self.init(Code(rawValue: error.code.rawValue) ?? .internal, error.message, meta: error.meta)
  }
}

/// What the API does, on the SIP thread.
extension CallController {
  func dial(_ request: OutboundCallRequest, apiKey: String) async -> Result<CallSummary, CallError> {
    var generator = SystemRandomNumberGenerator()
    let plan: OutboundCallPlan
    do throws(OutboundRefusal) {
      plan = try context.directory.current.planner.plan(request, callID: GUID.make(prefix: "SCL_"), using: &generator)
    } catch {
      return .failure(notPlaced(error))
    }
    return await carryOut(plan, apiKey: apiKey)
  }

  private func notPlaced(_ refusal: OutboundRefusal) -> CallError {
    context.log.notice(
      "a call was not placed", metadata: ["reason": "\(refusal.reason.rawValue)", "why": "\(refusal.sentence)"])
    return refusal.error
  }

  /// Returns when the participant is in the room, or when the call is answered where that is to be waited for. The call
  /// ends when the task is cancelled before.
  func carryOut(_ plan: OutboundCallPlan, apiKey: String) async -> Result<CallSummary, CallError> {
    let call: Call
    do throws(OutboundRefusal) {
      call = try place(plan, apiKey: apiKey)
    } catch {
      return .failure(notPlaced(error))
    }
    let report = await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        call.dialReport = continuation
        call.start()
      }
    } onCancel: {
      Task { @SIPActor in call.handle(.endRequested(headers: [])) }
    }
    return switch report {
    case .placed: .success(call.summary)
    case .failed(let error): .failure(error)
    }
  }

  func transfer(
    _ message: Livekit_TransferSIPParticipantRequest, for caller: APICaller
  ) async -> Result<TransferResult, CallError> {
    var request: TransferRequest
    do throws(CallError) {
      let ringingTimeout = message.hasRingingTimeout ? message.ringingTimeout.duration : nil
      request = try TransferRequest.make(
        id: makeTransferID(), transferID: GUID.make(prefix: "STR_"), roomName: message.roomName,
        participantIdentity: message.participantIdentity, transferTo: message.transferTo,
        playDialtone: message.playDialtone, headers: message.headers, ringingTimeout: ringingTimeout)
    } catch {
      return .failure(error)
    }
    request.apiKey = caller.apiKey
    guard let call = call(of: message.participantIdentity, in: message.roomName) else {
      return .failure(.noCall(message.roomName))
    }
    if let consulted = request.target.consultedCallID {
      // Another room's call is none of this token's business, as long as it is not every call's.
      guard let other = self.call(consulted), other !== call, let target = other.targetInItsPlace,
        other.summary.roomName == message.roomName || caller.grants.sip.mayAdminister
      else {
        return .failure(CallError(.notFound, "transfer_to names no other call in a room: \(consulted.prefix(64))"))
      }
      request.target = target
    }
    return .success(await call.transfer(request))
  }

  /// Why it is not moved. Nil: it is on its way.
  func move(_ identity: String, from room: String, to destination: String) -> CallError? {
    guard let call = call(of: identity, in: room) else { return .noCall(room) }
    guard let entry = call.entry(movedTo: destination) else {
      return CallError(.failedPrecondition, "the call is not answered, or is being transferred")
    }
    call.handle(.moveRequested(entry))
    return nil
  }

  /// The call as it was. Nil when there is none.
  func hangUp(_ callID: String) -> CallSummary? {
    guard let call = call(callID) else { return nil }
    let summary = call.summary
    call.handle(.endRequested(headers: []))
    return summary
  }
}

extension Call {
  /// The participant that it is, in another room. Nil unless it talks to one.
  func entry(movedTo room: String) -> RoomEntry? {
    guard var entry, machine.place != nil else { return nil }
    entry.roomName = room
    entry.roomPreset = ""
    entry.roomConfiguration = nil
    entry.pass = RoomPass(url: entry.pass.url)
    entry.participant.attributes = attributes
    return entry
  }
}

extension Google_Protobuf_Duration {
  fileprivate var duration: Duration { .seconds(seconds) + .nanoseconds(Int64(nanos)) }
}
