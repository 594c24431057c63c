import Base
import Testing

@testable import Redis

@Suite("Redis's texts and bytes")
struct RedisTextTests {
  @Test(
    "addresses",
    arguments: [
      ("redis:6379", "redis:6379"), ("redis", "redis:6379"), ("10.0.0.5", "10.0.0.5:6379"),
      ("10.0.0.5:7000", "10.0.0.5:7000"), ("[2001:db8::1]:7000", "[2001:db8::1]:7000"),
      ("2001:db8::1", "[2001:db8::1]:6379"), ("[::1]", "[::1]:6379"), ("my-redis.internal:1", "my-redis.internal:1"),
      ("", nil), (":6379", nil), ("redis:0", nil), ("redis:65536", nil), ("redis:port", nil), ("a b", nil),
      ("redis://host", nil), ("host:1:2", nil), (String(repeating: "a", count: 254), nil),
    ] as [(String, String?)])
  func addresses(text: String, expected: String?) {
    #expect(RedisAddress(text)?.description == expected)
  }

  @Test(
    "slots of a cluster",
    arguments: [
      ("123456789", 0x31C3 % 16_384), ("foo", 12_182), ("user1000", 3443), ("{user1000}.following", 3443), ("", 0),
      ("{}.a", HashSlot.of("{}.a")), ("a{user1000}b{x}", 3443),
    ])
  func slots(key: String, slot: Int) { #expect(HashSlot.of(key) == slot) }

  @Test("empty braces count as part of the key")
  func braces() { #expect(HashSlot.of("{}user1000") != HashSlot.of("user1000")) }

  @Test("commands carry any bytes")
  func commands() {
    let command = RedisCommand.publish("a", [0, 13, 10, 255])
    #expect(
      command.bytes == Array("*3\r\n$7\r\nPUBLISH\r\n$1\r\na\r\n$4\r\n".utf8) + [0, 13, 10, 255] + Array("\r\n".utf8))
    #expect(RedisCommand("AUTH", "").bytes == Array("*2\r\n$4\r\nAUTH\r\n$0\r\n\r\n".utf8))
    #expect(
      RedisCommand.lock("k", value: "1", lifetime: .milliseconds(5200)).bytes
        == RedisCommand("SET", "k", "1", "NX", "EX", "5").bytes)
  }

  @Test(
    "credentials",
    arguments: [
      ("", "", nil), ("user", "", nil), ("", "p", RedisCommand("AUTH", "p")),
      ("user", "p", RedisCommand("AUTH", "user", "p")),
    ] as [(String, String, RedisCommand?)])
  func credentials(username: String, password: String, expected: RedisCommand?) {
    #expect(RedisCommand.authenticate(username: username, password: password) == expected)
  }

  @Test("waits double up to five seconds, half of them at random")
  func backoff() {
    var backoff = Backoff()
    var random = RandomSource.seeded(3)
    let waits = (0..<10).map { _ in backoff.wait(using: &random) }
    let limits = [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000, 5000]
    for (wait, limit) in zip(waits, limits) {
      #expect(wait >= .milliseconds(limit / 2) && wait <= .milliseconds(limit))
    }
    backoff.reset()
    #expect(backoff.wait(using: &random) <= .milliseconds(100))
  }

  private func read(_ pieces: [[UInt8]]) throws(RedisFault) -> [RESPValue] {
    guard let reader = RESPReader() else { return [] }
    var values: [RESPValue] = []
    for piece in pieces {
      try reader.feed(piece)
      while let value = try reader.next() { values.append(value) }
    }
    return values
  }

  private func isFaulty(_ pieces: [[UInt8]]) -> Bool {
    do {
      _ = try read(pieces)
      return false
    } catch { return true }
  }

  @Test("replies of every kind, in one piece and byte by byte")
  func replies() throws {
    let text = Array("+OK\r\n-ERR no\r\n:42\r\n$3\r\na\0b\r\n$-1\r\n*2\r\n$1\r\nx\r\n*1\r\n:-1\r\n*-1\r\n".utf8)
    let expected: [RESPValue] = [
      .status("OK"), .error("ERR no"), .integer(42), .string([97, 0, 98]), .null,
      .array([.string([120]), .array([.integer(-1)])]), .null,
    ]
    #expect(try read([text]) == expected)
    #expect(try read(text.map { [$0] }) == expected)
  }

  @Test("what is no reply is a fault", arguments: ["HTTP/1.1 400 Bad Request\r\n", "*9999999999\r\n", "$-7\r\n", "\0"])
  func rubbish(text: String) {
    #expect(isFaulty([Array(text.utf8)]))
  }

  @Test("a reply that never ends is a fault, not all of the memory")
  func endless() {
    let chunk = [UInt8](repeating: 0, count: 1 << 20)
    #expect(isFaulty([Array("$500000000\r\n".utf8)] + [[UInt8]](repeating: chunk, count: 6)))
  }

  @Test("random bytes never trap")
  func random() {
    var random = RandomSource.system
    for _ in 0..<2000 {
      let alphabet = Array("+-:$*0123456789\r\nabc".utf8)
      let bytes = (0..<Int.random(in: 1...64, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      _ = try? read([bytes])
    }
  }
}
