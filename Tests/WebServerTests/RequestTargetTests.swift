import Testing

@testable import WebServer

@Suite struct RequestTargetTests {
  @Test(
    "targets are decoded",
    arguments: [
      ("/rtc/v1?join_request=ab-_&x=1", "/rtc/v1", ["join_request=ab-_", "x=1"]),
      ("/a%20b?c+d=%2B&e&=f", "/a b", ["c d=+", "e=", "=f"]),
      ("http://host:7880/rtc?a=b", "/rtc", ["a=b"]),
      ("ws://host?a=b", "/", ["a=b"]),
      ("*", "*", []),
      ("/%C3%A4#part", "/ä", []),
    ])
  func decoding(_ text: String, _ path: String, _ query: [String]) throws {
    let target = try #require(RequestTarget(text))
    #expect(target.path == path)
    #expect(target.query.map { "\($0.name)=\($0.value)" } == query)
  }

  @Test(
    "targets that mean nothing are refused",
    arguments: ["/%", "/%4", "/%zz", "/%00", "/%ff", "/?a=%ff", "host/path", "ftp://host/", ""])
  func refusing(_ text: String) {
    #expect(RequestTarget(text) == nil)
  }
}
