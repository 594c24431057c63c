import Base

/// A full ICE agent for one transport (RFC 8445): checks the peer's candidates, answers its checks, nominates or is
/// nominated to, keeps consent (RFC 7675), and begins anew with new credentials. Bytes in, bytes out:
///
///     add(base), addRemoteCandidates(…)
///     receive(datagram, over: path)      // a STUN datagram: a response to send, or nothing
///     nextCheck(at:into:)                // on each tick, until it returns nil
///     selected                           // where everything else goes
///
/// There is one checklist with one component, so no pair is frozen (§6.1.2.6 would spare a check where two candidates
/// have one foundation). Nomination is regular (§8.1.1). A selected pair that falls silent while another one answers
/// loses its place without a restart: LiveKit servers and libwebrtc nominate so too.
public struct ICEAgent: Sendable {
  public enum Answer: Hashable, Sendable {
    /// Not for us, or not proven to be: no answer.
    case ignore
    /// The peer's request: send the first `byteCount` bytes of the response back over the path it came by.
    case respond(byteCount: Int)
    /// The peer's response to a check.
    case accepted
  }

  public static let maximumResponseByteCount = STUNResponse.maximumByteCount
  /// Room for a check: USERNAME with two fragments of 256 bytes is the largest part.
  public static let maximumCheckByteCount = 640
  public static let maximumRemoteCandidateCount = 64
  /// RFC 8445 §6.1.2.5.
  public static let maximumPairCount = 100
  /// Between two new checks (RFC 8445 §14.2).
  static let pace = Duration.milliseconds(50)
  /// From the first valid pair to nominating, while a better one is still being checked.
  static let nominationDelay = Duration.milliseconds(200)
  /// Consent checks of the selected pair while they are answered, ±20 %. RFC 7675 §5.1 has 5 s; so often a path that is
  /// gone is noticed before the phone's user speaks up.
  static let consentInterval = Duration.seconds(1)
  /// While they are not.
  static let consentRetryInterval = Duration.milliseconds(500)
  /// The selected pair is silent for this long: others are tried.
  static let staleTime = Duration.seconds(2)

  struct Remote: Sendable {
    var endpoint: Endpoint
    var priority: UInt32
    /// Learnt from a check.
    var isPeerReflexive: Bool
  }

  public private(set) var localFragment: ICEFragment
  /// Nominates. Changes when both sides believe to be in one role.
  public internal(set) var isControlling: Bool
  /// Where to send. Nil until a check has been answered; stays through a restart until there is another.
  public internal(set) var selected: ICEPath?
  /// The selected pair is agreed with the peer, not just one that works.
  public internal(set) var isNominated = false
  /// When the peer last showed that it wants what we send: by a response over the selected path, or by new credentials.
  public internal(set) var lastConsent: MonotonicTime?
  /// When it last answered over the selected path.
  public internal(set) var lastResponse: MonotonicTime?
  /// Our address as the peer sees it on the selected path (RFC 8445 §7.2.5.3.1).
  public internal(set) var mapped: Endpoint?
  /// Candidates and pairs that found no room.
  public internal(set) var droppedCount = 0

  let tieBreaker: UInt64
  var random: RandomSource
  var localKey: STUNKey
  var remoteKey: STUNKey
  var remoteFragment: [UInt8]
  /// USERNAME of our checks.
  var username: [UInt8]
  var bases: [ICEBase] = []
  var remotes: [Remote] = []
  var pairs: [ICEPair] = []
  var triggeredCount: UInt32 = 0
  var nextPaced = MonotonicTime.zero
  /// The pair that is being nominated.
  var nominee: ICEPath?
  /// Since when there is a pair that could be nominated.
  var nominationStart: MonotonicTime?

  /// Nil unless the passwords have 22…256 and the peer's fragment 4…256 characters.
  public init?(
    localFragment: ICEFragment, localPassword: String, remoteFragment: String, remotePassword: String,
    isControlling: Bool, tieBreaker: UInt64, random: RandomSource = .system
  ) {
    guard ICECharacters.areUsable(localPassword), Self.isUsable(remoteFragment, remotePassword) else { return nil }
    self.localFragment = localFragment
    self.isControlling = isControlling
    self.tieBreaker = tieBreaker
    self.random = random
    localKey = STUNKey(password: localPassword)
    remoteKey = STUNKey(password: remotePassword)
    self.remoteFragment = Array(remoteFragment.utf8)
    username = Array("\(remoteFragment):\(localFragment)".utf8)
  }

  /// From here on checks leave by this base too.
  public mutating func add(_ base: ICEBase) {
    guard !bases.contains(where: { $0.id == base.id }) else { return }
    bases.append(base)
    if let remote = base.connectedTo {
      // RFC 6544 §4.2: below UDP, above a relay.
      addPair(ICEPath(base.id, remote), base, remotePriority: base.priority)
    } else {
      for remote in remotes { pair(base, remote) }
    }
  }

  /// The base is gone, and with it its pairs.
  public mutating func removeBase(_ id: ICEBaseID) {
    bases.removeAll { $0.id == id }
    pairs.removeAll { $0.path.base == id }
    if nominee?.base == id { nominee = nil }
    if selected?.base == id { deselect() }
  }

  /// Takes UDP candidates of component 1 with an address that one can send to; the rest is passed over.
  public mutating func addRemoteCandidates(_ candidates: [ICECandidate]) {
    for candidate in candidates where candidate.transport == .udp && candidate.component == 1 {
      guard candidate.endpoint.port > 0, !candidate.endpoint.address.isUnspecified else { continue }
      addRemote(Remote(endpoint: candidate.endpoint, priority: candidate.priority, isPeerReflexive: false))
    }
  }

  /// ICE restart (RFC 8445 §9): new credentials on both sides and a new checklist. The selected path stays until the
  /// new checklist has a valid one, and so does the role. False, and nothing changes, unless the credentials are usable.
  public mutating func restart(
    localFragment: ICEFragment, localPassword: String, remoteFragment: String, remotePassword: String,
    candidates: [ICECandidate], at now: MonotonicTime
  ) -> Bool {
    guard ICECharacters.areUsable(localPassword), Self.isUsable(remoteFragment, remotePassword) else { return false }
    self.localFragment = localFragment
    localKey = STUNKey(password: localPassword)
    remoteKey = STUNKey(password: remotePassword)
    self.remoteFragment = Array(remoteFragment.utf8)
    username = Array("\(remoteFragment):\(localFragment)".utf8)
    remotes = []
    pairs = []
    nominee = nil
    nominationStart = nil
    isNominated = false
    // The peer that gave us new credentials wants to hear from us.
    if lastConsent != nil { lastConsent = now }
    for base in bases {
      if let remote = base.connectedTo { addPair(ICEPath(base.id, remote), base, remotePriority: base.priority) }
    }
    addRemoteCandidates(candidates)
    return true
  }

  /// Whether datagrams that came over `path` may be the peer's: a check of it was answered, or it is where we send.
  public func isValid(_ path: ICEPath) -> Bool {
    path == selected || pairs.contains { $0.path == path && $0.state == .succeeded }
  }

  /// There is no way to the peer, or it has not answered for a while.
  public func isSilent(at now: MonotonicTime) -> Bool { selected == nil || isStale(at: now) }

  /// The selected pair has not answered for a while.
  func isStale(at now: MonotonicTime) -> Bool {
    guard let lastConsent else { return false }
    return now - lastConsent >= Self.staleTime
  }

  mutating func select(_ pair: ICEPair) {
    selected = pair.path
    lastConsent = pair.lastResponse
    lastResponse = pair.lastResponse
  }

  private mutating func deselect() {
    selected = nil
    isNominated = false
    nominationStart = nil
    let best = pairs.filter { $0.state == .succeeded }
      .max { $0.priority(isControlling: isControlling) < $1.priority(isControlling: isControlling) }
    if let best { select(best) }
  }

  /// Learns a candidate. One that is known by its address already gets no second pair.
  mutating func addRemote(_ remote: Remote) {
    if let known = remotes.firstIndex(where: { $0.endpoint == remote.endpoint }) {
      if remotes[known].isPeerReflexive { remotes[known] = remote }
      return
    }
    if remotes.count >= Self.maximumRemoteCandidateCount {
      // A peer that moves from address to address must not lock itself out.
      droppedCount += 1
      guard remote.isPeerReflexive, let oldest = remotes.firstIndex(where: \.isPeerReflexive) else { return }
      remotes.remove(at: oldest)
    }
    remotes.append(remote)
    for base in bases where base.connectedTo == nil { pair(base, remote) }
  }

  private mutating func pair(_ base: ICEBase, _ remote: Remote) {
    guard base.isIPv4 == remote.endpoint.address.isIPv4 else { return }
    addPair(ICEPath(base.id, remote.endpoint), base, remotePriority: remote.priority)
  }

  private mutating func addPair(_ path: ICEPath, _ base: ICEBase, remotePriority: UInt32) {
    guard !pairs.contains(where: { $0.path == path }) else { return }
    if pairs.count >= Self.maximumPairCount {
      droppedCount += 1
      guard let victim = leastUsefulPair() else { return }
      pairs.remove(at: victim)
    }
    pairs.append(ICEPair(path, localPriority: base.priority, remotePriority: remotePriority))
  }

  private func leastUsefulPair() -> Int? {
    pairs.indices
      .filter { pairs[$0].state != .succeeded && pairs[$0].path != selected && pairs[$0].path != nominee }
      .min { pairs[$0].priority(isControlling: isControlling) < pairs[$1].priority(isControlling: isControlling) }
  }

  private static func isUsable(_ fragment: String, _ password: String) -> Bool {
    (4...256).contains(fragment.utf8.count) && (22...256).contains(password.utf8.count)
  }
}
