import Base
import FuzzDriver
import Telephony

@main
enum DNSFuzzer {
  static func main() { fuzz(parse) }
}

/// Responses of name servers, and the order of the targets that they make.
private func parse(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  guard let answer = DNSAnswer(Array(UnsafeRawBufferPointer(start: start, count: count))) else { return 0 }
  let query = ServerQuery(SIPHostPort(host: "example.com"), transport: .auto)
  var records = ServerRecords()
  records.services = [.udp: answer.services, .tcp: answer.services.reversed()]
  let hosts = query.hosts(records.services)
  precondition(hosts.count <= ServerQuery.targetLimit, "too many names to ask for")
  for host in hosts {
    precondition(SIPHostPort(host) != nil, "a name that is none")
    records.addresses[host] = answer.addresses
  }
  var random = RandomSource.seeded(UInt64(count))
  let targets = query.targets(records, using: &random)
  precondition(targets.count <= ServerQuery.targetLimit && Set(targets).count == targets.count, "too many targets")
  return 0
}
