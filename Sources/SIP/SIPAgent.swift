public import Base
import CSofia
import Telephony

/// Why an agent could not start.
public struct SIPAgentError: Error, Hashable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// Counters of an agent since its start, and what it holds now.
public struct SIPAgentStatistics: Hashable, Sendable {
  /// INVITEs that have an id and have not ended.
  public var liveInvites = 0
  /// Dialogs in the stack.
  public var dialogs = 0
  /// Server and client transactions in the stack, timers running.
  public var transactions = 0
  public var tcpConnections = 0
  public var receivedRequests: UInt64 = 0
  /// Requests that were malformed.
  public var badRequests: UInt64 = 0
  /// Requests that admission or the handler left unanswered.
  public var droppedRequests: UInt64 = 0
  /// Replies sent without a transaction.
  public var statelessReplies: UInt64 = 0

  public init() {}
}

/// A SIP user agent, server and client side, on the SIP thread.
///
/// Syntax, transactions, dialogs, OPTIONS and the refusals of RFC 3261 §8.2 and §12.2.2 are its own; calls are the
/// handler's. No event comes from inside a call of the agent's methods: what they cause is told in a later turn.
@SIPActor
public final class SIPAgent {
  public let configuration: SIPAgentConfiguration
  /// What is bound, with the port that was picked.
  public private(set) var listeners: [(transport: SIPTransport, endpoint: Endpoint)] = []

  let id: UInt64
  let handler: @SIPActor (SIPEvent) -> Void
  private(set) var dialogs: [UInt64: SIPDialog] = [:]
  private var dialogsByCallID: [String: [UInt64]] = [:]
  var refusals = RefusalMemory()
  var counters = SIPAgentStatistics()
  let lookup: ServerLookup
  private var pointer: OpaquePointer?
  private var lastInviteID: UInt64 = 0
  private var pendingEvents: [SIPEvent] = []
  /// Looks for addresses that the machine got after the start, when it listens on all of them.
  private var addressTimer: SIPTimer?
  private static let addressInterval: Duration = .seconds(30)

  /// Binds the sockets. - Throws: when an address or port is taken or not ours.
  public init(
    _ configuration: SIPAgentConfiguration, handler: @escaping @SIPActor (SIPEvent) -> Void
  ) throws(SIPAgentError) {
    self.configuration = configuration
    self.handler = handler
    id = SIPAgentTable.nextID()
    lookup = ServerLookup(server: configuration.nameServer)
    (pointer, listeners) = try SIPListening(configuration, agentID: id).open()
    SIPAgentTable.insert(self, id)
    guard configuration.listenAddresses.contains(where: \.isUnspecified) else { return }
    addressTimer = SIPTimer(after: Self.addressInterval, repeats: true) { [weak self] in self?.listenOnNewAddresses() }
  }

  isolated deinit { close() }

  public var statistics: SIPAgentStatistics {
    var statistics = counters
    statistics.liveInvites = dialogs.count
    guard let pointer else { return statistics }
    var stack = csofia_statistics()
    csofia_agent_statistics(pointer, &stack)
    statistics.dialogs = Int(stack.legs)
    statistics.transactions = Int(stack.server_transactions) + Int(stack.client_transactions)
    statistics.tcpConnections = Int(stack.tcp_connections)
    statistics.receivedRequests = stack.received_requests
    statistics.badRequests = stack.bad_requests
    return statistics
  }

  /// Sets the To-tag of every response to this invite (our call id); before the first response.
  public func setLocalTag(_ tag: String, of id: InviteID) {
    guard let dialog = dialogs[id.rawValue], dialog.pointer == nil else { return }
    dialog.tag = tag
  }

  /// Answers an INVITE or, when one is open, a re-INVITE: 1xx any number of times, then one final status.
  ///
  /// A final refusal given while the handler is still inside `.invite` is stateless: no transaction is made, the reply
  /// is remembered in a bounded table for retransmissions, and no `.terminated` follows. An id that is gone is ignored.
  public func respond(to id: InviteID, with response: SIPResponse) {
    guard let dialog = dialogs[id.rawValue] else { return }
    if case .arriving(let request) = dialog.state {
      if response.status >= 300 { return refuse(dialog, request, response) }
      guard accept(dialog, request) else { return }
    }
    guard dialog.send(response), response.status >= 200 else { return }
    switch dialog.state {
    case .ringing where response.status < 300: dialog.state = .answered
    case .ringing: finish(dialog, .refused(response.status))
    default: break
    }
  }

  /// Ends an INVITE without an answer while the handler is inside `.invite`; nothing is kept. Later it gets 480.
  public func drop(_ id: InviteID) {
    guard let dialog = dialogs[id.rawValue] else { return }
    if case .arriving = dialog.state {
      remember(RefusalMemory.Refusal(response: nil, tag: nil), of: dialog)
      counters.droppedRequests += 1
      forget(dialog)
    } else {
      hangUp(id)
    }
  }

  /// Leaves an INVITE as if it had not come, while the handler is inside `.invite`: its retransmission is a new arrival.
  public func ignore(_ id: InviteID) {
    guard let dialog = dialogs[id.rawValue], case .arriving = dialog.state else { return }
    counters.droppedRequests += 1
    forget(dialog)
  }

  /// Ends the call however far it is: BYE when established; while it rings, CANCEL when it is ours and `status` when it
  /// is theirs.
  ///
  /// - Parameter reason: a Reason header value (RFC 3326).
  public func hangUp(_ id: InviteID, reason: String? = nil, status: Int = 480, headers: [SIPHeader] = []) {
    guard let dialog = dialogs[id.rawValue] else { return }
    let headers = headers + (reason.map { [SIPHeader("Reason", $0)] } ?? [])
    switch dialog.state {
    case .arriving, .ringing:
      respond(to: id, with: SIPResponse(status, SIPReasonPhrase.of(status), headers: headers))
    case .answered: dialog.pendingBye = headers
    case .established: bye(dialog, headers)
    case .locating: failSoon(dialog, .cancelled)
    case .calling: cancel(dialog, headers)
    case .cancelling, .ending, .ended: break
    }
  }

  /// Sends a re-INVITE in an established call; `.answered` or `.failed` tells the outcome. Before the ACK, or while
  /// another exchange is open, it fails with 491 (RFC 3261 §14.1).
  public func reinvite(_ id: InviteID, sdp: String) {
    guard let dialog = dialogs[id.rawValue] else { return }
    dialog.placing?.digest?.reset()
    if !dialog.isEstablished || !dialog.sendInvite([], sdp: sdp) { tellSoon(.failed(id, SIPReply(.pending))) }
  }

  /// Ends every dialog with `.terminated(closed)` and frees the sockets; no BYE is sent. Idempotent.
  public func close() {
    guard let pointer else { return }
    self.pointer = nil
    addressTimer = nil
    SIPAgentTable.remove(id)
    csofia_agent_close(pointer)
    let ended = dialogs.values
    dialogs = [:]
    dialogsByCallID = [:]
    for dialog in ended {
      dialog.state = .ended
      dialog.pointer = nil
      dialog.stopTimers()
    }
    // The handler is told from here on by nobody else.
    let handler = handler
    let events = pendingEvents + ended.map { .terminated($0.id, .closed) }
    pendingEvents = []
    if !events.isEmpty { Task { @SIPActor in for event in events { handler(event) } } }
  }

  // MARK: - For the other halves of the agent

  var stack: OpaquePointer? { pointer }

  func insert(_ dialog: SIPDialog) {
    dialogs[dialog.id.rawValue] = dialog
    dialogsByCallID[dialog.callID, default: []].append(dialog.id.rawValue)
  }

  /// The dialogs of one Call-ID; their tags tell them apart.
  func dialogs(callID: String) -> [SIPDialog] { (dialogsByCallID[callID] ?? []).compactMap { dialogs[$0] } }

  func nextInviteID() -> InviteID {
    lastInviteID += 1
    return InviteID(rawValue: lastInviteID)
  }

  /// Makes transaction and dialog; sends 100 unless hidden. False without memory.
  func accept(_ dialog: SIPDialog, _ request: OpaquePointer) -> Bool {
    dialog.pointer = csofia_request_accept(request, dialog.id.rawValue, dialog.tag, dialog.contact)
    guard dialog.pointer != nil else {
      forget(dialog)
      return false
    }
    dialog.state = .ringing
    dialog.chooseNextHop()
    if !configuration.isHidden { _ = dialog.send(SIPResponse(100, "Trying")) }
    return true
  }

  func bye(_ dialog: SIPDialog, _ headers: [SIPHeader]) {
    dialog.state = .ending
    if !dialog.sendBye(headers) { finish(dialog, .localBye) }
  }

  /// The dialog is over: frees it and tells the handler in a later turn.
  func finish(_ dialog: SIPDialog, _ termination: SIPTermination) {
    forget(dialog)
    tellSoon(.terminated(dialog.id, termination))
  }

  func forget(_ dialog: SIPDialog) {
    dialog.state = .ended
    dialog.stopTimers()
    dialogs[dialog.id.rawValue] = nil
    dialogsByCallID[dialog.callID]?.removeAll { $0 == dialog.id.rawValue }
    if dialogsByCallID[dialog.callID]?.isEmpty == true { dialogsByCallID[dialog.callID] = nil }
    if let pointer = dialog.pointer { csofia_dialog_destroy(pointer) }
    dialog.pointer = nil
  }

  func tellSoon(_ event: SIPEvent) {
    pendingEvents.append(event)
    guard pendingEvents.count == 1 else { return }
    Task { @SIPActor in
      let events = pendingEvents
      pendingEvents = []
      for event in events { handler(event) }
    }
  }

  private func listenOnNewAddresses() {
    guard let pointer, let port = listeners.first?.endpoint.port else { return }
    let listening = SIPListening(configuration, agentID: id)
    let added = listening.missing(from: listeners, port: port).filter { listening.add($0, to: pointer) }
    guard !added.isEmpty else { return }
    listeners += added
    csofia_agent_start(pointer)
  }

  private func refuse(_ dialog: SIPDialog, _ request: OpaquePointer, _ response: SIPResponse) {
    send(response, tag: dialog.tag, to: request, dialog.peer, dialog.transport)
    remember(RefusalMemory.Refusal(response: response, tag: dialog.tag), of: dialog)
    forget(dialog)
  }

  private func remember(_ refusal: RefusalMemory.Refusal, of dialog: SIPDialog) {
    if let key = dialog.refusalKey { refusals.remember(refusal, for: key, at: .now) }
  }
}
