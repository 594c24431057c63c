/// Names of peers and requests: a prefix and 12 letters or digits.
public enum BusID {
  private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
  private static let bodyLength = 12

  public static func client(using generator: inout some RandomNumberGenerator) -> String { make("CLI_", &generator) }
  public static func server(using generator: inout some RandomNumberGenerator) -> String { make("SRV_", &generator) }
  static func request(using generator: inout some RandomNumberGenerator) -> String { make("REQ_", &generator) }

  private static func make(_ prefix: String, _ generator: inout some RandomNumberGenerator) -> String {
    var bytes = Array(prefix.utf8)
    for _ in 0..<bodyLength { bytes.append(alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]) }
    return String(decoding: bytes, as: UTF8.self)
  }
}
