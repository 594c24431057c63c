"""A room: its guests, and those who speak in it without being guests."""

import dataclasses
import itertools
import time

import numpy as np
from livekit.protocol import models, rtc

from .audio import Tone

numbers = itertools.count(1)


def make_sid(prefix: str) -> str:
    return f"{prefix}_{next(numbers):012}"


@dataclasses.dataclass
class Track:
    """Someone's voice. `source` gives each listener a copy of its own."""

    info: models.TrackInfo
    source: object


class Speaker:
    """A participant that the room makes up: an agent with a tone, or a silent one."""

    def __init__(self, identity: str, kind: models.ParticipantInfo.Kind, frequency: float | None, amplitude: float):
        self.identity, self.kind, self.sid, self.version = identity, kind, make_sid("PA"), 1
        self.sequence = 0
        self.tracks: dict[str, Track] = {}
        if frequency:
            info = models.TrackInfo(
                sid=make_sid("TR"), type=models.AUDIO, name="voice", source=models.MICROPHONE, mime_type="audio/opus")
            self.tracks[info.sid] = Track(info, lambda: Tone(frequency, amplitude))

    def info(self) -> models.ParticipantInfo:
        return models.ParticipantInfo(
            sid=self.sid, identity=self.identity, name=self.identity, state=models.ParticipantInfo.ACTIVE, kind=self.kind,
            version=self.version, is_publisher=bool(self.tracks), tracks=[track.info for track in self.tracks.values()])


class Room:
    def __init__(self, name: str):
        self.name, self.sid, self.made_at = name, make_sid("RM"), int(time.time())
        self.guests: dict[str, object] = {}
        self.speakers: dict[str, Speaker] = {}
        # Data packets of guests, whose sender this room has filled in.
        self.data: list[models.DataPacket] = []

    def info(self) -> models.Room:
        return models.Room(
            sid=self.sid, name=self.name, empty_timeout=300, departure_timeout=20, creation_time=self.made_at,
            num_participants=len(self.guests) + len(self.speakers))

    def others(self, but: str) -> list[models.ParticipantInfo]:
        everyone = [*self.guests.values(), *self.speakers.values()]
        return [other.info() for other in everyone if other.identity != but]

    def track(self, sid: str) -> Track | None:
        everyone = [*self.guests.values(), *self.speakers.values()]
        return next((other.tracks[sid] for other in everyone if sid in other.tracks), None)

    def tell(self, *infos: models.ParticipantInfo):
        """Everyone, those concerned included, learns of it, as LiveKit does it."""
        for guest in self.guests.values():
            guest.send(update=rtc.ParticipantUpdate(participants=infos))

    def add(self, speaker: Speaker):
        self.speakers[speaker.identity] = speaker
        self.tell(speaker.info())
        for guest in self.guests.values():
            guest.subscribe_as_wished(speaker)

    def remove(self, who):
        """A guest or a speaker is gone."""
        self.guests.pop(who.identity, None)
        self.speakers.pop(who.identity, None)
        who.version += 1
        info = who.info()
        info.state = models.ParticipantInfo.DISCONNECTED
        self.tell(info)
        for guest in self.guests.values():
            guest.drop_tracks(who)

    def pass_on(self, sender, packet: models.DataPacket, label: str):
        """Data reaches everyone else, or those it names, with its sender filled in."""
        packet.participant_identity, packet.participant_sid = sender.identity, sender.sid
        for guest in self.guests.values():
            if guest is not sender and (not packet.destination_identities or guest.identity in packet.destination_identities):
                guest.send_data(packet, label)

    def audio(self, identity: str) -> np.ndarray:
        """What was heard last of a guest, 8 kHz."""
        return self.guests[identity].audio() if identity in self.guests else np.zeros(0)
