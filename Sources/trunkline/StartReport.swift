import Base
import Configuration
import RoomClientCore
import Telephony

/// What `serve` prints once it is up: what to give to whom, what is in force, what to do next.
struct StartReport {
  let configuration: GatewayConfiguration

  init(_ configuration: GatewayConfiguration) { self.configuration = configuration }

  /// `token` is for `demonstrationRoom`.
  func text(sip: Endpoint, web: Endpoint, token: String) -> String {
    let port = Endpoint(web.address.isUnspecified ? sip.address : web.address, web.port)
    let url = configuration.server?.url.description ?? "ws://\(port)"
    let room = demonstrationRoom
    var places = [
      ("SIP", "sip:\(sip)", "give it to your provider as origination URI (UDP and TCP)"),
      ("Rooms", url, "LIVEKIT_URL of agents and SDKs" + (configuration.server == nil ? "" : "; no room is here")),
    ]
    if configuration.server != nil {
      places.append(("API", "http://\(port)", "LIVEKIT_URL of `lk sip`, of calls out and transfers"))
    }
    return """
      Trunkline \(Trunkline.version) is running. Ctrl-C ends all calls; SIGTERM waits for them.

      \(Self.table(places.map { ($0.0, "\($0.1)   \($0.2)") }, none: "").joined(separator: "\n"))
        Token   for room \(room), valid \(DurationText.format(TokenRequest.defaultLifetime)):
                \(token)

      Let an agent answer (pip install livekit-agents):
        export LIVEKIT_URL=\(url) LIVEKIT_API_KEY=\(keyName) LIVEKIT_API_SECRET=\(secretHint)
        python3 examples/echo_agent.py dev
      \(answerHint)

      \(trunksAndRules)

      Next:
      \(nextSteps(port: sip.port))
      """
  }

  /// The trunks and rules in the order they are looked at.
  var trunksAndRules: String {
    let trunks = configuration.trunks.sorted { $0.id < $1.id }.map { ($0.label, Self.sentence($0)) }
    let rules = configuration.rules.sorted { $0.id < $1.id }.map { ($0.label, sentence($0)) }
    return
      (["Trunks"] + Self.table(trunks, none: "none: every call is refused")
      + ["Rules"] + Self.table(rules, none: "none: every call is refused")).joined(separator: "\n")
  }

  /// The room of the first direct rule: the one whose name is known before a call comes.
  var demonstrationRoom: String {
    for rule in configuration.rules { if case .direct(let room, _) = rule.kind { return room } }
    return "lobby"
  }

  private var keyName: String { configuration.keys.first?.name ?? "" }

  /// The published secret is no secret; any other stays where it is.
  private var secretHint: String {
    configuration.keys.first?.secret == APIKey.development.secret ? APIKey.development.secret : "<its secret>"
  }

  private var answerHint: String {
    switch configuration.dispatch.policy.answerPolicy {
    case .trackSubscribed: "A phone rings until someone in its room publishes audio (answer_policy)."
    case .participantJoined: "A phone rings until someone is in its room (answer_policy)."
    case .immediately: "A phone is answered at once (answer_policy)."
    }
  }

  /// A number that some trunk takes.
  private var exampleNumber: String {
    configuration.trunks.lazy.compactMap { $0.numbers.first { !$0.isPrefix }?.text }.first ?? "+15550100"
  }

  private func nextSteps(port: UInt16) -> String {
    // From the machine itself, so that the shipped trunk takes the call.
    let bound = configuration.sip.listenAddress
    let sip = Endpoint(bound.isUnspecified ? .loopbackV4 : bound, port)
    let number = exampleNumber
    let option = configuration.file.map { " --config \($0)" } ?? ""
    let explain = "trunkline explain --from +15550123 --to \(number) --source 127.0.0.1"
    var steps = [
      ("trunkline dial sip:\(number)@\(sip)", "call it from this machine"),
      (explain + option, "see which trunk and rule take a call"),
      ("trunkline token create --room ROOM --identity NAME\(option)", "a token for another room"),
    ]
    if configuration.usesDevelopmentKeys, configuration.server == nil {
      steps.append(("keys: {name: secret} in the configuration", "until then the room port listens on 127.0.0.1 only"))
    }
    return Self.table(steps, none: "").joined(separator: "\n")
  }

  private static func sentence(_ trunk: InboundTrunk) -> String {
    var parts = [trunk.numbers.isEmpty ? "any number" : trunk.numbers.map(\.text).joined(separator: ", ")]
    if !trunk.allowedNumbers.isEmpty { parts.append("called by " + list(trunk.allowedNumbers.map(\.text))) }
    parts.append(
      trunk.allowedAddresses.isEmpty ? "from anywhere" : "from " + list(trunk.allowedAddresses.map(\.text)))
    if trunk.requiresDigest { parts.append("with a password") }
    return parts.joined(separator: ", ")
  }

  private func sentence(_ rule: DispatchRule) -> String {
    let trunks = rule.trunkIDs.isEmpty ? "any trunk" : Self.list(rule.trunkIDs)
    let numbers = rule.numbers.isEmpty ? "" : " to " + Self.list(rule.numbers.map(\.text))
    let callers = rule.inboundNumbers.isEmpty ? "" : " by " + Self.list(rule.inboundNumbers.map(\.text))
    var generator = SystemRandomNumberGenerator()
    let called = rule.numbers.first?.text ?? exampleNumber
    let room = RoomName.make(rule.kind, from: "+15550123", to: called, using: &generator)
    let isOneRoom = if case .direct = rule.kind { true } else { false }
    return "calls of \(trunks)\(numbers)\(callers) go to \(isOneRoom ? "room" : "rooms such as") \(room)"
  }

  private static func list(_ items: [String]) -> String {
    items.count <= 4
      ? items.joined(separator: ", ") : items[..<3].joined(separator: ", ") + " and \(items.count - 3) more"
  }

  static func table(_ rows: [(String, String)], none: String) -> [String] {
    guard !rows.isEmpty else { return ["  " + none] }
    let width = rows.map(\.0.count).max() ?? 0
    return rows.map { "  " + $0.0.padded(to: width) + "   " + $0.1 }
  }
}

extension String {
  func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
