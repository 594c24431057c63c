import LiveKitProtocol
import SDP

/// The tracks of others that a participant gets.
extension Participant {
  /// The earliest published first.
  var orderedSubscriptions: [Subscription] { subscriptions.values.sorted { $0.number < $1.number } }

  /// Sids of the subscriptions that are to be served and have no section yet, in order.
  var waitingSubscriptions: [String] {
    subscriptions.values.filter { isServed($0) && $0.mid == nil }.sorted { $0.number < $1.number }.map(\.trackSID)
  }

  func isServed(_ subscription: Subscription) -> Bool {
    subscription.isWanted && subscription.isAllowed && permission.canSubscribe
  }

  /// Tells the media loop to send a track, or how else to send it.
  mutating func startSending(
    _ trackSID: String, _ sending: RoomSendTrack, transport: MediaTransportID, media: RoomMedia, turn: inout Turn
  ) {
    guard var subscription = subscriptions[trackSID], subscription.sending != sending else { return }
    if subscription.sending != nil && !subscription.isDisabled {
      turn.emit(.unsubscribe(transport, subscription.track), on: media)
    }
    subscription.sending = sending
    subscriptions[trackSID] = subscription
    if !subscription.isDisabled { turn.emit(.subscribe(transport, subscription.track, sending), on: media) }
  }

  /// Subscribes to a track as before, after its stream was replaced.
  mutating func resumeSending(_ trackSID: String, media: RoomMedia, turn: inout Turn) {
    guard let subscription = subscriptions[trackSID], let sending = subscription.sending, !subscription.isDisabled,
      let transport = dataTransport
    else { return }
    turn.emit(.unsubscribe(transport.id, subscription.track), on: media)
    turn.emit(.subscribe(transport.id, subscription.track, sending), on: media)
  }

  /// Ends the packets of a track and retires its section, which the next round of negotiation makes idle.
  mutating func stopSending(_ trackSID: String, media: RoomMedia, turn: inout Turn) {
    guard let subscription = subscriptions[trackSID] else { return }
    if subscription.sending != nil, !subscription.isDisabled, let transport = dataTransport {
      turn.emit(.unsubscribe(transport.id, subscription.track), on: media)
    }
    if let mid = subscription.mid {
      if let index = offering?.sections.firstIndex(where: { $0.mid == mid }) {
        offering?.sections[index].use = .retired
      } else if offering == nil {
        answering?.retired.insert(mid)
      }
    }
    subscriptions[trackSID]?.mid = nil
    subscriptions[trackSID]?.sending = nil
    sentReceptions[subscription.track] = nil
  }

  /// The client keeps the track and wants no packets of it, or wants them again.
  mutating func setDisabled(_ isDisabled: Bool, trackSID: String, media: RoomMedia, turn: inout Turn) {
    guard let subscription = subscriptions[trackSID], subscription.isDisabled != isDisabled else { return }
    subscriptions[trackSID]?.isDisabled = isDisabled
    guard let sending = subscription.sending, let transport = dataTransport else { return }
    turn.emit(
      isDisabled
        ? .unsubscribe(transport.id, subscription.track) : .subscribe(transport.id, subscription.track, sending),
      on: media)
  }

  /// Says why a track will not come and forgets the wish for it.
  mutating func refuseSubscription(_ trackSID: String, _ error: Livekit_SubscriptionError, turn: inout Turn) {
    subscriptions[trackSID]?.isWanted = false
    var response = Livekit_SubscriptionResponse()
    response.trackSid = trackSID
    response.err = error
    turn.send(.subscriptionResponse(response), to: session)
  }

  /// Brings the connection in line with the subscriptions.
  mutating func negotiate(media: RoomMedia, turn: inout Turn) {
    for subscription in orderedSubscriptions where subscription.mid != nil && !isServed(subscription) {
      stopSending(subscription.trackSID, media: media, turn: &turn)
    }
    if let connection = offering {
      let isRetiring = connection.sections.contains { $0.use == .retired }
      if connection.offerID == 0 || isRetiring || !waitingSubscriptions.isEmpty { offer(media: media, turn: &turn) }
    } else {
      requestSections(turn: &turn)
    }
  }
}
