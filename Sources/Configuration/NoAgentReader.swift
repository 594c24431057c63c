import Telephony

/// What the gateway, a trunk or a rule says about calls whose agent does not come.
struct NoAgentReader {
  let policy: NoAgentPolicy?
  let timeout: Duration?
  /// Path of the recorded sentence.
  let announcement: String?

  init(_ section: Section) {
    policy = section.value("no_agent", .choice)
    timeout = section.value("no_agent_timeout", .duration(.zero ... .seconds(3_600)))
    announcement = SoundFile.read("no_agent_announcement", in: section)
    if policy == .announce, announcement == nil, !section.has("no_agent_announcement"),
      section.reading.defaultAnnouncement == nil
    {
      section.refuse("no_agent", "expected `no_agent_announcement` beside it or at the top level")
    }
  }

  func write(to overrides: inout CallOverrides) {
    overrides.noAgent = policy
    overrides.noAgentTimeout = timeout
    overrides.noAgentAnnouncement = announcement
  }

  func write(to defaults: inout CallPolicy) {
    defaults = defaults.overlaid(
      by: CallOverrides(noAgent: policy, noAgentTimeout: timeout, noAgentAnnouncement: announcement))
  }
}
