"""The server's HTTP side, on a thread of its own: tokens, `/rtc`, `/rtc/v1`, `/rtc/validate`."""

import asyncio
import concurrent.futures
import logging
import ssl
import threading

import jwt
from aiohttp import web
from livekit.protocol import models, rtc

from .guest import Guest, join_request
from .room import Room, Speaker

ACTION = rtc.LeaveRequest.Action


class RoomServer:
    """Its attributes may be read from any thread; `do` and `say` change things on its own."""

    def __init__(self, key: str, secret: str, port: int, *, has_one_connection: bool = True, ping_interval: int = 5,
                 ping_timeout: int = 15, is_dtls_server: bool = True, tls: ssl.SSLContext | None = None,
                 host: str = "127.0.0.1"):
        self.key, self.secret, self.host, self.port, self.tls = key, secret, host, port, tls
        # False: `/rtc/v1` is not there, as on servers before it.
        self.has_one_connection = has_one_connection
        self.ping_interval, self.ping_timeout, self.is_dtls_server = ping_interval, ping_timeout, is_dtls_server
        # TURN servers that those who join are told of, and must use.
        self.relays: list[rtc.ICEServer] = []
        self.rooms: dict[str, Room] = {}
        # All that ever were.
        self.guests: list[Guest] = []
        # Path and HTTP status of each attempt to join or resume.
        self.attempts: list[tuple[str, int]] = []
        # Status and sentence for those who come.
        self.refusal: tuple[int, str] | None = None
        # A word of leave instead of a word of welcome.
        self.dismissal: rtc.LeaveRequest | None = None
        # Where those who come have to wait: "before the upgrade" or "after the upgrade". How many do.
        self.barrier: str | None = None
        self.waiting = 0

    @property
    def url(self) -> str:
        return f"{'wss' if self.tls else 'ws'}://{self.host}:{self.port}"

    @property
    def api_url(self) -> str:
        return self.url.replace("ws", "http", 1)

    def report(self) -> str:
        """What happened, for whoever reads a failed test."""
        lines = [f"attempts: {self.attempts}"]
        for guest in self.guests:
            said = [request.WhichOneof("message") for request in guest.requests]
            states = [(peer.state, peer.pc.iceConnectionState, [*peer.channels]) for peer in guest.peers]
            lines.append(f"{guest.identity} {guest.sid} in {guest.room.name}: said {said}, left {guest.left}, gone "
                         f"{guest.is_gone}, {states}, carries {guest.subscriptions}, heard {len(guest.audio())} samples")
        return "\n".join(lines)

    # Its thread.

    def __enter__(self) -> "RoomServer":
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, name="rooms", daemon=True)
        self.thread.start()
        self._wait(self.open())
        return self

    def __exit__(self, *_):
        self._wait(self._end())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)
        self.loop.close()

    def _wait(self, coroutine, deadline: float = 20):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(deadline)

    async def do(self, coroutine):
        """Runs it on the server's thread."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, self.loop))

    async def say(self, function, *arguments, **named):
        """Calls it on the server's thread."""
        result = concurrent.futures.Future()

        def call():
            try:
                result.set_result(function(*arguments, **named))
            except Exception as error:
                result.set_exception(error)

        self.loop.call_soon_threadsafe(call)
        return await asyncio.wrap_future(result)

    async def open(self):
        """Listens. `close` and `open` again is a restart that forgets nothing."""
        application = web.Application()
        application.add_routes([
            web.get("/rtc", self._join), web.get("/rtc/v1", self._join), web.get("/rtc/validate", self._validate),
            web.get("/rtc/v1/validate", self._validate)])
        logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
        self.runner = web.AppRunner(application, shutdown_timeout=0.5)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", self.port, ssl_context=self.tls, reuse_address=True).start()

    async def close(self):
        """Listens no longer, and drops all WebSockets."""
        for guest in self.guests:
            guest.hang_up()
        await self.runner.cleanup()

    async def _end(self):
        for guest in self.guests:
            await guest.go()
        await self.runner.cleanup()
        rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    # Who comes in.

    def _claims(self, request: web.Request) -> dict:
        text = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("access_token", "")
        try:
            claims = jwt.decode(
                text, self.secret, algorithms=["HS256"], issuer=self.key, options={"require": ["exp", "nbf", "iss", "sub"]})
        except jwt.PyJWTError as error:
            raise web.HTTPUnauthorized(text=f"invalid token: {error}") from error
        grants = claims.get("video", {})
        if not grants.get("roomJoin") or not grants.get("room"):
            raise web.HTTPUnauthorized(text="permissions denied")
        return claims

    def _check(self, request: web.Request) -> dict:
        """The claims of whoever may come in; an HTTP error for everyone else."""
        if not self.has_one_connection and request.path.startswith("/rtc/v1"):
            raise web.HTTPNotFound(text="404 page not found")
        claims = self._claims(request)
        if self.refusal:
            raise Refused(*self.refusal)
        return claims

    async def _join(self, request: web.Request) -> web.StreamResponse:
        try:
            claims = self._check(request)
            wanted = join_request(request.query)
        except web.HTTPException as error:
            self.attempts.append((request.path, error.status))
            raise
        self.attempts.append((request.path, 101))
        socket = web.WebSocketResponse(max_msg_size=2 << 20, timeout=1)
        await self._wait_at("before the upgrade")
        await socket.prepare(request)
        await self._wait_at("after the upgrade")
        if self.dismissal:
            await self._dismiss(socket, self.dismissal)
        elif wanted.reconnect:
            await self._resume(socket, request, wanted)
        else:
            await self._welcome(socket, request, wanted, claims)
        return socket

    async def _wait_at(self, barrier: str):
        self.waiting += 1
        while self.barrier == barrier:
            await asyncio.sleep(0.01)
        self.waiting -= 1

    async def _dismiss(self, socket: web.WebSocketResponse, leave: rtc.LeaveRequest):
        await socket.send_bytes(rtc.SignalResponse(leave=leave).SerializeToString())
        await socket.close()

    async def _welcome(self, socket, request: web.Request, wanted: rtc.JoinRequest, claims: dict):
        room = self.room(claims["video"]["room"])
        if former := room.guests.get(claims["sub"]):
            await self.send_away(former, models.DUPLICATE_IDENTITY)
        guest = Guest(self, room, claims, wanted, has_one_connection=request.path == "/rtc/v1")
        guest.tokens.append(token_of(request))
        room.guests[guest.identity] = guest
        self.guests.append(guest)
        for other in room.guests.values():
            if other is not guest:
                other.send(update=rtc.ParticipantUpdate(participants=[guest.info()]))
        await guest.serve(socket)

    async def _resume(self, socket, request: web.Request, wanted: rtc.JoinRequest):
        guest = next((each for each in self.guests if each.sid == wanted.participant_sid and not each.is_gone), None)
        if not guest:
            return await self._dismiss(
                socket, rtc.LeaveRequest(reason=models.STATE_MISMATCH, action=ACTION.RECONNECT))
        guest.tokens.append(token_of(request))
        await guest.serve(socket, resumes=wanted)

    async def _validate(self, request: web.Request) -> web.Response:
        self._check(request)
        return web.Response(text="success")

    # What tests make happen. On the server's thread: through `do` and `say`.

    def room(self, name: str) -> Room:
        return self.rooms.setdefault(name, Room(name))

    def seat(self, room: str, identity: str = "agent", frequency: float | None = None, amplitude: float = 6000,
             kind=models.ParticipantInfo.AGENT) -> Speaker:
        """Someone who was always there, or comes now."""
        speaker = Speaker(identity, kind, frequency, amplitude)
        self.room(room).add(speaker)
        return speaker

    def press(self, room: str, identity: str, digit: str, code: int, to: list[str] = (), label: str = "_reliable"):
        """A speaker sends a digit."""
        speaker = self.rooms[room].speakers[identity]
        speaker.sequence += 1
        packet = models.DataPacket(
            sip_dtmf=models.SipDTMF(code=code, digit=digit), destination_identities=to, sequence=speaker.sequence)
        self.rooms[room].pass_on(speaker, packet, label)

    async def send_away(self, guest: Guest, reason=models.UNKNOWN_REASON, action=ACTION.DISCONNECT, *,
                        can_reconnect: bool = False, regions: list[str] = ()):
        """A word of leave, and what follows from it: only a guest that is to resume is still known afterwards."""
        settings = rtc.RegionSettings(regions=[rtc.RegionInfo(region="other", url=url) for url in regions])
        guest.send(leave=rtc.LeaveRequest(reason=reason, action=action, can_reconnect=can_reconnect, regions=settings))
        if action == ACTION.RESUME:
            guest.hang_up()
        else:
            await guest.go()

    async def move(self, guest: Guest, name: str):
        """To another room, with the connections it has."""
        room = self.room(name)
        guest.room.remove(guest)
        for sid in [*guest.subscriptions]:
            await guest._unsubscribe(sid)
        guest.sid, guest.room, room.guests[guest.identity] = f"{guest.sid}m", room, guest
        claims = guest.claims | {"video": guest.claims["video"] | {"room": name}}
        guest.send(room_moved=rtc.RoomMovedResponse(
            room=room.info(), token=jwt.encode(claims, self.secret), participant=guest.info(),
            other_participants=room.others(but=guest.identity)))


class Refused(web.HTTPException):
    def __init__(self, status: int, text: str):
        self.status_code = status
        super().__init__(text=text)


def token_of(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")
