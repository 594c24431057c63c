import Dispatch

/// Runs an actor on a thread that the disk may block, away from the cooperative pool.
public final class StoreExecutor: SerialExecutor {
  private let queue = DispatchQueue(label: "trunkline.store")

  public init() {}

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
