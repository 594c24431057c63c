import Base
import CSofia
import Linux

/// The agents by the id that the stack's callbacks carry, and the callbacks themselves.
@SIPActor
enum SIPAgentTable {
  private struct Entry { weak var agent: SIPAgent? }
  private static var entries: [UInt64: Entry] = [:]
  private static var lastID: UInt64 = 0

  static func nextID() -> UInt64 {
    lastID += 1
    return lastID
  }

  static func insert(_ agent: SIPAgent, _ id: UInt64) { entries[id] = Entry(agent: agent) }
  static func remove(_ id: UInt64) { entries[id] = nil }
  static func find(_ id: UInt64) -> SIPAgent? { entries[id]?.agent }

  // nonisolated(unsafe): the stack lends these pointers to the SIP thread, which is where they are used.
  static let handlers = csofia_handlers(
    screen: { id, request in
      nonisolated(unsafe) let request = request
      return SIPActor.assumeIsolated {
        guard let agent = find(id), let request else { return Int32(CSOFIA_DROP) }
        return Int32(agent.screen(request.pointee) ? CSOFIA_ALLOW : CSOFIA_DROP)
      }
    },
    admit: { id, source, isTCP, isInvite, refusal in
      nonisolated(unsafe) let (source, refusal) = (source, refusal)
      return SIPActor.assumeIsolated {
        guard let agent = find(id), let source, let refusal else { return Int32(CSOFIA_DROP) }
        return agent.admit(Endpoint(stack: source.pointee), isTCP ? .tcp : .udp, isInvite, refusal)
      }
    },
    request: { id, request, facts in
      nonisolated(unsafe) let (request, facts) = (request, facts)
      SIPActor.assumeIsolated {
        guard let agent = find(id), let request, let facts else { return }
        agent.receive(request, facts.pointee)
      }
    },
    dialog_request: { id, dialog, facts in
      nonisolated(unsafe) let facts = facts
      return SIPActor.assumeIsolated {
        guard let agent = find(id), let dialog = agent.dialogs[dialog], let facts else { return 481 }
        return agent.receive(in: dialog, facts.pointee)
      }
    },
    acknowledged: { id, dialog, status, facts in
      nonisolated(unsafe) let facts = facts
      SIPActor.assumeIsolated {
        guard let agent = find(id), let dialog = agent.dialogs[dialog] else { return }
        agent.acknowledged(dialog, status: Int(status), facts?.pointee)
      }
    },
    cancelled: { id, dialog, facts in
      nonisolated(unsafe) let facts = facts
      SIPActor.assumeIsolated {
        guard let agent = find(id), let dialog = agent.dialogs[dialog], let facts else { return }
        agent.cancelled(dialog, facts.pointee)
      }
    },
    response: { id, dialog, method, facts, isLocal in
      nonisolated(unsafe) let (method, facts) = (method, facts)
      SIPActor.assumeIsolated {
        guard let agent = find(id), let dialog = agent.dialogs[dialog], let method, let facts else { return }
        agent.receive(replyTo: String(cString: method), in: dialog, facts.pointee, isLocal: isLocal)
      }
    })
}

extension MonotonicTime {
  static var now: MonotonicTime { MonotonicClock.now() }
}
