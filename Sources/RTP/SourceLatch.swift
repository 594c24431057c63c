import Base

/// Decides which source's RTP a phone leg takes, and where its own goes. A third party's packets are never taken.
///
///     negotiated ──first packet from an allowed source──▶ locked ──move(to:) with a new address──▶ negotiated
public struct SourceLatch: Sendable {
  public enum Policy: Hashable, Sendable {
    /// Only the address and port of the SDP.
    case negotiated
    /// The address of the SDP with any port: the first port that sends is kept.
    case negotiatedAddress
    /// The peer is behind NAT and its SDP address may mean nothing here. The SDP's endpoint and the address that
    /// signalling comes from are taken at once; another source after five packets of one stream in sequence.
    case learn(preferring: IPAddress?)
  }

  public enum Verdict: Hashable, Sendable {
    case accepted
    /// Accepted, and the source is locked from here on: `remote` is now this source.
    case learned
    case rejected
  }

  /// What a stranger must send in sequence to be learned: one stray packet must not take a call over.
  private static let probationPacketCount = 5
  /// A candidate that is quiet for so long makes room for another.
  private static let candidateTimeout = Duration.milliseconds(500)

  private struct Candidate {
    var source: Endpoint
    var ssrc: UInt32
    var nextSequenceNumber: UInt16
    var packetCount: Int
    var lastArrival: MonotonicTime
  }

  public private(set) var negotiated: Endpoint
  public private(set) var policy: Policy
  /// The source that is locked. Nil before the first accepted packet.
  public private(set) var locked: Endpoint?
  public private(set) var rejectedPacketCount: UInt64 = 0
  private var candidate: Candidate?

  public init(negotiated: Endpoint, policy: Policy) {
    self.negotiated = negotiated
    self.policy = policy
  }

  /// Where this side's RTP goes: the locked source, or what the SDP says.
  public var remote: Endpoint { locked ?? negotiated }

  /// Judges one RTP packet by its source. `header` matters only while another source is being learned.
  public mutating func check(_ source: Endpoint, _ header: RTPHeader, at now: MonotonicTime)
    -> Verdict
  {
    if let locked {
      if locked == source { return .accepted }
      rejectedPacketCount += 1
      return .rejected
    }
    if isAllowedAtOnce(source) || hasPassedProbation(source, header, at: now) {
      locked = source
      candidate = nil
      return .learned
    }
    rejectedPacketCount += 1
    return .rejected
  }

  /// A new offer or answer. The lock stays when it names the same endpoint under the same policy (hold, session timer).
  public mutating func move(to negotiated: Endpoint, policy: Policy) {
    guard negotiated != self.negotiated || policy != self.policy else { return }
    self.negotiated = negotiated
    self.policy = policy
    locked = nil
    candidate = nil
  }

  private func isAllowedAtOnce(_ source: Endpoint) -> Bool {
    if source == negotiated { return true }
    switch policy {
    case .negotiated: return false
    case .negotiatedAddress: return source.address == negotiated.address
    case .learn(let preferred):
      return source.address == negotiated.address || source.address == preferred
    }
  }

  private mutating func hasPassedProbation(
    _ source: Endpoint, _ header: RTPHeader, at now: MonotonicTime
  ) -> Bool {
    guard case .learn = policy else { return false }
    guard var current = candidate, now - current.lastArrival < Self.candidateTimeout else {
      begin(source, header, at: now)
      return false
    }
    guard current.source == source else { return false }
    guard current.ssrc == header.ssrc, current.nextSequenceNumber == header.sequenceNumber else {
      begin(source, header, at: now)
      return false
    }
    current.packetCount += 1
    current.nextSequenceNumber &+= 1
    current.lastArrival = now
    candidate = current
    return current.packetCount >= Self.probationPacketCount
  }

  private mutating func begin(_ source: Endpoint, _ header: RTPHeader, at now: MonotonicTime) {
    candidate = Candidate(
      source: source, ssrc: header.ssrc, nextSequenceNumber: header.sequenceNumber &+ 1,
      packetCount: 1,
      lastArrival: now)
  }
}
