import LiveKitProtocol

/// What a token must grant for a request (livekit-wire 4.1).
enum RequiredGrant: Hashable, Sendable {
  case sipAdmin
  case sipCall
  /// `sip.call`, and to administer the room.
  case sipCallInRoom(String)
  case roomCreate
  case roomList
  case roomAdmin(String)
  /// To administer the first room and to put participants into the second (`destinationRoom`).
  case roomMove(String, to: String)

  /// Nil: the token suffices.
  func refusal(for grants: Grants) -> TwirpError? {
    isMet(by: grants) ? nil : TwirpError(.permissionDenied, "the token does not grant \(description)")
  }

  private func isMet(by grants: Grants) -> Bool {
    switch self {
    case .sipAdmin: grants.sip.mayAdminister
    case .sipCall: grants.sip.mayCall
    case .sipCallInRoom(let room): grants.sip.mayCall && grants.video.mayAdminister(room)
    case .roomCreate: grants.video.mayCreateRooms
    case .roomList: grants.video.mayListRooms
    case .roomAdmin(let room): grants.video.mayAdminister(room)
    case .roomMove(let room, let destination):
      grants.video.mayAdminister(room) && grants.video.destinationRoom == destination
    }
  }

  private var description: String {
    switch self {
    case .sipAdmin: "sip.admin"
    case .sipCall: "sip.call"
    case .sipCallInRoom: "sip.call and video.roomAdmin for the request's room"
    case .roomCreate: "video.roomCreate"
    case .roomList: "video.roomList"
    case .roomAdmin: "video.roomAdmin for the request's room"
    case .roomMove: "video.roomAdmin for the request's room and its destination_room as video.destinationRoom"
    }
  }
}

/// What each request of a method needs.
public struct GrantRule<Request>: Sendable {
  private let grant: @Sendable (Request) -> RequiredGrant
  /// The rooms that the token names in the place of the request's: what is missing then, no request can make up for.
  private let best: @Sendable (Grants) -> RequiredGrant

  private init(_ grant: RequiredGrant) {
    self.grant = { _ in grant }
    best = { _ in grant }
  }

  private init(
    _ grant: @escaping @Sendable (Request) -> RequiredGrant, best: @escaping @Sendable (Grants) -> RequiredGrant
  ) {
    self.grant = grant
    self.best = best
  }

  /// Nil: the token suffices for some request.
  func refusal(of grants: Grants) -> TwirpError? { best(grants).refusal(for: grants) }

  /// Nil: the token suffices for this request.
  func refusal(of request: Request, _ grants: Grants) -> TwirpError? { grant(request).refusal(for: grants) }

  /// Fields of requests. Key paths without captures are safe to share.
  public typealias Field = KeyPath<Request, String> & Sendable

  public static var sipAdmin: Self { Self(.sipAdmin) }
  public static var sipCall: Self { Self(.sipCall) }
  public static var roomCreate: Self { Self(.roomCreate) }
  public static var roomList: Self { Self(.roomList) }
  public static func sipCallInRoom(_ room: Field) -> Self {
    Self({ .sipCallInRoom($0[keyPath: room]) }, best: { .sipCallInRoom($0.video.room ?? "") })
  }
  public static func roomAdmin(_ room: Field) -> Self {
    Self({ .roomAdmin($0[keyPath: room]) }, best: { .roomAdmin($0.video.room ?? "") })
  }
  public static func roomMove(_ room: Field, to destination: Field) -> Self {
    Self(
      { .roomMove($0[keyPath: room], to: $0[keyPath: destination]) },
      best: { .roomMove($0.video.room ?? "", to: $0.video.destinationRoom ?? "") })
  }
}
