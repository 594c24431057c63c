import API
import Base
import Configuration
import LiveKitProtocol
import MediaIO
import RoomClient
import RoomClientCore
import SDP
import SwiftProtobuf
import Telephony

/// What sessions with a room server need from outside: tokens, ports, and words over HTTP.
struct RemoteRoomAccess: Sendable {
  let settings: ServerSettings
  let session: RoomClientConfiguration
  /// SHA-256 of our DTLS certificate.
  let fingerprint: [UInt8]
  let ports: PortPool
  /// What the server is told as our address; the family of the other ports is looked up.
  let announced: IPAddress

  /// livekit-wire 4.5.
  private static let tokenLifetimeSeconds: Int64 = 24 * 3_600
  /// Those that tokens carry: they have to fit into a header.
  private static let tokenAttributes = [
    SIPAttribute.callID, SIPAttribute.trunkID, SIPAttribute.ruleID, SIPAttribute.trunkPhoneNumber,
    SIPAttribute.phoneNumber,
  ]

  // MARK: Tokens

  /// Nil when it cannot be written.
  func token(to client: RoomClientEntry, of entry: RoomEntry) async -> String? {
    let now = Int64(WallClock.now())
    let token = AccessToken(
      apiKey: settings.key.name, grants: Self.grants(client, entry), notBefore: now,
      expires: now + Self.tokenLifetimeSeconds)
    return try? await token.signed(with: settings.key.secret)
  }

  static func grants(_ client: RoomClientEntry, _ entry: RoomEntry) -> Grants {
    var grants = Grants(identity: client.identity, name: client.name)
    grants.metadata = client.metadata
    grants.kind = .sip
    grants.attributes = client.attributes.filter { tokenAttributes.contains($0.key) }
    grants.video.roomJoin = true
    grants.video.room = client.roomName
    grants.video.canPublish = true
    grants.video.canSubscribe = true
    grants.video.canPublishData = true
    grants.video.canUpdateOwnMetadata = true
    grants.roomConfiguration = roomConfiguration(entry)
    grants.roomPreset = entry.roomPreset
    return grants
  }

  private static func roomConfiguration(_ entry: RoomEntry) -> Livekit_RoomConfiguration? {
    let brought = entry.pass.roomConfiguration
    if !brought.isEmpty, let message = try? Livekit_RoomConfiguration(serializedBytes: brought) { return message }
    return entry.roomConfiguration.map { Livekit_RoomConfiguration($0) }
  }

  // MARK: Ports

  /// One for each address family that the gateway has, the preferred first, and what the server is told of each.
  func leasePorts() -> [(lease: PortLease, announced: Endpoint)] {
    [announced.isIPv4, !announced.isIPv4].compactMap { isIPv4 in
      guard let lease = ports.lease(isIPv4: isIPv4) else { return nil }
      let bound = lease.local.address
      let address =
        announced.isIPv4 == isIPv4 ? announced : bound.isUnspecified ? LocalAddresses.routed(isIPv4: isIPv4) : bound
      return address.map { (lease, Endpoint($0, lease.local.port)) }
    }
  }

  // MARK: HTTP

  /// Why the server refuses `target`, in its own words. Empty when it says nothing.
  func reason(for target: RoomSocketTarget) async -> String {
    let path = target.path.replacing("/rtc/v1?", with: "/rtc/v1/validate?", maxReplacements: 1)
      .replacing("/rtc?", with: "/rtc/validate?", maxReplacements: 1)
    let prefix = target.url.pathPrefix
    guard path.hasPrefix(prefix),
      let page = await get(target.url.httpURL + path.dropFirst(prefix.count), target.token), page.status != 200,
      // A page in HTML is a proxy's.
      page.body.first != UInt8(ascii: "<")
    else { return "" }
    return String(decoding: page.body.prefix(200), as: UTF8.self).replacing("\n", with: " ")
  }

  /// Where else LiveKit's service can be joined, the nearest first.
  func regions(of url: RoomServerURL, token: String) async -> [RoomServerURL] {
    guard let page = await get(url.httpURL + "/settings/regions", token), page.status == 200,
      let settings: Livekit_RegionSettings = SignalCoding.json.decode(page.body)
    else { return [] }
    return settings.regions.compactMap { RoomServerURL($0.url) }
  }

  private func get(_ url: String, _ token: String) async -> RoomServerPage? {
    await RoomServerPage.read(url, token: token, authorityFile: settings.authorityFile)
  }
}
