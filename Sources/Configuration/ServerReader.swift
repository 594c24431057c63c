import Foundation
import RoomClientCore

/// Reads `ws_url` and the keys beside it.
struct ServerReader {
  static let variable = "LIVEKIT_WS_URL"

  let environment: [String: String]
  let keys: [APIKey]
  /// An API key was given, in the file or by the environment.
  let hasKey: Bool
  /// Of a cluster, whose servers have the rooms.
  let isMember: Bool

  /// Nil: this process has the rooms.
  func read(_ root: Section) -> ServerSettings? {
    let timeout = root.value("room_reconnect_timeout", .duration(.seconds(1) ... .seconds(3_600)))
    let authorities = root.value("ws_ca_file", .readableFile)
    let prompt = SoundFile.read("reconnect_prompt", in: root)
    guard let url = url(root) else {
      if isMember, !root.has("ws_url"), environment[Self.variable, default: ""].isEmpty {
        root.refuse("ws_url", "expected this key, or \(Self.variable): livekit-server has the rooms")
      }
      for key in ["room_reconnect_timeout", "ws_ca_file", "reconnect_prompt"] where root.has(key) {
        root.refuse(key, "expected `ws_url` beside it: the rooms are this process's own")
      }
      return nil
    }
    guard hasKey, let key = keys.first else {
      root.refuse("ws_url", "expected `api_key` and `api_secret` of that server beside it")
      return nil
    }
    var settings = ServerSettings(url: url, key: key)
    settings.authorityFile = authorities
    if let timeout { settings.reconnectTimeout = timeout }
    settings.reconnectPrompt = prompt
    if authorities != nil, !url.isSecure { root.refuse("ws_ca_file", "expected a `ws_url` with wss://") }
    return settings
  }

  private func url(_ root: Section) -> RoomServerURL? {
    if root.has("ws_url") { return root.value("ws_url", .roomServerURL) }
    _ = root.value("ws_url", .roomServerURL)
    guard let text = environment[Self.variable], !text.isEmpty else { return nil }
    if let url = RoomServerURL(text) { return url }
    root.refuse("ws_url", "\(ValueFormat.roomServerURL.expected); \(Self.variable) is \"\(text.prefix(60))\"")
    return nil
  }
}

extension ValueFormat where Value == RoomServerURL {
  static let roomServerURL = ValueFormat("expected a URL: wss://rooms.example.com, ws://192.0.2.1:7880") {
    (text: String) in RoomServerURL(text)
  }
}

extension ValueFormat where Value == String {
  /// Relative to where the gateway is started.
  fileprivate static let readableFile = ValueFormat("expected a file that is there") { (text: String) in
    FileManager.default.isReadableFile(atPath: text) ? text : nil
  }
}
