import Base
import Transport

/// Data channels: SCTP packets are the plaintext of DTLS records (RFC 8261).
extension RoomTransport {
  /// Associations cost more memory than all the rest of a transport: it is made when somebody first needs it.
  private mutating func openAssociation() -> Bool {
    if channels == nil { channels = DataChannels(dtlsRole: role) }
    return channels != nil
  }

  /// Hands on what DTLS has decrypted.
  mutating func readData(_ output: inout MediaOutput) {
    guard isConnected else { return }
    var hasData = false
    while true {
      var buffer = output.scratch.mutableBytes
      guard case .bytes(let byteCount) = dtls.read(into: &buffer) else { break }
      guard byteCount > 0, openAssociation() else { continue }
      channels?.receive(UnsafeRawBufferPointer(rebasing: output.scratch[..<byteCount]).bytes)
      hasData = true
    }
    if hasData { pumpData(&output) }
  }

  mutating func openChannel(_ options: DataChannelOptions, _ output: inout MediaOutput) {
    guard isConnected, openAssociation(), channels?.stream(labelled: options.label) == nil else { return }
    let reliability: DataChannels.Reliability = options.maxRetransmits.map { .retransmissions(UInt32($0)) } ?? .reliable
    _ = channels?.openChannel(label: options.label, isOrdered: options.isOrdered, reliability: reliability)
    pumpData(&output)
  }

  mutating func sendData(_ message: [UInt8], label: String, _ output: inout MediaOutput) {
    guard isConnected, let stream = channels?.stream(labelled: label),
      case .queued = channels?.send(message.span.bytes, on: stream)
    else {
      statistics.messagesDropped += 1
      return
    }
    pumpData(&output)
  }

  /// Moves packets from SCTP to DTLS to the queue, and reports what happened.
  mutating func pumpData(_ output: inout MediaOutput) {
    while let event = channels?.nextEvent() {
      switch event {
      case .opened(_, let label): output.emit(.dataChannelOpened(id, label: label))
      case .message(_, let label, let bytes, _): output.emit(.data(id, label: label, bytes))
      case .connected, .closed, .disconnected: break
      }
    }
    flushData(&output)
  }

  mutating func closeData(_ output: inout MediaOutput) {
    guard channels != nil else { return }
    channels?.close()
    flushData(&output)
    channels = nil
  }

  private mutating func flushData(_ output: inout MediaOutput) {
    while true {
      var buffer = output.scratch.mutableBytes
      let byteCount = channels?.nextPacket(into: &buffer) ?? 0
      guard byteCount > 0, dtls.write(UnsafeRawBufferPointer(rebasing: output.scratch[..<byteCount]).bytes) else {
        break
      }
      flushDTLS(&output)
    }
    flushDTLS(&output)
  }
}
