"""A call whose room is on a server of another make: the server, the gateway in front, the phone, and an agent with a tone."""

import asyncio
import contextlib

from harness import KEY, SECRET, Gateway, direct_rule, eventually, free_port
from livekit.protocol import models, rtc
from roomserver import Guest, RoomServer
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, participant_hears

CALLER_HZ, AGENT_HZ, OTHER_HZ = 600, 1300, 1700
IDENTITY = "sip_+15550123"


class Scene:
    """A room with an agent that sends a tone, on a server of its own kind, and a gateway in front."""

    def __init__(self, stack: contextlib.ExitStack, directory, has_one_connection: bool, *, server: dict | None = None,
                 relays: list[rtc.ICEServer] = (), **settings):
        self.stack, self.tones = stack, stack.enter_context(Tones())
        self.server = stack.enter_context(
            RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection, **(server or {})))
        self.server.relays = list(relays)
        self.gateway = stack.enter_context(Gateway(
            directory, rooms=self.server, **({"dispatch_rules": [direct_rule("lobby")]} | settings)))

    async def begin(self) -> "Scene":
        await self.server.say(self.server.seat, "lobby", "agent", AGENT_HZ, AMPLITUDE)
        self.phone = await self.call()
        return self

    async def call(self, frequency: float = CALLER_HZ, number: str = "+15550123") -> SIPPhone:
        phone = self.stack.enter_context(SIPPhone(self.gateway, caller=number))
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 200, answer
        phone.media = answer.media_port()
        self.tones.speak(phone, phone.media, frequency)
        return phone

    @property
    def room(self):
        return self.server.rooms["lobby"]

    @property
    def guest(self) -> Guest:
        """The caller, as the server knows it last."""
        return self.server.guests[-1]

    async def is_heard(self):
        """Both ways."""
        await hears(self.phone, AGENT_HZ)
        await eventually(lambda: self.guest.recording, "the caller's track")
        self.guest.recording.pieces.clear()
        await participant_hears(self.room, IDENTITY, CALLER_HZ)

    async def ends(self, reason: str, deadline: float = 10) -> dict:
        """The gateway hangs up for this reason."""
        await asyncio.to_thread(self.phone.wait_for, "BYE", deadline)
        [record] = self.gateway.wait_for_records()
        assert record["end_reason"] == reason, record
        return record

    async def hang_up(self) -> dict:
        assert (await asyncio.to_thread(self.phone.hang_up)).status == 200
        await eventually(lambda: self.guest.left == models.CLIENT_INITIATED, "the server to see the caller leave")
        [record] = self.gateway.wait_for_records()
        assert record["end_reason"] == "hangup", record
        return record


@contextlib.asynccontextmanager
async def scene(directory, has_one_connection: bool, **settings):
    with contextlib.ExitStack() as stack:
        here = Scene(stack, directory, has_one_connection, **settings)
        try:
            yield await here.begin()
        except BaseException:
            # What pytest shows of a failed test.
            print(here.gateway.log()[-6000:], here.server.report(), sep="\n")
            raise
