import API
import Glibc

/// The database file before SQLite opens it: there, readable by its owner alone, and no other process's.
struct StoreFile: ~Copyable {
  let path: String
  /// Holds the lock for as long as it is open; the kernel lets go of it when the process dies.
  private let lockDescriptor: Int32

  static func make(directory: String, name: String) throws(StoreError) -> StoreFile {
    let path = directory + "/" + name
    let lock = try descriptor(path + ".lock")
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      close(lock)
      throw StoreError("\(path): another gateway uses this data_dir")
    }
    let file = StoreFile(path: path, lockDescriptor: lock)
    // SQLite gives its log the mode of the database.
    close(try descriptor(path))
    return file
  }

  deinit { close(lockDescriptor) }

  private static let ownerOnly: mode_t = 0o600

  private static func descriptor(_ path: String) throws(StoreError) -> Int32 {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, ownerOnly)
    guard descriptor >= 0, fchmod(descriptor, ownerOnly) == 0 else {
      let reason = String(cString: strerror(errno))
      if descriptor >= 0 { close(descriptor) }
      throw StoreError("\(path): expected a file that can be written: \(reason)")
    }
    return descriptor
  }
}
