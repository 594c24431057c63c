import Base

/// One call of a capture, seen from the caller: what it sent and when, and what it got.
public struct CapturedCall: Sendable {
  /// A request inside the dialog: re-INVITE, INFO, BYE, …
  public struct Step: Hashable, Sendable {
    /// Since the call was answered.
    public var offset: Duration
    public var request: SIPMessage
    /// The body of its ACK: the answer to a delayed offer. Empty when it had none.
    public var acknowledgement: [UInt8]
  }

  /// An RTP packet of the caller.
  public struct Packet: Hashable, Sendable {
    /// Since the call was answered.
    public var offset: Duration
    public var bytes: [UInt8]
  }

  /// A response of the called side.
  public struct Response: Hashable, Sendable {
    /// Since the INVITE.
    public var time: Duration
    public var message: SIPMessage
  }

  public let callID: String
  public let transport: CapturedMessage.Transport
  public let caller: Endpoint
  public let callee: Endpoint
  /// The request that began the call.
  public let invite: SIPMessage
  /// The same again with credentials, once per challenge that was answered.
  public private(set) var authorizedInvites: [SIPMessage] = []
  /// The body of the first ACK: the answer to a delayed offer. Empty when it had none.
  public private(set) var acknowledgement: [UInt8] = []
  /// When the caller gave up, since the INVITE.
  public private(set) var cancelOffset: Duration?
  /// When the call was answered, since the INVITE. Nil when it never was.
  public private(set) var answerOffset: Duration?
  /// In order, without retransmissions and ACKs.
  public private(set) var steps: [Step] = []
  /// In the order captured: late, lost and repeated packets stay so. Packets before the answer are left out.
  public private(set) var media: [Packet] = []
  /// Without retransmissions.
  public private(set) var responses: [Response] = []
  /// RTP packets that the called side sent.
  public private(set) var returnedPacketCount = 0
  /// How long the call lasted in the capture, from its answer to its last message or packet.
  public private(set) var answeredDuration: Duration = .zero

  private let start: Duration

  /// The calls of a capture in the order of their first INVITE.
  public static func calls(in traffic: CapturedTraffic) -> [CapturedCall] {
    var calls: [CapturedCall] = []
    var seen: Set<String> = []
    for captured in traffic.messages {
      let message = captured.message
      guard message.method == "INVITE", message.toTag == nil, let callID = message.callID, message.fromTag != nil,
        seen.insert(callID).inserted
      else { continue }
      calls.append(CapturedCall(captured, callID: callID, in: traffic))
    }
    return calls
  }

  private init(_ first: CapturedMessage, callID: String, in traffic: CapturedTraffic) {
    self.callID = callID
    transport = first.transport
    caller = first.source
    callee = first.destination
    invite = first.message
    start = first.time
    let ends: Set = [first.source.address, first.destination.address]
    let own = traffic.messages.filter {
      $0.message.callID == callID && $0.time >= first.time && ends == [$0.source.address, $0.destination.address]
    }
    let fromCaller = own.filter { $0.message.fromTag == invite.fromTag }
    let answer = fromCaller.first {
      $0.message.cseq?.method == "INVITE" && (200..<300).contains($0.message.status ?? 0)
    }
    var acknowledgements: [UInt32: [UInt8]] = [:]
    for captured in fromCaller where captured.message.method == "ACK" && !captured.message.body.isEmpty {
      if let number = captured.message.cseq?.number { acknowledgements[number] = captured.message.body }
    }
    answerOffset = (answer ?? Self.firstDialogACK(fromCaller)).map { $0.time - start }
    takeMessages(Self.withoutRetransmissions(fromCaller), acknowledgements)
    takeMedia(traffic, own)
    let last = [own.last?.time, media.last.map { start + (answerOffset ?? .zero) + $0.offset }].compactMap { $0 }.max()
    answeredDuration = max(.zero, (last ?? start) - start - (answerOffset ?? .zero))
  }

  /// A capture without the called side still shows that it answered: the ACK of a 2xx is a transaction of its own.
  private static func firstDialogACK(_ messages: [CapturedMessage]) -> CapturedMessage? {
    let branches = Set(messages.compactMap { $0.message.method == "INVITE" ? $0.message.branch : nil })
    return messages.first {
      $0.message.method == "ACK" && $0.message.branch.map { !branches.contains($0) } == true
    }
  }

  private static func withoutRetransmissions(_ messages: [CapturedMessage]) -> [CapturedMessage] {
    var seen: Set<[String]> = []
    return messages.filter {
      let cseq = $0.message.cseq
      return seen.insert([
        $0.message.startLine, $0.message.branch ?? "", String(cseq?.number ?? 0), cseq?.method ?? "",
      ]).inserted
    }
  }

  private mutating func takeMessages(_ messages: [CapturedMessage], _ acknowledgements: [UInt32: [UInt8]]) {
    for captured in messages.dropFirst() {
      let message = captured.message
      let offset = captured.time - start
      let body = message.cseq.flatMap { acknowledgements[$0.number] } ?? []
      switch message.method {
      case nil: responses.append(Response(time: offset, message: message))
      case "INVITE" where message.toTag == nil:
        let hasCredentials = message.value("Proxy-Authorization") ?? message.value("Authorization") != nil
        if hasCredentials { authorizedInvites.append(message) }
      case "CANCEL": cancelOffset = offset
      case "ACK": if acknowledgement.isEmpty, steps.isEmpty { acknowledgement = message.body }
      default:
        guard let answerOffset, message.toTag != nil else { continue }
        steps.append(Step(offset: max(.zero, offset - answerOffset), request: message, acknowledgement: body))
      }
    }
  }

  /// The call's RTP: whatever comes from the addresses in the caller's descriptions or goes to the called side's.
  private mutating func takeMedia(_ traffic: CapturedTraffic, _ own: [CapturedMessage]) {
    guard let answerOffset else { return }
    var callerMedia: Set<Endpoint> = []
    var calleeMedia: Set<Endpoint> = []
    for captured in own {
      guard let endpoint = SDPText.audioEndpoint(in: captured.message.body) else { continue }
      let isCallers = (captured.message.fromTag == invite.fromTag) != captured.message.isResponse
      if isCallers { callerMedia.insert(endpoint) } else { calleeMedia.insert(endpoint) }
    }
    for datagram in traffic.datagrams where datagram.time >= start + answerOffset && datagram.rtp != nil {
      if callerMedia.contains(datagram.source) || calleeMedia.contains(datagram.destination) {
        media.append(Packet(offset: datagram.time - start - answerOffset, bytes: datagram.payload))
      } else if calleeMedia.contains(datagram.source) || callerMedia.contains(datagram.destination) {
        returnedPacketCount += 1
      }
    }
  }
}
