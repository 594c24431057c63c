import CRedis

/// One command, as it goes over the wire.
struct RedisCommand: Hashable, Sendable {
  let arguments: [[UInt8]]

  init(_ arguments: [[UInt8]]) { self.arguments = arguments }

  init(_ words: String...) { arguments = words.map { Array($0.utf8) } }

  /// `redisFormatCommandArgv`. Empty without memory.
  var bytes: [UInt8] {
    var target: UnsafeMutablePointer<CChar>?
    // One byte more, so that an empty argument has an address too.
    let flat = Array(arguments.joined()) + [0]
    let count = flat.withUnsafeBytes { bytes -> Int32 in
      var offset = 0
      var pointers: [UnsafePointer<CChar>?] = []
      for argument in arguments {
        pointers.append((bytes.baseAddress.map { $0 + offset })?.assumingMemoryBound(to: CChar.self))
        offset += argument.count
      }
      return redisFormatCommandArgv(&target, Int32(arguments.count), &pointers, arguments.map(\.count))
    }
    guard count > 0, let target else { return [] }
    defer { redisFreeCommand(target) }
    return Array(UnsafeRawBufferPointer(start: target, count: Int(count)))
  }

  static func authenticate(username: String, password: String) -> RedisCommand? {
    if password.isEmpty { return nil }
    return username.isEmpty ? RedisCommand("AUTH", password) : RedisCommand("AUTH", username, password)
  }

  static func publish(_ channel: String, _ payload: [UInt8]) -> RedisCommand {
    RedisCommand([Array("PUBLISH".utf8), Array(channel.utf8), payload])
  }

  static func lock(_ key: String, value: String, lifetime: Duration) -> RedisCommand {
    RedisCommand("SET", key, value, "NX", "EX", String(max(1, lifetime.components.seconds)))
  }

  static func subscribe(_ channels: [String]) -> RedisCommand {
    RedisCommand((["SUBSCRIBE"] + channels).map { Array($0.utf8) })
  }

  static func unsubscribe(_ channels: [String]) -> RedisCommand {
    RedisCommand((["UNSUBSCRIBE"] + channels).map { Array($0.utf8) })
  }
}
