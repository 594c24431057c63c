import MediaCore
import Telephony

/// What callers may hear besides a room, read once at the start.
struct CallSounds: Sendable {
  /// Spoken sentences around a PIN.
  var prompts: [CallPrompt: PhoneSound] = [:]
  /// Sentences of the operator's, by name.
  var announcements: [String: PhoneSound] = [:]
  /// Said once to a caller whose room, on another server, is out of reach.
  var reconnectPrompt: PhoneSound?
}

/// What a leg is playing: `PhonePlayback.id`.
enum PlaybackID {
  static let prompt: UInt64 = 1
  static let announcement: UInt64 = 2
  static let reconnectPrompt: UInt64 = 3
}
