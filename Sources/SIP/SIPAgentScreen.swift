import Base
import CSofia

/// What the agent looks at before the stack makes anything of a request.
extension SIPAgent {
  /// Whether the stack may act on the request; it is dropped otherwise.
  func screen(_ request: csofia_screened) -> Bool {
    let isAllowed = isAllowed(request)
    if !isAllowed { counters.droppedRequests += 1 }
    return isAllowed
  }

  private func isAllowed(_ request: csofia_screened) -> Bool {
    let source = Endpoint(stack: request.source)
    let transport: SIPTransport = request.is_tcp ? .tcp : .udp
    if request.is_malformed {
      guard !configuration.isHidden, isAdmitted(source, transport) else { return false }
      return request.is_tcp || !request.is_reply_larger || configuration.isKnown(source.address)
    }
    guard let method = String(stack: request.method), let callID = String(stack: request.call_id) else { return true }
    let dialogs = dialogs(callID: callID)
    guard let tag = String(stack: request.to_tag) else {
      // A CANCEL: the stack matches it by its branch, which the caller's proxies know too.
      return dialogs.allSatisfy { mayTakePart(in: $0, source.address) }
    }
    guard let dialog = dialogs.first(where: { $0.tag == tag }) else { return true }
    guard mayTakePart(in: dialog, source.address) else { return isAdmitted(source, transport) }
    return method == "BYE" || dialog.budget.take(now: .now)
  }

  func mayTakePart(in dialog: SIPDialog, _ source: IPAddress) -> Bool {
    dialog.placing?.peers.contains(source) ?? configuration.mayTakePart(dialog.id, source)
  }

  private func isAdmitted(_ source: Endpoint, _ transport: SIPTransport) -> Bool {
    configuration.admit(SIPArrival(source: source, transport: transport, isInvite: false)) == .allow
  }
}
