import Base
import Dispatch
import Glibc
import Linux

/// The body of the thread `redis`: waits for sockets, time and mailbox, and does what the link decides.
final class RedisLoop {
  private let link: RedisLink
  private let tls: TLSSettings?
  private let mailbox: RedisMailbox
  private let onEvent: @Sendable (RedisEvent) -> Void
  private var sockets: [RedisLink.ConnectionID: RedisSocket] = [:]
  /// Where a connection tries next, when one address of a host does not answer.
  private var candidates: [RedisLink.ConnectionID: (address: RedisAddress, rest: [IPAddress])] = [:]
  /// Look-ups block: a queue of their own, because the loop must not wait for DNS.
  private let resolver = DispatchQueue(label: "redis-dns", attributes: .concurrent)
  private var pending: [RedisLink.Action] = []
  private var isPerforming = false
  private var isClosing = false

  init(
    _ configuration: RedisConfiguration, tls: TLSSettings?, mailbox: RedisMailbox,
    onEvent: @escaping @Sendable (RedisEvent) -> Void
  ) {
    link = RedisLink(configuration)
    self.tls = tls
    self.mailbox = mailbox
    self.onEvent = onEvent
  }

  /// Until the mailbox says `close`.
  func run() {
    while !isClosing {
      wait()
      let now = MonotonicClock.now()
      for message in mailbox.take() { handle(message, now) }
      perform(link.expire(now: MonotonicClock.now()))
    }
    mailbox.closeForGood()
    sockets = [:]
  }

  private func wait() {
    let ids = sockets.keys.sorted()
    var polled = [pollfd(fd: mailbox.wakeDescriptor, events: Int16(POLLIN), revents: 0)]
    for id in ids {
      guard let socket = sockets[id] else { continue }
      polled.append(pollfd(fd: socket.descriptor, events: socket.interest, revents: 0))
    }
    guard poll(&polled, nfds_t(polled.count), timeout) > 0 else { return }
    for (id, entry) in zip(ids, polled.dropFirst()) where entry.revents != 0 { handle(id, entry.revents) }
  }

  /// Milliseconds for poll(2), rounded up so that the time has come afterwards.
  private var timeout: Int32 {
    guard let deadline = link.deadline else { return -1 }
    let left = (deadline - MonotonicClock.now()).wholeNanoseconds
    return Int32(clamping: max(0, (left + 999_999) / 1_000_000))
  }

  private func handle(_ message: RedisMailbox.Message, _ now: MonotonicTime) {
    switch message {
    case .publish(let channel, let payload): perform(link.publish(channel, payload, now: now))
    case .subscribe(let channels): perform(link.subscribe(channels))
    case .unsubscribe(let channels): perform(link.unsubscribe(channels))
    case .lock(let token, let key, let lifetime): perform(link.lock(token, key: key, lifetime: lifetime, now: now))
    case .resolved(let id, let addresses): resolved(id, addresses)
    case .close: isClosing = true
    }
  }

  private func handle(_ id: RedisLink.ConnectionID, _ events: Int16) {
    guard let socket = sockets[id] else { return }
    do throws(RedisFault) {
      if events & Int16(POLLOUT | POLLERR | POLLHUP) != 0, try socket.writable() { opened(id) }
      guard sockets[id] != nil, events & Int16(POLLIN | POLLERR | POLLHUP) != 0 else { return }
      let (bytes, isNewlyOpen) = try socket.readable()
      if isNewlyOpen { opened(id) }
      if !bytes.isEmpty { perform(link.received(id, bytes, now: MonotonicClock.now())) }
    } catch {
      failed(id, "\(error)")
    }
  }

  private func opened(_ id: RedisLink.ConnectionID) {
    candidates[id] = nil
    perform(link.opened(id, now: MonotonicClock.now()))
  }

  private func failed(_ id: RedisLink.ConnectionID, _ reason: String) {
    sockets[id] = nil
    if let (address, rest) = candidates[id], !rest.isEmpty { return connect(id, address, rest) }
    candidates[id] = nil
    perform(link.failed(id, reason, now: MonotonicClock.now()))
  }

  /// In order: what an action leads to comes after the actions beside it.
  private func perform(_ actions: [RedisLink.Action]) {
    pending += actions
    guard !isPerforming else { return }
    isPerforming = true
    defer { isPerforming = false }
    while !pending.isEmpty {
      switch pending.removeFirst() {
      case .open(let id, let address): open(id, address)
      case .send(let id, let bytes): send(id, bytes)
      case .close(let id):
        sockets[id] = nil
        candidates[id] = nil
      case .event(let event): onEvent(event)
      }
    }
  }

  private func send(_ id: RedisLink.ConnectionID, _ bytes: [UInt8]) {
    do throws(RedisFault) {
      try sockets[id]?.send(bytes)
    } catch {
      failed(id, "\(error)")
    }
  }

  private func open(_ id: RedisLink.ConnectionID, _ address: RedisAddress) {
    if let known = IPAddress(address.host) { return connect(id, address, [known]) }
    candidates[id] = (address, [])
    resolver.async { [mailbox] in mailbox.post(.resolved(id, NameLookup.addresses(of: address.host))) }
  }

  private func resolved(_ id: RedisLink.ConnectionID, _ addresses: [IPAddress]) {
    // The link may have given it up meanwhile.
    guard let address = candidates[id]?.address else { return }
    guard !addresses.isEmpty else { return failed(id, "the host name has no address") }
    connect(id, address, addresses)
  }

  private func connect(_ id: RedisLink.ConnectionID, _ address: RedisAddress, _ addresses: [IPAddress]) {
    candidates[id] = (address, Array(addresses.dropFirst()))
    guard let first = addresses.first else { return }
    do throws(RedisFault) {
      sockets[id] = try RedisSocket(to: Endpoint(first, address.port), host: address.host, tls: tls)
    } catch {
      failed(id, "\(error)")
    }
  }
}
