import Base
import RTP
import Testing

@Suite("Source latch")
struct SourceLatchTests {
  static let sdp = Endpoint(IPAddress(v4: 0x0A00_0001), 4000)
  static let other = Endpoint(IPAddress(v4: 0x0A00_0001), 4010)
  static let nat = Endpoint(IPAddress(v4: 0xC000_0201), 61000)
  static let stranger = Endpoint(IPAddress(v4: 0xCB00_7101), 9)

  private func expect(
    _ verdict: SourceLatch.Verdict, from latch: inout SourceLatch, _ source: Endpoint, _ header: RTPHeader,
    at now: MonotonicTime, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let given = latch.check(source, header, at: now)
    #expect(given == verdict, sourceLocation: sourceLocation)
  }

  @Test("only the negotiated endpoint is heard")
  func negotiated() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .negotiated)
    for source in [Self.other, Self.nat, Self.stranger] {
      for index in 0..<100 { expect(.rejected, from: &latch, source, header(index, 0), at: .zero) }
    }
    #expect(latch.rejectedPacketCount == 300)
    #expect(latch.remote == Self.sdp)
    expect(.learned, from: &latch, Self.sdp, header(0, 0), at: .zero)
    expect(.accepted, from: &latch, Self.sdp, header(1, 0), at: .zero)
  }

  @Test("another port of the negotiated address is taken once, and then that one alone")
  func address() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .negotiatedAddress)
    expect(.rejected, from: &latch, Self.stranger, header(0, 0), at: .zero)
    expect(.learned, from: &latch, Self.other, header(0, 0), at: .zero)
    #expect(latch.remote == Self.other)
    expect(.rejected, from: &latch, Self.sdp, header(0, 0), at: .zero)
  }

  @Test("behind NAT, the address of signalling is taken at once and locked")
  func preferred() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .learn(preferring: Self.nat.address))
    expect(.learned, from: &latch, Self.nat, header(0, 0), at: .zero)
    #expect(latch.remote == Self.nat)
    for index in 0..<100 { expect(.rejected, from: &latch, Self.stranger, header(index, 0), at: .zero) }
    #expect(latch.remote == Self.nat)
  }

  @Test("an unknown source is learned after five packets in sequence, and not after four")
  func probation() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .learn(preferring: nil))
    for index in 0..<4 {
      expect(.rejected, from: &latch, Self.nat, header(index, 0), at: .milliseconds(Double(index) * 20))
    }
    #expect(latch.remote == Self.sdp)
    expect(.learned, from: &latch, Self.nat, header(4, 0), at: .milliseconds(80))
  }

  @Test("a stranger that sends at random is never learned and does not keep the phone out")
  func spray() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .learn(preferring: Self.nat.address))
    var generator = RandomSource.seeded(3)
    for index in 0..<1000 {
      let number = Int.random(in: 0..<65536, using: &generator)
      expect(.rejected, from: &latch, Self.stranger, header(number, 0), at: .milliseconds(Double(index)))
    }
    expect(.learned, from: &latch, Self.nat, header(1, 0), at: .milliseconds(1000))
  }

  @Test("a stranger that guesses the phone's numbers does not take its place")
  func guess() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .learn(preferring: nil))
    for index in 0..<4 {
      expect(.rejected, from: &latch, Self.nat, header(index, 0), at: .zero)
      expect(.rejected, from: &latch, Self.stranger, header(index + 1, 0), at: .zero)
    }
    expect(.learned, from: &latch, Self.nat, header(4, 0), at: .zero)
  }

  @Test("a candidate that falls quiet makes room")
  func candidate() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .learn(preferring: nil))
    expect(.rejected, from: &latch, Self.stranger, header(0, 0), at: .zero)
    for index in 0..<4 {
      _ = latch.check(Self.nat, header(index, 0), at: .milliseconds(600 + Double(index) * 20))
    }
    expect(.learned, from: &latch, Self.nat, header(4, 0), at: .milliseconds(700))
  }

  @Test("a re-INVITE with a new address moves the latch; one with the same address does not")
  func move() {
    var latch = SourceLatch(negotiated: Self.sdp, policy: .negotiated)
    _ = latch.check(Self.sdp, header(0, 0), at: .zero)
    latch.move(to: Self.sdp, policy: .negotiated)
    #expect(latch.locked == Self.sdp)
    latch.move(to: Self.nat, policy: .negotiated)
    #expect(latch.locked == nil)
    #expect(latch.remote == Self.nat)
    expect(.rejected, from: &latch, Self.sdp, header(1, 0), at: .zero)
    expect(.learned, from: &latch, Self.nat, header(1, 0), at: .zero)
  }
}
