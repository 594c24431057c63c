import Base
import MediaIO
import Testing

@Suite("Port pool")
struct PortPoolTests {
}
