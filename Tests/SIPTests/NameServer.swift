import Base
import CLinux
import Foundation
import Glibc
import Linux
import Synchronization

/// A DNS server on a free port of 127.0.0.1 that knows what it is told: SRV records by their owner, A records by host.
final class NameServer: Sendable {
  struct Service: Sendable {
    var priority: UInt16
    var weight: UInt16 = 0
    var port: UInt16
    var target: String
  }

  private struct Book {
    var services: [String: [Service]] = [:]
    var addresses: [String: [IPAddress]] = [:]
    var isSilent = false
    var questions: [String] = []
    var isOpen = true
  }

  let endpoint: Endpoint
  private let book = Mutex(Book())

  init() throws {
    let descriptor = socket(AF_INET, clinux_udp_socket_type & ~O_NONBLOCK, 0)
    guard SocketAddress.with(Endpoint(.loopbackV4, 0), { bind(descriptor, $0, $1) }) == 0,
      let local = SocketAddress.local(of: descriptor)
    else { throw SocketFailure(code: errno) }
    endpoint = local
    var limit = timeval(tv_sec: 0, tv_usec: 100_000)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    Thread.detachNewThread { [weak self] in
      var buffer = [UInt8](repeating: 0, count: 512)
      while self?.isOpen == true {
        let received = SocketAddress.filled { recvfrom(descriptor, &buffer, buffer.count, 0, $0, $1) }
        guard let (count, source) = received, let response = self?.answer(Array(buffer[..<count])) else { continue }
        _ = SocketAddress.with(source) { sendto(descriptor, response, response.count, 0, $0, $1) }
      }
      close(descriptor)
    }
  }

  func set(_ owner: String, _ services: [Service]) { book.withLock { $0.services[owner] = services } }
  func set(_ host: String, _ addresses: [IPAddress] = [.loopbackV4]) {
    book.withLock { $0.addresses[host] = addresses }
  }
  func fallSilent() { book.withLock { $0.isSilent = true } }
  /// `name type`, in the order they were asked.
  var questions: [String] { book.withLock(\.questions) }

  private var isOpen: Bool { book.withLock(\.isOpen) }

  /// The servers of `_sip._<transport>.<domain>` in order, all on 127.0.0.1.
  func serve(_ domain: String, _ transport: String = "udp", ports: [UInt16]) {
    set(
      "_sip._\(transport).\(domain)",
      ports.enumerated().map { Service(priority: UInt16($0), port: $1, target: "host.\(domain)") })
    set("host.\(domain)")
  }

  private func answer(_ query: [UInt8]) -> [UInt8]? {
    var labels: [String] = []
    var index = 12
    while index < query.count, query[index] != 0 {
      let end = index + 1 + Int(query[index])
      guard end < query.count else { return nil }
      labels.append(String(decoding: query[(index + 1)..<end], as: UTF8.self))
      index = end
    }
    guard index + 5 <= query.count else { return nil }
    let name = labels.joined(separator: ".").lowercased()
    let type = query[index + 2]
    let records = book.withLock { book -> [[UInt8]]? in
      book.questions.append("\(name) \(type)")
      if book.isSilent { return nil }
      switch type {
      case 33: return (book.services[name] ?? []).map(Self.record)
      case 1: return (book.addresses[name] ?? []).filter(\.isIPv4).map(Self.record)
      default: return []
      }
    }
    guard let records else { return nil }
    let code: UInt8 = records.isEmpty ? 3 : 0
    return Array(query[0..<2]) + [0x81, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0]
      + query[12..<(index + 5)] + records.flatMap { $0 }
  }

  private static func record(_ service: Service) -> [UInt8] {
    var target: [UInt8] = []
    for label in service.target.split(separator: ".") { target += [UInt8(label.utf8.count)] + Array(label.utf8) }
    target.append(0)
    let data =
      [service.priority, service.weight, service.port].flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] } + target
    return [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
  }

  private static func record(_ address: IPAddress) -> [UInt8] {
    let bits = address.v4Bits
    return [0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
  }
}
