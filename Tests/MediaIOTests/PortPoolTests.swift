import Base
import MediaIO
import Testing

@Suite("Port pool")
struct PortPoolTests {
  /// A range that nothing else is likely to hold; ports that somebody does are passed over.
  private static func pool(
    _ range: ClosedRange<UInt16>, addresses: [IPAddress] = [.loopbackV4], quarantine: Duration = .zero
  ) -> PortPool {
    PortPool(range: range, addresses: addresses, quarantine: quarantine)
  }

  @Test("ports are even, bound, in the range, and each is handed out once")
  func unique() throws {
    let pool = Self.pool(23_001...23_101)
    #expect(pool.capacity == 50)
    let leases = (0..<50).compactMap { _ in pool.lease() }
    #expect(leases.count >= 40)
    #expect(Set(leases.map(\.local.port)).count == leases.count)
    for lease in leases {
      #expect(lease.local.port % 2 == 0 && (23_001...23_101).contains(lease.local.port))
      #expect(lease.local.address == .loopbackV4)
    }
    #expect(pool.leasedCount == leases.count)
  }

  @Test("a pool without a free port says so, and goes on when one comes back")
  func exhausted() throws {
    let pool = Self.pool(23_202...23_202)
    var lease = pool.lease()
    try #require(lease != nil)
    #expect(pool.lease() == nil)
    #expect(pool.leasedCount == 1)
    lease = nil
    #expect(pool.leasedCount == 0)
    #expect(pool.lease() != nil)
  }

  @Test("a port that came back rests first")
  func quarantine() throws {
    let pool = Self.pool(23_304...23_304, quarantine: .seconds(3600))
    _ = try #require(pool.lease())
    #expect(pool.lease() == nil)
  }

  @Test("a port that somebody else holds is passed over")
  func taken() throws {
    let first = Self.pool(23_406...23_408)
    let second = Self.pool(23_406...23_408)
    let held = try #require(first.lease())
    let other = try #require(second.lease())
    #expect(other.local.port != held.local.port)
    #expect(second.lease() == nil)
    #expect(second.leasedCount == 1)
  }

  @Test("an address family without an address has no ports")
  func families() throws {
    let pool = Self.pool(23_510...23_512, addresses: [try #require(IPAddress("::1"))])
    #expect(pool.lease(isIPv4: true) == nil)
    #expect(pool.lease(isIPv4: false)?.local.address == IPAddress("::1"))
  }
}
