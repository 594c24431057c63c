public import Base

/// Why an agent could not start.
public struct SIPAgentError: Error, Hashable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// Counters of an agent since its start, and what it holds now.
public struct SIPAgentStatistics: Hashable, Sendable {
  /// INVITEs that have an id and have not ended.
  public var liveInvites = 0
  /// Server and client transactions in the stack, timers running.
  public var transactions = 0
  public var tcpConnections = 0
  public var droppedRequests: UInt64 = 0
  /// Replies sent without a transaction.
  public var statelessReplies: UInt64 = 0

  public init() {}
}

/// A SIP user agent, server and client side, on the SIP thread.
///
/// Syntax, transactions, dialogs, OPTIONS and the refusals of RFC 3261 §8.2 and §12.2.2 are its own; calls are the
/// handler's. See `SIPEvent` for the order of things.
@SIPActor
public final class SIPAgent {
  public let configuration: SIPAgentConfiguration
  /// What is bound, with the port that was picked.
  public private(set) var listeners: [(transport: SIPTransport, endpoint: Endpoint)] = []

  /// Binds the sockets. - Throws: when an address or port is taken or not ours.
  public init(
    _ configuration: SIPAgentConfiguration, handler: @escaping @SIPActor (SIPEvent) -> Void
  ) throws(SIPAgentError) {
    self.configuration = configuration
  }

  public var statistics: SIPAgentStatistics { SIPAgentStatistics() }

  /// Sets the To-tag of every response to this invite (our call id); before the first response.
  public func setLocalTag(_ tag: String, of id: InviteID) {}

  /// Answers an INVITE or, when one is open, a re-INVITE: 1xx any number of times, then one final status.
  ///
  /// A final refusal given while the handler is still inside `.invite` is stateless: no transaction is made, the reply is
  /// remembered in a bounded table for retransmissions, and no `.terminated` follows. An id that is gone is ignored.
  public func respond(to id: InviteID, with response: SIPResponse) {}

  /// Ends an INVITE without an answer. Inside `.invite` nothing is kept.
  public func drop(_ id: InviteID) {}

  /// Ends the call however far it is: BYE when established, CANCEL when ours and ringing, `status` when theirs and ringing.
  ///
  /// - Parameter reason: a Reason header value (RFC 3326).
  public func hangUp(_ id: InviteID, reason: String? = nil, status: Int = 480, headers: [SIPHeader] = []) {}

  /// Places a call. Every outcome comes as an event, even one that is known at once.
  public func invite(_ invite: OutgoingInvite) -> InviteID { InviteID(rawValue: 0) }

  /// Sends a re-INVITE in an established call; `.answered` or `.failed` tells the outcome.
  public func reinvite(_ id: InviteID, sdp: String) {}

  /// Ends every dialog with `.terminated(closed)`, sends nothing and frees the sockets. Idempotent.
  public func close() {}
}
