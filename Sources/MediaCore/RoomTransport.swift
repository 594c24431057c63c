import Base
import RTP
import Transport

/// One WebRTC peer: ICE, DTLS, SRTP, RTCP and data channels over one flow of datagrams (RFC 7983).
///
///     connecting ──DTLS complete──▶ connected ──close, failure──▶ closed
struct RoomTransport: ~Copyable {
  private enum State {
    case connecting
    case connected
    case closed
  }

  let id: TransportID
  let room: UnsafeMutablePointer<MediaRoom>
  let ports: TransportPorts
  var ice: TransportICE
  /// Why nothing more comes of it; the engine then closes it.
  private(set) var failure: TransportFailure?
  var statistics = TransportStatistics()
  /// Streams of the peer, announced by `publishTrack`.
  private(set) var received: [UnsafeMutablePointer<ReceivedTrack>] = []
  /// Streams towards the peer, those that carry nothing at the moment included.
  private(set) var sent: [UnsafeMutablePointer<SentTrack>] = []
  /// SSRCs of streams that were given up: under the same SRTP key their numbers must not begin again.
  private var retired: Set<UInt32> = []
  /// Subscriptions to tracks that are not there yet.
  var awaited: [TrackID: SendTrack] = [:]
  /// Sources on the shared port that have proved to know our password: the engine maps them to this transport.
  var sources: [Endpoint] = []
  private var state = State.connecting
  let role: DTLSConnection.Role
  private let openedAt: MonotonicTime
  private let connectTimeout: Duration
  let consentTimeout: Duration
  let interruptionTimeout: Duration
  /// When it was reported that the peer no longer answers.
  var interruption: MonotonicTime?
  private var hasStarted = false
  var dtls: DTLSConnection
  private var inbound: SRTPContext?
  var outbound: SRTPContext?
  var channels: DataChannels?
  var reports = ReportSchedule()

  private static let maximumRetiredCount = 65_536

  /// Nil when the configuration does not hold together or memory is short.
  init?(
    _ configuration: TransportConfiguration, on ports: TransportPorts, room: UnsafeMutablePointer<MediaRoom>,
    context: DTLSContext, at now: MonotonicTime
  ) {
    let fingerprints = configuration.remoteFingerprints.compactMap { DTLSFingerprint($0) }
    guard !fingerprints.isEmpty, let ice = TransportICE(configuration, ports: ports, at: now) else { return nil }
    let role: DTLSConnection.Role = configuration.isDTLSClient ? .client : .server
    guard let dtls = DTLSConnection(context, role: role, peerFingerprints: fingerprints) else { return nil }
    id = configuration.id
    self.room = room
    self.ports = ports
    self.ice = ice
    self.role = role
    self.dtls = dtls
    openedAt = now
    connectTimeout = configuration.connectTimeout
    consentTimeout = configuration.consentTimeout
    interruptionTimeout = configuration.interruptionTimeout
    sources.reserveCapacity(8)
  }

  deinit {
    for track in received { track.destroy() }
    for track in sent { track.destroy() }
  }

  var isConnected: Bool { state == .connected }

  var isClosed: Bool { state == .closed }

  /// Begins the handshake, once there is a path.
  mutating func startDTLS(_ output: inout MediaOutput) {
    guard !hasStarted, ice.route != nil else { return }
    hasStarted = true
    dtls.start()
    flushDTLS(&output)
  }

  /// Takes a DTLS datagram of a mapped source.
  mutating func receiveDTLS(_ datagram: RawSpan, at now: MonotonicTime, _ output: inout MediaOutput) {
    guard state != .closed else { return }
    statistics.packetsReceived += 1
    dtls.receive(datagram)
    followDTLS(at: now, output)
    readData(&output)
    // Reading is what discovers a close_notify.
    followDTLS(at: now, output)
    flushDTLS(&output)
  }

  /// Takes an SRTP datagram of a mapped source and changes it in place.
  mutating func receiveRTP(
    _ datagram: UnsafeMutableRawBufferPointer, at now: MonotonicTime, _ output: inout MediaOutput
  ) {
    statistics.packetsReceived += 1
    var bytes = datagram.mutableBytes
    guard case .packet(let byteCount) = inbound?.unprotect(&bytes, byteCount: datagram.count) else {
      statistics.packetsRejected += 1
      return
    }
    let packet = UnsafeRawBufferPointer(rebasing: datagram[..<byteCount]).bytes
    guard let layout = RTPLayout.parse(packet), let track = track(of: packet, layout),
      layout.header.payloadType == track.pointee.payloadType
    else { return }
    let level = track.pointee.received(packet, layout, at: now)
    guard !layout.payload.isEmpty else { return }
    let source = track.pointee.source
    let payload = packet.extracting(layout.payload)
    source.pointee.deliver(layout.header, payload: payload, level: level, at: now, &output)
    if let playout = source.pointee.playout {
      playout.pointee.insert(layout.header, payload: payload, level: level, at: now)
    }
  }

  /// Takes an SRTCP datagram of a mapped source and changes it in place.
  mutating func receiveRTCP(
    _ datagram: UnsafeMutableRawBufferPointer, at now: MonotonicTime, _ output: inout MediaOutput
  ) {
    statistics.packetsReceived += 1
    var bytes = datagram.mutableBytes
    guard case .packet(let byteCount) = inbound?.unprotectRTCP(&bytes, byteCount: datagram.count) else {
      statistics.packetsRejected += 1
      return
    }
    receiveReports(UnsafeRawBufferPointer(rebasing: datagram[..<byteCount]).bytes, at: now, &output)
  }

  /// Sends one packet of a track.
  mutating func send(
    _ header: RTPHeader, payload: RawSpan, level: UInt8?, on track: UnsafeMutablePointer<SentTrack>,
    at now: MonotonicTime,
    _ output: inout MediaOutput
  ) {
    guard state == .connected, let route = ice.route, let slot = output.transmit.reserve() else { return }
    var packet = slot.mutableBytes
    guard let written = track.pointee.write(header, payload: payload, level: level, at: now, into: &packet),
      let byteCount = outbound?.protect(&packet, byteCount: written.byteCount)
    else { return }
    let isFirst = !track.pointee.isFlowing
    track.pointee.sent(
      UnsafeRawBufferPointer(rebasing: slot[..<byteCount]).bytes, sequenceNumber: written.sequenceNumber)
    commit(byteCount, in: slot, over: route, &output)
    if isFirst, let carried = track.pointee.track { output.emit(.trackFlowing(carried, to: id)) }
  }

  /// ICE, DTLS, SCTP and RTCP timers, consent; every 20 ms.
  mutating func tick(at now: MonotonicTime, _ output: inout MediaOutput) {
    if state != .closed { sendChecks(at: now, &output) }
    switch state {
    case .connecting:
      if now - openedAt >= connectTimeout { return fail(.connectTimeout) }
      guard hasStarted else { return }
      dtls.handleTimeout()
      followDTLS(at: now, output)
      flushDTLS(&output)
    case .connected:
      watchConsent(at: now, output)
      if channels != nil { pumpData(&output) }
      if reports.isDue(at: now) { sendReports(at: now, &output) }
    case .closed: break
    }
  }

  /// Says goodbye; afterwards only `deinit` is left.
  mutating func close(at now: MonotonicTime, _ output: inout MediaOutput) {
    guard state != .closed else { return }
    if state == .connected { sendGoodbye(&output) }
    closeData(&output)
    dtls.close()
    flushDTLS(&output)
    if let full = ice.full { full.pointee.close(&output) }
    state = .closed
  }

  mutating func add(_ track: UnsafeMutablePointer<ReceivedTrack>) { received.append(track) }

  /// Frees the stream of `source`, if the peer has one.
  mutating func removeReceived(of source: UnsafeMutablePointer<TrackSource>) {
    guard let index = received.firstIndex(where: { $0.pointee.source == source }) else { return }
    if let ssrc = received[index].pointee.ssrc { inbound?.removeStream(ssrc: ssrc) }
    received[index].destroy()
    received.remove(at: index)
  }

  /// The stream of that SSRC, made when it is new. Nil when `limit` streams carry tracks, when its codec differs, or
  /// when that SSRC has been given up.
  mutating func sentTrack(_ options: SendTrack, limit: Int) -> UnsafeMutablePointer<SentTrack>? {
    if let known = sent.first(where: { $0.pointee.ssrc == options.ssrc }) {
      return known.pointee.codec == options.codec ? known : nil
    }
    guard !retired.contains(options.ssrc), sent.count < limit || retireIdleStream() else { return nil }
    let track = UnsafeMutablePointer.make(
      SentTrack(options, firstSequenceNumber: .random(in: 0..<0x8000)))
    sent.append(track)
    outbound?.addStream(ssrc: options.ssrc)
    return track
  }

  /// Makes room for another stream. False when all of them carry a track, or too many were given up already.
  private mutating func retireIdleStream() -> Bool {
    guard retired.count < Self.maximumRetiredCount, let index = sent.firstIndex(where: { $0.pointee.track == nil })
    else { return false }
    let track = sent.remove(at: index)
    retired.insert(track.pointee.ssrc)
    outbound?.removeStream(ssrc: track.pointee.ssrc)
    track.destroy()
    return true
  }

  mutating func fail(_ reason: TransportFailure) { failure = failure ?? reason }

  /// Encrypted datagrams that DTLS has ready.
  mutating func flushDTLS(_ output: inout MediaOutput) {
    guard let route = ice.route else { return }
    while let slot = output.transmit.reserve() {
      var datagram = slot.mutableBytes
      let byteCount = dtls.nextDatagram(into: &datagram)
      guard byteCount > 0 else { return }
      commit(byteCount, in: slot, over: route, &output)
    }
  }

  private mutating func followDTLS(at now: MonotonicTime, _ output: borrowing MediaOutput) {
    switch dtls.state {
    case .handshaking: break
    case .connected(let keys): if state == .connecting { connect(keys, at: now, output) }
    case .closed: fail(.closedByPeer)
    case .failed(.wrongFingerprint): fail(.wrongFingerprint)
    case .failed: fail(.handshakeFailed)
    }
  }

  private mutating func connect(_ keys: SRTPKeys, at now: MonotonicTime, _ output: borrowing MediaOutput) {
    inbound = SRTPContext(keys.profile, masterKey: keys.inbound, direction: .inbound)
    outbound = SRTPContext(keys.profile, masterKey: keys.outbound, direction: .outbound)
    guard inbound != nil, outbound != nil else { return fail(.handshakeFailed) }
    for track in sent { outbound?.addStream(ssrc: track.pointee.ssrc) }
    state = .connected
    statistics.connectDuration = now - openedAt
    reports.start(at: now)
    output.emit(.transportConnected(id))
  }

  /// Finds the track of an authenticated packet: by SSRC, by mid, or by payload type when nobody announced the SSRC.
  private mutating func track(of packet: RawSpan, _ layout: RTPLayout) -> UnsafeMutablePointer<ReceivedTrack>? {
    for index in 0..<received.count where received[index].pointee.ssrc == layout.header.ssrc { return received[index] }
    for index in 0..<received.count where received[index].pointee.isNamed(in: packet, layout) {
      if let former = received[index].pointee.ssrc { inbound?.removeStream(ssrc: former) }
      received[index].pointee.ssrc = layout.header.ssrc
      return received[index]
    }
    for index in 0..<received.count where received[index].pointee.mayAdopt(layout) {
      received[index].pointee.ssrc = layout.header.ssrc
      return received[index]
    }
    return nil
  }
}
