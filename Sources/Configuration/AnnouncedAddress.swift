import Base

/// Which address of ours a peer is told.
public enum AnnouncedAddress: Sendable, Equatable {
  /// The machine's own address: the one the route to the peer leaves from.
  case local
  /// The machine's address inside this block (`local_net`).
  case within(IPPrefix)
  /// Fixed by the operator (`nat_1_to_1_ip`, `rtc.node_ip`).
  case fixed(IPAddress)
  /// Asked of a STUN server once at start (`use_external_ip`).
  case discovered
}
