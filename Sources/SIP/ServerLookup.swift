import Base
import Dispatch
import Linux
import Telephony

/// Asks DNS where servers are. The calls that do block, so threads of their own make them; everything else is the SIP
/// thread's. An answer is used again for a while, and who asks for what is being asked for waits for the same answer.
@SIPActor
final class ServerLookup {
  /// What DNS knew; nil when it knew nothing, or was not asked because too much waits.
  typealias Completion = @SIPActor (ServerRecords?) -> Void

  /// Look-ups at a time: as many threads.
  private static let runningLimit = 8
  /// Look-ups that wait for a thread.
  private static let waitingLimit = 256
  /// Who waits for one answer.
  private static let completionLimit = 1024
  private static let answerLimit = 256
  private static let answerLifetime: Duration = .seconds(30)
  private static let failureLifetime: Duration = .seconds(5)
  /// Questions that a look-up has not asked by then are not asked.
  private nonisolated static let patience: Duration = .seconds(8)

  private struct Answer {
    var records: ServerRecords?
    var expiry: MonotonicTime
  }

  private let server: Endpoint?
  private let threads = DispatchQueue(label: "dns", attributes: .concurrent)
  private var answers: [ServerQuery: Answer] = [:]
  private var completions: [ServerQuery: [Completion]] = [:]
  private var waiting: [ServerQuery] = []
  private var runningCount = 0

  /// - Parameter server: asked for everything. Nil: the system's resolver and its hosts file.
  init(server: Endpoint?) { self.server = server }

  /// Completes at once when the answer is known, else in a later turn.
  func find(_ query: ServerQuery, _ completion: @escaping Completion) {
    guard query.needsRecords else { return completion(ServerRecords()) }
    if let answer = answers[query], .now < answer.expiry { return completion(answer.records) }
    if let others = completions[query] {
      guard others.count < Self.completionLimit else { return completion(nil) }
      completions[query]?.append(completion)
      return
    }
    guard waiting.count < Self.waitingLimit else { return completion(nil) }
    completions[query] = [completion]
    waiting.append(query)
    startNext()
  }

  private func startNext() {
    guard runningCount < Self.runningLimit, !waiting.isEmpty else { return }
    let query = waiting.removeFirst()
    runningCount += 1
    threads.async { [weak self, server] in
      let records = Self.ask(query, server)
      Task { @SIPActor in self?.finish(query, records) }
    }
  }

  private func finish(_ query: ServerQuery, _ records: ServerRecords?) {
    runningCount -= 1
    if answers.count >= Self.answerLimit { answers = answers.filter { .now < $0.value.expiry } }
    if answers.count >= Self.answerLimit { answers = [:] }
    let lifetime = records == nil ? Self.failureLifetime : Self.answerLifetime
    answers[query] = Answer(records: records, expiry: .now + lifetime)
    startNext()
    for completion in completions.removeValue(forKey: query) ?? [] { completion(records) }
  }

  // MARK: - On a thread that may block

  /// Nil when no address was found at all.
  private nonisolated static func ask(_ query: ServerQuery, _ server: Endpoint?) -> ServerRecords? {
    let deadline = MonotonicTime.now + patience
    var records = ServerRecords()
    for (name, transport) in query.services where .now < deadline {
      let answer = NameLookup.query(name, .srv, server: server).flatMap { DNSAnswer($0) }
      records.services[transport] = answer?.services ?? []
    }
    for host in query.hosts(records.services) where .now < deadline {
      records.addresses[host] = server.map { addresses(of: host, $0) } ?? NameLookup.addresses(of: host)
    }
    return records.addresses.values.contains { !$0.isEmpty } ? records : nil
  }

  private nonisolated static func addresses(of host: String, _ server: Endpoint) -> [IPAddress] {
    if let address = IPAddress(host) { return [address] }
    return [NameLookup.RecordType.a, .aaaa].flatMap { type in
      NameLookup.query(host, type, server: server).flatMap { DNSAnswer($0) }?.addresses ?? []
    }
  }
}
