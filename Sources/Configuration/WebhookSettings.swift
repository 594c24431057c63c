import Foundation

/// Who is told of what happens in rooms and calls (`webhook`).
public struct WebhookSettings: Sendable, Equatable {
  public var urls: [URL] = []
  /// The pair that signs.
  public var key = APIKey.development

  public init() {}
}

/// Reads `webhook`, as livekit-server has it.
enum WebhookReader {
  private static let urlLimit = 16

  static func read(_ root: Section, keys: [APIKey]) -> WebhookSettings {
    root.section("webhook") { webhook in
      var settings = WebhookSettings()
      settings.urls = webhook.list("urls", of: .webURL) ?? []
      if settings.urls.count > urlLimit { webhook.refuse("urls", "expected at most \(urlLimit)") }
      if let first = keys.first { settings.key = first }
      if let name = webhook.value("api_key", .nonEmptyText) {
        if let key = keys.first(where: { $0.name == name }) {
          settings.key = key
        } else {
          webhook.refuse("api_key", "expected one of `keys`: \(keys.map(\.name).joined(separator: ", "))")
        }
      }
      webhook.unavailable("filter_params", "every event goes to every URL")
      return settings
    }
  }
}

extension ValueFormat where Value == URL {
  static let webURL = ValueFormat("expected a URL: https://example.com/events") { (text: String) in
    guard let url = URL(string: text), ["http", "https"].contains(url.scheme?.lowercased() ?? ""),
      !(url.host ?? "").isEmpty
    else { return nil }
    return url
  }
}
