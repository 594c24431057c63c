import Base
import LiveKitProtocol
import SwiftProtobuf

/// Data packets: checked, stamped with their sender, passed on (livekit-wire 5.6).
extension Room {
  /// A packet from a client's data channel.
  mutating func receive(_ bytes: [UInt8], label: String, from sid: String, turn: inout Turn) {
    guard let sender = participants[sid] else { return }
    let isReliable = label == DataLabel.reliable
    guard isReliable || label == DataLabel.lossy, sender.permission.canPublishData else {
      turn.counters.dataPacketsNotAllowed += 1
      return
    }
    guard change(sid, { $0.dataPackets.take(now: turn.now) }) == true else {
      turn.counters.dataPacketsOverRate += 1
      return
    }
    guard bytes.count <= turn.limits.dataByteCount, var packet = try? Livekit_DataPacket(serializedBytes: bytes) else {
      turn.counters.dataPacketsMalformed += 1
      return
    }
    if isReliable, packet.sequence > 0 {
      // A client that resumes sends again what it cannot know to have arrived.
      guard packet.sequence > sender.reliableSequence else {
        turn.counters.dataPacketsRepeated += 1
        return
      }
      participants[sid]?.reliableSequence = packet.sequence
    }
    guard isForwarded(packet, from: sender, limits: turn.limits) else {
      turn.counters.dataPacketsNotAllowed += 1
      return
    }
    packet.stamp(sender: sender)
    forward(packet, isReliable: isReliable, from: sid, turn: &turn)
  }

  private func isForwarded(_ packet: Livekit_DataPacket, from sender: Participant, limits: RoomLimits) -> Bool {
    switch packet.value {
    // Speakers are the server's to tell, and metrics are for it alone.
    case .speaker, .metrics: false
    case .transcription: sender.kind == .agent
    case .rpcRequest(let request): request.payload.utf8.count <= limits.rpcPayloadByteCount
    case .rpcResponse(let response): response.payload.utf8.count <= limits.rpcPayloadByteCount
    // A media thread reads them, one by one.
    case .sipDtmf(let dtmf): dtmf.digit.utf8.count <= limits.digitsByteCount
    case .user, .rpcAck, .streamHeader, nil: true
    }
  }

  /// Passes a stamped packet to those it is for: everybody but its sender, or the destinations it names.
  mutating func forward(_ packet: Livekit_DataPacket, isReliable: Bool, from sid: String?, turn: inout Turn) {
    var packet = packet
    packet.kind = isReliable ? .reliable : .lossy
    let identities = Set(packet.destinationIdentities)
    let sids = Set(packet.user.destinationSids)
    if packet.isRPCAnswer, identities.contains(Self.serverIdentity) {
      if let sender = sid.flatMap({ participants[$0] }) { turn.emit(.serverAnswered(by: sender.info, packet)) }
      return
    }
    guard let bytes: [UInt8] = try? packet.serializedBytes() else { return }
    for other in order where other != sid {
      guard let receiver = participants[other],
        identities.isEmpty && sids.isEmpty || identities.contains(receiver.identity) || sids.contains(other)
      else { continue }
      if receiver.isLocal {
        forward(packet, toLocal: receiver, from: sid, turn: &turn)
      } else {
        deliver(bytes, isReliable: isReliable, to: other, turn: &turn)
      }
    }
  }

  /// Puts a packet on a client's data channel, or keeps a reliable one until that is open.
  private mutating func deliver(_ bytes: [UInt8], isReliable: Bool, to sid: String, turn: inout Turn) {
    let label = isReliable ? DataLabel.reliable : DataLabel.lossy
    if let transport = participants[sid]?.dataTransport, transport.openChannels.contains(label) {
      turn.emit(.sendData(transport.id, label: label, bytes), on: media)
    } else if isReliable, change(sid, { $0.queue.append(bytes, limits: turn.limits) }) != true {
      turn.counters.dataPacketsQueueFull += 1
    }
  }

  mutating func channelOpened(_ label: String, transport: MediaTransportID, of sid: String, turn: inout Turn) {
    guard DataLabel.all.contains(label) else { return }
    let media = media
    change(sid) { participant in
      if participant.offering?.transport?.id == transport {
        participant.offering?.transport?.openChannels.insert(label)
      } else if participant.answering?.transport?.id == transport {
        participant.answering?.transport?.openChannels.insert(label)
      }
      guard label == DataLabel.reliable, let transport = participant.dataTransport,
        transport.openChannels.contains(label)
      else { return }
      for packet in participant.queue.takeAll() {
        turn.emit(.sendData(transport.id, label: label, packet), on: media)
      }
    }
  }

  // MARK: SIP participants

  /// Digits and RPC are for the gateway; a phone has no use for anything else.
  private mutating func forward(
    _ packet: Livekit_DataPacket, toLocal receiver: Participant, from sid: String?, turn: inout Turn
  ) {
    switch packet.value {
    case .rpcRequest(let request) where !turn.configuration.localRPCMethods.contains(request.method):
      refuse(request, to: sid, as: receiver.sid, turn: &turn)
    case .sipDtmf, .rpcRequest, .rpcAck, .rpcResponse:
      turn.emit(.localData(participantSID: receiver.sid, packet))
    case .user, .speaker, .transcription, .metrics, .streamHeader, nil: break
    }
  }

  /// Without an answer the caller would wait for its time-out.
  private mutating func refuse(
    _ request: Livekit_RpcRequest, to sid: String?, as receiver: String, turn: inout Turn
  ) {
    let caller = sid.flatMap { participants[$0]?.identity } ?? Self.serverIdentity
    var acknowledgement = Livekit_DataPacket()
    acknowledgement.rpcAck.requestID = request.id
    var response = Livekit_DataPacket()
    response.rpcResponse.requestID = request.id
    response.rpcResponse.error.code = 1_400
    response.rpcResponse.error.message = "Method not supported at destination"
    for var packet in [acknowledgement, response] {
      packet.destinationIdentities = [caller]
      send(packet, isReliable: true, asLocal: receiver, turn: &turn)
    }
  }

  mutating func send(_ packet: Livekit_DataPacket, isReliable: Bool, asLocal sid: String, turn: inout Turn) {
    guard let sender = participants[sid], sender.isLocal else { return }
    var packet = packet
    packet.stamp(sender: sender)
    if isReliable {
      packet.sequence = sender.reliableSequence &+ 1
      participants[sid]?.reliableSequence = packet.sequence
    }
    forward(packet, isReliable: isReliable, from: sid, turn: &turn)
  }
}

// MARK: The server's own calls

extension Room {
  /// Who calls, for clients: they answer to an identity, so there must be one.
  static let serverIdentity = "trunkline-server"

  mutating func callMethod(_ request: Livekit_PerformRpcRequest, id: String, turn: inout Turn) {
    var packet = Livekit_DataPacket()
    packet.participantIdentity = Self.serverIdentity
    packet.destinationIdentities = [request.destinationIdentity]
    packet.rpcRequest.id = id
    packet.rpcRequest.method = request.method
    packet.rpcRequest.payload = request.payload
    packet.rpcRequest.responseTimeoutMs = request.responseTimeoutMs
    packet.rpcRequest.version = 1
    forward(packet, isReliable: true, from: nil, turn: &turn)
  }
}

extension Livekit_DataPacket {
  fileprivate var isRPCAnswer: Bool {
    switch value {
    case .rpcAck, .rpcResponse: true
    default: false
    }
  }

  /// Says who sent the packet, whatever it says itself. A hidden sender stays unnamed; an agent may speak for another
  /// where it passes on that one's words.
  fileprivate mutating func stamp(sender: Participant) {
    let identity = sender.isHidden ? "" : sender.identity
    let isSpokenForAnother: Bool
    if case .streamHeader(var header) = value, case .textHeader(var text) = header.contentHeader,
      sender.kind == .agent, !participantIdentity.isEmpty, participantIdentity != identity
    {
      isSpokenForAnother = true
      text.generated = true
      header.textHeader = text
      streamHeader = header
    } else {
      isSpokenForAnother = false
    }
    if !isSpokenForAnother { participantIdentity = identity }
    participantSid = sender.isHidden ? "" : sender.sid
    guard case .user(var user) = value else { return }
    // The older place of the same facts.
    user.participantSid = participantSid
    user.participantIdentity = participantIdentity
    if destinationIdentities.isEmpty { destinationIdentities = user.destinationIdentities }
    user.destinationIdentities = destinationIdentities
    self.user = user
  }
}
