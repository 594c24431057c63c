import Base

/// One direction of an SRTP session (RFC 3711, RFC 7714). Packets are changed in place; nothing is allocated once a
/// stream is known.
public struct SRTPContext: ~Copyable {
  public enum Direction: Hashable, Sendable { case inbound, outbound }

  /// What became of a received packet.
  public enum Outcome: Hashable, Sendable {
    /// The first `byteCount` bytes are the plain packet.
    case packet(byteCount: Int)
    /// Seen before, or too old for the replay window of 128 packets (RFC 3711 §3.3.2).
    case replayed
    /// The tag does not fit. The packet's bytes are lost.
    case forged
    /// Not an RTP or RTCP packet with room for a tag, or an RTCP packet that is not encrypted.
    case malformed
    /// A new SSRC although `maximumStreamCount` are known.
    case tooManyStreams
  }

  /// Bytes that `protect` or `protectRTCP` may add.
  public static let maximumTrailerByteCount = 20
  /// SSRCs known at once. A peer could else make us keep state for each packet it invents.
  public static let maximumStreamCount = 64

  private let rtp: SRTPCipher
  private let rtcp: SRTPCipher
  private var streams = SRTPStreams()

  /// Nil when OpenSSL refuses the key.
  public init?(_ profile: SRTPProfile, masterKey: SRTPMasterKey, direction: Direction) {
    guard let rtp = SRTPCipher(profile, master: masterKey, isRTCP: false, direction: direction),
      let rtcp = SRTPCipher(profile, master: masterKey, isRTCP: true, direction: direction)
    else { return nil }
    self.rtp = rtp
    self.rtcp = rtcp
  }

  /// Protects the RTP packet in the first `byteCount` bytes and returns its new length.
  ///
  /// Nil, and nothing changes, when it is malformed, when `maximumTrailerByteCount` more bytes do not fit, when its
  /// SSRC is one too many, or when its sequence number was protected before (or lies more than 128 behind): a nonce
  /// used twice gives the key away. To answer a NACK, keep the protected packet.
  public mutating func protect(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? {
    guard byteCount + Self.maximumTrailerByteCount <= packet.byteCount else { return nil }
    return packet.withUnsafeMutableBytes { bytes in
      let plain = UnsafeRawBufferPointer(rebasing: bytes[..<byteCount])
      guard let headerByteCount = rtpHeaderByteCount(plain), let position = position(of: ssrc(ofRTP: plain)),
        let index = streams[position].index(of: sequenceNumber(plain)), streams[position].rtp.admits(index),
        let newCount = rtp.sealRTP(
          bytes, headerByteCount: headerByteCount, byteCount: byteCount, ssrc: streams[position].ssrc, index: index)
      else { return nil }
      streams[position].rtp.insert(index)
      return newCount
    }
  }

  /// Protects the compound RTCP packet in the first `byteCount` bytes and returns its new length. Nil when it is
  /// malformed, when `maximumTrailerByteCount` more bytes do not fit, or when its SSRC is one too many.
  public mutating func protectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Int? {
    guard byteCount >= rtcpHeaderByteCount, byteCount + Self.maximumTrailerByteCount <= packet.byteCount else {
      return nil
    }
    return packet.withUnsafeMutableBytes { bytes in
      guard let position = position(of: ssrc(ofRTCP: UnsafeRawBufferPointer(bytes))) else { return nil }
      let index = streams[position].rtcp.highest.map { $0 + 1 } ?? 0
      guard index <= maximumSRTCPIndex,
        let newCount = rtcp.sealRTCP(bytes, byteCount: byteCount, ssrc: streams[position].ssrc, index: UInt32(index))
      else { return nil }
      streams[position].rtcp.insert(index)
      return newCount
    }
  }

  /// Checks and decrypts the SRTP packet in the first `byteCount` bytes.
  public mutating func unprotect(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome {
    guard byteCount <= packet.byteCount else { return .malformed }
    return packet.withUnsafeMutableBytes { bytes in
      let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
      let sealed = UnsafeRawBufferPointer(bytes)
      guard let headerByteCount = rtpHeaderByteCount(sealed),
        byteCount >= headerByteCount + rtp.profile.tagByteCount
      else { return .malformed }
      let known = streams.find(ssrc(ofRTP: sealed))
      var stream = known.map { streams[$0] } ?? SRTPStream(ssrc: ssrc(ofRTP: sealed))
      guard let index = stream.index(of: sequenceNumber(sealed)), stream.rtp.admits(index) else { return .replayed }
      guard rtp.openRTP(bytes, headerByteCount: headerByteCount, ssrc: stream.ssrc, index: index) else {
        return .forged
      }
      stream.rtp.insert(index)
      guard store(stream, at: known) else { return .tooManyStreams }
      return .packet(byteCount: byteCount - rtp.profile.tagByteCount)
    }
  }

  /// Checks and decrypts the SRTCP packet in the first `byteCount` bytes.
  public mutating func unprotectRTCP(_ packet: inout MutableRawSpan, byteCount: Int) -> Outcome {
    guard byteCount <= packet.byteCount,
      byteCount >= rtcpHeaderByteCount + rtcp.profile.tagByteCount + srtcpIndexByteCount
    else { return .malformed }
    return packet.withUnsafeMutableBytes { bytes in
      let bytes = UnsafeMutableRawBufferPointer(rebasing: bytes[..<byteCount])
      let sealed = UnsafeRawBufferPointer(bytes)
      guard let index = rtcp.srtcpIndex(sealed) else { return .malformed }
      let known = streams.find(ssrc(ofRTCP: sealed))
      var stream = known.map { streams[$0] } ?? SRTPStream(ssrc: ssrc(ofRTCP: sealed))
      guard stream.rtcp.admits(UInt64(index)) else { return .replayed }
      guard rtcp.openRTCP(bytes, ssrc: stream.ssrc, index: index) else { return .forged }
      stream.rtcp.insert(UInt64(index))
      guard store(stream, at: known) else { return .tooManyStreams }
      return .packet(byteCount: byteCount - rtcp.profile.tagByteCount - srtcpIndexByteCount)
    }
  }

  /// Makes the stream's state now instead of with its first packet. False when `maximumStreamCount` are known.
  @discardableResult
  public mutating func addStream(ssrc: UInt32) -> Bool { position(of: ssrc) != nil }

  /// Forgets the stream: its place is free, and its SSRC may start again at any sequence number.
  ///
  /// Never for an outbound SSRC that goes on under the same key: packet indices would repeat.
  public mutating func removeStream(ssrc: UInt32) { streams.remove(ssrc) }

  private mutating func position(of ssrc: UInt32) -> Int? {
    streams.find(ssrc) ?? streams.add(SRTPStream(ssrc: ssrc))
  }

  /// A new stream is kept only now that a tag has proven it.
  private mutating func store(_ stream: SRTPStream, at position: Int?) -> Bool {
    guard let position else { return streams.add(stream) != nil }
    streams[position] = stream
    return true
  }
}
