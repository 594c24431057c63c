import Base
import Testing

@Suite("Random names")
struct GUIDTests {
  @Test("a name is its prefix and twelve characters of the alphabet")
  func shape() {
    let name = GUID.make(prefix: "SCL_")
    #expect(name.hasPrefix("SCL_") && name.utf8.count == 16)
    #expect(name.dropFirst(4).utf8.allSatisfy(GUID.alphabet.contains))
    #expect(GUID.alphabet.count == 57 && Set(GUID.alphabet).isDisjoint(with: "01IOl".utf8))
  }
}
