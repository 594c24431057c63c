import Audio
import Base
import Transport

/// What the gateway asks for. None of this is on the packet path.
extension MediaEngine {
  public mutating func perform(_ command: MediaCommand, at now: MonotonicTime) {
    switch command {
    case .openRoom(let id, let options): openRoom(id, options, at: now)
    case .closeRoom(let id): closeRoom(id, at: now)
    case .negotiatePhoneLeg(let id, let media): if let leg = legs[id] { leg.pointee.negotiate(media, at: now) }
    case .attachPhoneLeg(let id, let room, let track): attach(id, to: room, publishing: track)
    case .detachPhoneLeg(let id): if let leg = legs[id] { detach(leg) }
    case .playTone(let id, let tone): if let leg = legs[id] { leg.pointee.play(tone) }
    case .stopTone(let id): if let leg = legs[id] { leg.pointee.play(nil as PhoneTone?) }
    case .playToneToRoom(let id, let tone): if let leg = legs[id] { leg.pointee.playToRoom(tone) }
    case .stopToneToRoom(let id): if let leg = legs[id] { leg.pointee.playToRoom(nil) }
    case .setPhoneDeaf(let id, let isDeaf): if let leg = legs[id] { leg.pointee.setDeaf(isDeaf) }
    case .setComfortNoise(let id, let isHeard): if let leg = legs[id] { leg.pointee.setComfortNoise(isHeard) }
    case .playSound(let id, let playback): if let leg = legs[id] { leg.pointee.play(playback) }
    case .stopSound(let id): if let leg = legs[id] { leg.pointee.play(nil as PhonePlayback?) }
    case .sendDigits(let id, let digits): if let leg = legs[id] { leg.pointee.sendDigits(digits) }
    case .closePhoneLeg(let id): if let leg = legs[id] { close(leg) }
    case .openTransport(let configuration): openTransport(configuration, at: now)
    case .publishTrack(let id, let track, let options): publish(track, on: id, options)
    case .unpublishTrack(let id, let track): unpublish(track, from: id)
    case .setTrackMuted(let track, let isMuted):
      if let source = tracks[track]?.source { source.pointee.setMuted(isMuted) }
    case .subscribe(let id, let track, let options): subscribe(id, to: track, options)
    case .unsubscribe(let id, let track): unsubscribe(id, from: track)
    case .openDataChannel(let id, let options):
      if let transport = transports[id] { transport.pointee.openChannel(options, &output) }
    case .sendData(let id, let label, let message):
      if let transport = transports[id] { transport.pointee.sendData(message, label: label, &output) }
    case .addRemoteCandidates(let id, let candidates):
      if let transport = transports[id] { transport.pointee.addRemoteCandidates(candidates, at: now, &output) }
    case .restartICE(let id, let credentials, let remote): restartICE(id, credentials, remote, at: now)
    case .closeTransport(let id): if let transport = transports[id] { close(transport, at: now) }
    }
  }

  /// Opens a leg whose RTP arrives on `port`, which is its own until `nextClosedPort` returns it.
  public mutating func openPhoneLeg(
    _ configuration: PhoneLegConfiguration, on port: MediaPort, at now: MonotonicTime
  ) {
    precondition(!port.isWebRTC, "a phone leg needs a port of its own")
    guard legs[configuration.id] == nil, legs.count < limits.phoneLegs else {
      closedPorts.append(port)
      output.emit(.phoneLegClosed(configuration.id, PhoneLegStatistics()))
      return
    }
    let leg = UnsafeMutablePointer.make(PhoneLeg(configuration, on: port, lobby: lobby, at: now))
    legs[configuration.id] = leg
    own(port, .leg(leg))
    let lobby = lobby
    lobby.pointee.add(leg)
  }

  /// Closes and reports everything.
  public mutating func closeAll(at now: MonotonicTime) {
    for id in Array(rooms.keys) { closeRoom(id, at: now) }
    for leg in Array(legs.values) { close(leg) }
  }

  /// The port of a leg whose media is agreed.
  public func negotiatedPort(of id: PhoneLegID) -> MediaPort? {
    guard let leg = legs[id], leg.pointee.isNegotiated else { return nil }
    return leg.pointee.port
  }

  mutating func closeIfFailed(_ transport: UnsafeMutablePointer<RoomTransport>, at now: MonotonicTime) {
    guard let failure = transport.pointee.failure else { return }
    output.emit(.transportFailed(transport.pointee.id, failure))
    close(transport, at: now)
  }

  private mutating func openRoom(_ id: RoomID, _ options: RoomMediaOptions, at now: MonotonicTime) {
    guard rooms[id] == nil, rooms.count < limits.rooms else { return }
    let room = UnsafeMutablePointer.make(
      MediaRoom(id: id, options: options, phase: ticking.count & 1, at: now))
    rooms[id] = room
    ticking.append(room)
  }

  private mutating func closeRoom(_ id: RoomID, at now: MonotonicTime) {
    guard let room = rooms.removeValue(forKey: id) else { return }
    for transport in room.pointee.transports { close(transport, at: now) }
    for leg in room.pointee.legs { detach(leg) }
    ticking.removeAll { $0 == room }
    room.destroy()
  }

  private mutating func attach(_ id: PhoneLegID, to roomID: RoomID, publishing track: TrackID) {
    guard let leg = legs[id], let room = rooms[roomID], tracks[track] == nil else { return }
    detach(leg)
    let (options, law, lobby) = (room.pointee.options, leg.pointee.law, lobby)
    let source = UnsafeMutablePointer.make(
      TrackSource(
        id: track, room: room, codec: options.codec == .opus ? .opus : .pcmu,
        playoutKind: .g711(options.codec == .opus ? law : .pcmu)))
    lobby.pointee.remove(leg)
    leg.pointee.attach(to: room, publishing: source)
    tracks[track] = Track(source: source, transport: nil)
    room.pointee.add(source)
    room.pointee.add(leg)
    subscribeWaiting(for: track, in: room)
  }

  private mutating func detach(_ leg: UnsafeMutablePointer<PhoneLeg>) {
    guard let source = leg.pointee.source else { return }
    let (room, lobby) = (leg.pointee.room, lobby)
    room.pointee.remove(leg)
    leg.pointee.detach(to: lobby)
    lobby.pointee.add(leg)
    keepSubscriptions(to: source)
    remove(source)
  }

  /// Another leg may take this one's place and go on with its track: whoever gets it waits for that.
  private func keepSubscriptions(to source: UnsafeMutablePointer<TrackSource>) {
    for subscriber in source.pointee.subscribers {
      let transport = subscriber.transport
      guard transport.pointee.awaited.count < limits.subscriptionsPerTransport else { continue }
      transport.pointee.awaited[source.pointee.id] = subscriber.sent.pointee.options
    }
  }

  private mutating func close(_ leg: UnsafeMutablePointer<PhoneLeg>) {
    detach(leg)
    let (id, port, lobby) = (leg.pointee.id, leg.pointee.port, lobby)
    lobby.pointee.remove(leg)
    legs[id] = nil
    release(port)
    output.emit(.phoneLegClosed(id, leg.pointee.statistics))
    leg.destroy()
  }

  /// Opens a transport with a full agent. What arrives on `ports` is its own until `nextClosedPort` returns them: a
  /// server that has one port for all its peers tells them apart by where they send from.
  public mutating func openTransport(
    _ configuration: TransportConfiguration, on ports: TransportPorts, at now: MonotonicTime
  ) {
    guard case .full = configuration.ice, let transport = makeTransport(configuration, on: ports, at: now) else {
      closedPorts += ports.all
      return refuse(configuration)
    }
    for port in ports.all { own(port, .transport(transport)) }
    transport.pointee.sendChecks(at: now, &output)
  }

  /// Opens a transport with a lite agent, on the shared port.
  private mutating func openTransport(_ configuration: TransportConfiguration, at now: MonotonicTime) {
    guard case .lite = configuration.ice, let fragment = ICEFragment(configuration.credentials.ufrag),
      fragments[fragment] == nil, let transport = makeTransport(configuration, on: .webRTC, at: now)
    else { return refuse(configuration) }
    fragments[fragment] = transport
  }

  private mutating func makeTransport(
    _ configuration: TransportConfiguration, on ports: TransportPorts, at now: MonotonicTime
  ) -> UnsafeMutablePointer<RoomTransport>? {
    guard transports[configuration.id] == nil, transports.count < limits.transports,
      let room = rooms[configuration.room],
      let made = RoomTransport(configuration, on: ports, room: room, context: identity.context, at: now)
    else { return nil }
    let transport = UnsafeMutablePointer.make(made)
    transports[configuration.id] = transport
    room.pointee.add(transport)
    return transport
  }

  private func refuse(_ configuration: TransportConfiguration) {
    output.emit(.transportFailed(configuration.id, .refused))
    output.emit(.transportClosed(configuration.id, TransportStatistics()))
  }

  private mutating func close(_ transport: UnsafeMutablePointer<RoomTransport>, at now: MonotonicTime) {
    let (id, room) = (transport.pointee.id, transport.pointee.room)
    transport.pointee.close(at: now, &output)
    for track in transport.pointee.received { remove(track.pointee.source) }
    for sent in transport.pointee.sent { unsubscribe(sent) }
    if transport.pointee.ice.isLite {
      for source in transport.pointee.sources where flows[source] == transport { flows[source] = nil }
      fragments[transport.pointee.ice.localFragment] = nil
    } else {
      for port in transport.pointee.ports.all { release(port) }
    }
    room.pointee.remove(transport)
    transports[id] = nil
    output.emit(.transportClosed(id, transport.pointee.statistics))
    transport.destroy()
  }

  private mutating func own(_ port: MediaPort, _ owner: PortOwner) {
    while portOwners.count <= Int(port.index) { portOwners.append(nil) }
    portOwners[Int(port.index)] = owner
  }

  private mutating func release(_ port: MediaPort) {
    portOwners[Int(port.index)] = nil
    closedPorts.append(port)
  }

  private mutating func publish(_ track: TrackID, on id: TransportID, _ options: ReceiveTrack) {
    guard let transport = transports[id], tracks[track] == nil,
      transport.pointee.received.count < limits.tracksPerTransport
    else { return }
    let room = transport.pointee.room
    let source = UnsafeMutablePointer.make(
      TrackSource(id: track, room: room, codec: options.codec, playoutKind: options.codec.playoutKind))
    transport.pointee.add(UnsafeMutablePointer.make(ReceivedTrack(options, source: source)))
    tracks[track] = Track(source: source, transport: transport)
    room.pointee.add(source)
    subscribeWaiting(for: track, in: room)
  }

  private mutating func unpublish(_ track: TrackID, from id: TransportID) {
    guard let entry = tracks[track], let transport = entry.transport, transport.pointee.id == id else { return }
    transport.pointee.removeReceived(of: entry.source)
    remove(entry.source)
  }

  /// A track that is not there yet is waited for: a phone is subscribed to while it still rings.
  private mutating func subscribe(_ id: TransportID, to track: TrackID, _ options: SendTrack) {
    guard let transport = transports[id] else { return }
    guard let source = tracks[track]?.source else {
      if transport.pointee.awaited.count < limits.subscriptionsPerTransport {
        transport.pointee.awaited[track] = options
      }
      return
    }
    guard source.pointee.codec == options.codec, source.pointee.room == transport.pointee.room,
      let sent = transport.pointee.sentTrack(options, limit: limits.subscriptionsPerTransport)
    else { return }
    unsubscribe(sent)
    unsubscribe(id, from: track)
    source.pointee.subscribe(TrackSource.Subscriber(transport: transport, sent: sent))
  }

  private mutating func subscribeWaiting(for track: TrackID, in room: UnsafeMutablePointer<MediaRoom>) {
    for transport in room.pointee.transports {
      guard let options = transport.pointee.awaited.removeValue(forKey: track) else { continue }
      subscribe(transport.pointee.id, to: track, options)
    }
  }

  private mutating func unsubscribe(_ id: TransportID, from track: TrackID) {
    guard let transport = transports[id] else { return }
    transport.pointee.awaited[track] = nil
    for sent in transport.pointee.sent where sent.pointee.track == track { unsubscribe(sent) }
  }

  private mutating func unsubscribe(_ sent: UnsafeMutablePointer<SentTrack>) {
    guard let track = sent.pointee.track, let source = tracks[track]?.source else { return }
    source.pointee.unsubscribe(sent)
  }

  /// Ends a track: its subscribers' streams are free for another.
  private mutating func remove(_ source: UnsafeMutablePointer<TrackSource>) {
    let room = source.pointee.room
    source.pointee.unsubscribeAll()
    tracks[source.pointee.id] = nil
    room.pointee.remove(source)
    source.destroy()
  }

  private mutating func restartICE(
    _ id: TransportID, _ credentials: ICECredentials, _ remote: ICERemote?, at now: MonotonicTime
  ) {
    guard let transport = transports[id], let fragment = ICEFragment(credentials.ufrag) else { return }
    let isLite = transport.pointee.ice.isLite
    guard !isLite || fragments[fragment] == nil || fragments[fragment] == transport else { return }
    let former = transport.pointee.ice.localFragment
    guard transport.pointee.restartICE(credentials, remote: remote, at: now, &output), isLite else { return }
    fragments[former] = nil
    fragments[fragment] = transport
  }
}

extension TrackCodec {
  fileprivate var playoutKind: TrackPlayout.Kind {
    switch self {
    case .opus: .opus
    case .pcmu: .g711(.pcmu)
    case .pcma: .g711(.pcma)
    }
  }
}
