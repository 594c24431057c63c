import Base
import SIP
import Telephony

extension CallController {
  /// What livekit-sip waits when nobody says how long.
  private static let transferTimeout: Duration = .seconds(120)

  /// Transfers one call, whichever room it is in.
  func transfer(
    callID: String, to target: String, playDialtone: Bool, headers: [String: String], ringingTimeout: Duration?
  ) async -> Result<TransferResult, CallError> {
    guard let call = call(callID) else { return .failure(CallError(.notFound, "unknown call")) }
    if let trunk = call.trunk, trunk.transfer.isPrevented {
      return .failure(CallError(.unimplemented, "the provider of trunk \(trunk.label) transfers no calls"))
    }
    let timeout = ringingTimeout.flatMap { $0 == .zero ? nil : $0 } ?? Self.transferTimeout
    var request: TransferRequest
    do throws(CallError) {
      request = try TransferRequest.make(
        id: makeTransferID(), transferID: GUID.make(prefix: "STR_"), transferTo: target, playDialtone: playDialtone,
        headers: headers, ringingTimeout: timeout)
    } catch {
      return .failure(error)
    }
    if let consulted = request.target.consultedCallID {
      guard let other = self.call(consulted), other !== call, let target = other.targetInItsPlace else {
        return .failure(CallError(.notFound, "transfer_to names no other call in a room: \(consulted.prefix(64))"))
      }
      request.target = target
    }
    return .success(await call.transfer(request))
  }
}
