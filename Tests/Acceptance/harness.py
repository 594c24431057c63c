"""Starts the real gateway, real sipp callers and real LiveKit SDK participants, all on 127.0.0.1 with ports picked free."""

import asyncio
import collections
import contextlib
import http.client
import json
import os
import pathlib
import random
import signal
import socket
import subprocess
import time
import urllib.request

import numpy as np
import yaml
from livekit import api, rtc

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCENARIOS = pathlib.Path(__file__).resolve().parent / "scenarios"
SIPP_PCAPS = pathlib.Path("/usr/share/sip-tester")
KEY, SECRET = "devkey", "a-secret-of-at-least-32-characters"
CALLER, CALLED = "+15550123", "+15550100"
# How many times the usual time and memory a gateway built with a sanitizer may take.
ALLOWANCE = float(os.environ.get("ALLOWANCE", "1"))
# "elsewhere": every gateway's rooms are another gateway's (server mode), with the same tests.
ROOMS_ELSEWHERE = os.environ.get("ROOMS") == "elsewhere"
# Settings of whoever has the rooms.
ROOM_SETTINGS = {"room", "room_codec", "keys"}


def binary() -> pathlib.Path:
    return pathlib.Path(os.environ.get("TRUNKLINE", ROOT / ".build" / "debug" / "trunkline"))


# The last ports that `free_port` gave, which may not be open yet.
given_ports: collections.deque[int] = collections.deque(maxlen=1000)


def free_port(count=1) -> int:
    """The first of `count` neighbouring ports that are free for UDP and TCP; the first is even. Below the ports that the
    system gives to clients, and those of calls: neither can take one before its owner has it."""
    while True:
        first = random.randrange(2000, 10000 - count, 2)
        ports = range(first, first + count)
        if any(port in given_ports for port in ports):
            continue
        try:
            with contextlib.ExitStack() as stack:
                for port in ports:
                    for each in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                        stack.enter_context(socket.socket(socket.AF_INET, each)).bind(("127.0.0.1", port))
        except OSError:
            continue
        given_ports.extend(ports)
        return first


def wait_until(condition, what: str, deadline: float = 20.0):
    """The condition's first true value; an error that names `what` when the deadline passes."""
    end = time.monotonic() + deadline * ALLOWANCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {deadline * ALLOWANCE} s in vain for {what}")


async def eventually(condition, what: str, deadline: float = 20.0):
    end = asyncio.get_running_loop().time() + deadline * ALLOWANCE
    while asyncio.get_running_loop().time() < end:
        if value := condition():
            return value
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {deadline * ALLOWANCE} s in vain for {what}")


DEFAULT_TRUNK = {"name": "provider", "numbers": [CALLED], "allowed_addresses": ["127.0.0.0/8"]}
DEFAULT_RULE = {
    "name": "agents",
    "trunk_ids": ["provider"],
    "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}},
}


def direct_rule(room: str) -> dict:
    return {"name": "direct", "trunk_ids": ["provider"], "rule": {"dispatchRuleDirect": {"roomName": room}}}


class Gateway:
    """One `trunkline serve` process with its own ports and data directory.

    `rooms` is the gateway whose rooms the calls join, `self` when it hosts them. One that is made here is started and
    stopped with this one."""

    def __init__(self, directory: pathlib.Path, rooms: "Gateway | None" = None, *, is_embedded=not ROOMS_ELSEWHERE, **settings):
        self.owned_rooms = None
        if not rooms and not is_embedded:
            (directory / "rooms").mkdir(exist_ok=True)
            rooms = self.owned_rooms = Gateway(
                directory / "rooms", is_embedded=True, inbound_trunks=[], dispatch_rules=[],
                **{name: value for name, value in settings.items() if name in ROOM_SETTINGS})
        self.rooms = rooms or self
        # Neighbours, so that none is another.
        self.sip_port = free_port(count=6)
        self.port, rtc_port = self.sip_port + 1, self.sip_port + 2
        # Below the ports that the system gives to clients; the gateway passes over those that are taken.
        rtp_port = random.randrange(10000, 31000, 2)
        self.directory = directory
        self.log_path = directory / "gateway.log"
        self.configuration = {
            "sip_port": self.sip_port,
            "listen_ip": "127.0.0.1",
            "rtp_port": f"{rtp_port}-{rtp_port + 999}",
            "port": self.port,
            "bind_addresses": ["127.0.0.1"],
            "rtc": {"udp_port": rtc_port, "node_ip": "127.0.0.1"},
            "keys": {KEY: SECRET},
            "data_dir": str(directory / "data"),
            "log_numbers": "full",
            "inbound_trunks": [DEFAULT_TRUNK],
            "dispatch_rules": [DEFAULT_RULE],
        } | settings
        if rooms:
            self.configuration |= {"ws_url": rooms.url}
            del self.configuration["rtc"]

    def __enter__(self) -> "Gateway":
        if self.owned_rooms:
            self.owned_rooms.__enter__()
        self.launch()
        wait_until(self._is_ready, "the gateway to listen", 30)
        return self

    def launch(self):
        path = self.directory / "trunkline.yaml"
        path.write_text(yaml.safe_dump(self.configuration))
        self.log_file = self.log_path.open("w")
        environment = os.environ | {"SWIFT_BACKTRACE": "enable=no"}
        self.process = subprocess.Popen(
            [binary(), "serve", "--config", path], stdout=self.log_file, stderr=subprocess.STDOUT, env=environment)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop(signal.SIGINT)
        self.log_file.close()
        if self.owned_rooms:
            self.owned_rooms.__exit__()
        # A crash that no assertion noticed, or a sanitizer's report. Tests may kill the gateway.
        code = self.process.returncode
        assert code in (0, -signal.SIGKILL), f"the gateway ended with {code}:\n{self.log()[-4000:]}"

    def stop(self, with_signal: int, deadline: float = 20) -> int:
        self.process.send_signal(with_signal)
        try:
            return self.process.wait(deadline * ALLOWANCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise AssertionError(f"the gateway did not stop on signal {with_signal}:\n{self.log()[-4000:]}")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}:\n{self.log()}"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=1) as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            # Before it listens, a client may be given the very port it asks for, and talk to itself.
            return False

    def listens(self) -> bool:
        """Whether the public port is open, without a connection."""
        sockets = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(fields[1].endswith(f":{self.port:04X}") and fields[3] == "0A" for fields in sockets)

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def records(self) -> list[dict]:
        path = self.directory / "data" / "calls.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def wait_for_records(self, count: int = 1, deadline: float = 20) -> list[dict]:
        return wait_until(lambda: len(found := self.records()) >= count and found, f"{count} call records", deadline)

    def resident_kilobytes(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))

    @property
    def url(self) -> str:
        """`LIVEKIT_URL` of participants and agents."""
        return f"ws://127.0.0.1:{self.rooms.port}"

    @property
    def api_url(self) -> str:
        """`LIVEKIT_URL` of `lk sip`."""
        return f"http://127.0.0.1:{self.port}"

    def token(self, identity: str, room: str, kind: str | None = None, **grants) -> str:
        token = api.AccessToken(KEY, SECRET).with_identity(identity).with_name(identity)
        token = token.with_grants(api.VideoGrants(**({"room_join": True, "room": room} | grants)))
        return (token.with_kind(kind) if kind else token).to_jwt()

    async def join(self, room: str, identity: str = "agent", options: rtc.RoomOptions | None = None, **grants):
        participant = Participant()
        await participant.connect(self.url, self.token(identity, room, **grants), options)
        return participant


class Sipp:
    """One sipp process that plays a scenario's caller."""

    def __init__(self, gateway: Gateway, scenario: str, directory: pathlib.Path, *, transport="u1", calls=1,
                 caller=CALLER, called=CALLED, keys: dict | None = None, arguments: list[str] | None = None):
        self.port, self.media_port = free_port(), free_port(count=4)
        self.messages = directory / f"sipp-{self.port}.log"
        self.errors = directory / f"sipp-{self.port}-errors.log"
        command = [
            "sipp", f"127.0.0.1:{gateway.sip_port}", "-sf", SCENARIOS / f"{scenario}.xml", "-s", called, "-i", "127.0.0.1",
            "-p", self.port, "-mi", "127.0.0.1", "-mp", self.media_port, "-t", transport, "-m", calls,
            "-nostdin", "-trace_msg", "-message_file", self.messages, "-trace_err", "-error_file", self.errors,
            "-timeout", round(60 * ALLOWANCE), "-timeout_error", "-key", "caller", caller, "-key", "pcaps", SIPP_PCAPS,
        ]
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        self.process = subprocess.Popen(
            [str(part) for part in command + (arguments or [])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd=directory)

    def wait(self, deadline: float = 60):
        code = self.process.wait(deadline * ALLOWANCE)
        errors = self.errors.read_text(errors="replace") if self.errors.exists() else ""
        assert code == 0, f"sipp ended with {code}\n{errors[-3000:]}\n{self.trace()[-6000:]}"

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def trace(self) -> str:
        return self.messages.read_text(errors="replace") if self.messages.exists() else ""


class Callee:
    """One sipp process that is called: it plays the scenario's callee on a port of its own."""

    def __init__(self, scenario: str, directory: pathlib.Path, *, transport="u1", calls=1, port: int | None = None,
                 status: str = "", keys: dict | None = None):
        self.port, self.media_port = port or free_port(), free_port(count=4)
        # sipp reads the status line before it knows its keys.
        path = directory / f"callee-{self.port}.xml"
        path.write_text((SCENARIOS / f"{scenario}.xml").read_text().replace("[status]", status))
        self.messages = directory / f"callee-{self.port}.log"
        self.errors = directory / f"callee-{self.port}-errors.log"
        command = [
            "sipp", "-sf", path, "-i", "127.0.0.1", "-p", self.port, "-mi", "127.0.0.1",
            "-mp", self.media_port, "-t", transport, "-m", calls, "-nostdin", "-trace_msg", "-message_file", self.messages,
            "-trace_err", "-error_file", self.errors, "-timeout", round(90 * ALLOWANCE), "-timeout_error",
        ]
        for name, value in (keys or {}).items():
            command += ["-key", name, value]
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)
        wait_until(self._listens, "sipp to listen")

    def _listens(self) -> bool:
        assert self.process.poll() is None, f"sipp ended with {self.process.returncode}"
        return any(f":{self.port:04X} " in line for kind in ("udp", "tcp")
                   for line in pathlib.Path(f"/proc/net/{kind}").read_text().splitlines())

    def __enter__(self) -> "Callee":
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    async def finished(self, deadline: float = 30):
        """The scenario ran to its end."""
        await eventually(lambda: self.process.poll() is not None, "the callee to finish", deadline)
        errors = self.errors.read_text(errors="replace") if self.errors.exists() else ""
        assert self.process.returncode == 0, f"sipp ended with {self.process.returncode}\n{errors[-3000:]}\n{self.trace()[-6000:]}"

    def trace(self) -> str:
        return self.messages.read_text(errors="replace") if self.messages.exists() else ""


class Capture:
    """Records the loopback datagrams that match a filter, with dumpcap; packets are read back as RTP payloads."""

    def __init__(self, path: pathlib.Path, capture_filter: str):
        self.path = path
        self.process = subprocess.Popen(
            ["dumpcap", "-q", "-i", "lo", "-f", capture_filter, "-w", str(path), "-P"], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: path.exists() and path.stat().st_size >= 24, "dumpcap to start")

    def stop(self) -> list["RTPPacket"]:
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        return read_rtp(self.path)


class RTPPacket:
    def __init__(self, time_s: float, source_port: int, destination_port: int, data: bytes):
        self.time, self.source_port, self.destination_port = time_s, source_port, destination_port
        self.marker, self.payload_type = data[1] >> 7, data[1] & 127
        self.sequence, self.timestamp = int.from_bytes(data[2:4], "big"), int.from_bytes(data[4:8], "big")
        self.ssrc, self.payload = int.from_bytes(data[8:12], "big"), data[12:]


def read_rtp(path: pathlib.Path) -> list[RTPPacket]:
    """The RTP datagrams of a classic little-endian Ethernet pcap over IPv4 without options."""
    data, offset, packets = path.read_bytes(), 24, []
    while offset + 16 <= len(data):
        seconds, fraction, length = (int.from_bytes(data[offset + i:offset + i + 4], "little") for i in (0, 4, 8))
        frame = data[offset + 16:offset + 16 + length]
        offset += 16 + length
        udp = frame[34:]
        if frame[12:14] == b"\x08\x00" and frame[23] == 17 and len(udp) >= 20 and udp[8] >> 6 == 2:
            ports = int.from_bytes(udp[0:2], "big"), int.from_bytes(udp[2:4], "big")
            packets.append(RTPPacket(seconds + fraction / 1e6, *ports, udp[8:]))
    return packets


class Participant:
    """A stock LiveKit SDK participant that remembers all it sees and hears."""

    present: list["Participant"] = []

    def __init__(self):
        Participant.present.append(self)
        self.room = rtc.Room()
        self.digits: list[tuple[str, str]] = []
        self.data: list[tuple[str, bytes]] = []
        self.heard: dict[str, list[np.ndarray]] = {}
        self.events: list[tuple[str, str]] = []
        self._tasks: list[asyncio.Task] = []
        self.room.on("sip_dtmf_received", lambda dtmf: self.digits.append((dtmf.participant.identity, dtmf.digit)))
        self.room.on("data_received", lambda packet: self.data.append((packet.participant.identity if packet.participant else "", packet.data)))
        self._recordings: dict[str, asyncio.Task] = {}
        self.room.on("track_subscribed", self._listen)
        self.room.on("track_unsubscribed", lambda track, _publication, _participant: self._forget(track.sid))
        for name in ("participant_connected", "participant_disconnected"):
            self.room.on(name, lambda who, name=name: self.events.append((name, who.identity)))
        self.room.on("disconnected", lambda reason: self.events.append(("disconnected", str(reason))))
        self.room.on("reconnected", lambda: self.events.append(("reconnected", "")))

    async def connect(self, url: str, token: str, options: rtc.RoomOptions | None = None):
        await asyncio.wait_for(self.room.connect(url, token, options or rtc.RoomOptions()), 20 * ALLOWANCE)

    def _listen(self, track, _publication, participant):
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._recordings[track.sid] = asyncio.ensure_future(self._record(track, self.heard.setdefault(participant.identity, [])))

    def _forget(self, sid: str):
        # The SDK would go on with the next track of the same section.
        if recording := self._recordings.pop(sid, None):
            recording.cancel()

    async def _record(self, track, frames):
        stream = rtc.AudioStream(track, sample_rate=8000, num_channels=1)
        async for event in stream:
            frames.append(np.frombuffer(event.frame.data, dtype=np.int16).copy())

    def audio(self, identity: str) -> np.ndarray:
        return np.concatenate(self.heard.get(identity) or [np.zeros(0, np.int16)]).astype(float)

    async def publish(self, name: str = "voice") -> rtc.AudioSource:
        source = rtc.AudioSource(48000, 1)
        track = rtc.LocalAudioTrack.create_audio_track(name, source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await asyncio.wait_for(self.room.local_participant.publish_track(track, options), 15 * ALLOWANCE)
        return source

    async def publish_tone(self, frequency: float, amplitude: float = 8000):
        """Publishes a tone that goes on until `leave`."""
        source = await self.publish()
        self._tasks.append(asyncio.ensure_future(play(source, tone(frequency, amplitude))))

    def caller(self) -> rtc.RemoteParticipant | None:
        return next((p for p in self.room.remote_participants.values()
                     if p.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP), None)

    @classmethod
    async def leave_all(cls):
        for participant in list(cls.present):
            await participant.leave()

    async def leave(self):
        if self not in Participant.present:
            return
        Participant.present.remove(self)
        for task in [*self._tasks, *self._recordings.values()]:
            task.cancel()
        await self.room.disconnect()


def tone(frequency: float, amplitude: float):
    """Endless 10 ms frames of 48 kHz samples."""
    position = 0
    while True:
        phase = 2 * np.pi * frequency * (position + np.arange(480)) / 48000
        position += 480
        yield (amplitude * np.sin(phase)).astype(np.int16)


async def play(source: rtc.AudioSource, frames):
    for frame in frames:
        await source.capture_frame(rtc.AudioFrame(frame.tobytes(), 48000, 1, 480))
