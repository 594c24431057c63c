extension MutableRawSpan {
  /// Copies all of `source` to `offset`, where it must fit.
  mutating func copy(_ source: RawSpan, at offset: Int) {
    precondition(offset >= 0 && offset + source.byteCount <= byteCount, "\(source.byteCount) bytes at \(offset)")
    withUnsafeMutableBytes { target in
      source.withUnsafeBytes { source in
        guard let from = source.baseAddress, let to = target.baseAddress else { return }
        (to + offset).copyMemory(from: from, byteCount: source.count)
      }
    }
  }
}
