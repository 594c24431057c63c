import Base

/// Where the datagrams of a transport go, and by which socket.
struct ICERoute: Hashable {
  var port: MediaPort
  var destination: Endpoint
  /// As they are: neither through a TURN server nor in a stream.
  var isDirect: Bool
}
