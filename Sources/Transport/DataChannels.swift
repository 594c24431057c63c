import Base

/// The data channels of one peer connection: SCTP over DTLS (RFC 8261), channels opened by DCEP (RFC 8832) from
/// either side. Both sides connect, from port 5000 to port 5000.
///
/// After each call, and on each tick after `SCTPStack.advance`: `nextPacket` until it returns 0, each packet into
/// `DTLSConnection.write`; `nextEvent` until it is nil. An answer to an event (an acknowledgement, say) is a packet
/// too, so fetch events first. Any thread may own it, one at a time; see `SCTPStack`.
public struct DataChannels: ~Copyable {
  /// A channel's SCTP stream number.
  public typealias StreamID = UInt16

  /// RFC 8832 §5.1.
  public enum Reliability: Hashable, Sendable {
    case reliable
    case retransmissions(UInt32)
    case milliseconds(UInt32)
  }

  public enum Event: Hashable, Sendable {
    /// The association is up; channels that were asked for before are being opened.
    case connected
    /// The peer opened a channel, or acknowledged ours: messages may be sent.
    case opened(StreamID, label: String)
    case message(StreamID, label: String, bytes: [UInt8], isText: Bool)
    case closed(StreamID, label: String)
    /// The association is gone; nothing follows.
    case disconnected
  }

  public enum SendResult: Hashable, Sendable {
    case queued
    /// `maximumQueuedByteCount` wait for the peer.
    case full
    /// Longer than `maximumMessageByteCount`.
    case tooLong
    /// No such channel, or no association.
    case closed
  }

  /// Messages either way (the `max-message-size` to announce).
  public static let maximumMessageByteCount = 256 << 10
  /// Bytes kept for a peer that does not acknowledge.
  public static let maximumQueuedByteCount = 1 << 20
  /// Streams each way: three channels are in use by the stock clients.
  public static let maximumStreamCount = 64

  private struct Channel {
    enum State {
      /// Asked for before the association was up.
      case wanted
      /// Our OPEN waits for its acknowledgement. Messages may follow it, in order (RFC 8832 §6).
      case opening
      case open
      /// Our direction is closed; the peer's is not yet.
      case closing
    }

    var state: State
    let open: DCEP.Open
  }

  private enum AssociationState { case connecting, connected, disconnected }

  private var association: SCTPAssociation
  private let isEven: Bool
  private var associationState = AssociationState.connecting
  private var channels: [StreamID: Channel] = [:]
  private var streamCount = Self.maximumStreamCount
  private var events: [Event] = []
  /// DCEP messages that found the send queue full, and resets that found another under way.
  private var postponed: [(stream: StreamID, message: [UInt8])] = []
  private var postponedResets: [StreamID] = []

  /// Begins to connect. `dtlsRole` is ours: the client's streams are even (RFC 8832 §6).
  /// Nil when usrsctp has no memory.
  public init?(dtlsRole: DTLSConnection.Role) {
    guard let association = SCTPAssociation() else { return nil }
    self.association = association
    isEven = dtlsRole == .client
  }

  /// Takes one SCTP packet, the plaintext of one DTLS record.
  public mutating func receive(_ packet: RawSpan) { association.receive(packet) }

  /// Writes the next SCTP packet to send and returns its length, 0 when there is none. `buffer` must hold
  /// `DTLSConnection.maximumPlaintextByteCount` bytes.
  public mutating func nextPacket(into buffer: inout MutableRawSpan) -> Int {
    sendPostponed()
    return association.nextPacket(into: &buffer)
  }

  public mutating func nextEvent() -> Event? {
    while events.isEmpty, let event = association.nextEvent() { handle(event) }
    return events.isEmpty ? nil : events.removeFirst()
  }

  /// Opens a channel; `opened` tells that the peer has it. Nil when all streams are taken, the label is longer than
  /// 256 bytes, or the association is gone.
  public mutating func openChannel(
    label: String, isOrdered: Bool = true, reliability: Reliability = .reliable
  ) -> StreamID? {
    let candidates = stride(from: isEven ? 0 : 1, to: streamCount, by: 2).lazy.map(StreamID.init)
    guard associationState != .disconnected, label.utf8.count <= DCEP.maximumLabelByteCount,
      let stream = candidates.first(where: { channels[$0] == nil })
    else { return nil }
    let open = DCEP.Open(label: label, isOrdered: isOrdered, reliability: reliability)
    channels[stream] = Channel(state: .wanted, open: open)
    if associationState == .connected { sendOpen(on: stream) }
    return stream
  }

  public mutating func send(_ message: RawSpan, on stream: StreamID, isText: Bool = false) -> SendResult {
    guard message.byteCount <= Self.maximumMessageByteCount else { return .tooLong }
    guard associationState == .connected, let channel = channels[stream] else { return .closed }
    var delivery = SCTPAssociation.Delivery(
      isOrdered: channel.open.isOrdered, reliability: channel.open.reliability)
    switch channel.state {
    case .wanted, .closing: return .closed
    case .opening: delivery.isOrdered = true
    case .open: break
    }
    let payload = DataChannelPayload(isText: isText, isEmpty: message.byteCount == 0)
    let result = payload.withBytes(of: message) {
      association.send($0, stream: stream, protocolID: payload.protocolID, delivery: delivery)
    }
    switch result {
    case .queued: return .queued
    case .full: return .full
    case .failed: return .closed
    }
  }

  /// The channel of that name to send on; the one with the lowest stream when there are several.
  public func stream(labelled label: String) -> StreamID? {
    channels.filter { $0.value.open.label == label && $0.value.state != .closing && $0.value.state != .wanted }.keys
      .min()
  }

  /// Resets the channel's stream (RFC 8831 §6.7); `closed` follows when the peer has done so too.
  public mutating func closeChannel(_ stream: StreamID) {
    guard let channel = channels[stream], channel.state != .closing else { return }
    if channel.state == .wanted {
      channels[stream] = nil
    } else {
      channels[stream]?.state = .closing
      reset(stream)
    }
  }

  /// Aborts the association; `nextPacket` has the ABORT. Idempotent.
  public mutating func close() {
    associationState = .disconnected
    association.close()
  }
}

extension DataChannels {
  private mutating func handle(_ event: SCTPOutbox.Event) {
    guard associationState != .disconnected else { return }
    switch event {
    case .up(let outboundStreamCount):
      guard associationState == .connecting else { return }
      associationState = .connected
      streamCount = min(streamCount, outboundStreamCount)
      events.append(.connected)
      for stream in channels.keys.sorted() { sendOpen(on: stream) }
    case .down:
      associationState = .disconnected
      events.append(.disconnected)
    case .message(let bytes, let stream, DataChannelPayload.dcep):
      handleDCEP(bytes, on: stream)
    case .message(let bytes, let stream, let protocolID):
      handleMessage(bytes, on: stream, protocolID: protocolID)
    case .streamsReset(let streams):
      for stream in streams { handleReset(of: stream) }
    }
  }

  private mutating func handleDCEP(_ bytes: [UInt8], on stream: StreamID) {
    switch DCEP.parse(bytes.span.bytes) {
    case .open(let open):
      // RFC 8832 §6: a stream in use is not opened again; what it carried can no longer be trusted.
      guard channels[stream] == nil else { return closeChannel(stream) }
      guard channels.count < Self.maximumStreamCount else { return }
      channels[stream] = Channel(state: .open, open: open)
      sendControl(DCEP.acknowledgement, on: stream)
      events.append(.opened(stream, label: open.label))
    case .acknowledgement:
      guard let channel = channels[stream], channel.state == .opening else { return }
      channels[stream]?.state = .open
      events.append(.opened(stream, label: channel.open.label))
    case nil: return
    }
  }

  private mutating func handleMessage(_ bytes: [UInt8], on stream: StreamID, protocolID: UInt32) {
    guard let channel = channels[stream], channel.state != .closing,
      let payload = DataChannelPayload(protocolID: protocolID)
    else { return }
    events.append(
      .message(
        stream, label: channel.open.label, bytes: payload.isEmpty ? [] : bytes, isText: payload.isText))
  }

  /// RFC 8831 §6.7: a peer's reset is answered with ours, and the stream is then free.
  private mutating func handleReset(of stream: StreamID) {
    guard let channel = channels.removeValue(forKey: stream) else { return }
    if channel.state != .closing { reset(stream) }
    events.append(.closed(stream, label: channel.open.label))
  }

  private mutating func sendOpen(on stream: StreamID) {
    guard let channel = channels[stream], channel.state == .wanted else { return }
    guard Int(stream) < streamCount else {
      channels[stream] = nil
      return events.append(.closed(stream, label: channel.open.label))
    }
    channels[stream]?.state = .opening
    sendControl(DCEP.message(for: channel.open), on: stream)
  }

  private mutating func sendControl(_ message: [UInt8], on stream: StreamID) {
    // Never more than an OPEN and an ACK for each stream.
    guard postponed.count < 2 * Self.maximumStreamCount else { return }
    postponed.append((stream, message))
    sendPostponed()
  }

  private mutating func reset(_ stream: StreamID) {
    if !association.reset(stream: stream) { postponedResets.append(stream) }
  }

  private mutating func sendPostponed() {
    while let (stream, message) = postponed.first {
      let result = message.withUnsafeBytes {
        association.send($0, stream: stream, protocolID: DataChannelPayload.dcep, delivery: .init())
      }
      if result == .full { break }
      postponed.removeFirst()
    }
    while let stream = postponedResets.first, association.reset(stream: stream) { postponedResets.removeFirst() }
  }
}
