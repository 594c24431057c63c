import Base
import CLinux
import Dispatch
import Glibc
import Linux

/// Asks public STUN servers for the address that the Internet sees (RFC 8489 §2), once at start.
enum PublicAddress {
  /// What LiveKit asks.
  private static let servers = [("stun.l.google.com", UInt16(19302)), ("stun1.l.google.com", UInt16(19302))]
  private static let attemptsPerServer = 3
  private static let answerTimeoutMilliseconds: Int32 = 500

  static func ask() async -> IPAddress? {
    for (host, port) in servers {
      for address in await AddressResolver.addresses(of: host) where address.isIPv4 {
        if let found = await ask(Endpoint(address, port)) { return found }
      }
    }
    return nil
  }

  private static func ask(_ server: Endpoint) async -> IPAddress? {
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: exchange(with: server)) }
    }
  }

  private static func exchange(with server: Endpoint) -> IPAddress? {
    let descriptor = socket(AF_INET, clinux_udp_socket_type, 0)
    guard descriptor >= 0, SocketAddress.with(server, { connect(descriptor, $0, $1) }) == 0 else { return nil }
    defer { close(descriptor) }
    let transaction = (0..<12).map { _ in UInt8.random(in: 0...255) }
    let request: [UInt8] = [0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xA4, 0x42] + transaction
    var answer = [UInt8](repeating: 0, count: 512)
    for _ in 0..<attemptsPerServer {
      guard send(descriptor, request, request.count, 0) == request.count else { return nil }
      var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, answerTimeoutMilliseconds) == 1 else { continue }
      let count = recv(descriptor, &answer, answer.count, 0)
      if count > 0, let address = mappedAddress(answer.prefix(count), transaction: transaction) { return address }
    }
    return nil
  }

  /// XOR-MAPPED-ADDRESS of a binding success for IPv4 (RFC 8489 §14.2).
  private static func mappedAddress(_ answer: ArraySlice<UInt8>, transaction: [UInt8]) -> IPAddress? {
    guard answer.count >= 20, answer[0] == 0x01, answer[1] == 0x01, Array(answer[8..<20]) == transaction else {
      return nil
    }
    var offset = 20
    while offset + 12 <= answer.count {
      let type = Int(answer[offset]) << 8 | Int(answer[offset + 1])
      let length = Int(answer[offset + 2]) << 8 | Int(answer[offset + 3])
      if type == 0x0020, length == 8, answer[offset + 5] == 1 {
        let bits = answer[(offset + 8)..<(offset + 12)].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return IPAddress(v4: bits ^ 0x2112_A442)
      }
      offset += 4 + (length + 3) & ~3
    }
    return nil
  }
}
