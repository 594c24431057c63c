import CCurl
import Dispatch
import Synchronization

/// What a room server says over HTTP, beside its WebSocket.
public struct RoomServerPage: Sendable {
  public let status: Int
  public let body: [UInt8]

  private static let timeoutMilliseconds = 3_000
  private static let byteLimit = 256 * 1_024
  /// Each has a thread meanwhile.
  private static let limit = 8
  private static let underWay = Atomic<Int>(0)
  private static let threads = DispatchQueue(label: "room-page", attributes: .concurrent)

  /// Nil: it has not said all of it within 3 s and 256 KiB, or too much is being asked.
  ///
  /// - Parameter authorityFile: as in `RoomClient.Options`.
  public static func read(_ url: String, token: String, authorityFile: String?) async -> RoomServerPage? {
    guard underWay.add(1, ordering: .relaxed).newValue <= limit else {
      underWay.subtract(1, ordering: .relaxed)
      return nil
    }
    return await withCheckedContinuation { continuation in
      threads.async {
        let page = ask(url, "Authorization: Bearer \(token)", authorityFile)
        underWay.subtract(1, ordering: .relaxed)
        continuation.resume(returning: page)
      }
    }
  }

  private static func ask(_ url: String, _ header: String, _ authorityFile: String?) -> RoomServerPage? {
    var status = 0
    let body = [UInt8](unsafeUninitializedCapacity: byteLimit) { buffer, count in
      guard let start = buffer.baseAddress else { return }
      url.withCString { url in
        header.withCString { header in
          withUnsafePointer(to: header) { headers in
            func perform(_ file: UnsafePointer<CChar>?) {
              var question = trunkline_question(
                url: url, headers: headers, header_count: 1, ca_file: file,
                timeout_milliseconds: timeoutMilliseconds)
              status = trunkline_ask(&question, start, byteLimit, &count)
            }
            if let authorityFile { authorityFile.withCString { perform($0) } } else { perform(nil) }
          }
        }
      }
    }
    return status > 0 ? RoomServerPage(status: status, body: body) : nil
  }
}
