import Telephony

/// What trunks and rules may say about the life of their calls. The first two are LiveKit's, the others ours.
enum CallOverridesReader {
  static func read(_ section: Section) -> CallOverrides {
    CallOverrides(
      answerPolicy: section.value("answer_policy", .choice),
      ringingTimeout: section.value("ringing_timeout", .ringingTimeout),
      maxCallDuration: section.value("max_call_duration", .callDuration),
      hangupWhenAlone: section.value("hangup_when_alone", .bool),
      departureTimeout: section.value("departure_timeout", .duration(.zero ... .seconds(7 * 86_400))))
  }
}
