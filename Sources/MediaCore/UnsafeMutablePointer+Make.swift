extension UnsafeMutablePointer where Pointee: ~Copyable {
  /// Memory of its own for one value that many refer to.
  static func make(_ value: consuming Pointee) -> UnsafeMutablePointer<Pointee> {
    let pointer = UnsafeMutablePointer<Pointee>.allocate(capacity: 1)
    pointer.initialize(to: value)
    return pointer
  }

  func destroy() {
    deinitialize(count: 1)
    deallocate()
  }
}
