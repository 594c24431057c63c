/// Which source a phone leg accepts RTP from, and therefore sends to.
public enum PhoneSourcePolicy: Hashable, Sendable {
  /// Only the address and port of the peer's SDP.
  case negotiated
  /// The address of the peer's SDP with the first port that sends, locked from then on. When the peer may be behind
  /// NAT (`PhoneMedia.mayBeBehindNAT`): as `learned`.
  case negotiatedOrLearnedBehindNAT
  /// The SDP's address, the one that signalling comes from, or else the source that sends the first five packets in
  /// sequence; locked from then on.
  case learned
}
