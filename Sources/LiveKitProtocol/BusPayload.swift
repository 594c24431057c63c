import FoundationEssentials
import SwiftProtobuf

extension Internal_Request {
  /// The encoded request message, wherever the peer's version has put it.
  public var payload: [UInt8] {
    get { Array(rawRequest.isEmpty && hasRequest ? request.value : rawRequest) }
    set { rawRequest = Data(newValue) }
  }
}

extension Internal_Response {
  /// The encoded response message, wherever the peer's version has put it.
  public var payload: [UInt8] {
    get { Array(rawResponse.isEmpty && hasResponse ? response.value : rawResponse) }
    set { rawResponse = Data(newValue) }
  }
}

extension Internal_Msg {
  /// Any published message under its own type URL.
  public init(_ message: some Message) {
    self.init()
    typeURL = Google_Protobuf_Any.typePrefix + type(of: message).protoMessageName
    value = (try? message.serializedData()) ?? Data()
  }

  public var payload: [UInt8] { Array(value) }
}

extension Google_Protobuf_Any {
  fileprivate static let typePrefix = "type.googleapis.com/"

  /// The message under the type URL that LiveKit writes.
  public init(packing message: some Message) {
    self.init()
    typeURL = Self.typePrefix + type(of: message).protoMessageName
    value = (try? message.serializedData()) ?? Data()
  }
}
