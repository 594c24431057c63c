/// Which headers of the INVITE become `sip.h.<name>` attributes (`SIPHeaderOptions`).
public enum HeaderInclusion: String, Hashable, Sendable, CaseIterable {
  case none = "SIP_NO_HEADERS"
  /// Names that begin with `X-`.
  case x = "SIP_X_HEADERS"
  case all = "SIP_ALL_HEADERS"
}
