import Foundation
import MediaCore
import Testing

@testable import MediaIO

@Suite("Mailbox")
struct MailboxTests {
  private static let room = LoopMessage.command(.openRoom(RoomID(rawValue: 1), RoomMediaOptions()))
  private static let closing = LoopMessage.command(.closeRoom(RoomID(rawValue: 1)))

  @Test("it takes so many messages, and then only those that close something")
  func bounded() throws {
    let mailbox = try #require(Mailbox())
    for _ in 0..<Mailbox.capacity { #expect(mailbox.post(Self.room)) }
    #expect(!mailbox.post(Self.room))
    #expect(mailbox.post(Self.closing))
    var messages: [LoopMessage] = []
    #expect(mailbox.take(into: &messages))
    #expect(messages.count == Mailbox.capacity + 1)
    #expect(mailbox.post(Self.room))
  }

  private static func data(_ byteCount: Int) -> LoopMessage {
    .command(.sendData(TransportID(rawValue: 1), label: "_lossy", Array(repeating: 0, count: byteCount)))
  }

  @Test(
    "a flood of data packets leaves room for commands", arguments: [(1, Mailbox.dataCapacity), (65_536, 256)])
  func dataFlood(byteCount: Int, taken: Int) throws {
    let mailbox = try #require(Mailbox())
    let packet = Self.data(byteCount)
    var messages: [LoopMessage] = []
    for _ in 0..<2 {
      #expect((0..<Mailbox.capacity * 2).count { _ in mailbox.post(packet) } == taken)
      for _ in taken..<Mailbox.capacity { #expect(mailbox.post(Self.room)) }
      #expect(!mailbox.post(Self.room) && mailbox.post(Self.closing))
      messages.removeAll()
      #expect(mailbox.take(into: &messages) && messages.count == Mailbox.capacity + 1)
    }
  }

  @Test("messages come out in the order of posting")
  func order() throws {
    let mailbox = try #require(Mailbox())
    for id in 0..<100 { _ = mailbox.post(.command(.closeRoom(RoomID(rawValue: UInt64(id))))) }
    var messages: [LoopMessage] = []
    #expect(mailbox.take(into: &messages))
    #expect(messages.compactMap(Self.closedRoom) == Array(0..<100))
  }

  private static func closedRoom(_ message: LoopMessage) -> UInt64? {
    if case .command(.closeRoom(let id)) = message { id.rawValue } else { nil }
  }

  @Test("what several threads post at once is taken whole, each thread's in its order")
  func severalThreads() throws {
    let mailbox = try #require(Mailbox())
    let (posters, count) = (3 as UInt64, 2_000 as UInt64)
    // Threads of their own: the test's, which waits for them, is one of the few that tasks run on.
    for poster in 0..<posters {
      Thread.detachNewThread {
        for room in poster * count..<(poster + 1) * count {
          _ = mailbox.post(.command(.closeRoom(RoomID(rawValue: room))))
        }
      }
    }
    var rooms: [UInt64] = []
    var messages: [LoopMessage] = []
    let end = ContinuousClock.now + .seconds(30)
    while rooms.count < posters * count, ContinuousClock.now < end {
      messages.removeAll(keepingCapacity: true)
      if mailbox.take(into: &messages) { rooms += messages.compactMap(Self.closedRoom) }
    }
    for poster in 0..<posters {
      #expect(rooms.filter { $0 / count == poster } == Array(poster * count..<(poster + 1) * count))
    }
  }

  @Test("a closed mailbox takes nothing")
  func closed() throws {
    let mailbox = try #require(Mailbox())
    mailbox.closeForGood()
    #expect(!mailbox.post(Self.closing))
  }
}
