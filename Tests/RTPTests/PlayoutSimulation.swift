import Base
import RTP

/// One packet on its way to a jitter buffer. Times in milliseconds.
struct SimulatedPacket {
  var number: Int
  var sent: Double
  var arrival: Double
  var sequence: Int
  var timestamp: Int
  var duration: Int
  var ssrc: UInt32 = 7
  var isSilent = false
}

/// A sender of an even stream: packet `n` covers the time that ends when it is sent.
func stream(
  _ count: Int, packetMilliseconds: Double = 20, rate: Int = 48_000, start: Double = 0, clock: Double = 1
) -> [SimulatedPacket] {
  let duration = Int(packetMilliseconds * Double(rate) / 1000)
  return (0..<count).map { number in
    let sent = start + Double(number) * packetMilliseconds * clock
    return SimulatedPacket(
      number: number, sent: sent, arrival: sent, sequence: 65_400 + number,
      timestamp: 0xFFFF_0000 + number * duration, duration: duration)
  }
}

/// Plays simulated packets through a jitter buffer on a 20 ms tick and writes down what was heard.
struct PlayoutSimulation: ~Copyable {
  struct Played {
    var packet: SimulatedPacket
    /// When its first sample leaves, in milliseconds.
    var time: Double
    /// From arrival to `time`.
    var delay: Double { time - packet.arrival }
  }

  let rate: Int
  var buffer: JitterBuffer
  var played: [Played] = []
  /// Times at which a piece was concealed, and its milliseconds.
  var concealed: [(time: Double, length: Double)] = []
  var silentTickCount = 0
  var insertions: [PacketInsertion: Int] = [:]
  var successorCount = 0
  var maximumBuffered = Duration.zero
  var problems: [String] = []
  private var leftOver = 0

  init(rate: Int = 48_000) {
    self.rate = rate
    buffer = JitterBuffer(JitterBuffer.Configuration(clockRateHz: rate))
  }

  /// `phase`: when the first tick falls. `end`: time of the last tick, by default a second after the last arrival.
  mutating func run(_ packets: [SimulatedPacket], phase: Double = 7, end: Double? = nil) {
    let arriving = packets.sorted { $0.arrival < $1.arrival }
    let byNumber = Dictionary(packets.map { ($0.number, $0) }) { first, _ in first }
    var next = 0
    var tick = phase
    while tick <= end ?? (arriving.last?.arrival ?? 0) + 1000 {
      while next < arriving.count, arriving[next].arrival <= tick {
        insert(arriving[next])
        next += 1
      }
      pull(at: tick, byNumber)
      tick += 20
    }
  }

  private mutating func insert(_ packet: SimulatedPacket) {
    let payload = [UInt8](marking: packet.number)
    let insertion = buffer.insert(
      header(packet.sequence, packet.timestamp, ssrc: packet.ssrc), payload: payload.span.bytes,
      durationTicks: packet.duration, isSilent: packet.isSilent, at: .milliseconds(packet.arrival))
    insertions[insertion, default: 0] += 1
    maximumBuffered = max(maximumBuffered, buffer.bufferedDuration)
  }

  private mutating func pull(at tick: Double, _ byNumber: [Int: SimulatedPacket]) {
    let tickTicks = rate / 50
    while leftOver < tickTicks {
      let time = tick + Double(leftOver) * 1000 / Double(rate)
      switch buffer.next(at: .milliseconds(tick), wanted: tickTicks - leftOver) {
      case .packet(let packet):
        let number = buffer.withPayload(of: packet) { $0.markedNumber }
        guard let original = byNumber[number], original.duration == packet.durationTicks else {
          problems.append("packet \(number) is not what was sent")
          return
        }
        if let last = played.last, last.packet.number >= number {
          problems.append("\(number) after \(last.packet.number)")
        }
        played.append(Played(packet: original, time: time))
        leftOver += packet.durationTicks
      case .conceal(let ticks, let successor):
        if ticks <= 0 || ticks > tickTicks - leftOver { problems.append("\(ticks) ticks concealed") }
        if successor != nil { successorCount += 1 }
        concealed.append((time, Double(ticks) * 1000 / Double(rate)))
        leftOver += max(1, ticks)
      case .silence:
        silentTickCount += 1
        leftOver = tickTicks
      }
    }
    leftOver -= tickTicks
  }

  /// Between two packets that played one after the other, nothing that was sent in between took less time than it
  /// has: neither the earlier packet nor those lost.
  func shortenings() -> [String] {
    zip(played, played.dropFirst()).compactMap { earlier, later in
      let missing = later.packet.number - earlier.packet.number - 1
      let length = Double(earlier.packet.duration * (1 + missing)) * 1000 / Double(rate)
      return later.time - earlier.time < length - 2.6 ? "\(earlier.packet.number) to \(later.packet.number)" : nil
    }
  }

  func delays(after time: Double = 0) -> [Double] { played.filter { $0.time >= time }.map(\.delay) }
  func concealedMilliseconds(after time: Double = 0) -> Double {
    concealed.filter { $0.time >= time }.map(\.length).reduce(0, +)
  }
}
