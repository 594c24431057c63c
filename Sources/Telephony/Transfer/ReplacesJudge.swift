import Base

/// What a call would leave to one that takes its place: its participant in its room.
public struct CallPlace: Hashable, Sendable {
  public var callID: String
  /// Of the inbound or outbound trunk.
  public var trunkID: String
  public var entry: RoomEntry
  public var policy: CallPolicy

  public init(callID: String, trunkID: String, entry: RoomEntry, policy: CallPolicy) {
    self.callID = callID
    self.trunkID = trunkID
    self.entry = entry
    self.policy = policy
  }
}

/// Decides about an INVITE with Replaces (RFC 3891 §3): who may take the place of a call of ours.
///
/// Someone of the same trunk, or from the very host that the call is with: a PBX whose user hands us on. The INVITE has
/// passed its trunk's addresses and digest before. A stranger who knows a Call-ID gets nothing.
public enum ReplacesJudge {
  /// The call that the header names.
  public struct Named: Hashable, Sendable {
    public var isEstablished: Bool
    /// Where its requests come from. Nil when that is not known.
    public var peer: IPAddress?
    /// Nil when it is not in a room, or on its way out of it.
    public var place: CallPlace?

    public init(isEstablished: Bool, peer: IPAddress?, place: CallPlace?) {
      self.isEstablished = isEstablished
      self.peer = peer
      self.place = place
    }
  }

  public enum Verdict: Hashable, Sendable {
    /// Give this to the new call (`CallInput.takesOver`).
    case takeOver(Takeover)
    case refuse(Refusal)
  }

  /// - Parameter trunk: of the new INVITE.
  public static func judge(_ call: CallFacts, trunk: InboundTrunk, named: Named) -> Verdict {
    guard trunk.transfer.acceptsReplaces else {
      return refuse("trunk \(trunk.label) takes no place of another call (accept_replaces)")
    }
    let isNeighbour = call.source != nil && call.source == named.peer
    guard isNeighbour || named.place?.trunkID == trunk.id else {
      return refuse("the call that Replaces names is not of trunk \(trunk.label)")
    }
    guard named.isEstablished, let place = named.place else {
      return refuse("the call that Replaces names has no place in a room to give")
    }
    return .takeOver(Takeover(callID: place.callID, dispatch: dispatch(call, trunk, place)))
  }

  private static func refuse(_ sentence: String) -> Verdict { .refuse(Refusal(.unauthorized, sentence: sentence)) }

  private static func dispatch(_ call: CallFacts, _ trunk: InboundTrunk, _ place: CallPlace) -> Dispatch {
    var participant = place.entry.participant
    // Only what differs; the participant keeps the rest.
    participant.attributes = [
      SIPAttribute.callID: call.callID, SIPAttribute.callIDFull: call.sipCallID, SIPAttribute.callTag: call.fromTag,
      SIPAttribute.trunkID: trunk.id,
    ]
    return Dispatch(
      trunkID: trunk.id, trunkLabel: trunk.label, ruleID: "", ruleLabel: "", roomName: place.entry.roomName,
      roomPreset: place.entry.roomPreset, roomConfiguration: place.entry.roomConfiguration, participant: participant,
      policy: place.policy, media: trunk.media, headers: trunk.headers,
      attributesToHeaders: trunk.attributesToHeaders, krispEnabled: trunk.krispEnabled, transfer: trunk.transfer)
  }
}
