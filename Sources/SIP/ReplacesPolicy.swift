import Telephony

/// Which call an INVITE asks to take the place of (RFC 3891 §3), from its headers and the dialogs there are.
enum ReplacesPolicy: Equatable {
  /// It asks for none.
  case ordinary
  case replaces(ReplacedInvite)
  case refused(status: Int, reasonPhrase: String)

  /// A dialog of the Call-ID that is named.
  struct Candidate {
    enum Stage {
      /// Theirs, not answered.
      case incoming
      /// Ours, not answered.
      case outgoing
      case established
      case ended
    }

    var id: InviteID
    var localTag: String
    var remoteTag: String?
    var stage: Stage
  }

  /// - Parameters:
  ///   - values: every Replaces header of the INVITE.
  ///   - candidates: by Call-ID; only asked for one that was named.
  static func decide(_ values: [String], candidates: (String) -> [Candidate]) -> ReplacesPolicy {
    guard let value = values.first else { return .ordinary }
    guard values.count == 1, let header = ReplacesHeader(value) else {
      return .refused(status: 400, reasonPhrase: "Bad Replaces Header")
    }
    let found = candidates(header.callID).first { $0.localTag == header.toTag && $0.remoteTag == header.fromTag }
    guard let found else { return .refused(status: 481, reasonPhrase: "Call/Transaction Does Not Exist") }
    switch found.stage {
    case .established where header.isEarlyOnly: return .refused(status: 486, reasonPhrase: "Busy Here")
    case .established: return .replaces(ReplacedInvite(id: found.id, isEstablished: true))
    case .outgoing: return .replaces(ReplacedInvite(id: found.id, isEstablished: false))
    // Only the caller's side of a ringing call may be replaced.
    case .incoming: return .refused(status: 481, reasonPhrase: "Call/Transaction Does Not Exist")
    case .ended: return .refused(status: 603, reasonPhrase: "Decline")
    }
  }
}

extension ReplacesPolicy.Candidate {
  @SIPActor
  init(_ dialog: SIPDialog) {
    id = dialog.id
    localTag = dialog.tag
    remoteTag = dialog.remoteTag
    stage =
      switch dialog.state {
      case .arriving, .ringing: .incoming
      case .locating, .calling, .cancelling: .outgoing
      case .answered, .established: .established
      case .ending, .ended: .ended
      }
  }
}
