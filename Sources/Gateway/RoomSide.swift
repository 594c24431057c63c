import API
import LiveKitProtocol
import Logging
import MediaCore
import WebServer

/// Who has the rooms of this gateway's calls.
protocol RoomSide: Sendable {
  /// What calls ask.
  var calls: any CallRooms { get }
  /// What programs ask.
  var administration: any RoomAdministration & AgentDispatching { get }

  /// The public port's paths.
  func endpoint(verifier: TokenVerifier, api: TwirpServer) -> any WebHandler
  /// Does what is asked, and what the media loops report, until the task is cancelled and the queue is closed.
  func run(_ events: MediaEventQueue) async
  /// No more is asked.
  func finish()
  func close() async
}
