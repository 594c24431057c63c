import Base
import LiveKitProtocol
import RoomCore
import SwiftProtobuf

/// Data packets (livekit-wire 5.6): digits and RPC, both ways.
extension RoomSession {
  func isOpen(_ label: String) -> Bool { publisher?.end.openChannels.contains(label) == true }

  mutating func channelOpened(_ label: String, on id: MediaTransportID) {
    guard publisher?.end.transport == id, [DataLabel.reliable, DataLabel.lossy].contains(label) else { return }
    publisher?.end.openChannels.insert(label)
    if label == DataLabel.reliable { sendWaiting() }
  }

  /// What goes out in an outage may never arrive: it waits for the end of it.
  private var canSendReliably: Bool { isOpen(DataLabel.reliable) && lostSince == nil }

  mutating func sendReliably(_ packet: Livekit_DataPacket) {
    if let bytes = box.append(packet, isOpen: canSendReliably) { sendData(bytes) }
  }

  mutating func sendWaiting() {
    guard canSendReliably else { return }
    for packet in box.takeWaiting() { sendData(packet) }
  }

  mutating func sendData(_ bytes: [UInt8]) {
    guard let publisher else { return }
    dataSentAt = now
    emit(.sendData(publisher.end.transport, label: DataLabel.reliable, bytes))
  }

  mutating func receive(_ bytes: [UInt8], label: String, on id: MediaTransportID) {
    guard publisher?.end.transport == id || subscriber?.end.transport == id,
      let packet = try? Livekit_DataPacket(serializedBytes: bytes)
    else { return }
    if label == DataLabel.reliable, !box.isNew(packet) { return }
    let destinations = packet.destinationIdentities
    guard destinations.isEmpty || destinations.contains(entry.identity) else { return }
    switch packet.value {
    case .sipDtmf, .rpcRequest: emit(.data(packet))
    case .user, .speaker, .transcription, .metrics, .rpcAck, .rpcResponse, .streamHeader, nil: break
    }
  }
}
