import Base
import Testing

@testable import Telephony

@Suite("Limits of calls out")
struct DialLimitsTests {
  static let start = MonotonicTime(nanoseconds: 1_000_000_000)

  static func plan(
    to number: String = "+15557654321", trunk id: String = "ST_main", _ limits: DialPolicy = DialPolicy(),
    country: String = "", change: (inout OutboundCallRequest) -> Void = { _ in }
  ) throws -> OutboundCallPlan {
    var trunk = OutboundPlannerTests.trunk
    trunk.id = id
    trunk.name = ""
    trunk.limits = limits
    trunk.destinationCountry = country
    let request = OutboundPlannerTests.request {
      $0.sipTrunkID = id
      $0.sipCallTo = number
      change(&$0)
    }
    return try OutboundPlannerTests.plan(request, trunks: [trunk])
  }

  static func refusal(
    _ limits: inout DialLimits, _ plan: OutboundCallPlan, key: String = "key", times: [String: LocalTime] = [:],
    at now: MonotonicTime = start
  ) -> OutboundRefusal.Reason? {
    do throws(OutboundRefusal) {
      _ = try limits.admit(plan, key: key, localTimes: times, now: now)
      return nil
    } catch {
      return error.reason
    }
  }

  static func quota(_ rate: Int = 0, _ calls: Int = 0) -> DialQuota {
    DialQuota(callsPerSecond: rate, concurrentCalls: calls)
  }

  @Test("calls a second come back with time, calls at a time when one ends")
  func refill() throws {
    let plan = try Self.plan(DialPolicy(callsPerSecond: 2, concurrentCalls: 3))
    var limits = DialLimits(DialRules(key: Self.quota(), total: Self.quota()))
    let first = try limits.admit(plan, key: "key", localTimes: [:], now: Self.start)
    #expect(Self.refusal(&limits, plan) == nil)
    #expect(Self.refusal(&limits, plan) == .trunkRate)
    #expect(Self.refusal(&limits, plan, at: Self.start + .milliseconds(499)) == .trunkRate)
    #expect(Self.refusal(&limits, plan, at: Self.start + .milliseconds(500)) == nil)
    #expect(limits.activeCalls == 3)
    #expect(Self.refusal(&limits, plan, at: Self.start + .seconds(9)) == .trunkCalls)
    limits.release(first)
    #expect(Self.refusal(&limits, plan, at: Self.start + .seconds(9)) == nil)
  }

  @Test(
    "each limit has its own reason",
    arguments: [
      (DialRules(trunk: quota(1), key: quota(), total: quota()), OutboundRefusal.Reason.trunkRate),
      (DialRules(trunk: quota(0, 1), key: quota(), total: quota()), .trunkCalls),
      (DialRules(trunk: quota(), key: quota(1), total: quota()), .keyRate),
      (DialRules(trunk: quota(), key: quota(0, 1), total: quota()), .keyCalls),
      (DialRules(trunk: quota(), key: quota(), total: quota(1)), .totalRate),
      (DialRules(trunk: quota(), key: quota(), total: quota(0, 1)), .totalCalls),
    ])
  func reasons(rules: DialRules, reason: OutboundRefusal.Reason) throws {
    let (plan, other) = (try Self.plan(), try Self.plan(trunk: "ST_other"))
    var limits = DialLimits(rules)
    #expect(Self.refusal(&limits, plan) == nil)
    #expect(Self.refusal(&limits, plan) == reason)
    let ofTrunk = Self.refusal(&limits, other)
    #expect((ofTrunk == nil) == [.trunkRate, .trunkCalls].contains(reason), "another trunk")
    limits = DialLimits(rules)
    #expect(Self.refusal(&limits, plan) == nil)
    let ofKey = Self.refusal(&limits, plan, key: "other")
    #expect((ofKey == nil) == [.keyRate, .keyCalls].contains(reason), "another key")
    #expect(reason.code == .resourceExhausted)
  }

  @Test("a refused call takes nothing from the other limits")
  func refusedCallsCostNothing() throws {
    let (busy, idle) = (try Self.plan(), try Self.plan(trunk: "ST_other"))
    var limits = DialLimits(DialRules(trunk: Self.quota(0, 1), key: Self.quota(), total: Self.quota(2, 2)))
    #expect(Self.refusal(&limits, busy) == nil)
    for _ in 0..<50 { #expect(Self.refusal(&limits, busy) == .trunkCalls) }
    #expect(Self.refusal(&limits, idle) == nil)
  }

  @Test("calls that the gateway places itself count for no key")
  func ownCalls() throws {
    let plan = try Self.plan()
    var limits = DialLimits(DialRules(trunk: Self.quota(), key: Self.quota(1, 1), total: Self.quota()))
    for _ in 0..<5 { #expect(Self.refusal(&limits, plan, key: "") == nil) }
  }

  @Test("the defaults let a burst of five calls through a trunk and no sixth")
  func defaults() throws {
    let plan = try Self.plan()
    var limits = DialLimits()
    for _ in 0..<5 { #expect(Self.refusal(&limits, plan) == nil) }
    #expect(Self.refusal(&limits, plan) == .trunkRate)
  }

  @Test("hosts and keys without number are forgotten when idle")
  func bounded() throws {
    var limits = DialLimits(DialRules(trunk: Self.quota(5), key: Self.quota(5), total: Self.quota()))
    var plan = try Self.plan()
    for index in 0..<20_000 {
      plan.quotaKey = "host-\(index)"
      let now = Self.start + .milliseconds(10 * index)
      let ticket = try limits.admit(plan, key: "key-\(index)", localTimes: [:], now: now)
      limits.release(ticket)
    }
    #expect(limits.gateCount <= 2 * DialLimits.gateLimit && limits.activeCalls == 0)
  }

  @Test("the sentence names the trunk and the key of the limit")
  func sentence() throws {
    let plan = try Self.plan(DialPolicy(concurrentCalls: 1))
    var limits = DialLimits()
    _ = try limits.admit(plan, key: "k", localTimes: [:], now: Self.start)
    #expect(
      throws: OutboundRefusal(.trunkCalls, "trunk ST_main carries 1 calls out, as many as it may (concurrent_calls)")
    ) {
      try limits.admit(plan, key: "k", localTimes: [:], now: Self.start)
    }
  }

  // MARK: Destinations

  static let destinations: [(String, DialPolicy, String, Bool)] = [
    ("+15557654321", DialPolicy(), "", true), ("1001", DialPolicy(), "", true), ("ann", DialPolicy(), "", true),
    ("+19005550100", DialPolicy(), "", false), ("19005550100", DialPolicy(), "", false),
    ("+1-900-555-0100", DialPolicy(), "", false), ("1.900.555.0100", DialPolicy(), "", false),
    ("0019005550100", DialPolicy(), "", false), ("01119005550100", DialPolicy(), "", false),
    ("9005550100", DialPolicy(), "US", false), ("9005550100", DialPolicy(), "GB", true),
    ("+19005550100;ext=1", DialPolicy(), "", false), ("+882160000000", DialPolicy(), "", false),
    ("+9790000000", DialPolicy(), "", false),
    ("+19005550100", DialPolicy(allowedDestinations: ["+1*"]), "", true),
    ("+442079460000", DialPolicy(allowedDestinations: ["+1*"]), "", false),
    ("00442079460000", DialPolicy(allowedDestinations: ["+1*"]), "", false),
    ("00442079460000", DialPolicy(allowedDestinations: ["+44"]), "", true),
    ("+15557654321", DialPolicy(allowedDestinations: ["+15557654321"]), "", true),
    ("+15557654322", DialPolicy(allowedDestinations: ["+15557654321"]), "", false),
    ("ann", DialPolicy(allowedDestinations: ["+1*"]), "", false),
    ("ann", DialPolicy(allowedDestinations: ["*"]), "", true),
    ("+15557654321", DialPolicy(deniedDestinations: ["+1555*"]), "", false),
    ("+15557654321", DialPolicy(allowedDestinations: ["*"], deniedDestinations: ["+1555*"]), "", false),
  ]

  @Test("which numbers a trunk dials", arguments: destinations)
  func destination(number: String, policy: DialPolicy, country: String, isAllowed: Bool) throws {
    var limits = DialLimits()
    let plan = try Self.plan(to: number, policy, country: country)
    #expect(Self.refusal(&limits, plan) == (isAllowed ? nil : .destination))
  }

  @Test("a costly number in the Request-URI or in To is found behind a harmless sip_call_to")
  func overridden() throws {
    var limits = DialLimits()
    let byURI = try Self.plan { $0.sipRequestURI = .raw("sip:%2B1900555%30100@sip.example.com") }
    #expect(Self.refusal(&limits, byURI) == .destination)
    let byTo = try Self.plan { $0.toUserOverride = "+19005550100" }
    #expect(Self.refusal(&limits, byTo) == .destination)
  }

  @Test("numbers on the do-not-call list are not dialled in any spelling, and a list that is missing stops the trunk")
  func doNotCall() throws {
    var list = DoNotCallList()
    let taken = ["+1 555 765 4321", "+4479*", "ann", "", "*"].map { list.insert($0) }
    #expect(taken == [true, true, true, false, false] && list.count == 3)
    let policy = DialPolicy(doNotCallList: "dnc")
    for number in ["+15557654321", "15557654321", "0015557654321", "+447900000000", "ann"] {
      var limits = DialLimits(DialRules(doNotCallLists: ["dnc": list]))
      #expect(Self.refusal(&limits, try Self.plan(to: number, policy)) == .doNotCall)
    }
    for number in ["+15557654322", "+155576543210", "5557654321", "bob"] {
      var limits = DialLimits(DialRules(doNotCallLists: ["dnc": list]))
      #expect(Self.refusal(&limits, try Self.plan(to: number, policy)) == nil)
    }
    var limits = DialLimits()
    #expect(Self.refusal(&limits, try Self.plan(policy)) == .doNotCall)
  }

  @Test("a do-not-call list takes few prefixes, so that a look-up stays short")
  func prefixLimit() {
    var list = DoNotCallList()
    let taken = (0..<2000).map { list.insert("+1555\($0)*") }
    #expect(taken.count { $0 } == DoNotCallList.prefixLimit)
  }

  // MARK: Hours

  static let office = CallingHours(
    destination: .init("+44"), timeZones: ["Europe/London"], weekdays: [1, 2, 3, 4, 5], opensAt: 540, closesAt: 1080)
  static let night = CallingHours(
    destination: .init("+44"), timeZones: ["Z"], weekdays: [5], opensAt: 1320, closesAt: 120)

  @Test(
    "hours of a day, and past midnight",
    arguments: [
      (office, 1, 539, false), (office, 1, 540, true), (office, 5, 1079, true), (office, 5, 1080, false),
      (office, 6, 600, false), (night, 5, 1319, false), (night, 5, 1320, true), (night, 6, 119, true),
      (night, 6, 120, false), (night, 5, 60, false), (night, 6, 1380, false),
    ])
  func hours(_ hours: CallingHours, weekday: Int, minute: Int, isOpen: Bool) {
    #expect(hours.isOpen(LocalTime(weekday: weekday, minute: minute)) == isOpen)
  }

  @Test("Sunday night runs into Monday")
  func week() {
    let hours = CallingHours(destination: .init("+44"), timeZones: ["Z"], weekdays: [7], opensAt: 1320, closesAt: 120)
    #expect(hours.isOpen(LocalTime(weekday: 1, minute: 60)) && !hours.isOpen(LocalTime(weekday: 7, minute: 60)))
  }

  @Test("the longest prefix decides, a country behind every prefix, and what nothing names is open")
  func precedence() throws {
    func hours(_ destination: String, open: Bool) -> CallingHours {
      CallingHours(
        destination: .init(destination), timeZones: ["Z"], weekdays: open ? [1] : [2], opensAt: 0, closesAt: 1440)
    }
    let policy = DialPolicy(callingHours: [
      hours("+44", open: false), hours("+4420*", open: true), hours("GB", open: true), hours("DE", open: false),
    ])
    let monday = ["Z": LocalTime(weekday: 1, minute: 600)]
    let table: [(String, String, Bool)] = [
      ("+442079460000", "", true), ("+441210000000", "GB", false), ("1001", "GB", true), ("+4930", "DE", false),
      ("+15557654321", "", true),
    ]
    for (number, country, isOpen) in table {
      var limits = DialLimits()
      let plan = try Self.plan(to: number, policy, country: country)
      #expect(Self.refusal(&limits, plan, times: monday) == (isOpen ? nil : .callingHours), "\(number) \(country)")
    }
  }

  @Test("every zone must be open, and a zone whose time is not known is closed")
  func zones() throws {
    let hours = CallingHours(
      destination: .init("+1"), timeZones: ["America/New_York", "America/Los_Angeles"], opensAt: 480, closesAt: 1260)
    let plan = try Self.plan(DialPolicy(callingHours: [hours]))
    var limits = DialLimits()
    #expect(limits.zones(of: plan) == ["America/New_York", "America/Los_Angeles"])
    let noon = LocalTime(weekday: 3, minute: 720)
    let early = LocalTime(weekday: 3, minute: 479)
    #expect(Self.refusal(&limits, plan, times: ["America/New_York": noon, "America/Los_Angeles": noon]) == nil)
    let times = ["America/New_York": noon, "America/Los_Angeles": early]
    #expect(Self.refusal(&limits, plan, times: times) == .callingHours)
    #expect(Self.refusal(&limits, plan, times: ["America/New_York": noon]) == .callingHours)
    do throws(OutboundRefusal) {
      _ = try limits.admit(plan, key: "", localTimes: times, now: Self.start)
    } catch {
      #expect(
        error.sentence
          == "trunk ST_main calls +15557654321 only 08:00-21:00 every day in America/New_York and America/Los_Angeles; "
          + "it is Wed 12:00 in America/New_York, Wed 07:59 in America/Los_Angeles")
    }
  }
}
