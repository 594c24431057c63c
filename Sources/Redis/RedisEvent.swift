/// What a client of Redis tells its owner.
public enum RedisEvent: Hashable, Sendable {
  /// Logged in, and everything wanted is subscribed to.
  case ready(RedisAddress)
  /// It was ready and is so no longer. Messages published meanwhile are lost.
  case lost(String)
  /// An attempt to connect failed; the next one follows by itself.
  case unreachable(String)
  case message(channel: String, [UInt8])
  /// Whether the lock that was asked for under this number is ours. False also when Redis could not be asked.
  case locked(UInt64, isOurs: Bool)
}
