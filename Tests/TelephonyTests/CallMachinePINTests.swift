import Base
import Testing

@testable import Telephony

@Suite("Calls that need a PIN")
struct CallMachinePINTests {
  static func asked(_ policy: CallPolicy = CallPolicy()) -> CallStage {
    var stage = CallStage()
    stage.handle(.dispatched(.requestPIN(CallStage.pinRequest(policy))), .mediaOpened, .acknowledged(hasSDP: false))
    return stage
  }

  static func type(_ digits: String, _ stage: inout CallStage) -> [CallAction] {
    stage.handle(digits.map { .digit($0) })
  }

  @Test("the call is answered, the PIN asked for, and the right one leads to the room without ringing there")
  func right() throws {
    var stage = CallStage()
    let dispatch = CallStage.dispatch()
    let start = stage.handle(.dispatched(.requestPIN(CallStage.pinRequest())))
    #expect(start == [.ring, .openMedia(MediaOptions())])
    #expect(stage.handle(.mediaOpened) == [.answer, .playPrompt(.enterPIN, sound: "")])
    stage.handle(.acknowledged(hasSDP: false))
    #expect(Self.type("123#", &stage) == [.stopPrompt, .dispatch(.entered("123"))])
    #expect(stage.handle(.digit("9")) == [])
    #expect(stage.machine.isEnteringPIN)
    #expect(stage.handle(.dispatched(.accept(dispatch))) == [.joinRoom(dispatch.entry, .active)])
    #expect(!stage.machine.isEnteringPIN)
    #expect(
      stage.handle(.roomJoined(CallMachineTests.nobody)) == [.attachMedia, .playPrompt(.joiningRoom, sound: "")])
    #expect(stage.handle(.phoneMediaStarted) == [])
    let record = try #require(CallMachineTests.end(&stage, .bye(reason: nil)))
    #expect(record.ruleID == "SDR_1" && record.roomName == dispatch.roomName)
  }

  @Test("# alone asks for a rule without PIN")
  func skipped() {
    var stage = Self.asked()
    #expect(Self.type("#", &stage) == [.stopPrompt, .dispatch(.skipped)])
  }

  @Test("a wrong PIN is told and ends the call")
  func wrong() throws {
    for outcome in [
      DispatchOutcome.refuse(Refusal(.noRule)), .requestPIN(CallStage.pinRequest()),
    ] {
      var stage = Self.asked()
      _ = Self.type("9#", &stage)
      #expect(stage.handle(.dispatched(outcome)) == [.playPrompt(.wrongPIN, sound: "")])
      let actions = stage.advance(CallMachine.promptLimit)
      #expect(actions == [.hangUp(reason: EndReason.wrongPIN.sentence()), .closeMedia])
      let record = try #require(CallMachineTests.end(&stage))
      #expect(record.endReason == .wrongPIN && record.ruleID == "SDR_2" && record.roomName.isEmpty)
    }
  }

  @Test("seventeen digits are wrong without asking")
  func tooLong() {
    var stage = Self.asked()
    #expect(Self.type(String(repeating: "1", count: 16), &stage) == [.stopPrompt])
    #expect(Self.type("1", &stage) == [.playPrompt(.wrongPIN, sound: "")])
  }

  @Test("a caller who enters nothing is hung up on when ringing would have ended")
  func tooSlow() throws {
    var stage = Self.asked(CallPolicy(ringingTimeout: .seconds(20)))
    stage.advance(.seconds(20))
    #expect(try #require(CallMachineTests.end(&stage)).endReason == .wrongPIN)
  }

  @Test("a room that cannot be joined after the PIN ends the call with BYE")
  func joinFails() throws {
    var stage = Self.asked()
    _ = Self.type("1#", &stage)
    stage.handle(.dispatched(.accept(CallStage.dispatch())))
    #expect(try #require(CallMachineTests.end(&stage, .joinFailed(.roomFull))).endReason == .joinFailed)
    var stuck = Self.asked(CallPolicy(ringingTimeout: .seconds(20)))
    _ = Self.type("1#", &stuck)
    stuck.handle(.dispatched(.accept(CallStage.dispatch(CallPolicy(ringingTimeout: .seconds(20))))))
    stuck.advance(.seconds(20))
    #expect(try #require(CallMachineTests.end(&stuck)).endReason == .joinFailed)
  }

  @Test("prompts have the names that the trunk and the rule give them, and one that was heard is not stopped")
  func prompts() {
    let policy = CallPolicy(prompts: [.enterPIN: "general", .wrongPIN: "general"])
      .overlaid(by: CallOverrides(prompts: [.wrongPIN: "rule"]))
    var stage = CallStage()
    let actions = stage.handle(.dispatched(.requestPIN(CallStage.pinRequest(policy))), .mediaOpened)
    #expect(actions.last == .playPrompt(.enterPIN, sound: "general"))
    stage.handle(.acknowledged(hasSDP: false), .promptPlayed)
    #expect(Self.type("1#", &stage) == [.dispatch(.entered("1"))])
    #expect(stage.handle(.dispatched(.refuse(Refusal(.noRule)))) == [.playPrompt(.wrongPIN, sound: "rule")])
  }

  @Test("the call ends when the last prompt was heard, however long that takes, within half a minute")
  func lastPrompt() throws {
    var stage = Self.asked()
    _ = Self.type("9#", &stage)
    stage.handle(.dispatched(.refuse(Refusal(.noRule))))
    stage.advance(.seconds(12))
    #expect(stage.handle(.promptPlayed).first == .hangUp(reason: EndReason.wrongPIN.sentence()))
    #expect(try #require(CallMachineTests.end(&stage)).endReason == .wrongPIN && stage.violation == nil)
  }
}
