"""The network between a gateway and the server of its rooms, where it can be cut, and calls that live through it.

The gateway knows the server by the address of a `Link`. It passes TCP on and tells connections apart by the participant
whose token they carry. In what the server says it puts its own UDP ports in place of the server's, so that media comes
its way too: the server is ICE-lite and answers wherever a check comes from."""

import asyncio
import base64
import collections
import contextlib
import json
import re
import signal
import socket
import struct

import numpy as np
import sound
from harness import Gateway, Participant, eventually
from livekit.protocol import rtc as signalling
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, last_half_second, level, participant_hears

AGENT_HZ, CALLER_HZ, PROMPT_HZ = 1300, 600, 440
CANDIDATE = re.compile(r"a=candidate:(\S+) (\d+) (\w+) (\d+) (\S+) (\d+) typ host[^\r\n]*\r?\n")


class MediaPath:
    """Passes datagrams between one participant and the server, unless it is cut."""

    def __init__(self):
        self.is_cut = False
        self.server = None
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self._front.setblocking(False)
        self.port = self._front.getsockname()[1]
        # By the participant's address.
        self._backs: dict[tuple, socket.socket] = {}
        asyncio.get_running_loop().add_reader(self._front, self._from_participant)

    def _from_participant(self):
        with contextlib.suppress(OSError):
            data, source = self._front.recvfrom(2048)
            if not self.is_cut:
                self._back(source).sendto(data, self.server)

    def _back(self, source: tuple) -> socket.socket:
        if source not in self._backs:
            back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            back.bind(("127.0.0.1", 0))
            back.setblocking(False)
            self._backs[source] = back
            asyncio.get_running_loop().add_reader(back, self._from_server, back, source)
        return self._backs[source]

    def _from_server(self, back: socket.socket, participant: tuple):
        with contextlib.suppress(OSError):
            data = back.recv(2048)
            if not self.is_cut:
                self._front.sendto(data, participant)

    def close(self):
        for each in (self._front, *self._backs.values()):
            asyncio.get_running_loop().remove_reader(each)
            each.close()

    def leads(self, sdp: str) -> str:
        """The description with this path's port for the server's; the path leads there from now on."""
        def replaced(candidate: re.Match) -> str:
            foundation, component, transport, priority, address, port = candidate.groups()
            if transport.lower() != "udp":
                return ""
            self.server = (address, int(port))
            return f"a=candidate:{foundation} {component} udp {priority} 127.0.0.1 {self.port} typ host\r\n"

        return CANDIDATE.sub(replaced, sdp)


class Leg:
    """What one participant has of the link."""

    def __init__(self):
        self.path = MediaPath()
        self.connections: set[Connection] = set()
        # New connections are reset.
        self.refuses = False
        # WebSockets that the server has let in.
        self.opened = 0

    def close(self):
        """Ends the connections in order."""
        for connection in list(self.connections):
            connection.end()

    def reset(self):
        for connection in list(self.connections):
            connection.end(with_reset=True)

    def silence(self):
        """Nothing comes through what is open, not even its end."""
        for connection in self.connections:
            connection.is_silent = True

    def cut_all(self):
        self.refuses = self.path.is_cut = True
        self.reset()

    def heal(self):
        self.refuses = self.path.is_cut = False

    @contextlib.contextmanager
    def cut_media(self):
        self.path.is_cut = True
        yield
        self.path.is_cut = False


class Connection:
    def __init__(self, leg: Leg, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.leg, self.reader, self.writer, self.server = leg, reader, writer, None
        self.is_silent = False
        leg.connections.add(self)

    async def run(self, head: bytes, port: int):
        pumps = []
        try:
            reader, self.server = await asyncio.open_connection("127.0.0.1", port)
            self.server.write(head)
            pumps = [asyncio.ensure_future(each) for each in (self._up(), self._down(reader))]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.end()

    async def _up(self):
        while data := await self.reader.read(65536):
            self._pass(data, self.server)

    async def _down(self, reader: asyncio.StreamReader):
        head = await reader.readuntil(b"\r\n\r\n")
        self._pass(head, self.writer)
        if b" 101 " not in head.splitlines()[0]:
            while data := await reader.read(65536):
                self._pass(data, self.writer)
            return
        self.leg.opened += 1
        while True:
            self._pass(self._rerouted(*await self._frame(reader)), self.writer)

    def _pass(self, data: bytes, writer: asyncio.StreamWriter):
        if not self.is_silent:
            writer.write(data)

    @staticmethod
    async def _frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
        """First byte and payload of an RFC 6455 frame of a server's: unmasked."""
        first, length = await reader.readexactly(2)
        if length > 125:
            length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
        return first, await reader.readexactly(length)

    def _rerouted(self, first: int, payload: bytes) -> bytes:
        if first == 0x82:
            message = signalling.SignalResponse.FromString(payload)
            if (kind := message.WhichOneof("message")) in ("offer", "answer"):
                description = getattr(message, kind)
                description.sdp = self.leg.path.leads(description.sdp)
                payload = message.SerializeToString()
        size = len(payload)
        length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
        return bytes([first]) + length + payload

    def end(self, with_reset=False):
        for writer in (self.writer, self.server):
            if writer and with_reset:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            elif writer:
                writer.close()
        self.leg.connections.discard(self)


class Link:
    """All that a gateway and the server on the port say to each other."""

    def __init__(self, port: int):
        self.server_port = port
        # By the identity of the participant.
        self.legs: dict[str, Leg] = collections.defaultdict(Leg)
        # What opens, says nothing.
        self.is_mute = False
        # The server has two peer connections for each client, as those before `/rtc/v1`.
        self.is_old = False

    async def __aenter__(self) -> "Link":
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=1 << 20)
        self.port = self._listener.sockets[0].getsockname()[1]
        self.url = f"ws://127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_):
        self._listener.close()
        for identity in list(self.legs):
            self.forget(identity)

    def forget(self, identity: str):
        leg = self.legs.pop(identity)
        leg.close()
        leg.path.close()

    @property
    def connections(self) -> set[Connection]:
        return {connection for leg in self.legs.values() for connection in leg.connections}

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = await reader.readuntil(b"\r\n\r\n")
            connection = Connection(leg := self.legs[self._identity(head)], reader, writer)
            if leg.refuses:
                connection.end(with_reset=True)
            elif self.is_old and head.startswith(b"GET /rtc/v1"):
                writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
                connection.end()
            elif self.is_mute:
                await reader.read()
                connection.end()
            else:
                await connection.run(head, self.server_port)

    @staticmethod
    def _identity(head: bytes) -> str:
        claims = re.search(rb"(?im)^authorization:\s*bearer\s+[^.\s]+\.([^.\s]+)", head).group(1)
        return json.loads(base64.urlsafe_b64decode(claims + b"=" * (-len(claims) % 4)))["sub"]


ROOM_OF_ITS_NUMBER = {
    "name": "number", "trunk_ids": ["provider"], "rule": {"dispatchRuleCallee": {"roomPrefix": "room", "randomize": False}}}
ANY_NUMBER = {"name": "provider", "allowed_addresses": ["127.0.0.0/8"]}


class Scene:
    """A server of rooms, and gateways that reach it over a link each."""

    def __init__(self, directory):
        self.directory = directory
        self.stack = contextlib.AsyncExitStack()
        self.tones = self.stack.enter_context(Tones())

    async def __aenter__(self) -> "Scene":
        (self.directory / "rooms").mkdir(parents=True)
        self.rooms = self.stack.enter_context(
            Gateway(self.directory / "rooms", is_embedded=True, inbound_trunks=[], dispatch_rules=[]))
        return self

    async def __aexit__(self, *_):
        # Participants first, or they would try to come back.
        await Participant.leave_all()
        await self.stack.aclose()

    async def gateway(self, name: str = "gateway", *, is_linked: bool = True, **settings) -> Gateway:
        """A gateway whose `link` can be cut, or one that has none; each number that is called has a room."""
        (self.directory / name).mkdir()
        gateway = Gateway(
            self.directory / name, self.rooms, **({"inbound_trunks": [ANY_NUMBER], "dispatch_rules": [ROOM_OF_ITS_NUMBER]} | settings))
        if is_linked:
            gateway.link = await self.stack.enter_async_context(Link(self.rooms.port))
            gateway.configuration["ws_url"] = gateway.link.url
        # Its start must not stop the link of another.
        await asyncio.to_thread(self.stack.enter_context, gateway)
        return gateway

    async def talk(self, gateway: Gateway, number: int) -> "Talk":
        return await Talk(self, gateway, number).begin()

    async def stop_rooms(self, how: signal.Signals):
        await asyncio.to_thread(self.rooms.stop, how)

    async def start_rooms(self):
        """On the same ports."""
        self.rooms.log_file.close()
        self.rooms.launch()
        await eventually(self.rooms.listens, "the rooms to be back")


class Talk:
    """A phone in a call, and an agent in its room."""

    def __init__(self, scene: Scene, gateway: Gateway, number: int):
        self.scene, self.gateway = scene, gateway
        self.phone = scene.stack.enter_context(
            SIPPhone(gateway, caller=f"+1555020{number:04}", called=f"+1555010{number:04}"))
        self.room, self.identity = f"room_+1555010{number:04}", f"sip_{self.phone.caller}"
        self.leg = gateway.link.legs[self.identity] if hasattr(gateway, "link") else None

    async def begin(self) -> "Talk":
        await self.agent_comes()
        answer = await asyncio.to_thread(self.phone.invite)
        assert answer.status == 200, answer
        self.media_port = answer.media_port()
        self.scene.tones.speak(self.phone, self.media_port, CALLER_HZ)
        await self.both_hear()
        self.sid = self.agent.caller().sid
        return self

    async def agent_comes(self):
        self.agent = await self.gateway.join(self.room)
        await self.agent.publish_tone(AGENT_HZ, AMPLITUDE)

    def forget(self):
        """What was heard so far counts no more."""
        self.phone.packets.clear()
        self.agent.heard.setdefault(self.identity, []).clear()

    async def both_hear(self, deadline: float = 10):
        self.forget()
        await asyncio.gather(
            hears(self.phone, AGENT_HZ, deadline=deadline),
            participant_hears(self.agent, self.identity, CALLER_HZ, deadline=deadline))

    def gaps(self) -> list[float]:
        """Of what both have heard: levels of half seconds in dB, where half of the sound or more is missing."""
        phone = np.concatenate([sound.decode(p[12:], 0) for p in self.phone.packets if p[1] & 127 == 0])
        levels = [level(samples[start:start + 4000], hertz)
                  for samples, hertz in ((phone, AGENT_HZ), (self.agent.audio(self.identity), CALLER_HZ))
                  for start in range(0, len(samples) - 3999, 4000)]
        assert len(levels) >= 4
        return [each for each in levels if each < -6]

    async def hears_comfort_noise(self, deadline: float = 12):
        await eventually(self._is_comforted, "comfort noise", deadline)

    def _is_comforted(self) -> bool:
        heard = last_half_second(self.phone)
        # Steady, as the end of a concealment is not.
        return len(heard) == 4000 and all(20 < sound.rms(piece) < 60 for piece in heard.reshape(-1, 400))

    def prompt_seconds(self) -> float:
        """How long the reconnect prompt was heard."""
        heard = np.concatenate([sound.decode(p[12:], 0) for p in self.phone.packets if p[1] & 127 == 0])
        pieces = heard[: len(heard) // 800 * 800].reshape(-1, 800)
        return sum(level(piece, PROMPT_HZ) > -6 for piece in pieces) * 0.1

    async def presses(self, digit: str):
        await self.phone.press(self.media_port, digit)

    async def hangs_up(self):
        assert (await asyncio.to_thread(self.phone.hang_up)).status == 200

    async def is_hung_up(self, deadline: float):
        return await asyncio.to_thread(self.phone.wait_for, "BYE", deadline)

    async def record(self, deadline: float = 10) -> dict:
        """Of this call."""
        return await eventually(
            lambda: next((each for each in self.gateway.records() if each["from"] == self.phone.caller), None), "the record", deadline)
