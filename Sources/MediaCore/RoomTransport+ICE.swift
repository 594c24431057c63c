import Base
import RTP
import Transport

/// The path to the peer: checks in both directions, and what comes of their absence.
extension RoomTransport {
  /// A peer that changes its address with every request must not fill the engine's table.
  private static let maximumSourceCount = 8

  /// Takes a datagram from a port of the transport's own. False when it is a stranger's.
  mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, from source: Endpoint, on port: MediaPort, at now: MonotonicTime,
    _ output: inout MediaOutput
  ) -> Bool {
    guard !isClosed, let full = ice.full else { return false }
    switch full.pointee.receive(datagram, from: source, on: port, at: now, &output) {
    case .stranger: return false
    case .handled: startDTLS(&output)
    case .packet(let packet):
      let bytes = UnsafeRawBufferPointer(packet).bytes
      switch DatagramKind(bytes) {
      case .rtp: receiveRTP(packet, at: now, &output)
      case .rtcp: receiveRTCP(packet, at: now, &output)
      case .dtls: receiveDTLS(bytes, at: now, &output)
      case .stun, .unknown: break
      }
    }
    return true
  }

  /// Takes a STUN request for a lite agent. True when its sender knows our password: datagrams from `source` are this
  /// transport's.
  mutating func receiveSTUN(
    _ datagram: RawSpan, from source: Endpoint, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> Bool {
    guard !isClosed, let slot = output.transmit.reserve() else { return false }
    var response = slot.mutableBytes
    let byteCount = ice.receive(datagram, from: source, at: now, response: &response)
    guard byteCount > 0 else { return false }
    output.transmit.commit(byteCount: byteCount, to: source, via: .webRTC)
    statistics.packetsSent += 1
    startDTLS(&output)
    return true
  }

  /// Queues the first `byteCount` bytes of a slot for the peer.
  mutating func commit(
    _ byteCount: Int, in slot: UnsafeMutableRawBufferPointer, over route: ICERoute, _ output: inout MediaOutput
  ) {
    statistics.packetsSent += 1
    if route.isDirect {
      output.transmit.commit(byteCount: byteCount, to: route.destination, via: route.port)
    } else if let full = ice.full {
      full.pointee.sendByDetour(byteCount, in: slot, &output)
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

  /// Lets a full agent send what is due.
  mutating func sendChecks(at now: MonotonicTime, _ output: inout MediaOutput) {
    if let full = ice.full { full.pointee.send(at: now, &output) }
  }

  mutating func addRemoteCandidates(_ candidates: [ICECandidate], at now: MonotonicTime, _ output: inout MediaOutput) {
    guard let full = ice.full else { return }
    full.pointee.addRemoteCandidates(candidates)
    sendChecks(at: now, &output)
  }

  mutating func restartICE(
    _ credentials: ICECredentials, remote: ICERemote?, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> Bool {
    guard ice.restart(credentials, remote: remote, at: now) else { return false }
    sendChecks(at: now, &output)
    return true
  }

  mutating func streamOpened(_ port: MediaPort, at now: MonotonicTime, _ output: inout MediaOutput) {
    guard let full = ice.full else { return }
    full.pointee.streamOpened(port)
    sendChecks(at: now, &output)
  }

  mutating func streamClosed(_ port: MediaPort) {
    if let full = ice.full { full.pointee.streamClosed(port) }
  }

  /// Remembers a source on the shared port. Returns the one that has to make room for it, if any.
  mutating func addSource(_ source: Endpoint) -> Endpoint? {
    let selected = ice.route?.destination
    let oldest = sources.count < Self.maximumSourceCount ? nil : sources.firstIndex { $0 != selected }
    let evicted = oldest.map { sources.remove(at: $0) }
    sources.append(source)
    return evicted
  }
}
