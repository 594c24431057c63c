import Base
import Testing

@testable import Telephony

@Suite("A call without its agent")
struct CallMachineAgentTests {
  static let missing = AwaitedAgent(
    sentence: "agent 'x': no worker of that name is registered", isNamed: true, isMissing: true)
  static let asked = AwaitedAgent(sentence: "agent 'x': a worker is being asked", isNamed: true, isMissing: false)
  static let anyone = AwaitedAgent(
    sentence: "an agent: no worker without a name is registered", isNamed: false, isMissing: true)

  /// A stage whose call rings and waits for its agent.
  private static func lonely(_ policy: CallPolicy, _ awaited: AwaitedAgent = missing) -> CallStage {
    var stage = CallStage()
    stage.handle(
      .dispatched(.accept(CallStage.dispatch(policy))), .mediaOpened, .agentAwaited(awaited),
      .roomJoined(CallMachineTests.nobody))
    return stage
  }

  private static func reports(_ actions: [CallAction]) -> [String] {
    actions.compactMap { if case .reportWaiting(let sentence) = $0 { sentence } else { nil } }
  }

  @Test("it rings on as long as a phone may, and says at once and every ten seconds what it waits for")
  func rings() throws {
    var stage = CallMachineTests.ringing(CallPolicy(ringingTimeout: .seconds(60)))
    let sentence = "waits for agent 'x': no worker of that name is registered"
    #expect(stage.handle(.agentAwaited(Self.missing)) == [.reportWaiting("has rung for 0 s; \(sentence)")])
    #expect(stage.handle(.agentAwaited(Self.missing)) == [])
    #expect(Self.reports(stage.advance(.seconds(25))) == [10, 20].map { "has rung for \($0) s; \(sentence)" })
    #expect(stage.handle(.agentAwaited(Self.asked)) == [])
    #expect(
      Self.reports(stage.advance(.seconds(10))) == ["has rung for 30 s; waits for agent 'x': a worker is being asked"])
    let actions = stage.advance(.seconds(60))
    #expect(actions.contains { if case .refuse(let refusal) = $0 { refusal.reason == .nobodyJoined } else { false } })
    #expect(CallMachineTests.end(&stage)?.endReason == .refused(.nobodyJoined))
  }

  @Test("once its agent is there it waits for what a call waits for")
  func comes() {
    var stage = Self.lonely(CallPolicy(noAgent: .busy))
    stage.advance(.seconds(9))
    #expect(stage.handle(.agentAwaited(nil)) == [])
    #expect(
      Self.reports(stage.advance(.seconds(2))) == [
        "has rung for 10 s; waits for someone to join room call-_+15557654321_abc"
      ])
    #expect(stage.handle(.roomChanged(CallMachineTests.agentSpeaks)).prefix(2) == [.answer, .attachMedia])
    // What becomes of agents later is the room's business.
    stage.handle(.acknowledged(hasSDP: false), .agentAwaited(Self.missing))
    #expect(stage.advance(.seconds(60)) == [.setCallStatus(.active)])
    #expect(!stage.machine.isEnded && stage.violation == nil)
  }

  @Test("busy: after its time it gets 486 and a sentence")
  func busy() throws {
    var stage = Self.lonely(CallPolicy(noAgent: .busy, noAgentTimeout: .seconds(5)))
    #expect(!stage.advance(.milliseconds(4900)).contains { if case .refuse = $0 { true } else { false } })
    let actions = stage.advance(.milliseconds(200))
    let refusal = actions.compactMap { if case .refuse(let refusal) = $0 { refusal } else { nil } }.first
    #expect(refusal?.reason == .noAgent && refusal?.status.code == 486)
    let record = try #require(CallMachineTests.end(&stage))
    #expect(record.endReason.code == "no-agent" && record.sipStatus?.code == 486)
    #expect(
      record.sentence
        == "no agent took the call while the phone rang: it waited for agent 'x': no worker of that name is registered")
  }

  @Test("busy at once: a time of zero still lets a worker be asked first")
  func atOnce() {
    let policy = CallPolicy(noAgent: .busy, noAgentTimeout: .zero)
    var stage = Self.lonely(policy, Self.asked)
    #expect(stage.advance(.seconds(8)).allSatisfy { $0 == .ring })
    stage.handle(.agentAwaited(Self.missing))
    #expect(CallMachineTests.end(&stage)?.endReason == .refused(.noAgent))
    var missing = Self.lonely(policy)
    missing.advance(.milliseconds(1))
    #expect(CallMachineTests.end(&missing)?.endReason == .refused(.noAgent))
  }

  @Test("a call that asked for nobody by name waits for any worker, and gives up like any other")
  func unnamed() {
    var stage = Self.lonely(CallPolicy(noAgent: .busy, noAgentTimeout: .seconds(15)), Self.anyone)
    #expect(
      Self.reports(stage.advance(.seconds(12))) == [
        "has rung for 10 s; waits for someone to join room call-_+15557654321_abc, "
          + "or for an agent: no worker without a name is registered"
      ])
    stage.advance(.seconds(4))
    #expect(CallMachineTests.end(&stage)?.endReason == .refused(.noAgent))
  }

  @Test("announce: it is answered outside the room, hears the sentence to its end and is hung up on")
  func announces() throws {
    let policy = CallPolicy(noAgent: .announce, noAgentTimeout: .seconds(5), noAgentAnnouncement: "/sorry.wav")
    var stage = Self.lonely(policy)
    let actions = stage.advance(.seconds(5)).filter { $0 != .ring }
    #expect(
      actions == [
        .reportWaiting("has rung for 5 s; waits for agent 'x': no worker of that name is registered"), .answer,
        .leaveRoom(.userUnavailable), .playAnnouncement("/sorry.wav"),
      ])
    stage.handle(.acknowledged(hasSDP: false))
    #expect(stage.handle(.agentAwaited(nil)) == [], "it is too late")
    stage.advance(.seconds(20))
    let sentence = "no agent came, and the caller was told so"
    #expect(stage.handle(.announcementPlayed).first == .hangUp(reason: sentence))
    let record = try #require(CallMachineTests.end(&stage))
    #expect(record.endReason == .noAgent && record.sipStatus == .ok && record.endReason.code == "no-agent")
    #expect(record.talkDuration == .seconds(20))
    #expect(
      record.sentence == "\(sentence): it waited for agent 'x': no worker of that name is registered")
  }

  @Test("a caller who hangs up during the announcement has hung up")
  func hangsUp() {
    var stage = Self.lonely(CallPolicy(noAgent: .announce, noAgentTimeout: .zero, noAgentAnnouncement: "/sorry.wav"))
    stage.advance(.milliseconds(1))
    stage.handle(.acknowledged(hasSDP: false))
    stage.handle(.bye(reason: nil))
    #expect(CallMachineTests.end(&stage)?.endReason == .hangup)
  }

  @Test("an announcement whose end nobody reports does not keep the call for ever")
  func silentEnd() {
    var stage = Self.lonely(CallPolicy(noAgent: .announce, noAgentTimeout: .zero, noAgentAnnouncement: "/sorry.wav"))
    stage.advance(.milliseconds(1))
    stage.handle(.acknowledged(hasSDP: false))
    stage.advance(.seconds(304))
    #expect(!stage.machine.isEnded)
    stage.advance(.seconds(2))
    #expect(CallMachineTests.end(&stage)?.endReason == .noAgent)
  }

  @Test("an answered announcement that was never acknowledged is hung up on after its ACK or without")
  func unacknowledged() {
    var stage = Self.lonely(CallPolicy(noAgent: .announce, noAgentTimeout: .zero, noAgentAnnouncement: "/sorry.wav"))
    stage.advance(.milliseconds(1))
    #expect(stage.handle(.announcementPlayed) == [])
    #expect(
      stage.handle(.acknowledged(hasSDP: false)).contains {
        if case .hangUp = $0 { true } else { false }
      })
    #expect(CallMachineTests.end(&stage)?.endReason == .noAgent)
  }

  @Test("a rule's word goes before the trunk's, and the trunk's before the gateway's")
  func overlays() {
    let gateway = CallPolicy(noAgent: .ring, noAgentTimeout: .seconds(10), noAgentAnnouncement: "/g.wav")
    let trunk = CallOverrides(noAgent: .announce)
    let rule = CallOverrides(noAgentTimeout: .zero, noAgentAnnouncement: "/r.wav")
    let policy = gateway.overlaid(by: trunk).overlaid(by: rule)
    #expect(policy.noAgent == .announce && policy.noAgentTimeout == .zero && policy.noAgentAnnouncement == "/r.wav")
    #expect(gateway.overlaid(by: CallOverrides()) == gateway)
  }
}
