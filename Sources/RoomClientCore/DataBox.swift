import LiveKitProtocol
import SwiftProtobuf

/// Reliable data of ours on its way out, and what is remembered of others' (livekit-wire 5.6).
struct DataBox: Sendable {
  private var lastSequence: UInt32 = 0
  /// What was sent last, oldest first: a resume sends again what the server does not know.
  private var sent: [(sequence: UInt32, bytes: [UInt8])] = []
  /// What waits for the channel, or for the end of an outage.
  private var waiting: [(sequence: UInt32, bytes: [UInt8])] = []
  private var lastSequences: [String: UInt32] = [:]
  private let limits: RoomClientLimits
  /// Packets that found no room.
  private(set) var droppedCount = 0

  init(limits: RoomClientLimits) { self.limits = limits }

  /// A packet that is ready to be sent. Nil: it waits, or found no room.
  mutating func append(_ packet: Livekit_DataPacket, isOpen: Bool) -> [UInt8]? {
    guard isOpen || waiting.count < limits.dataPackets else {
      droppedCount += 1
      return nil
    }
    var packet = packet
    packet.sequence = lastSequence &+ 1
    guard let bytes: [UInt8] = try? packet.serializedBytes() else { return nil }
    lastSequence = packet.sequence
    if isOpen {
      keep(packet.sequence, bytes)
      return bytes
    }
    waiting.append((packet.sequence, bytes))
    return nil
  }

  /// What waited for the channel that is open and works by now.
  mutating func takeWaiting() -> [[UInt8]] {
    defer { waiting = [] }
    for (sequence, bytes) in waiting { keep(sequence, bytes) }
    return waiting.map(\.bytes)
  }

  /// What a server that has seen everything up to `sequence` has not got.
  func unseen(after sequence: UInt32) -> [[UInt8]] { sent.filter { $0.sequence > sequence }.map(\.bytes) }

  /// Has those wait that a server which has seen everything up to `sequence` has not got.
  mutating func holdBack(after sequence: UInt32) {
    waiting.insert(contentsOf: sent.filter { $0.sequence > sequence }, at: 0)
    sent.removeAll { $0.sequence > sequence }
  }

  private mutating func keep(_ sequence: UInt32, _ bytes: [UInt8]) {
    if sent.count >= limits.dataPackets { sent.removeFirst() }
    sent.append((sequence, bytes))
  }

  /// As a new participant the numbers begin again, in both directions; what was sent is lost with the former one.
  mutating func restart() {
    let packets = waiting.compactMap { try? Livekit_DataPacket(serializedBytes: $0.bytes) }
    (lastSequence, sent, waiting, lastSequences) = (0, [], [], [:])
    for packet in packets { _ = append(packet, isOpen: false) }
  }

  /// Whether a reliable packet has not been seen before.
  mutating func isNew(_ packet: Livekit_DataPacket) -> Bool {
    guard packet.sequence > 0, !packet.participantSid.isEmpty else { return true }
    if let last = lastSequences[packet.participantSid] {
      guard packet.sequence > last else { return false }
    } else if lastSequences.count >= limits.dataSenders {
      return true
    }
    lastSequences[packet.participantSid] = packet.sequence
    return true
  }

  /// For the sync state of a resume.
  var receiveStates: [Livekit_DataChannelReceiveState] {
    lastSequences.map { sid, sequence in
      var state = Livekit_DataChannelReceiveState()
      state.publisherSid = sid
      state.lastSeq = sequence
      return state
    }
  }
}
