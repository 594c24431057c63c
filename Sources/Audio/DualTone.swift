import Glibc

/// A source of one or two sine waves at 8 kHz, steady or in cadence. Runs for ever; the caller stops asking.
public struct DualTone: Sendable {
  public static let sampleRateHz = 8000

  private var low: Oscillator
  private var high: Oscillator
  private let onSampleCount: Int
  private let offSampleCount: Int
  private var position = 0

  /// - Parameters:
  ///   - amplitude: the peak of each wave, 0…1 of full scale; two waves together saturate above 0.5 each.
  ///   - highHz: zero for a single wave.
  ///   - off: silence that follows each `on`; zero for a steady tone.
  public init(lowHz: Double, highHz: Double, amplitude: Double, on: Duration = .zero, off: Duration = .zero) {
    low = Oscillator(frequencyHz: lowHz, amplitude: amplitude)
    high = Oscillator(frequencyHz: highHz, amplitude: highHz > 0 ? amplitude : 0)
    onSampleCount = Self.sampleCount(on)
    offSampleCount = Self.sampleCount(off)
  }

  /// ITU-T Q.23. Nil for anything but 0–9, *, #, A–D.
  public init?(digit: Character, amplitude: Double = 0.25) {
    let keys: [Character] = Array("123A456B789C*0#D")
    guard let index = keys.firstIndex(of: digit) else { return nil }
    let rowsHz: [Double] = [697, 770, 852, 941]
    let columnsHz: [Double] = [1209, 1336, 1477, 1633]
    self.init(lowHz: rowsHz[index / 4], highHz: columnsHz[index % 4], amplitude: amplitude)
  }

  /// The tone that livekit-sip plays while the other side is called: 425 Hz, 1 s on, 4 s off, half amplitude.
  public static var dialTone: DualTone {
    DualTone(lowHz: 425, highHz: 0, amplitude: 0.5, on: .seconds(1), off: .seconds(4))
  }

  /// Writes the next samples over all of `samples`.
  public mutating func fill(_ samples: inout MutableSpan<Int16>) {
    for index in samples.indices { samples[unchecked: index] = next() }
  }

  private mutating func next() -> Int16 {
    guard offSampleCount > 0 else { return sum() }
    let isOn = position < onSampleCount
    position += 1
    if position == onSampleCount + offSampleCount { position = 0 }
    return isOn ? sum() : 0
  }

  private mutating func sum() -> Int16 {
    Int16(clamping: Int32((low.next() + high.next()).rounded()))
  }

  private static func sampleCount(_ duration: Duration) -> Int {
    let (seconds, attoseconds) = duration.components
    return Int(seconds) * sampleRateHz + Int(attoseconds / (1_000_000_000_000_000_000 / Int64(sampleRateHz)))
  }
}

/// A sine by rotation of a phasor: no library call per sample.
private struct Oscillator: Sendable {
  private var cosine = 1.0
  private var sine = 0.0
  private let stepCosine: Double
  private let stepSine: Double
  private let peak: Double

  init(frequencyHz: Double, amplitude: Double) {
    let step = 2 * Double.pi * frequencyHz / Double(DualTone.sampleRateHz)
    stepCosine = cos(step)
    stepSine = sin(step)
    peak = amplitude * 32_767
  }

  mutating func next() -> Double {
    let value = sine * peak
    let rotated = cosine * stepCosine - sine * stepSine
    let turned = sine * stepCosine + cosine * stepSine
    // One Newton step towards unit length, or rounding would let the tone grow or fade over hours.
    let correction = (3 - (rotated * rotated + turned * turned)) / 2
    cosine = rotated * correction
    sine = turned * correction
    return value
  }
}
