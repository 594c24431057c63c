import JWTKit
import SwiftProtobuf
import Testing

@testable import LiveKitProtocol

@Suite("Access tokens")
struct AccessTokenTests {
  private let secret = "trunkline-test-secret"

  private func token(_ grants: Grants = Grants(identity: "alice"), notBefore: Int64? = nil, expires: Int64 = 2_000)
    async throws -> String
  {
    try await AccessToken(apiKey: "APItest", grants: grants, notBefore: notBefore, expires: expires).signed(
      with: secret)
  }

  private func verify(_ token: String, at time: Int64 = 1_000) async -> Result<AccessToken, TokenError> {
    let verifier = await TokenVerifier(keys: ["APItest": secret, "other": "another-secret"])
    do throws(TokenError) { return .success(try await verifier.verify(token, unixSeconds: time)) } catch {
      return .failure(error)
    }
  }

  private func code(_ result: Result<AccessToken, TokenError>) -> TokenError.Code? {
    if case .failure(let error) = result { return error.code }
    return nil
  }

  @Test("what is signed is read back")
  func roundTrip() async throws {
    var grants = Grants(identity: "sip_+1555", name: "Phone +1555")
    grants.metadata = "{\"a\":1}"
    grants.attributes = ["sip.callID": "SCL_1", "empty": ""]
    grants.kind = .sip
    grants.kindDetails = ["forwarded"]
    grants.video.roomJoin = true
    grants.video.room = "call-_+1555_k3SxW8dQm2Ab"
    grants.video.canPublishSources = ["microphone"]
    grants.video.canUpdateOwnMetadata = true
    grants.sip = SIPGrant(admin: true, call: false)
    grants.sha256 = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    grants.roomPreset = "quiet"
    var configuration = Livekit_RoomConfiguration()
    configuration.departureTimeout = 9
    configuration.agents = [.with { $0.agentName = "bot" }]
    configuration.tags = ["k": "v"]
    grants.roomConfiguration = configuration
    let text = try await token(grants, notBefore: 900)
    let read = try #require(try? await verify(text).get())
    #expect(read == AccessToken(apiKey: "APItest", grants: grants, notBefore: 900, expires: 2_000))
  }

  @Test("a token of the Python SDK is read")
  func fromPython() async throws {
    // livekit-api 1.2.2; expires in 2126.
    let text =
      "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
      + "eyJuYW1lIjoiQWxpY2UiLCJraW5kIjoiYWdlbnQiLCJtZXRhZGF0YSI6Int9IiwidmlkZW8iOnsicm9vbUpvaW4iOnRydWUsInJvb20iOiJs"
      + "b2JieSIsImNhblB1Ymxpc2giOmZhbHNlLCJjYW5TdWJzY3JpYmUiOnRydWUsImNhblB1Ymxpc2hEYXRhIjp0cnVlLCJjYW5QdWJsaXNoU291"
      + "cmNlcyI6WyJtaWNyb3Bob25lIl0sImhpZGRlbiI6dHJ1ZX0sInNpcCI6eyJhZG1pbiI6dHJ1ZSwiY2FsbCI6dHJ1ZX0sImF0dHJpYnV0ZXMi"
      + "OnsidGVhbSI6ImJsdWUifSwicm9vbUNvbmZpZyI6eyJuYW1lIjoieCIsImVtcHR5VGltZW91dCI6NywiYWdlbnRzIjpbeyJhZ2VudE5hbWUi"
      + "OiJib3QiLCJtZXRhZGF0YSI6Im0ifV19LCJzdWIiOiJhbGljZSIsImlzcyI6IkFQSXRlc3QiLCJuYmYiOjE3OTUyMzc1NTUsImV4cCI6NDk0"
      + "ODgzNzU1NX0.x3Mnto0acA4UlNUaPm5T7NVsrNOcifB2fbvaaCbRVeY"
    let grants = try await verify(text, at: 1_800_000_000).get().grants
    #expect(grants.identity == "alice" && grants.name == "Alice" && grants.kind == .agent)
    #expect(grants.attributes == ["team": "blue"])
    #expect(grants.sip.mayAdminister && grants.sip.mayCall)
    #expect(grants.video.mayJoin("lobby") && !grants.video.mayJoin("cellar"))
    #expect(grants.video.permission.canPublishSources == [.microphone])
    #expect(!grants.video.permission.canPublish && grants.video.permission.canPublishData)
    #expect(grants.roomConfiguration?.emptyTimeout == 7)
    #expect(grants.roomConfiguration?.agents.map(\.agentName) == ["bot"])
  }

  @Test(
    "exp and nbf are kept to within a minute",
    arguments: [
      (Int64(2_059), nil, nil), (2_060, nil, TokenError.Code.expired), (9_000, nil, .expired),
      (1_000, 1_060, nil), (1_000, 1_061, .notYetValid), (1_000, 1_500, .notYetValid),
    ] as [(Int64, Int64?, TokenError.Code?)])
  func times(now: Int64, notBefore: Int64?, expected: TokenError.Code?) async throws {
    #expect(code(await verify(try await token(notBefore: notBefore), at: now)) == expected)
  }

  @Test("a signature of another key, a changed payload and an unknown issuer are refused")
  func signatures() async throws {
    let good = try await token()
    #expect(code(await verify(good)) == nil)
    let foreign = try await AccessToken(apiKey: "other", grants: Grants(identity: "eve"), expires: 2_000)
      .signed(with: secret)
    #expect(code(await verify(foreign)) == .badSignature)
    let unknown = try await AccessToken(apiKey: "nobody", grants: Grants(), expires: 2_000).signed(with: secret)
    #expect(code(await verify(unknown)) == .unknownKey)
    let other = try await token(Grants(identity: "admin"))
    let spliced =
      good.split(separator: ".")[0] + "." + other.split(separator: ".")[1] + "." + good.split(separator: ".")[2]
    #expect(code(await verify(String(spliced))) == .badSignature)
  }

  @Test("no algorithm but HS256 is accepted, whatever the token says")
  func algorithms() async throws {
    let payload = try AccessTokenPayload(
      AccessToken(apiKey: "APItest", grants: Grants(identity: "eve"), expires: 2_000))
    let padded = HMACKey.padded(secret + secret + secret)
    let key384 = await JWTKeyCollection().add(hmac: padded, digestAlgorithm: .sha384)
    #expect(code(await verify(try await key384.sign(payload))) == .badSignature)
    let unsigned = await JWTKeyCollection().addUnsecuredNone()
    #expect(code(await verify(try await unsigned.sign(payload))) == .badSignature)
  }

  @Test(
    "what is no token is refused",
    arguments: [
      ("", TokenError.Code.missing), ("x", .malformed), ("a.b.c", .malformed), ("..", .malformed),
      (String(repeating: "a", count: 300_000), .malformed), ("e30.e30.e30", .badSignature),
    ])
  func rubbish(text: String, expected: TokenError.Code) async {
    #expect(code(await verify(text)) == expected)
  }

  @Test("a token without an expiry is refused")
  func withoutExpiry() async throws {
    var payload = try AccessTokenPayload(AccessToken(apiKey: "APItest", grants: Grants(identity: "x"), expires: 2_000))
    let key = await JWTKeyCollection().add(hmac: .padded(secret), digestAlgorithm: .sha256)
    for expires in [nil, Double.infinity, 1e300] as [Double?] {
      payload.exp = expires
      guard let text = try? await key.sign(payload) else { continue }
      #expect(code(await verify(text)) == .malformed)
    }
  }

  @Test(
    "absent flags mean their defaults",
    arguments: [
      (nil, nil, true, true), (false, nil, false, false), (false, true, false, true), (true, false, true, false),
    ] as [(Bool?, Bool?, Bool, Bool)])
  func defaults(canPublish: Bool?, canPublishData: Bool?, mayPublish: Bool, mayPublishData: Bool) {
    var grant = VideoGrant()
    grant.canPublish = canPublish
    grant.canPublishData = canPublishData
    #expect(grant.mayPublish == mayPublish && grant.mayPublishData == mayPublishData)
    #expect(grant.maySubscribe && !grant.mayUpdateOwnMetadata && !grant.isHidden)
    #expect(!grant.mayJoin(""))
  }

  @Test("a room configuration in snake case is read too")
  func snakeCase() throws {
    let value = JSONValue.object(["empty_timeout": .integer(5), "unheard_of": .null, "agents": .array([])])
    #expect(try value.message(Livekit_RoomConfiguration.self).emptyTimeout == 5)
  }
}
