import CUsrSCTP
import Glibc

/// The calls that open, set up and close a usrsctp socket. All are made inside `SCTPProcess.locked`.
enum SCTPSocket {
  /// Incomplete messages that the peer may make us keep.
  private static let receiveBufferByteCount = Int32(512 << 10)

  /// Of one packet: a minute's worth. ICE finds a path dead sooner. The one path must count as good for as long, or
  /// little is sent on it afterwards.
  private static let retransmissionLimit: UInt16 = 30

  /// `usrsctp_socket`. The callback gets the message as memory that is ours to free.
  static func open(id: UInt) -> OpaquePointer? {
    usrsctp_socket(
      AF_CONN, cusrsctp_socket_type, cusrsctp_protocol,
      { _, _, data, byteCount, info, flags, id in
        guard let data else { return 1 }
        defer { free(data) }
        let bytes = UnsafeRawBufferPointer(start: data, count: byteCount)
        SCTPProcess.shared.outbox(id)?.receive(bytes, info: info, flags: flags)
        return 1
      }, nil, 0, UnsafeMutableRawPointer(bitPattern: id))
  }

  static func configure(_ socket: OpaquePointer) -> Bool {
    let streamCount = UInt16(DataChannels.maximumStreamCount)
    let events = [SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT]
    return usrsctp_set_non_blocking(socket, 1) == 0
      // To close is to abort, and to be free at once, instead of waiting for a peer that may be gone.
      && set(socket, SOL_SOCKET, SO_LINGER, linger(l_onoff: 1, l_linger: 0))
      && set(socket, SOL_SOCKET, SO_SNDBUF, Int32(DataChannels.maximumQueuedByteCount))
      && set(socket, SOL_SOCKET, SO_RCVBUF, receiveBufferByteCount)
      && set(socket, cusrsctp_protocol, SCTP_NODELAY, Int32(1))
      && set(
        socket, cusrsctp_protocol, SCTP_INITMSG,
        sctp_initmsg(
          sinit_num_ostreams: streamCount, sinit_max_instreams: streamCount, sinit_max_attempts: 0,
          sinit_max_init_timeo: 0))
      // Milliseconds. usrsctp's own 3 s before the first retransmission are too long for a call, and so is a back-off
      // that goes on for as long again after an outage.
      && set(
        socket, cusrsctp_protocol, SCTP_RTOINFO,
        sctp_rtoinfo(srto_assoc_id: 0, srto_initial: 500, srto_max: 2_000, srto_min: 200))
      && set(
        socket, cusrsctp_protocol, SCTP_ASSOCINFO,
        sctp_assocparams(
          sasoc_assoc_id: 0, sasoc_peer_rwnd: 0, sasoc_local_rwnd: 0, sasoc_cookie_life: 0,
          sasoc_asocmaxrxt: retransmissionLimit, sasoc_number_peer_destinations: 0))
      && set(
        socket, cusrsctp_protocol, SCTP_ENABLE_STREAM_RESET,
        sctp_assoc_value(assoc_id: UInt32(SCTP_ALL_ASSOC), assoc_value: UInt32(SCTP_ENABLE_RESET_STREAM_REQ)))
      && events.allSatisfy { event in
        set(
          socket, cusrsctp_protocol, SCTP_EVENT,
          sctp_event(se_assoc_id: UInt32(SCTP_ALL_ASSOC), se_type: UInt16(event), se_on: 1))
      }
  }

  /// `usrsctp_bind`, `usrsctp_connect`, then the path's MTU, which needs the association to exist.
  static func connect(_ socket: OpaquePointer, id: UInt) -> Bool {
    var address = sockaddr_conn()
    address.sconn_family = UInt16(AF_CONN)
    address.sconn_port = SCTPAssociation.port.bigEndian
    address.sconn_addr = UnsafeMutableRawPointer(bitPattern: id)
    let isConnecting = withUnsafeMutableBytes(of: &address) { bytes in
      guard let address = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return false }
      let length = socklen_t(bytes.count)
      return usrsctp_bind(socket, address, length) == 0
        && (usrsctp_connect(socket, address, length) == 0 || errno == EINPROGRESS)
    }
    var path = sctp_paddrparams()
    // Who is alive is ICE's to know; heartbeats would only cost timers.
    path.spp_flags = UInt32(SPP_PMTUD_DISABLE | SPP_HB_DISABLE)
    path.spp_pathmtu = UInt32(SCTPAssociation.mtu)
    path.spp_pathmaxrxt = retransmissionLimit
    // Refused as EAFNOSUPPORT without an address.
    withUnsafeMutableBytes(of: &path.spp_address) { $0.storeBytes(of: address, as: sockaddr_conn.self) }
    return isConnecting && set(socket, cusrsctp_protocol, SCTP_PEER_ADDR_PARAMS, path)
  }

  /// `SCTP_RESET_STREAMS` for one outgoing stream. False while another reset is under way.
  static func reset(_ socket: OpaquePointer, stream: UInt16) -> Bool {
    var request = StreamReset(header: sctp_reset_streams(), stream: stream)
    request.header.srs_assoc_id = UInt32(SCTP_CURRENT_ASSOC)
    request.header.srs_flags = UInt16(SCTP_STREAM_RESET_OUTGOING)
    request.header.srs_number_streams = 1
    let size = socklen_t(MemoryLayout<sctp_reset_streams>.size + MemoryLayout<UInt16>.size)
    if usrsctp_setsockopt(socket, cusrsctp_protocol, SCTP_RESET_STREAMS, &request, size) == 0 { return true }
    return errno != EALREADY && errno != EAGAIN && errno != ENOMEM
  }

  /// `usrsctp_close`, which sends the ABORT to the outbox first.
  static func close(_ socket: OpaquePointer, id: UInt) {
    usrsctp_close(socket)
    usrsctp_deregister_address(UnsafeMutableRawPointer(bitPattern: id))
  }

  private static func set(
    _ socket: OpaquePointer, _ level: Int32, _ option: Int32, _ value: some BitwiseCopyable
  ) -> Bool {
    withUnsafeBytes(of: value) {
      usrsctp_setsockopt(socket, level, option, $0.baseAddress, socklen_t($0.count)) == 0
    }
  }

  /// `sctp_reset_streams` with its flexible array of one.
  private struct StreamReset {
    var header: sctp_reset_streams
    var stream: UInt16
  }
}

extension SCTPOutbox {
  /// What usrsctp's receive callback says: a message, a piece of one, or a notification.
  func receive(_ bytes: UnsafeRawBufferPointer, info: sctp_rcvinfo, flags: Int32) {
    if flags & cusrsctp_notification == 0 {
      let isEnd = flags & cusrsctp_end_of_record != 0
      receive(bytes, stream: info.rcv_sid, protocolID: info.rcv_ppid.bigEndian, isEnd: isEnd)
    } else if let event = Self.event(in: bytes) {
      add(event)
    }
  }

  private static func event(in notification: UnsafeRawBufferPointer) -> Event? {
    guard notification.count >= 2 else { return nil }
    switch Int32(notification.loadUnaligned(as: UInt16.self)) {
    case SCTP_ASSOC_CHANGE where notification.count >= MemoryLayout<sctp_assoc_change>.size:
      let change = notification.loadUnaligned(as: sctp_assoc_change.self)
      switch Int32(change.sac_state) {
      case SCTP_COMM_UP: return .up(outboundStreamCount: Int(change.sac_outbound_streams))
      case SCTP_COMM_LOST, SCTP_SHUTDOWN_COMP, SCTP_CANT_STR_ASSOC: return .down
      default: return nil
      }
    case SCTP_STREAM_RESET_EVENT where notification.count >= MemoryLayout<sctp_stream_reset_event>.size:
      let reset = notification.loadUnaligned(as: sctp_stream_reset_event.self)
      let size = MemoryLayout<sctp_stream_reset_event>.size
      guard Int32(reset.strreset_flags) & SCTP_STREAM_RESET_INCOMING_SSN != 0 else { return nil }
      return .streamsReset(
        stride(from: size, through: notification.count - 2, by: 2).map {
          notification.loadUnaligned(fromByteOffset: $0, as: UInt16.self)
        })
    default: return nil
    }
  }
}
