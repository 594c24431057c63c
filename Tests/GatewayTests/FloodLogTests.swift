import Base
import Logging
import RoomCore
import Testing

@testable import Gateway

@Suite("The log line about floods")
struct FloodLogTests {
  @Test("it says what is new, at once and then every ten seconds, and nothing when nothing is new")
  func lines() {
    var log = FloodLog()
    var counts = FloodLog.Counts()
    var now = MonotonicTime.zero
    #expect(log.line(counts, now: now) == nil)
    counts.rooms.requestsOverRate = 7
    #expect(log.line(counts, now: now) == ["requests": "7"])
    counts.rooms.requestsOverRate = 9
    counts.dataPacketsNotSent = 3
    now += .seconds(9)
    #expect(log.line(counts, now: now) == nil)
    now += .seconds(1)
    #expect(log.line(counts, now: now) == ["requests": "2", "data_packets_not_sent": "3"])
    now += .seconds(100)
    #expect(log.line(counts, now: now) == nil)
    counts.dataPacketsNotReported = 1
    counts.rooms.dataPacketsOverRate = 1
    counts.rooms.clientsBanished = 1
    #expect(log.line(counts, now: now) == ["data_packets": "2", "clients_sent_away": "1"])
  }
}
