import Base
import CLinux
import Glibc
import Linux
import MediaCore

/// Memory for one `recvmmsg` batch, shared by all sockets of a loop.
struct ReceiveRing: ~Copyable {
  /// Datagrams of one call. A phone leg rarely has more than one; the WebRTC port fills it under load.
  static let capacity = 64
  /// A longer datagram is cut off and then fails to parse or to authenticate.
  static let slotByteCount = 2048

  private let storage: UnsafeMutableRawPointer
  private let addresses: UnsafeMutablePointer<SocketAddress>
  private let vectors: UnsafeMutablePointer<iovec>
  private let messages: UnsafeMutablePointer<clinux_mmsghdr>

  init() {
    storage = .allocate(byteCount: Self.capacity * Self.slotByteCount, alignment: 16)
    storage.initializeMemory(as: UInt8.self, repeating: 0, count: Self.capacity * Self.slotByteCount)
    addresses = .allocate(capacity: Self.capacity)
    addresses.initialize(repeating: SocketAddress(), count: Self.capacity)
    vectors = .allocate(capacity: Self.capacity)
    messages = .allocate(capacity: Self.capacity)
    for index in 0..<Self.capacity {
      (vectors + index).initialize(
        to: iovec(iov_base: storage + index * Self.slotByteCount, iov_len: Self.slotByteCount))
      var header = msghdr()
      header.msg_name = UnsafeMutableRawPointer(addresses + index)
      header.msg_namelen = socklen_t(SocketAddress.byteCount)
      header.msg_iov = vectors + index
      header.msg_iovlen = 1
      (messages + index).initialize(to: clinux_mmsghdr(header: header, byte_count: 0))
    }
  }

  deinit {
    messages.deallocate()
    vectors.deallocate()
    addresses.deallocate()
    storage.deallocate()
  }

  /// Reads up to `limit` datagrams that wait (recvmmsg(2)). Zero when there are none.
  mutating func receive(from descriptor: Int32, limit: Int = capacity) -> Int {
    let count = clinux_recvmmsg(descriptor, messages, UInt32(min(limit, Self.capacity)), Int32(MSG_DONTWAIT))
    guard count > 0 else { return 0 }
    for index in 0..<Int(count) { messages[index].header.msg_namelen = socklen_t(SocketAddress.byteCount) }
    return Int(count)
  }

  /// The bytes of datagram `index` of the last batch; may be changed in place.
  func bytes(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let byteCount = min(Int(messages[index].byte_count), Self.slotByteCount)
    return UnsafeMutableRawBufferPointer(start: storage + index * Self.slotByteCount, count: byteCount)
  }

  func source(_ index: Int) -> Endpoint? { addresses[index].endpoint }
}
