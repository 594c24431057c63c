import Base

/// One whole HTTP/1.1 request (RFC 9112), within the server's bounds.
public struct HTTPRequest: Sendable {
  public var method: String
  /// Percent-decoded, without the query: `/rtc/v1`.
  public var path: String
  /// Percent-decoded name and value pairs in the order sent; `+` means a space.
  public var query: [(name: String, value: String)]
  /// As sent, in order. Look values up with `header(_:)`.
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]
  /// The peer of the TCP connection: a proxy, where one stands before us.
  public var source: Endpoint

  public init(
    method: String = "GET", path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8] = [], source: Endpoint
  ) {
    self.method = method
    self.path = path
    self.query = query
    self.headers = headers
    self.body = body
    self.source = source
  }

  /// The first header of this name, compared without case.
  public func header(_ name: String) -> String? {
    let name = name.lowercased()
    return headers.first { $0.name.lowercased() == name }?.value
  }

  /// The first query value of this name.
  public func queryValue(_ name: String) -> String? { query.first { $0.name == name }?.value }
}

public struct HTTPResponse: Sendable {
  /// 200…599.
  public var status: Int
  /// Content-Length, Connection and Date are the server's own.
  public var headers: [(name: String, value: String)]
  public var body: [UInt8]

  public init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  /// `text` as `text/plain; charset=utf-8`.
  public static func text(_ status: Int, _ text: String) -> HTTPResponse {
    HTTPResponse(
      status: status, headers: [(name: "Content-Type", value: "text/plain; charset=utf-8")], body: Array(text.utf8))
  }
}
