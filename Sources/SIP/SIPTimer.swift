import Base
import CSofia

/// Calls `body` on the SIP thread after a delay, once or again and again, until cancelled or released.
@SIPActor
public final class SIPTimer {
  private let id: UInt64
  private let repeats: Bool
  private var body: (@SIPActor () -> Void)?
  private var pointer: OpaquePointer?

  /// - Parameter interval: the delay; whole milliseconds, at least one.
  public init(after interval: Duration, repeats: Bool = false, _ body: @escaping @SIPActor () -> Void) {
    id = Self.table.nextID
    self.repeats = repeats
    self.body = body
    let milliseconds = UInt32(clamping: max(1, interval.wholeMilliseconds))
    pointer = csofia_timer_create(
      SIPThread.shared.loop, milliseconds, repeats, { id in SIPActor.assumeIsolated { SIPTimer.fire(id) } }, id)
    Self.table.insert(self, id)
  }

  /// Idempotent; allowed inside `body`.
  public func cancel() {
    body = nil
    Self.table.remove(id)
    if let pointer { csofia_timer_destroy(pointer) }
    pointer = nil
  }

  isolated deinit { cancel() }

  private static var table = Table()

  private static func fire(_ id: UInt64) {
    guard let timer = table.find(id), let body = timer.body else { return }
    if !timer.repeats { timer.cancel() }
    body()
  }

  /// The timers by the id that Sofia's callback carries.
  private struct Table {
    private struct Entry { weak var timer: SIPTimer? }
    private var entries: [UInt64: Entry] = [:]
    private var lastID: UInt64 = 0

    var nextID: UInt64 {
      mutating get {
        lastID += 1
        return lastID
      }
    }

    mutating func insert(_ timer: SIPTimer, _ id: UInt64) { entries[id] = Entry(timer: timer) }
    mutating func remove(_ id: UInt64) { entries[id] = nil }
    func find(_ id: UInt64) -> SIPTimer? { entries[id]?.timer }
  }
}
