import Testing

@testable import RoomClientCore

@Suite("Addresses of room servers")
struct URLTests {
  static let good: [(String, String, String)] = [
    ("ws://127.0.0.1:7880", "ws://127.0.0.1:7880", "http://127.0.0.1:7880"),
    ("wss://rooms.example.com", "wss://rooms.example.com", "https://rooms.example.com"),
    ("WSS://rooms.example.com:443/", "wss://rooms.example.com", "https://rooms.example.com"),
    ("http://rooms.example.com/livekit/", "ws://rooms.example.com/livekit", "http://rooms.example.com/livekit"),
    ("https://[2001:db8::1]:7881", "wss://[2001:db8::1]:7881", "https://[2001:db8::1]:7881"),
  ]

  @Test("a URL is read with its scheme, port and prefix", arguments: good)
  func reading(_ text: String, _ webSocket: String, _ http: String) throws {
    let url = try #require(RoomServerURL(text))
    #expect(url.description == webSocket)
    #expect(url.httpURL == http)
  }

  @Test(
    "anything else is refused",
    arguments: [
      "", "rooms.example.com", "ftp://a", "ws://", "ws://:80", "ws://a:0", "ws://a:65536", "ws://a?b=c", "ws://u@a",
      "ws://[::1", "ws://[a]", "ws://a b", "wss://" + String(repeating: "a", count: 1_100),
    ])
  func refusing(_ text: String) { #expect(RoomServerURL(text) == nil) }

  @Test("LiveKit's own service is known by its names")
  func cloud() {
    #expect(RoomServerURL("wss://mine-x1.livekit.cloud")?.isCloud == true)
    #expect(RoomServerURL("wss://livekit.cloud.example.com")?.isCloud == false)
  }
}
