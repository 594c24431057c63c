"""One peer connection of a guest: aiortc, with what it lacks for a LiveKit server: trickled candidates and ICE restarts."""

import asyncio
import json
import re

import aioice.ice
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.sdp import candidate_from_sdp

# Without this aioice passes over the loopback interface, and the tests need no other.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

CANDIDATE_LINES = re.compile(r"a=(candidate:[^\r\n]+|end-of-candidates)\r\n")


class Path:
    """The packets of one ICE transport. A restart puts another aioice connection in the place of the present one, which
    carries on until the new one is there."""

    def __init__(self, transport: RTCIceTransport):
        self.transport, self.connection = transport, transport._connection
        self.restarts = 0
        self.restarting: asyncio.Task | None = None
        transport._recv, transport._send = self.receive, self.send

    async def receive(self) -> bytes:
        while True:
            connection = self.connection
            try:
                return await connection.recv()
            except ConnectionError:
                if connection is self.connection:
                    raise

    async def send(self, data: bytes):
        await self.connection.send(data)

    async def renew(self):
        """New credentials and candidates of ours, for the next description."""
        renewed = aioice.ice.Connection(ice_controlling=self.connection.ice_controlling)
        await renewed.gather_candidates()
        self.transport._connection = self.transport.iceGatherer._connection = renewed
        self.transport.iceGatherer._remote_candidates_end = False

    def begin(self, ufrag: str, password: str):
        """Checks with the peer's new credentials, once both sides have new ones."""
        renewed = self.transport._connection
        if renewed is self.connection:
            return
        renewed.remote_username, renewed.remote_password = ufrag, password
        self.restarting = asyncio.ensure_future(self._replace(renewed))

    async def _replace(self, renewed: aioice.ice.Connection):
        await renewed.connect()
        former, self.connection = self.connection, renewed
        self.restarts += 1
        # It would take the end of the former connection for the transport's.
        self.transport._RTCIceTransport__monitor_task.cancel()
        self.transport._RTCIceTransport__monitor_task = asyncio.ensure_future(self.transport._monitor())
        await former.close()

    async def close(self):
        if self.restarting:
            self.restarting.cancel()
        if self.connection is not self.transport._connection:
            await self.connection.close()


class Peer:
    """`trickles` is called with each candidate of ours, as LiveKit's JSON; `hears` with each track; `reads` with the label
    and bytes of each message."""

    def __init__(self, *, trickles, hears, reads, is_dtls_server: bool = True):
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self.trickles, self.reads, self.is_dtls_server = trickles, reads, is_dtls_server
        self.channels = {}
        self.path: Path | None = None
        self.remote_credentials: tuple[str, str] | None = None
        self.early: list[str] = []
        self.pc.on("track", hears)
        self.pc.on("datachannel", self.add_channel)
        self.pc.on("connectionstatechange", self._connected)

    def add_channel(self, channel):
        self.channels[channel.label] = channel
        channel.on("message", lambda data: self.reads(channel.label, data))

    def open_channels(self):
        self.add_channel(self.pc.createDataChannel("_reliable"))
        self.add_channel(self.pc.createDataChannel("_lossy", ordered=False, maxRetransmits=0))
        self._find_path()

    def _connected(self):
        if self.state == "connected":
            # It passes over sections that were agreed on during the handshake.
            asyncio.ensure_future(self.pc._RTCPeerConnection__connect())

    @property
    def state(self) -> str:
        return self.pc.connectionState

    @property
    def _dtls(self):
        transceivers = self.pc.getTransceivers()
        return transceivers[0].receiver.transport if transceivers else self.pc.sctp.transport

    def _find_path(self):
        self.path = self.path or Path(self._dtls.transport)

    # What we say.

    def _said(self) -> str:
        """Our description. Its candidates come by trickle alone."""
        text = self.pc.localDescription.sdp
        for found in dict.fromkeys(CANDIDATE_LINES.findall(text)):
            if found != "end-of-candidates":
                mid = re.search(r"a=mid:(\S+)", text).group(1)
                self.trickles(json.dumps({"candidate": found, "sdpMid": mid, "sdpMLineIndex": 0}))
        # The port and address of the first candidate stand in the m= and c= lines: a trickling offerer says 9 and 0.0.0.0.
        text = re.sub(r"(?m)^m=(\w+) (?!0 )\d+ ", r"m=\1 9 ", CANDIDATE_LINES.sub("", text))
        return re.sub(r"c=IN IP4 \S+", "c=IN IP4 0.0.0.0", text)

    async def answer(self, offer: str, prepare) -> str:
        """`prepare` decides what the sections that are offered carry."""
        restarts = self._notes_credentials(offer) and self.path
        if restarts:
            await self.path.renew()
        await self.pc.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        self._find_path()
        if self.is_dtls_server and self._dtls._role == "auto":
            self._dtls._set_role("server")
        prepare()
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        if restarts:
            self.path.begin(*self.remote_credentials)
        await self._take_early()
        return self._said()

    async def offer(self, restarts_ice: bool = False) -> str:
        if restarts_ice:
            await self.path.renew()
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self._said()

    async def accept(self, answer: str):
        self._notes_credentials(answer)
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        self.path.begin(*self.remote_credentials)
        await self._take_early()

    # What they say.

    def _notes_credentials(self, text: str) -> bool:
        """Whether they differ from the last ones."""
        found = tuple(re.search(rf"a=ice-{name}:(\S+)", text).group(1) for name in ("ufrag", "pwd"))
        before, self.remote_credentials = self.remote_credentials, found
        return before is not None and before != found

    async def take(self, candidate: str):
        """One that was trickled. Perhaps it comes before the description."""
        if not self.remote_credentials:
            self.early.append(candidate)
        elif text := json.loads(candidate)["candidate"]:
            await self.path.transport.addRemoteCandidate(candidate_from_sdp(text.removeprefix("candidate:")))

    async def _take_early(self):
        early, self.early = self.early, []
        for candidate in early:
            await self.take(candidate)

    async def close(self):
        if self.path:
            await self.path.close()
        await self.pc.close()
