import Base
import Dispatch
import Linux

/// Looks host names up with the system's resolver, on a queue of its own since the call blocks.
public enum AddressResolver {
  private static let queue = DispatchQueue(label: "dns", attributes: .concurrent)

  /// Every address of the name, without order. Empty when there is none or the resolver failed.
  public static func addresses(of host: String) async -> Set<IPAddress> {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: Set(NameLookup.addresses(of: host))) }
    }
  }
}
