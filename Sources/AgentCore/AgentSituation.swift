/// What a room's agents are about, for those who wait for them.
public enum AgentSituation: Hashable, Sendable {
  /// None is asked to come, or those that were asked have done their work.
  case none
  /// One at least has its job.
  case there
  case awaited(AgentWait)
}

/// Why an agent is not there.
public struct AgentWait: Hashable, Sendable {
  public enum Cause: Hashable, Sendable {
    case noWorker
    /// Offers are out, or about to be.
    case asked
    /// Nobody of so many takes it.
    case busy(workers: Int)
    /// A worker answered that no other is to be asked.
    case refused
    case failed
  }

  public let agentName: String
  /// False: nobody named an agent, and any worker without a name would do.
  public let isNamed: Bool
  public let cause: Cause

  /// What is waited for, to follow "waits for".
  public var sentence: String {
    let who = agentName.isEmpty ? "an agent" : "agent '\(agentName)'"
    switch cause {
    case .noWorker:
      return who
        + (agentName.isEmpty ? ": no worker without a name is registered" : ": no worker of that name is registered")
    case .asked: return "\(who): a worker is being asked"
    case .busy(let count):
      return "\(who): \(count == 1 ? "its only worker" : "all \(count) workers") declined or cannot take more"
    case .refused: return "\(who): a worker refused the job"
    case .failed: return "\(who): its jobs failed again and again"
    }
  }
}
