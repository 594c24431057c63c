import Base
import CUsrSCTP
import Glibc
import Synchronization

/// One SCTP association over DTLS (RFC 8261): a non-blocking usrsctp socket whose address is its id.
///
/// Owns a `struct socket`. Each method is one call into usrsctp under `SCTPProcess.locked`.
struct SCTPAssociation: ~Copyable {
  enum SendResult { case queued, full, failed }

  struct Delivery {
    var isOrdered = true
    var reliability = DataChannels.Reliability.reliable
  }

  /// RFC 8841 §5: what everyone announces.
  static let port: UInt16 = 5000
  /// A packet's chunks: what fits a DTLS record, in whole words. usrsctp does not count the common header of 12 bytes.
  static let mtu = DTLSConnection.maximumPlaintextByteCount & ~3 - 12

  private let socket: OpaquePointer
  private let id: UInt
  private let outbox: SCTPOutbox
  private var isClosed = false
  /// Fetched and not yet handed out.
  private var fetched = SCTPOutbox.Contents()
  private var nextPacketIndex = 0
  private var nextPacketOffset = 0
  private var nextEventIndex = 0

  /// Binds and begins to connect, as the peer does from its side. Nil when usrsctp has no memory.
  init?() {
    let outbox = SCTPOutbox()
    let opened = SCTPProcess.shared.locked { process -> (socket: OpaquePointer, id: UInt)? in
      let id = process.register(outbox)
      usrsctp_register_address(UnsafeMutableRawPointer(bitPattern: id))
      if let socket = SCTPSocket.open(id: id) {
        if SCTPSocket.configure(socket), SCTPSocket.connect(socket, id: id) { return (socket, id) }
        usrsctp_close(socket)
      }
      usrsctp_deregister_address(UnsafeMutableRawPointer(bitPattern: id))
      process.unregister(id)
      return nil
    }
    guard let opened else { return nil }
    socket = opened.socket
    id = opened.id
    self.outbox = outbox
  }

  deinit {
    let (socket, id, isClosed) = (socket, id, isClosed)
    SCTPProcess.shared.locked { process in
      if !isClosed { SCTPSocket.close(socket, id: id) }
      process.unregister(id)
    }
  }

  /// `usrsctp_conninput`.
  func receive(_ packet: RawSpan) {
    guard !isClosed else { return }
    packet.withUnsafeBytes { bytes in
      SCTPProcess.shared.locked { _ in
        usrsctp_conninput(UnsafeMutableRawPointer(bitPattern: id), bytes.baseAddress, bytes.count, 0)
      }
    }
  }

  /// `usrsctp_sendv`: the whole message or nothing.
  func send(_ message: UnsafeRawBufferPointer, stream: UInt16, protocolID: UInt32, delivery: Delivery) -> SendResult {
    guard !isClosed else { return .failed }
    var parameters = sctp_sendv_spa()
    parameters.sendv_flags = UInt32(SCTP_SEND_SNDINFO_VALID)
    parameters.sendv_sndinfo.snd_sid = stream
    parameters.sendv_sndinfo.snd_ppid = protocolID.bigEndian
    parameters.sendv_sndinfo.snd_flags = UInt16(SCTP_EOR) | (delivery.isOrdered ? 0 : UInt16(SCTP_UNORDERED))
    switch delivery.reliability {
    case .reliable: break
    case .retransmissions(let count):
      parameters.sendv_flags |= UInt32(SCTP_SEND_PRINFO_VALID)
      parameters.sendv_prinfo = sctp_prinfo(pr_policy: UInt16(SCTP_PR_SCTP_RTX), pr_value: count)
    case .milliseconds(let lifetime):
      parameters.sendv_flags |= UInt32(SCTP_SEND_PRINFO_VALID)
      parameters.sendv_prinfo = sctp_prinfo(pr_policy: UInt16(SCTP_PR_SCTP_TTL), pr_value: lifetime)
    }
    let size = socklen_t(MemoryLayout<sctp_sendv_spa>.size)
    return SCTPProcess.shared.locked { _ in
      let sent = usrsctp_sendv(
        socket, message.baseAddress, message.count, nil, 0, &parameters, size, UInt32(SCTP_SENDV_SPA), 0)
      if sent == message.count { return .queued }
      return errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ? .full : .failed
    }
  }

  /// Closes our direction of a stream (RFC 6525). False when usrsctp cannot now and wants to be asked again.
  func reset(stream: UInt16) -> Bool {
    isClosed || SCTPProcess.shared.locked { _ in SCTPSocket.reset(socket, stream: stream) }
  }

  /// Aborts: `nextPacket` has the ABORT. Idempotent.
  mutating func close() {
    guard !isClosed else { return }
    isClosed = true
    SCTPProcess.shared.locked { _ in SCTPSocket.close(socket, id: id) }
  }

  /// Copies the next packet to send into `buffer`. Returns its length, 0 when there is none.
  mutating func nextPacket(into buffer: inout MutableRawSpan) -> Int {
    if nextPacketIndex == fetched.packetByteCounts.count { fetch() }
    guard nextPacketIndex < fetched.packetByteCounts.count else { return 0 }
    let count = fetched.packetByteCounts[nextPacketIndex]
    let start = nextPacketOffset
    precondition(count <= buffer.byteCount, "a packet of \(count) bytes does not fit")
    buffer.withUnsafeMutableBytes { $0.copyBytes(from: fetched.packetBytes[start..<(start + count)]) }
    nextPacketIndex += 1
    nextPacketOffset += count
    return count
  }

  mutating func nextEvent() -> SCTPOutbox.Event? {
    if nextEventIndex == fetched.events.count { fetch() }
    guard nextEventIndex < fetched.events.count else { return nil }
    let event = fetched.events[nextEventIndex]
    nextEventIndex += 1
    return event
  }

  /// Takes over what waits, once all that was fetched before is handed out.
  private mutating func fetch() {
    guard outbox.isWaiting.load(ordering: .relaxed), nextEventIndex == fetched.events.count,
      nextPacketIndex == fetched.packetByteCounts.count
    else { return }
    fetched.packetBytes.removeAll(keepingCapacity: true)
    fetched.packetByteCounts.removeAll(keepingCapacity: true)
    fetched.events.removeAll(keepingCapacity: true)
    SCTPProcess.shared.locked { _ in outbox.exchange(for: &fetched) }
    nextPacketIndex = 0
    nextPacketOffset = 0
    nextEventIndex = 0
  }
}
