import Base
import COpenSSL
import Testing

@testable import Transport

extension PeerTests {
  @Suite("DTLS")
  struct DTLSTests {
    @Test(
      "the server's first common profile wins, and both sides hold the same keys crosswise",
      arguments: [
        ([SRTPProfile.aeadAES128GCM, .aes128CMSHA1With80BitTag], SRTPProfile.aeadAES128GCM),
        ([.aes128CMSHA1With80BitTag], .aes128CMSHA1With80BitTag),
      ])
    func exportsKeys(serverProfiles: [SRTPProfile], profile: SRTPProfile) throws {
      let link = try Link(serverProfiles: serverProfiles)
      #expect(link.handshake())
      let server = try #require(link.server.keys)
      let client = try #require(link.client.keys)
      #expect(server.profile == profile)
      #expect(client.profile == profile)
      #expect(server.inbound == client.outbound)
      #expect(server.outbound == client.inbound)
      #expect(server.inbound != server.outbound)
      #expect(link.largestDatagram <= DTLSConnection.maximumDatagramByteCount)
      try exchangeRTP(from: client, to: server)
      try exchangeRTP(from: server, to: client)
    }

    private func exchangeRTP(from sender: SRTPKeys, to receiver: SRTPKeys) throws {
      var outbound = try made(SRTPContext(sender.profile, masterKey: sender.outbound, direction: .outbound))
      var inbound = try made(SRTPContext(receiver.profile, masterKey: receiver.inbound, direction: .inbound))
      let plain = rtpPacket(77)
      var packet = plain + Array(repeating: 0, count: SRTPContext.maximumTrailerByteCount)
      let count = try #require(packet.withRaw { outbound.protect(&$0, byteCount: plain.count) })
      #expect(Array(packet[..<plain.count]) != plain)
      let outcome = packet.withRaw { inbound.unprotect(&$0, byteCount: count) }
      #expect(outcome == .packet(byteCount: plain.count))
      #expect(Array(packet[..<plain.count]) == plain)
    }

    @Test("without a common profile there is no connection")
    func noProfile() throws {
      let link = try Link(serverProfiles: [.aeadAES128GCM], clientProfiles: [.aes128CMSHA1With80BitTag])
      #expect(
        link.run { link.server.state == .failed(.noSRTPProfile) && link.client.state == .failed(.noSRTPProfile) })
    }

    @Test("a certificate that signalling did not announce ends it")
    func wrongFingerprint() throws {
      let link = try Link(forgesFingerprint: true)
      #expect(link.run { link.server.state == .failed(.wrongFingerprint) })
      #expect(link.server.keys == nil)
    }

    @Test("any flight may be lost, whichever it is", arguments: 1...8)
    func losesOne(number: Int) throws {
      for isFromClient in [true, false] {
        let link = try Link()
        link.fate = { $0 == isFromClient && $1 == number ? .lost : .delivered }
        #expect(link.handshake(), "from client: \(isFromClient)")
      }
    }

    @Test(
      "a handshake survives one datagram in four lost and one in four doubled", arguments: 1...10 as ClosedRange<UInt64>
    )
    func losesMany(seed: UInt64) throws {
      var generator = RandomSource.seeded(seed)
      let link = try Link()
      link.fate = { _, _ in
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: .lost
        case 1: .twice
        default: .delivered
        }
      }
      #expect(link.handshake(), "seed \(seed)")
      #expect(link.server.keys?.inbound == link.client.keys?.outbound)
    }

    /// A record of epoch 0 with one handshake message.
    private static func record(_ type: UInt8, _ body: [UInt8], claimedByteCount: Int? = nil) -> [UInt8] {
      let length = claimedByteCount ?? body.count
      let header: [UInt8] = [
        type, UInt8(length >> 16), UInt8(length >> 8 & 0xFF), UInt8(length & 0xFF), 0, 0, 0, 0, 0, 0, 0,
        UInt8(body.count),
      ]
      return [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 5, 0, UInt8(header.count + body.count)] + header + body
    }

    private static let rubbish: [[UInt8]] = [
      [],
      [22],
      [22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 200, 1, 2, 3],
      [UInt8](repeating: 22, count: 60),
      [UInt8](repeating: 0xFF, count: 1200),
      // A plain fatal alert: handshake_failure.
      [21, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40],
      // change_cipher_spec of a wrong length.
      [20, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 8, 0, 3, 1, 1, 1],
      // Application data before there are keys.
      [23, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 0, 9, 0, 3, 1, 1, 1],
      // A ClientHello and a ServerHello of 16 MB, a Finished that is not encrypted, HelloRequest.
      record(1, [9], claimedByteCount: 0xFF_FFFF), record(2, [9], claimedByteCount: 0xFF_FFFF), record(20, [9]),
      record(0, []),
      // Fragments longer than their messages.
      record(1, [9, 9], claimedByteCount: 1), record(2, [9, 9], claimedByteCount: 1),
    ]

    @Test("rubbish that no peer would send never reaches the handshake", arguments: rubbish)
    func ignoresRubbish(datagram: [UInt8]) throws {
      let link = try Link()
      link.server.receive(datagram)
      link.client.receive(datagram)
      #expect(link.handshake())
      #expect(link.server.restartCount == 0)
      #expect(link.client.restartCount == 0)
      link.server.receive(datagram)
      link.client.receive(datagram)
      #expect(link.server.keys != nil)
      #expect(link.client.keys != nil)
    }

    @Test(
      "a forged message that looks like a true one costs a restart, and the call goes on",
      arguments: [record(1, [9]), record(1, [UInt8](repeating: 0xFE, count: 100)), record(16, [1, 2, 3])])
    func restarts(datagram: [UInt8]) throws {
      let link = try Link()
      link.server.receive(datagram)
      #expect(link.server.state == .handshaking)
      #expect(link.server.restartCount == 1)
      #expect(link.handshake())
    }

    @Test("there is an end to restarts", arguments: [DTLSConnection.Role.server, .client])
    func boundsRestarts(role: DTLSConnection.Role) throws {
      let link = try Link()
      let victim = role == .server ? link.server : link.client
      for _ in 0..<100 { victim.receive(Self.record(role == .server ? 1 : 2, [9])) }
      #expect(victim.state == .failed(.handshake))
      #expect(victim.restartCount == DTLSConnection.maximumRestartCount + 1)
    }

    @Test("a peer that never answers is given up")
    func givesUp() throws {
      let link = try Link()
      link.fate = { _, _ in .lost }
      #expect(link.run { link.client.state == .failed(.handshake) })
      #expect(link.server.state == .handshaking)
    }

    @Test("plaintext goes both ways; what does not fit a datagram is refused; close_notify closes")
    func carriesData() throws {
      let link = try Link()
      #expect(!link.client.write([1]))
      #expect(link.handshake())
      #expect(!link.client.write([UInt8](repeating: 1, count: DTLSConnection.maximumPlaintextByteCount + 1)))
      #expect(link.client.write([UInt8](repeating: 1, count: DTLSConnection.maximumPlaintextByteCount)))
      link.exchange()
      #expect(link.largestDatagram == DTLSConnection.maximumDatagramByteCount)
      link.client.closeDTLS()
      link.client.closeDTLS()
      link.exchange()
      #expect(link.client.state == .closed)
      #expect(link.server.state == .closed)
    }

    @Test("OpenSSL waits 100 ms before it sends the first flight again")
    func firstTimeout() throws {
      let context = try makeContext(timer: .doubling)
      let session = try #require(context.makeSession(.client))
      defer { SSL_free(session) }
      #expect(SSL_do_handshake(session) == -1)
      var left = timeval()
      #expect(cossl_dtls_get_timeout(session, &left) == 1)
      #expect(left.tv_sec == 0)
      #expect((1...100_000).contains(left.tv_usec))
    }

    @Test("fingerprints are printed as SDP has them and read in either case")
    func fingerprints() throws {
      let certificate = try made(DTLSCertificate.selfSigned())
      let fingerprint = certificate.fingerprint
      #expect(fingerprint.bytes.count == 32)
      #expect(fingerprint.description.utf8.count == 95)
      #expect(DTLSFingerprint(fingerprint.description) == fingerprint)
      #expect(DTLSFingerprint(fingerprint.description.lowercased()) == fingerprint)
      #expect(DTLSFingerprint(fingerprint.description + ":00") == nil)
      #expect(DTLSFingerprint(String(fingerprint.description.dropLast())) == nil)
      #expect(DTLSFingerprint("") == nil)
      #expect(DTLSFingerprint(String(repeating: "+1:", count: 31) + "+1") == nil)
    }

    @Test("no profiles, no context")
    func noProfiles() throws {
      #expect(throws: NotMade.self) { try makeContext(profiles: []) }
    }
  }
}
