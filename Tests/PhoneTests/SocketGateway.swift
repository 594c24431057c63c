import Base
import Capture
import Foundation
import Glibc
import Linux
import RTP
import SDP
import Synchronization

@testable import Phone

/// A `GatewayStub` behind real sockets: UDP and TCP on one free port of 127.0.0.1, one call, a tone and a digit back.
final class SocketGateway: Sendable {
  private struct Shared {
    var isOpen = true
    var receivedPacketCount = 0
    var lastSource: Endpoint?
  }

  let port: UInt16
  private let shared = Mutex(Shared())
  private let descriptors: (udp: Int32, listener: Int32, media: Int32)

  var receivedPacketCount: Int { shared.withLock(\.receivedPacketCount) }
  var lastSource: Endpoint? { shared.withLock(\.lastSource) }

  init(_ manner: GatewayStub.Manner) throws {
    let (udp, listener) = try Self.boundPair()
    port = Self.name(udp).port
    listen(listener, 4)
    let media = try Self.bound(SOCK_DGRAM, port: 0)
    descriptors = (udp, listener, media)
    let stub = GatewayStub(manner, media: Self.name(media))
    Thread.detachNewThread { [self] in run(stub) }
  }

  func close() { shared.withLock { $0.isOpen = false } }

  private func run(_ start: GatewayStub) {
    var stub = start
    var connection: Int32 = -1
    var reader = SIPStreamReader()
    var player = TonePlayer()
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while shared.withLock(\.isOpen) {
      var polled = [descriptors.udp, descriptors.listener, descriptors.media, connection]
        .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      poll(&polled, 4, 2)
      if polled[1].revents != 0, connection < 0 { connection = accept(descriptors.listener, nil, nil) }
      if polled[0].revents != 0 {
        let received = SocketAddress.filled {
          recvfrom(descriptors.udp, &buffer, buffer.count, 0, $0, $1)
        }
        shared.withLock { $0.lastSource = received?.endpoint }
        if let (count, source) = received, let message = SIPMessage(parsing: buffer[..<count]) {
          for reply in stub.receive(message) { Self.send(descriptors.udp, reply.bytes, to: source) }
        }
      }
      if polled[3].revents != 0 {
        let count = recv(connection, &buffer, buffer.count, 0)
        for message in reader.take(Array(buffer[..<max(0, count)])) {
          for reply in stub.receive(message) {
            _ = Glibc.send(connection, reply.bytes, reply.bytes.count, Int32(MSG_NOSIGNAL))
          }
        }
        if count <= 0 {
          Glibc.close(connection)
          connection = -1
        }
      }
      if polled[2].revents != 0, recv(descriptors.media, &buffer, buffer.count, 0) > 0 {
        shared.withLock { $0.receivedPacketCount += 1 }
      }
      if let agreed = stub.agreed {
        for packet in player.due(agreed) { Self.send(descriptors.media, packet, to: agreed.remote) }
      }
    }
    for descriptor in [descriptors.udp, descriptors.listener, descriptors.media, connection] where descriptor >= 0 {
      Glibc.close(descriptor)
    }
  }

  /// UDP and TCP on one number. The kernel chooses it for UDP alone, so that TCP may have to try a few.
  private static func boundPair() throws -> (udp: Int32, listener: Int32) {
    var failure: any Error = ReplayError("bind: no port")
    for _ in 0..<20 {
      let udp = try bound(SOCK_DGRAM, port: 0)
      do {
        return (udp, try bound(SOCK_STREAM, port: name(udp).port))
      } catch {
        Glibc.close(udp)
        failure = error
      }
    }
    throw failure
  }

  private static func bound(_ kind: __socket_type, port: UInt16) throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(kind.rawValue), 0)
    let result = SocketAddress.with(Endpoint(.loopbackV4, port)) { bind(descriptor, $0, $1) }
    guard result == 0 else {
      let code = errno
      Glibc.close(descriptor)
      throw ReplayError("bind: \(code)")
    }
    return descriptor
  }

  private static func name(_ descriptor: Int32) -> Endpoint {
    SocketAddress.local(of: descriptor) ?? Endpoint(.loopbackV4, 0)
  }

  private static func send(_ descriptor: Int32, _ bytes: [UInt8], to target: Endpoint) {
    _ = SocketAddress.with(target) { sendto(descriptor, bytes, bytes.count, 0, $0, $1) }
  }
}

/// Loud noise at the negotiated pace, and one key press at the start.
private struct TonePlayer {
  private var next: MonotonicTime?
  private var sequenceNumber: UInt16 = 1

  mutating func due(_ agreed: NegotiatedMedia) -> [[UInt8]] {
    let now = MonotonicClock.now()
    var packets: [[UInt8]] = []
    while now >= next ?? now {
      next = (next ?? now) + .milliseconds(agreed.packetTime)
      guard agreed.direction.sends else { continue }
      let type = sequenceNumber == 1 ? agreed.telephoneEventPayloadType ?? 101 : agreed.payloadType
      let payload: [UInt8] =
        sequenceNumber == 1 ? [7, 10, 0, 160] : (0..<agreed.packetTime * 8).map { $0 % 16 < 8 ? 0x90 : 0x10 }
      let header = RTPHeader(
        payloadType: type, sequenceNumber: sequenceNumber, timestamp: UInt32(sequenceNumber) * 160, ssrc: 1)
      var packet = [UInt8](repeating: 0, count: RTPHeader.byteCount) + payload
      var bytes = packet.mutableSpan
      var span = bytes.mutableBytes
      header.write(into: &span)
      packets.append(packet)
      sequenceNumber += 1
    }
    return packets
  }
}
