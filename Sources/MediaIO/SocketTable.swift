import Base
import CLinux
import Glibc
import MediaCore

/// What one loop waits on: the WebRTC port on each address, the leased ports of its phone legs and transports, timer and
/// mailbox.
struct SocketTable: ~Copyable {
  enum Source {
    case timer
    case mailbox
    case webRTC(descriptor: Int32)
    case streams
    case leased(MediaPort)
  }

  private var poller: Poller
  private let webRTCv4: UDPSocket?
  private let webRTCv6: UDPSocket?
  private var leases: [PortLease?] = []
  /// The leases' descriptors, so that the packet path touches no reference count. -1: free.
  private var descriptors: [Int32] = []
  private var freeSlots: [Int32] = []

  init(
    poller: consuming Poller, webRTCv4: consuming UDPSocket?, webRTCv6: consuming UDPSocket?, timer: Int32,
    mailbox: Int32, streams: Int32
  ) {
    self.poller = poller
    self.webRTCv4 = webRTCv4
    self.webRTCv6 = webRTCv6
    watch(timer, Self.timerToken)
    watch(mailbox, Self.mailboxToken)
    watch(streams, Self.streamsToken)
    watch(webRTCDescriptor(isIPv4: true), Self.webRTCv4Token)
    watch(webRTCDescriptor(isIPv4: false), Self.webRTCv6Token)
  }

  /// Waits until something has to be read (epoll_wait(2)) and returns how many `source`s that are.
  mutating func wait() -> Int { poller.wait() }

  func source(_ index: Int) -> Source {
    let token = poller.token(index)
    return switch token {
    case Self.timerToken: .timer
    case Self.mailboxToken: .mailbox
    case Self.streamsToken: .streams
    case Self.webRTCv4Token: .webRTC(descriptor: webRTCDescriptor(isIPv4: true))
    case Self.webRTCv6Token: .webRTC(descriptor: webRTCDescriptor(isIPv4: false))
    default: .leased(MediaPort(index: Int32(truncatingIfNeeded: token)))
    }
  }

  mutating func add(_ lease: PortLease) -> MediaPort {
    let slot: Int32
    if let free = freeSlots.popLast() {
      slot = free
      leases[Int(slot)] = lease
      descriptors[Int(slot)] = lease.descriptor
    } else {
      slot = Int32(leases.count)
      leases.append(lease)
      descriptors.append(lease.descriptor)
    }
    poller.add(lease.descriptor, token: UInt64(slot))
    return MediaPort(index: slot)
  }

  /// Lets a lease go. Nothing when the slot is empty.
  mutating func remove(_ port: MediaPort) {
    let slot = Int(port.index)
    guard slot >= 0, slot < leases.count, leases[slot] != nil else { return }
    poller.remove(descriptors[slot])
    descriptors[slot] = -1
    leases[slot] = nil
    freeSlots.append(port.index)
  }

  /// -1 when there is no such socket.
  func descriptor(of port: MediaPort, isIPv4: Bool) -> Int32 {
    if port.isWebRTC { return webRTCDescriptor(isIPv4: isIPv4) }
    let slot = Int(port.index)
    return slot >= 0 && slot < descriptors.count ? descriptors[slot] : -1
  }

  private func webRTCDescriptor(isIPv4: Bool) -> Int32 {
    isIPv4 ? Self.descriptor(of: webRTCv4) : Self.descriptor(of: webRTCv6)
  }

  private static func descriptor(of socket: borrowing UDPSocket?) -> Int32 {
    switch socket {
    case .some(let socket): socket.descriptor
    case .none: -1
    }
  }

  private func watch(_ descriptor: Int32, _ token: UInt64) {
    if descriptor >= 0 { poller.add(descriptor, token: token) }
  }

  private static let timerToken: UInt64 = 1 << 32
  private static let mailboxToken: UInt64 = timerToken + 1
  private static let webRTCv4Token: UInt64 = timerToken + 2
  private static let webRTCv6Token: UInt64 = timerToken + 3
  private static let streamsToken: UInt64 = timerToken + 4
}
