/// Finds the key a mistyped one was meant to be.
enum NearestName {
  /// The known path nearest to `path`: the same name in another section, then a like name in its own, then in any other.
  static func suggestion(for path: String, among known: [String]) -> String? {
    let wanted = Reading.withoutIndices(path)
    let (section, name) = split(wanted)
    let limit = max(1, min(3, name.count / 3))
    if let elsewhere = known.first(where: { split($0).name == name }) { return elsewhere }
    let siblings = known.filter { split($0).section == section }
    if let nearest = nearest(to: name, among: siblings, limit: limit) { return split(nearest).name }
    return nearest(to: name, among: known, limit: min(limit, 1))
  }

  private static func nearest(to name: String, among paths: [String], limit: Int) -> String? {
    paths.map { (path: $0, distance: distance(name, split($0).name)) }
      .filter { $0.distance <= limit }
      .min { $0.distance < $1.distance }?.path
  }

  private static func split(_ path: String) -> (section: String, name: String) {
    guard let dot = path.lastIndex(of: ".") else { return ("", path) }
    return (String(path[..<dot]), String(path[path.index(after: dot)...]))
  }

  /// Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`.
  static func distance(_ a: String, _ b: String) -> Int {
    let a = Array(a.lowercased().utf8)
    let b = Array(b.lowercased().utf8)
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1] + Array(repeating: 0, count: b.count)
      for j in b.indices {
        row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1) }
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
