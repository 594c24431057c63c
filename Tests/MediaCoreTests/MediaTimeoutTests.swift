import Base
import MediaCore
import MediaTestSupport
import Testing

@Suite("Media timeout")
struct MediaTimeoutTests {
  private static let silence = [Int16](repeating: 0, count: 160)

  private func setUp() throws -> (World, TestPhone, PhoneLegID) {
    let world = try World()
    let phone = TestPhone(at: Endpoint(IPAddress(v4: 0xC000_0201), 4000))
    let leg = world.openLeg(phone) {
      $0.initialMediaTimeout = .seconds(30)
      $0.mediaTimeout = .seconds(15)
    }
    return (world, phone, leg)
  }

  private func timeouts(_ world: World) -> Int {
    world.count { if case .phoneMediaTimedOut = $0 { true } else { false } }
  }

  @Test("no packet ever: the initial limit counts from the negotiation")
  func initial() throws {
    let (world, phone, leg) = try setUp()
    world.run(.seconds(40))
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.run(.seconds(29))
    #expect(timeouts(world) == 0)
    world.run(.seconds(2))
    #expect(timeouts(world) == 1)
    world.run(.seconds(60))
    #expect(timeouts(world) == 1)
  }

  @Test("packets stop: the running limit counts from the last one")
  func running() throws {
    let (world, phone, leg) = try setUp()
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.run(.seconds(20))
    world.send(phone.packet(Self.silence), from: phone)
    world.run(.seconds(14))
    #expect(timeouts(world) == 0)
    world.run(.seconds(2))
    #expect(timeouts(world) == 1)
  }

  @Test("a stranger's packets do not keep a call alive")
  func stranger() throws {
    let (world, phone, leg) = try setUp()
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    let other = TestPhone(at: Endpoint(IPAddress(v4: 0xCB00_7107), 1))
    world.run(.seconds(31)) { index in
      if index % 2 == 0 { world.send(other.packet(Self.silence), from: phone, source: other.endpoint) }
    }
    #expect(timeouts(world) == 1)
  }

  @Test("on hold nothing times out, whoever holds", arguments: [(false, true), (true, true), (false, false)])
  func hold(receives: Bool, isOnHold: Bool) throws {
    let (world, phone, leg) = try setUp()
    var media = phone.media()
    world.perform(.negotiatePhoneLeg(leg, media))
    world.send(phone.packet(Self.silence), from: phone)
    media.receives = receives
    media.isOnHold = isOnHold
    world.perform(.negotiatePhoneLeg(leg, media))
    world.run(.seconds(120))
    #expect(timeouts(world) == 0)
    // Resumed: the phone gets the initial time again.
    world.perform(.negotiatePhoneLeg(leg, phone.media()))
    world.run(.seconds(29))
    #expect(timeouts(world) == 0)
    world.run(.seconds(2))
    #expect(timeouts(world) == 1)
  }
}
