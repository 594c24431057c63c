import Audio
import Base
import CAllocations
import Glibc
import MediaCore
import RTP

/// Calls in one media engine, each in a room of its own with one WebRTC participant who publishes and listens.
///
/// Time is virtual and there are no sockets: what the kernel costs is not in the figures, all the rest is.
struct VirtualCalls: ~Copyable {
  struct NotConnected: Error, CustomStringConvertible {
    let description: String
  }

  /// What one second of all calls took, in nanoseconds of CPU time and in allocations.
  struct Cost {
    var fromPhones = Part()
    var fromPeers = Part()
    var ticks = Part()

    struct Part {
      var nanoseconds: Int64 = 0
      var allocations = 0
      /// Packets, or ticks of one room.
      var count = 0
    }

    var nanoseconds: Int64 { fromPhones.nanoseconds + fromPeers.nanoseconds + ticks.nanoseconds }
    var allocations: Int { fromPhones.allocations + fromPeers.allocations + ticks.allocations }
  }

  /// Bytes of the heap, for all calls.
  struct Heap {
    /// Phone leg and its track: codec, reordering, sender.
    var phone = 0
    /// ICE, DTLS, SRTP.
    var transport = 0
    /// The participant's track and the one sent to it: jitter buffer, decoder, packets kept for NACKs.
    var tracks = 0
    /// What the first packets add.
    var packets = 0

    var total: Int { phone + transport + tracks + packets }
  }

  private static let roundsPerSecond = 50
  private static let warmSeconds = 3
  private static let handshakePassLimit = 200
  private static let slotByteCount = 512
  private static let sentSSRC: UInt32 = 77
  private static let phoneAddress = IPAddress(v4: 0xC000_0201)

  let callCount: Int
  private var engine: MediaEngine
  private var now = MonotonicTime(nanoseconds: 1_000_000_000)
  private var peers: [RoomPeer] = []
  private let identity: MediaIdentity
  private let options: RoomMediaOptions
  private let speech: Speech
  /// What each agent publishes, a packet for each frame of the speech.
  private let agentPayloads: [[UInt8]]
  private let phonePayloads: [[UInt8]]
  private var round = 0
  /// Room for the packets of one second from all peers, which are protected before the clock starts.
  private let prepared: UnsafeMutableRawBufferPointer
  private var preparedByteCounts: [Int]
  /// Where the loop's receive ring would put a datagram.
  private let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 2048, alignment: 16)
  /// What the engine has taken for the calls; the participants' own side is not counted.
  private(set) var heap = Heap()
  private(set) var sentToPhones = 0
  private(set) var sentToPeers = 0

  init(
    count: Int, options: RoomMediaOptions, identity: MediaIdentity, speech: Speech, agentPayloads: [[UInt8]]
  ) {
    self.identity = identity
    self.options = options
    engine = MediaEngine(identity: identity, unixNanosecondsAtZero: 1_700_000_000_000_000_000) { _ in }
    callCount = count
    self.speech = speech
    self.agentPayloads = agentPayloads
    phonePayloads = (0..<speech.frameCount).map { Self.pcmu(speech.samples.span.extracting(speech.range($0))) }
    prepared = .allocate(byteCount: count * Self.roundsPerSecond * Self.slotByteCount, alignment: 16)
    preparedByteCounts = [Int](repeating: 0, count: count * Self.roundsPerSecond)
  }

  deinit {
    prepared.deallocate()
    received.deallocate()
  }

  /// Opens and connects all calls, and lets packets flow until nothing new is allocated.
  mutating func open() throws {
    for call in 0..<callCount { try open(call) }
    charge(\.packets) { calls in
      for _ in 0..<Self.warmSeconds { consume(calls.runSecond()) }
    }
  }

  /// A frame in µ-law.
  static func pcmu(_ frame: Span<Int16>) -> [UInt8] {
    var octets = [UInt8](repeating: 0, count: frame.count)
    var elements = octets.mutableSpan
    var bytes = elements.mutableBytes
    G711.pcmu.encode(frame, into: &bytes)
    return octets
  }

  /// Lets one second pass. Clocks are read once for each kind of work in each 20 ms.
  mutating func runSecond() -> Cost {
    prepareSecond()
    sentToPhones = 0
    sentToPeers = 0
    var cost = Cost()
    for _ in 0..<Self.roundsPerSecond {
      measure(&cost.fromPhones, count: callCount) { $0.receiveFromPhones() }
      measure(&cost.fromPeers, count: callCount) { $0.receiveFromPeers() }
      measure(&cost.ticks, count: callCount) { $0.tick() }
      round += 1
    }
    return cost
  }

  private mutating func measure(_ part: inout Cost.Part, count: Int, _ body: (inout Self) -> Void) {
    callocations_start()
    let start = Stopwatch.now()
    body(&self)
    part.nanoseconds += Stopwatch.now() - start
    part.allocations += Int(callocations_stop())
    part.count += count
  }

  private mutating func receiveFromPhones() {
    let payload = phonePayloads[round % phonePayloads.count]
    var bytes = received.mutableBytes
    let header = RTPHeader(
      payloadType: 0, sequenceNumber: UInt16(truncatingIfNeeded: round),
      timestamp: UInt32(truncatingIfNeeded: round * Speech.frameSampleCount), ssrc: 0x1234)
    let byteCount = RTPHeader.byteCount + payload.count
    for call in 0..<callCount {
      header.write(into: &bytes)
      UnsafeMutableRawBufferPointer(rebasing: received[RTPHeader.byteCount..<byteCount]).copyBytes(from: payload)
      engine.receive(
        UnsafeMutableRawBufferPointer(rebasing: received[..<byteCount]), from: Self.phone(call),
        on: MediaPort(index: Int32(call)), at: now)
      flushIfCrowded()
    }
  }

  private mutating func receiveFromPeers() {
    for call in 0..<callCount {
      let index = (round % Self.roundsPerSecond) * callCount + call
      let datagram = prepared[(index * Self.slotByteCount)...].prefix(preparedByteCounts[index])
      received.copyMemory(from: UnsafeRawBufferPointer(rebasing: datagram))
      engine.receiveOnWebRTCPort(
        UnsafeMutableRawBufferPointer(rebasing: received[..<datagram.count]), from: peers[call].endpoint, at: now)
      flushIfCrowded()
    }
  }

  private mutating func tick() {
    for _ in 0..<2 {
      now += MediaEngine.tickPeriod
      engine.advanceSharedTimers(to: now)
      engine.beginTick(at: now)
      while engine.continueTick(at: now) { flushIfCrowded() }
    }
    flush()
  }

  private mutating func flushIfCrowded() {
    if engine.transmit.isCrowded { flush() }
  }

  /// What a sendmmsg would take.
  private mutating func flush() {
    for index in 0..<engine.transmit.count {
      if engine.transmit[index].port.isWebRTC { sentToPeers += 1 } else { sentToPhones += 1 }
    }
    engine.transmit.removeAll()
  }

  /// Protects the packets of the next second; reports and checks, which come about once a second, arrive now.
  private mutating func prepareSecond() {
    for round in 0..<Self.roundsPerSecond {
      let payload = agentPayloads[(self.round + round) % agentPayloads.count]
      for call in 0..<callCount {
        let index = round * callCount + call
        let start = index * Self.slotByteCount
        preparedByteCounts[index] = peers[call].packet(
          payload, timestampStep: options.codec == .opus ? 960 : 160,
          into: UnsafeMutableRawBufferPointer(rebasing: prepared[start..<(start + Self.slotByteCount)]))
      }
    }
    for peer in peers {
      deliver(peer.check(), from: peer)
      let count = peer.report(on: Self.sentSSRC, into: received)
      engine.receiveOnWebRTCPort(
        UnsafeMutableRawBufferPointer(rebasing: received[..<count]), from: peer.endpoint, at: now)
      flush()
    }
  }

  private mutating func open(_ call: Int) throws {
    let id = UInt64(call) * 10 + 10
    let (room, leg, transport) = (RoomID(rawValue: id), PhoneLegID(rawValue: id), TransportID(rawValue: id))
    let (phoneTrack, peerTrack) = (TrackID(rawValue: id), TrackID(rawValue: id + 1))
    let endpoint = Endpoint(IPAddress(v4: 0x0A00_0001 + UInt32(call)), 40_000)
    guard let peer = RoomPeer(at: endpoint, serverFingerprint: identity.fingerprint) else {
      throw NotConnected(description: "no DTLS")
    }
    peers.append(peer)
    perform(.openRoom(room, options), \.phone)
    charge(\.phone) {
      $0.engine.openPhoneLeg(PhoneLegConfiguration(id: leg), on: MediaPort(index: Int32(call)), at: $0.now)
    }
    let media = PhoneMedia(codec: .pcmu, payloadType: 0, eventPayloadType: 101, remote: Self.phone(call))
    perform(.negotiatePhoneLeg(leg, media), \.phone)
    perform(.attachPhoneLeg(leg, room, phoneTrack), \.phone)
    perform(
      .openTransport(
        TransportConfiguration(
          id: transport, room: room, credentials: peer.credentials, remoteFingerprints: [peer.fingerprint])),
      \.transport)
    try connect(peer)
    let trackCodec: TrackCodec = options.codec == .opus ? .opus : .pcmu
    perform(
      .publishTrack(
        transport, peerTrack,
        ReceiveTrack(
          ssrc: RoomPeer.ssrc, payloadType: RoomPeer.payloadType, codec: trackCodec,
          levelExtensionID: RoomPeer.levelExtensionID)), \.tracks)
    perform(
      .subscribe(
        transport, phoneTrack,
        SendTrack(
          ssrc: Self.sentSSRC, payloadType: RoomPeer.payloadType, codec: trackCodec, mid: "1", midExtensionID: 4)),
      \.tracks)
  }

  private mutating func connect(_ peer: RoomPeer) throws {
    deliver(peer.check(), from: peer)
    // OpenSSL's timer is real time: on a busy machine it may send a flight again in the middle of a handshake.
    for _ in 0..<Self.handshakePassLimit where !peer.isConnected {
      while let datagram = peer.nextDatagram() { deliver(datagram, from: peer) }
      guard !peer.isConnected else { break }
      usleep(10_000)
      peer.handleTimeout()
    }
    while let datagram = peer.nextDatagram() { deliver(datagram, from: peer) }
    guard peer.isConnected else { throw NotConnected(description: "DTLS is \(peer.state)") }
  }

  /// Carries one datagram to the engine and its answers back.
  private mutating func deliver(_ datagram: [UInt8], from peer: RoomPeer) {
    received.copyBytes(from: datagram)
    charge(\.transport) {
      $0.engine.receiveOnWebRTCPort(
        UnsafeMutableRawBufferPointer(rebasing: $0.received[..<datagram.count]), from: peer.endpoint, at: $0.now)
    }
    for index in 0..<engine.transmit.count where engine.transmit[index].destination == peer.endpoint {
      peer.receive(UnsafeRawBufferPointer(engine.transmit.bytes(index)).bytes)
    }
    engine.transmit.removeAll()
  }

  private mutating func perform(_ command: MediaCommand, _ part: WritableKeyPath<Heap, Int>) {
    charge(part) { $0.engine.perform(command, at: $0.now) }
    engine.transmit.removeAll()
  }

  /// Adds what `body` leaves on the heap to one part of `heap`.
  private mutating func charge(_ part: WritableKeyPath<Heap, Int>, _ body: (inout Self) -> Void) {
    let before = callocations_heap_byte_count()
    body(&self)
    heap[keyPath: part] += Int(callocations_heap_byte_count() - before)
  }

  private static func phone(_ call: Int) -> Endpoint { Endpoint(phoneAddress, UInt16(4000 + call * 2)) }
}
