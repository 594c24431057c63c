import Audio
import Foundation
import Telephony

/// Reads `prompts`: WAV files of what callers hear who must enter a PIN, for all calls, a trunk or a rule.
struct PromptReader {
  /// Beside the configuration file: what `scripts/make-prompts` makes.
  static let shippedDirectory = "prompts/"

  /// Paths of their files; the samples are in `Reading.sounds`.
  let sounds: [CallPrompt: String]

  init(_ section: Section) {
    sounds = section.section("prompts") { prompts in
      var sounds: [CallPrompt: String] = [:]
      for prompt in CallPrompt.allCases { sounds[prompt] = SoundFile.read(prompt.rawValue, in: prompts) }
      return sounds
    }
  }

  /// What is not given comes from the directory of the prompts that are shipped, where it is there.
  func withShipped(_ root: Section) -> [CallPrompt: String] {
    var sounds = sounds
    for prompt in CallPrompt.allCases where sounds[prompt] == nil {
      let path = (root.reading.directory ?? "") + Self.shippedDirectory + prompt.rawValue + ".wav"
      guard root.reading.directory != nil, FileManager.default.fileExists(atPath: path) else { continue }
      switch SoundFile.load(path) {
      case .success(let samples):
        root.reading.sounds[path] = samples
        sounds[prompt] = path
      case .failure(let fault): root.refuse("prompts", "expected WAV files: \(path) \(fault.reason)")
      }
    }
    return sounds
  }
}
