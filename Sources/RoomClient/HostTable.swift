import Base
import Dispatch
import Linux

/// Addresses of hosts, for a while. Looking them up blocks: threads of their own do it.
struct HostTable {
  private struct Answer {
    var addresses: [IPAddress]
    var expiry: MonotonicTime
  }

  /// Hosts are those of a configuration and of its server's regions.
  private static let answerLimit = 256
  private static let failureLifetime = Duration.seconds(2)

  private let lifetime: Duration
  private let threads: DispatchQueue
  private var answers: [String: Answer] = [:]

  init(limits: WebSocketLimits) {
    lifetime = limits.lookupLifetime
    threads = DispatchQueue(label: "dns", attributes: .concurrent)
  }

  /// Nil: it must be asked for. Empty: it has none.
  func addresses(of host: String, now: MonotonicTime) -> [IPAddress]? {
    answers[host].flatMap { now < $0.expiry ? $0.addresses : nil }
  }

  func ask(_ host: String, answer: @escaping @Sendable (RoomClientMailbox.Command) -> Void) {
    threads.async {
      answer(.resolved(host: host, NameLookup.addresses(of: host)))
    }
  }

  mutating func note(_ host: String, _ addresses: [IPAddress], now: MonotonicTime) {
    if answers.count >= Self.answerLimit { answers = [:] }
    let expiry = now + (addresses.isEmpty ? Self.failureLifetime : lifetime)
    answers[host] = Answer(addresses: addresses, expiry: expiry)
  }

  /// The next attempt begins with another one.
  mutating func noteFailure(of address: IPAddress, host: String) {
    guard let index = answers[host]?.addresses.firstIndex(of: address) else { return }
    answers[host]?.addresses.remove(at: index)
    answers[host]?.addresses.append(address)
  }
}
