"""A room server for the tests that shares nothing with the gateway: aiortc for WebRTC, with full ICE, and LiveKit's protobuf
messages. It speaks as a LiveKit server does, and can be told to refuse, fall silent, move, mute and send away."""

from .guest import Guest
from .room import Room
from .server import RoomServer

__all__ = ["Guest", "Room", "RoomServer"]
