import Base
import SDP

/// Our end of one peer connection's transport.
struct PeerTransport: Sendable {
  let id: MediaTransportID
  var ice: ICECredentials
  /// SHA-256 of the peer's certificate.
  let remoteFingerprint: [UInt8]
  let isDTLSClient: Bool
  var isConnected = false
  var openChannels: Set<String> = []
}

/// A peer connection whose offers the client makes: the only one of `/rtc/v1`, the publisher's of `/rtc`.
struct AnsweringConnection: Sendable {
  /// It carries subscriptions too.
  let isBidirectional: Bool
  var transport: PeerTransport?
  /// The last offer that was answered.
  var offer: WebRTCDescription?
  var origin: WebRTCOrigin
  /// SSRC of what we send in each section that carries a track. The next track gets another: libwebrtc hands no sound to
  /// its application when a section that was idle comes back with the SSRC that it had.
  var streams: [String: UInt32] = [:]
  /// Sections that carried a track which is not sent any more. They are answered `inactive` once before they get
  /// another: a client tells its application of a track only when the direction changes.
  var retired: Set<String> = []
  /// Audio sections asked of the client since its last offer. Nil: nothing was asked.
  var requested: Int?
  /// Subscriptions that the last round left without a section although it was asked for: no use in asking again.
  var unserved = 0

  init(isBidirectional: Bool, origin: WebRTCOrigin) {
    self.isBidirectional = isBidirectional
    self.origin = origin
  }
}

/// The subscriber's connection of `/rtc`, whose offers we make.
struct OfferingConnection: Sendable {
  /// An audio section of ours. Sections are never removed.
  struct Section: Sendable {
    enum Use: Hashable, Sendable {
      case free
      case carries(trackSID: String)
      /// It carried a track that is not sent any more; see `AnsweringConnection.retired`.
      case retired
      /// Offered `inactive`: free once that is answered.
      case retiring
    }

    let mid: String
    /// SSRC of the track that it carries, or carried last; see `AnsweringConnection.streams`.
    var ssrc: UInt32 = 0
    var use = Use.free
    /// The last tracks it carried.
    var history: [String] = []

    static let historyCount = 16

    init(mid: String) { self.mid = mid }

    mutating func carry(_ trackSID: String, ids: inout IDAllocator) {
      use = .carries(trackSID: trackSID)
      ssrc = ids.ssrc()
      history = history.suffix(Self.historyCount - 1) + [trackSID]
    }
  }

  /// Free sections above which a track gets one that it has had before, rather than one more.
  static let spareSections = 8

  let applicationMID = "0"
  var ice: ICECredentials
  let transportID: MediaTransportID
  /// Nil until the first answer brought the peer's fingerprint.
  var transport: PeerTransport?
  var origin: WebRTCOrigin
  var sections: [Section] = []

  /// A free section for a track. The Rust client tells its application nothing of a track that comes again on a
  /// section it had before, so such a one is the last choice.
  func freeSection(for trackSID: String) -> Int? {
    let free = sections.indices.filter { sections[$0].use == .free }
    return free.first { !sections[$0].history.contains(trackSID) } ?? (free.count >= Self.spareSections ? free[0] : nil)
  }
  /// `SessionDescription.id` of the last offer.
  var offerID: UInt32 = 0
  /// When the offer was made that is not answered yet.
  var awaitingAnswerSince: MonotonicTime?
  /// Something changed while an answer was awaited.
  var isStale = false

  init(ice: ICECredentials, transportID: MediaTransportID, origin: WebRTCOrigin) {
    self.ice = ice
    self.transportID = transportID
    self.origin = origin
  }
}
