import Base
import RoomClientCore
import Telephony
import Testing

@testable import Configuration

@Suite("Server mode's configuration")
struct ServerTests {
  private static let keys = "api_key: k\napi_secret: a-secret-of-at-least-32-characters\n"

  private func load(_ text: String, _ environment: [String: String] = [:]) throws -> GatewayConfiguration {
    try GatewayConfiguration.load(ConfigurationSource(body: text, environment: environment))
  }

  private func problems(_ text: String, _ environment: [String: String] = [:]) -> [String] {
    do {
      _ = try load(text, environment)
      return []
    } catch let error as ConfigurationError {
      return error.problems.map { $0.description.replacing("configuration:", with: ":") }
    } catch { return ["\(error)"] }
  }

  @Test("no ws_url: the rooms are this process's own, and the keys beside it are refused")
  func embedded() throws {
    #expect(try load("").server == nil)
    #expect(try load("", ["LIVEKIT_WS_URL": ""]).server == nil)
    #expect(
      problems("room_reconnect_timeout: 10s") == [
        ":1: room_reconnect_timeout: \"10s\": expected `ws_url` beside it: the rooms are this process's own"
      ])
  }

  @Test("the server, and the pair that it knows")
  func server() throws {
    let server = try #require(
      try load(Self.keys + "ws_url: wss://rooms.example.com/lk\nkeys: {other: \(String(repeating: "s", count: 32))}")
        .server)
    #expect(
      server.url.description == "wss://rooms.example.com/lk" && server.url.httpURL == "https://rooms.example.com/lk"
    )
    #expect(server.key == APIKey(name: "k", secret: "a-secret-of-at-least-32-characters"))
    #expect(server.reconnectTimeout == .seconds(60))
  }

  @Test(
    "where the environment stands in",
    arguments: [
      ("", ["LIVEKIT_WS_URL": "ws://a:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"], "ws://a:1"),
      (
        "ws_url: ws://b:2", ["LIVEKIT_WS_URL": "ws://a:1", "LIVEKIT_API_KEY": "k", "LIVEKIT_API_SECRET": "s"],
        "ws://b:2"
      ),
    ])
  func environment(_ text: String, _ environment: [String: String], _ url: String) throws {
    #expect(try load(text, environment).server?.url.description == url)
  }

  @Test("a server without its key pair, and values that are none")
  func refusals() {
    #expect(
      problems("ws_url: ws://rooms.example.com") == [
        ":1: ws_url: \"ws://rooms.example.com\": expected `api_key` and `api_secret` of that server beside it"
      ])
    #expect(problems(Self.keys + "ws_url: rooms.example.com:7880").count == 1)
    #expect(problems(Self.keys + "ws_url: ftp://rooms.example.com").count == 1)
    #expect(problems(Self.keys + "ws_url: ws://a:1\nroom_reconnect_timeout: 2h").count == 1)
    #expect(problems(Self.keys + "ws_url: wss://a\nws_ca_file: /nowhere/ca.pem").count == 1)
    #expect(problems(Self.keys, ["LIVEKIT_WS_URL": "rooms"]).count == 1)
  }

  @Test("settings of rooms are the server's: whoever sets them is told, and ports of rooms are not checked")
  func withoutEffect() throws {
    let configuration = try load(
      Self.keys
        + "ws_url: ws://a:1\nrtc: {udp_port: 12000, node_ip: 192.0.2.7}\nroom: {empty_timeout: 10s, departure_timeout: 3s}"
    )
    #expect(configuration.warnings.map(\.key) == ["room.empty_timeout", "rtc.udp_port"])
    #expect(
      configuration.room.announced == .fixed(try #require(IPAddress("192.0.2.7")))
        && configuration.dispatch.policy.departureTimeout == .seconds(3))
  }
}
