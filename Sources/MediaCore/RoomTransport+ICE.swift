import Base
import RTP
import Transport

/// The path to the peer: checks in both directions, and what comes of their absence.
extension RoomTransport {
  /// Takes a datagram from a port of the transport's own. False when it is a stranger's.
  mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, at now: MonotonicTime,
    _ output: inout MediaOutput
  ) -> Bool {
    let bytes = UnsafeRawBufferPointer(datagram).bytes
    let kind = DatagramKind(bytes)
    if case .stun = kind {
      guard receiveSTUN(bytes, from: source, at: now, &output) else { return false }
      if !sources.contains(source) { _ = addSource(source) }
      return true
    }
    guard sources.contains(source) else { return false }
    switch kind {
    case .rtp: receiveRTP(datagram, at: now, &output)
    case .rtcp: receiveRTCP(datagram, at: now, &output)
    case .dtls: receiveDTLS(bytes, at: now, &output)
    case .stun, .unknown: break
    }
    return true
  }

  /// Takes a STUN datagram. True when its sender knows a password: datagrams from `source` are this transport's.
  mutating func receiveSTUN(
    _ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> Bool {
    guard !isClosed, let slot = output.transmit.reserve() else { return false }
    var response = slot.mutableBytes
    switch ice.receive(datagram, from: source, at: now, response: &response) {
    case .ignore: return false
    case .respond(let byteCount):
      let port = ports.port(isIPv4: source.address.isIPv4) ?? .webRTC
      output.transmit.commit(byteCount: byteCount, to: source, via: port)
      statistics.packetsSent += 1
    case .accepted: break
    }
    startDTLS(&output)
    return true
  }

  /// Sends the checks of a full agent that are due.
  mutating func sendChecks(at now: MonotonicTime, _ output: inout MediaOutput) {
    while let slot = output.transmit.reserve() {
      var check = slot.mutableBytes
      guard let (byteCount, route) = ice.nextCheck(at: now, into: &check) else { return }
      output.transmit.commit(byteCount: byteCount, to: route.destination, via: route.port)
      statistics.packetsSent += 1
    }
  }

  /// Reports a full agent's path that falls silent or comes back, and ends a transport without consent.
  mutating func watchConsent(at now: MonotonicTime, _ output: borrowing MediaOutput) {
    if let last = ice.lastConsent, now - last >= consentTimeout { return fail(.consentExpired) }
    guard let last = ice.lastResponse else { return }
    if let start = interruption {
      guard last > start else { return }
      interruption = nil
      output.emit(.transportResumed(id))
    } else if now - last >= interruptionTimeout {
      interruption = now
      output.emit(.transportInterrupted(id))
    }
  }

  mutating func addRemoteCandidates(_ candidates: [ICECandidate], at now: MonotonicTime, _ output: inout MediaOutput) {
    ice.addRemoteCandidates(candidates)
    sendChecks(at: now, &output)
  }

  mutating func restartICE(
    _ credentials: ICECredentials, remote: ICERemote?, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> Bool {
    guard ice.restart(credentials, remote: remote, at: now) else { return false }
    sendChecks(at: now, &output)
    return true
  }

  /// Remembers a source. Returns the one that has to make room for it, if any.
  mutating func addSource(_ source: Endpoint) -> Endpoint? {
    let selected = ice.route?.destination
    let oldest = sources.count < Self.maximumSourceCount ? nil : sources.firstIndex { $0 != selected }
    let evicted = oldest.map { sources.remove(at: $0) }
    sources.append(source)
    return evicted
  }
}
