import RoomClientCore

/// Whose rooms calls join when they are not this process's own (`ws_url`).
public struct ServerSettings: Sendable, Equatable {
  public var url: RoomServerURL
  /// The server knows this pair; it signs what we join with (`api_key`, `api_secret`).
  public var key: APIKey
  /// PEM file of the authorities that may have signed the server's certificate (`ws_ca_file`). Nil: the system's.
  public var authorityFile: String?
  /// How long a call waits for a room that is out of reach (`room_reconnect_timeout`).
  public var reconnectTimeout: Duration = .seconds(60)
  /// What its caller hears once meanwhile (`reconnect_prompt`): path of the sound. Nil: nothing but the line.
  public var reconnectPrompt: String?

  public init(url: RoomServerURL, key: APIKey) {
    self.url = url
    self.key = key
  }
}
