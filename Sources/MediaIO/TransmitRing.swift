import Base
import CLinux
import Glibc
import Linux
import MediaCore

/// Sends what a `TransmitQueue` holds: one `sendmmsg` for each run of datagrams that leave by the same socket.
struct TransmitRing: ~Copyable {
  private let addresses: UnsafeMutablePointer<SocketAddress>
  private let vectors: UnsafeMutablePointer<iovec>
  private let messages: UnsafeMutablePointer<clinux_mmsghdr>
  private let descriptors: UnsafeMutablePointer<Int32>
  private let capacity: Int
  private(set) var sentCount: UInt64 = 0
  /// Refused by the kernel: a full buffer, an unreachable network.
  private(set) var failedCount: UInt64 = 0

  init(capacity: Int) {
    self.capacity = capacity
    addresses = .allocate(capacity: capacity)
    addresses.initialize(repeating: SocketAddress(), count: capacity)
    vectors = .allocate(capacity: capacity)
    vectors.initialize(repeating: iovec(), count: capacity)
    messages = .allocate(capacity: capacity)
    messages.initialize(repeating: clinux_mmsghdr(), count: capacity)
    descriptors = .allocate(capacity: capacity)
    descriptors.initialize(repeating: -1, count: capacity)
  }

  deinit {
    descriptors.deallocate()
    messages.deallocate()
    vectors.deallocate()
    addresses.deallocate()
  }

  /// Empties the queue. A datagram without a socket, or one the kernel refuses, is counted and gone.
  mutating func flush(
    _ queue: inout TransmitQueue, by sockets: borrowing SocketTable, _ streams: inout StreamTable
  ) {
    let queued = min(queue.count, capacity)
    var count = 0
    for index in 0..<queued {
      let (entry, bytes) = (queue[index], queue.bytes(index))
      if entry.port.streamNumber != nil {
        streams.send(UnsafeRawBufferPointer(bytes), by: entry.port)
      } else {
        prepare(count, entry, bytes: bytes, sockets)
        count += 1
      }
    }
    var start = 0
    while start < count {
      var end = start + 1
      while end < count, descriptors[end] == descriptors[start] { end += 1 }
      send(start, end, by: descriptors[start])
      start = end
    }
    queue.removeAll()
  }

  private func prepare(
    _ index: Int, _ entry: TransmitQueue.Entry, bytes: UnsafeMutableRawBufferPointer, _ sockets: borrowing SocketTable
  ) {
    descriptors[index] = sockets.descriptor(of: entry.port, isIPv4: entry.destination.address.isIPv4)
    addresses[index].set(entry.destination)
    vectors[index] = iovec(iov_base: bytes.baseAddress, iov_len: bytes.count)
    messages[index].header.msg_name = UnsafeMutableRawPointer(addresses + index)
    messages[index].header.msg_namelen = addresses[index].length
    messages[index].header.msg_iov = vectors + index
    messages[index].header.msg_iovlen = 1
  }

  private mutating func send(_ start: Int, _ end: Int, by descriptor: Int32) {
    guard descriptor >= 0 else {
      failedCount += UInt64(end - start)
      return
    }
    var next = start
    while next < end {
      let sent = clinux_sendmmsg(
        descriptor, messages + next, UInt32(end - next), Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
      if sent > 0 {
        sentCount += UInt64(sent)
        next += Int(sent)
      } else if errno == EINTR {
        continue
      } else if errno == EAGAIN || errno == ENOBUFS {
        failedCount += UInt64(end - next)
        return
      } else {
        failedCount += 1
        next += 1
      }
    }
  }
}
