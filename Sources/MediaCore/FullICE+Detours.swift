import Base
import Transport

/// Detours: when they are made, what becomes of them, and their end.
extension FullICE {
  /// The connection that was ordered is there.
  mutating func streamOpened(_ port: MediaPort) {
    if let index = connections.firstIndex(where: { $0.port == port }) {
      connections[index].retry.succeed()
      agent.add(connections[index].agentBase)
    } else if let index = relays.firstIndex(where: { $0.port == port }) {
      relays[index].begin(isStream: true)
    }
  }

  /// The connection could not be made, or has ended.
  mutating func streamClosed(_ port: MediaPort) {
    if let index = connections.firstIndex(where: { $0.port == port }) {
      agent.removeBase(connections[index].base)
      connections[index].end()
    } else if let index = relays.firstIndex(where: { $0.port == port }) {
      agent.removeBase(relays[index].base)
      relays[index].end()
    }
    updateRoute()
  }

  mutating func manageDetours(at now: MonotonicTime, _ output: inout MediaOutput) {
    guard !relays.isEmpty || !connections.isEmpty else { return }
    if agent.isSilent(at: now), usesRelaysOnly || now - openedAt >= Self.detourDelay {
      makeDetours(at: now, &output)
    } else if agent.isNominated, !agent.isSilent(at: now) {
      endUnusedDetours(&output)
    }
    for index in relays.indices where relays[index].isActive { sendRequests(ofRelay: index, at: now, &output) }
  }

  private mutating func makeDetours(at now: MonotonicTime, _ output: inout MediaOutput) {
    for index in connections.indices where connections[index].port == nil && connections[index].retry.isDue(at: now) {
      connections[index].begin(via: output.streams.open(connections[index].configuration, for: id), at: now)
    }
    for index in relays.indices where relays[index].port == nil && relays[index].retry.isDue(at: now) {
      let server = relays[index].server
      if let configuration = relays[index].configuration {
        relays[index].begin(via: output.streams.open(configuration, for: id), at: now)
      } else {
        relays[index].begin(via: ports.port(isIPv4: server.endpoint.address.isIPv4), at: now)
        relays[index].begin(isStream: false)
      }
    }
  }

  private mutating func endUnusedDetours(_ output: inout MediaOutput) {
    for index in connections.indices {
      guard let port = connections[index].port, connections[index].base != agent.selected?.base else { continue }
      agent.removeBase(connections[index].base)
      output.streams.close(port)
      connections[index].end()
    }
    for index in relays.indices where relays[index].port != nil && relays[index].base != agent.selected?.base {
      agent.removeBase(relays[index].base)
      closeRelay(index, &output)
      relays[index].end()
    }
  }

  private mutating func sendRequests(ofRelay index: Int, at now: MonotonicTime, _ output: inout MediaOutput) {
    guard let port = relays[index].port else { return }
    while let slot = output.transmit.reserve() {
      var request = slot.mutableBytes
      let byteCount = relays[index].client.nextRequest(at: now, into: &request)
      guard byteCount > 0 else { break }
      output.transmit.commit(byteCount: byteCount, to: relays[index].server.endpoint, via: port)
    }
    if relays[index].client.hasFailed { endRelay(index, &output) }
  }

  /// Nil unless it brought a packet of a peer's.
  mutating func receive(
    _ datagram: UnsafeMutableRawBufferPointer, ofRelay index: Int, at now: MonotonicTime, _ output: inout MediaOutput
  ) -> (peer: Endpoint, range: Range<Int>)? {
    switch relays[index].client.receive(UnsafeRawBufferPointer(datagram).bytes, at: now) {
    case .nothing: return nil
    case .packet(let peer, let range): return (peer, range)
    case .failed: endRelay(index, &output)
    case .allocated(let endpoint):
      relays[index].retry.succeed()
      let base = relays[index].agentBase(isIPv4: endpoint.address.isIPv4)
      agent.add(base)
      let candidate = ICECandidate(
        foundation: "relay\(index)", priority: base.priority, endpoint: endpoint, kind: .relayed,
        related: relays[index].client.mapped)
      output.emit(.localCandidate(id, candidate))
    }
    return nil
  }

  private mutating func endRelay(_ index: Int, _ output: inout MediaOutput) {
    agent.removeBase(relays[index].base)
    if let port = relays[index].port { output.streams.close(port) }
    relays[index].end()
    updateRoute()
  }

  mutating func closeRelay(_ index: Int, _ output: inout MediaOutput) {
    guard let port = relays[index].port else { return }
    if relays[index].isActive, let slot = output.transmit.reserve() {
      var request = slot.mutableBytes
      let byteCount = relays[index].client.close(into: &request)
      if byteCount > 0 {
        output.transmit.commit(byteCount: byteCount, to: relays[index].server.endpoint, via: port)
      }
    }
    output.streams.close(port)
  }
}
