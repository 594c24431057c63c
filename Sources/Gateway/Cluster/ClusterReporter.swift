import Base
import Bus
import Linux
import LiveKitProtocol
import Logging
import SIP
import SwiftProtobuf
import Synchronization
import Telephony

/// Tells the cluster what becomes of calls (`UpdateSIPCallState`): in order for each call, and never in a call's way.
///
/// A state that has not gone out yet when the next one comes is left out: each holds all that is known of the call.
// A class because calls and the tasks that send share the one table.
final class ClusterReporter: Sendable {
  /// A call whose state has not changed for so long is reported again.
  static let keepAlive: Duration = .seconds(600)
  /// Reports of transfers that may wait, of one call.
  private static let transferLimit = 16
  /// Calls whose last words wait for a bus that is away.
  private static let waitingLimit = 20_000

  private struct Entry {
    var info = Livekit_SIPCallInfo()
    var isDirty = false
    var isOver = false
    /// Its end is told; the context is the last word.
    var isClosing = false
    var isSending = false
    var transfers: [Livekit_SIPTransferInfo] = []
    var reportedAt: MonotonicTime

    var isWaiting: Bool { isDirty || isOver || !transfers.isEmpty }
  }

  private enum Report {
    case state(Livekit_SIPCallInfo)
    case transfer(Livekit_SIPTransferInfo)
    /// The last state, once more: all that will be known of the call.
    case context(Livekit_SIPCallInfo)
  }

  private let bus: ClusterBus
  private let log: Logger
  private let calls = Mutex<[String: Entry]>([:])

  init(bus: ClusterBus, log: Logger) {
    self.bus = bus
    self.log = log
  }

  /// Calls of which something is yet to be told.
  var unreportedCount: Int { calls.withLock { $0.values.count { $0.isSending } } }

  /// Until the task is cancelled.
  func keepAlive() async {
    while (try? await Task.sleep(for: .seconds(5))) != nil {
      let (now, isReady) = (MonotonicClock.now(), bus.isReady)
      let due = calls.withLock { calls in
        let stale = calls.filter { now - $0.value.reportedAt >= Self.keepAlive && !$0.value.isOver }.keys
        for callID in stale { calls[callID]?.isDirty = true }
        return isReady ? calls.filter { !$0.value.isSending && $0.value.isWaiting }.map(\.key) : []
      }
      for callID in due { send(callID) }
    }
  }

  /// Returns when everything is told, or the time is up.
  func flush(within limit: Duration) async {
    let end = ContinuousClock.now + limit
    while unreportedCount > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(20)) }
  }

  // MARK: Sending

  private func change(_ callID: String, _ body: (inout Entry) -> Void) {
    calls.withLock { calls in
      var entry = calls[callID] ?? Entry(reportedAt: MonotonicClock.now())
      body(&entry)
      calls[callID] = entry
    }
    send(callID)
  }

  /// One task for each call that has something to tell.
  private func send(_ callID: String) {
    let isFirst = calls.withLock { calls in
      guard calls[callID]?.isSending == false else { return false }
      calls[callID]?.isSending = true
      return true
    }
    guard isFirst else { return }
    Task { while let report = next(callID), await deliver(report, callID) {} }
  }

  /// Until the bus is back.
  private func postpone(_ report: Report, _ callID: String) {
    calls.withLock { calls in
      guard calls.count <= Self.waitingLimit else {
        calls[callID] = nil
        return
      }
      switch report {
      case .state: calls[callID]?.isDirty = true
      case .transfer(let info): calls[callID]?.transfers.insert(info, at: 0)
      case .context: calls[callID]?.isClosing = false
      }
      calls[callID]?.isSending = false
    }
  }

  private func next(_ callID: String) -> Report? {
    calls.withLock { calls in
      guard let entry = calls[callID] else { return nil }
      calls[callID]?.reportedAt = MonotonicClock.now()
      if !entry.transfers.isEmpty { return (calls[callID]?.transfers.removeFirst()).map { .transfer($0) } }
      if entry.isDirty {
        calls[callID]?.isDirty = false
        return .state(entry.info)
      }
      if entry.isOver, !entry.isClosing {
        calls[callID]?.isClosing = true
        return .context(entry.info)
      }
      if entry.isOver { calls[callID] = nil } else { calls[callID]?.isSending = false }
      return nil
    }
  }

  /// False: it waits, and what comes after it.
  private func deliver(_ report: Report, _ callID: String) async -> Bool {
    do throws(BusError) {
      switch report {
      case .state(let info):
        var request = Rpc_UpdateSIPCallStateRequest()
        request.callInfo = info
        _ = try await bus.call(.updateSIPCallState, request, as: Google_Protobuf_Empty.self)
      case .transfer(let info):
        var request = Rpc_UpdateSIPCallStateRequest()
        request.transferInfo = info
        _ = try await bus.call(.updateSIPCallState, request, as: Google_Protobuf_Empty.self)
      case .context(let info):
        var request = Rpc_RecordCallContextRequest()
        request.callInfo = info
        _ = try await bus.call(.recordCallContext, request, as: Google_Protobuf_Empty.self)
      }
    } catch {
      log.warning(
        "the cluster was not told of a call's state", metadata: ["call": "\(callID)", "why": "\(error.message)"])
      if !bus.isReady {
        postpone(report, callID)
        return false
      }
    }
    return true
  }
}

extension ClusterReporter: CallObserver {
  func call(_ call: Call, did event: CallEvent) {
    switch event {
    case .rang: break
    case .began:
      let info = Livekit_SIPCallInfo(beginning: call)
      change(call.callID) { entry in
        entry.info = info
        // A call out is told of once it has its participant, or has failed.
        entry.isDirty = call.summary.direction == .inbound
      }
    case .joined, .answered:
      let (summary, attributes) = (call.summary, call.attributes)
      change(call.callID) { entry in
        entry.info.update(summary, attributes)
        entry.isDirty = true
      }
    case .transferBegan(let request):
      change(call.callID) { entry in
        guard entry.transfers.count < Self.transferLimit else { return }
        entry.transfers.append(Livekit_SIPTransferInfo(request, of: call.callID))
      }
    case .transferEnded(let result):
      change(call.callID) { entry in
        guard entry.transfers.count < Self.transferLimit else { return }
        entry.transfers.append(Livekit_SIPTransferInfo(result, of: call.callID))
      }
    case .ended(let record):
      let (summary, attributes) = (call.summary, call.attributes)
      change(call.callID) { entry in
        entry.info.update(summary, attributes)
        entry.info.end(record)
        (entry.isDirty, entry.isOver) = (true, true)
      }
    }
  }
}
