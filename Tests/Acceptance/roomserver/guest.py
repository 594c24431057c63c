"""One participant that came by WebSocket: what it says, and what it is told (livekit-wire 5.3 to 5.6)."""

import asyncio
import base64
import contextlib
import gzip
import json
import time

import numpy as np
from aiohttp import WSMsgType, web
from aiortc import InvalidStateError
from aiortc.contrib.media import MediaRelay
from livekit.protocol import models, rtc

from .audio import Recording
from .peer import Peer
from .room import Room, Track, make_sid

PUBLISHER, SUBSCRIBER = rtc.SignalTarget.PUBLISHER, rtc.SignalTarget.SUBSCRIBER


def join_request(query) -> rtc.JoinRequest:
    """Of `/rtc/v1` as it is, of `/rtc` from the classic parameters."""
    if wrapped := query.get("join_request"):
        outer = rtc.WrappedJoinRequest.FromString(base64.urlsafe_b64decode(wrapped + "=="))
        is_gzip = outer.compression == rtc.WrappedJoinRequest.GZIP
        return rtc.JoinRequest.FromString(gzip.decompress(outer.join_request) if is_gzip else outer.join_request)
    request = rtc.JoinRequest(reconnect=query.get("reconnect") == "1", participant_sid=query.get("sid", ""))
    request.client_info.protocol = int(query.get("protocol", 0))
    request.connection_settings.auto_subscribe = query.get("auto_subscribe", "1") == "1"
    if attributes := query.get("attributes"):
        request.participant_attributes.update(json.loads(base64.urlsafe_b64decode(attributes + "==")))
    return request


class Guest:
    def __init__(self, server, room: Room, claims: dict, request: rtc.JoinRequest, has_one_connection: bool):
        self.server, self.room, self.claims, self.request = server, room, claims, request
        self.has_one_connection = has_one_connection
        self.sid, self.identity, self.version = make_sid("PA"), claims["sub"], 1
        self.name, self.metadata = claims.get("name", ""), claims.get("metadata", "")
        self.attributes = claims.get("attributes", {}) | dict(request.participant_attributes)
        self.tokens: list[str] = []
        self.requests: list[rtc.SignalRequest] = []
        self.resumptions: list[rtc.JoinRequest] = []
        self.left: models.DisconnectReason | None = None
        self.is_gone = self.is_silent = False
        self.tracks: dict[str, Track] = {}
        self.announced: dict[str, models.TrackInfo] = {}
        self.recording: Recording | None = None
        self.publisher: Peer | None = None
        self.subscriber: Peer | None = None
        # What it listens to, and the transceiver that carries it, once there is one.
        self.subscriptions: dict[str, object | None] = {}
        self.is_offer_stale = False
        self.last_sequence = self.repeated_count = self.offer_id = 0
        self.socket: web.WebSocketResponse | None = None

    # What tests look at.

    def audio(self) -> np.ndarray:
        return self.recording.samples() if self.recording else np.zeros(0)

    def asked(self, name: str) -> list:
        """All requests of one kind."""
        return [getattr(request, name) for request in self.requests if request.WhichOneof("message") == name]

    @property
    def peers(self) -> list[Peer]:
        return [peer for peer in (self.publisher, self.subscriber) if peer]

    @property
    def is_connected(self) -> bool:
        return len(self.peers) == (1 if self.has_one_connection else 2) and all(p.state == "connected" for p in self.peers)

    @property
    def can_read_data(self) -> bool:
        channel = self._channel("_reliable")
        return channel is not None and channel.readyState == "open"

    def info(self) -> models.ParticipantInfo:
        grants = self.claims["video"]
        return models.ParticipantInfo(
            sid=self.sid, identity=self.identity, name=self.name, metadata=self.metadata, attributes=self.attributes,
            state=models.ParticipantInfo.ACTIVE, version=self.version, joined_at=int(time.time()),
            kind=models.ParticipantInfo.Kind.Value(self.claims.get("kind", "standard").upper()),
            is_publisher=bool(self.tracks), tracks=[track.info for track in self.tracks.values()],
            permission=models.ParticipantPermission(
                can_subscribe=True, can_publish=True, can_publish_data=True,
                can_update_metadata=grants.get("canUpdateOwnMetadata", False)))

    def tell_room(self):
        self.version += 1
        self.room.tell(self.info())

    # Its WebSocket.

    def send(self, **message):
        if self.socket and not self.is_silent:
            self.outgoing.put_nowait(rtc.SignalResponse(**message).SerializeToString())

    async def _write(self, socket: web.WebSocketResponse, outgoing: asyncio.Queue):
        while (data := await outgoing.get()) is not None:
            try:
                await socket.send_bytes(data)
            except ConnectionError:
                return
        await socket.close()

    async def serve(self, socket: web.WebSocketResponse, resumes: rtc.JoinRequest | None = None):
        """From the first message of one WebSocket to its end. The guest may outlive it."""
        self.hang_up()
        self.socket, self.outgoing = socket, asyncio.Queue()
        writer = asyncio.ensure_future(self._write(socket, self.outgoing))
        if resumes:
            await self._resume(resumes)
        else:
            await self._join()
        async for message in socket:
            if message.type == WSMsgType.BINARY:
                request = rtc.SignalRequest.FromString(message.data)
                self.requests.append(request)
                name = request.WhichOneof("message")
                # A connection that the other side has closed meanwhile takes no descriptions.
                with contextlib.suppress(InvalidStateError):
                    await getattr(self, f"on_{name}")(getattr(request, name))
        if self.socket is socket:
            self.socket = None
        writer.cancel()

    def hang_up(self):
        """Closes the WebSocket after what was said, and nothing else."""
        if self.socket:
            self.outgoing.put_nowait(None)
            self.socket = None

    def _wishes(self) -> models.ClientConfiguration:
        return models.ClientConfiguration(force_relay=models.ENABLED if self.server.relays else models.UNSET)

    async def _join(self):
        self.send(join=rtc.JoinResponse(
            room=self.room.info(), participant=self.info(), other_participants=self.room.others(but=self.identity),
            server_version="1.9.0", server_info=models.ServerInfo(version="1.9.0", protocol=16),
            ping_interval=self.server.ping_interval, ping_timeout=self.server.ping_timeout, fast_publish=True,
            ice_servers=self.server.relays, client_configuration=self._wishes(),
            subscriber_primary=not self.has_one_connection))
        for track in self.request.add_track_requests:
            await self.on_add_track(track)
        if not self.has_one_connection:
            self.subscriber = self._peer(SUBSCRIBER)
            self.subscriber.open_channels()
            await self._offer()
        if self.request.publisher_offer.sdp:
            await self.on_offer(self.request.publisher_offer)
        for other in [*self.room.guests.values(), *self.room.speakers.values()]:
            self.subscribe_as_wished(other)

    async def _resume(self, request: rtc.JoinRequest):
        self.resumptions.append(request)
        self.send(reconnect=rtc.ReconnectResponse(
            last_message_seq=self.last_sequence, ice_servers=self.server.relays, client_configuration=self._wishes()))
        if self.subscriber:
            await self._offer(restarts_ice=True)

    # Its requests.

    async def on_add_track(self, request: rtc.AddTrackRequest):
        info = models.TrackInfo(
            sid=make_sid("TR"), type=request.type, name=request.name, source=request.source, muted=request.muted,
            mime_type="audio/opus")
        self.announced[request.cid] = info
        self.send(track_published=rtc.TrackPublishedResponse(cid=request.cid, track=info))

    async def on_offer(self, offer: rtc.SessionDescription):
        self.publisher = self.publisher or self._peer(PUBLISHER)
        sdp = await self.publisher.answer(offer.sdp, self._fill_sections)
        carried = {transceiver.mid: sid for sid, transceiver in self.subscriptions.items() if transceiver}
        self.send(answer=rtc.SessionDescription(
            type="answer", sdp=sdp, id=offer.id, mid_to_track_id=carried if self.has_one_connection else {}))

    async def on_answer(self, answer: rtc.SessionDescription):
        if answer.id != self.offer_id:
            return
        await self.subscriber.accept(answer.sdp)
        if self.is_offer_stale:
            await self._offer()

    async def on_trickle(self, request: rtc.TrickleRequest):
        peer = self.subscriber if request.target == SUBSCRIBER else self.publisher
        if peer:
            await peer.take(request.candidateInit)

    async def on_subscription(self, request: rtc.UpdateSubscription):
        for sid in [*request.track_sids, *(sid for each in request.participant_tracks for sid in each.track_sids)]:
            if not request.subscribe:
                await self._unsubscribe(sid)
            elif self.room.track(sid):
                await self._subscribe(sid)
            else:
                self.send(subscription_response=rtc.SubscriptionResponse(track_sid=sid, err=models.SE_TRACK_NOTFOUND))

    async def on_update_metadata(self, request: rtc.UpdateParticipantMetadata):
        if not self.claims["video"].get("canUpdateOwnMetadata"):
            return self.send(request_response=rtc.RequestResponse(
                request_id=request.request_id, reason=rtc.RequestResponse.NOT_ALLOWED, message="does not have permission"))
        merged = self.attributes | dict(request.attributes)
        self.attributes = {name: value for name, value in merged.items() if value}
        self.name, self.metadata = request.name or self.name, request.metadata or self.metadata
        self.tell_room()
        self.send(request_response=rtc.RequestResponse(request_id=request.request_id, reason=rtc.RequestResponse.OK))

    async def on_mute(self, request: rtc.MuteTrackRequest):
        self.tracks[request.sid].info.muted = request.muted
        self.tell_room()

    async def on_ping(self, sent_at: int):
        self.send(pong=int(time.time() * 1000))

    async def on_ping_req(self, ping: rtc.Ping):
        self.send(pong_resp=rtc.Pong(last_ping_timestamp=ping.timestamp, timestamp=int(time.time() * 1000)))

    async def on_sync_state(self, state: rtc.SyncState):
        pass

    async def on_leave(self, leave: rtc.LeaveRequest):
        self.left = leave.reason
        await self.go()

    # Connections.

    def _peer(self, target) -> Peer:
        return Peer(
            trickles=lambda text: self.send(trickle=rtc.TrickleRequest(candidateInit=text, target=target)),
            hears=self._hear, reads=self._read, is_dtls_server=self.server.is_dtls_server)

    async def _offer(self, restarts_ice: bool = False):
        """Of the subscriber's connection."""
        # An offer that the lost WebSocket's answer would have ended is made again.
        self.is_offer_stale = self.subscriber.pc.signalingState != "stable" and not restarts_ice
        if not self.is_offer_stale:
            sdp = await self.subscriber.offer(restarts_ice)
            self.offer_id += 1
            self.send(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=self.offer_id))

    def _hear(self, track):
        info = self.announced.get(track.id) or next(iter(self.announced.values()))
        relay = MediaRelay()
        self.tracks[info.sid] = Track(info, lambda: relay.subscribe(track))
        self.recording = Recording(relay.subscribe(track))
        self.tell_room()
        self.send(track_subscribed=rtc.TrackSubscribed(track_sid=info.sid))
        for guest in self.room.guests.values():
            if guest is not self:
                guest.subscribe_as_wished(self)

    # What it listens to.

    def subscribe_as_wished(self, other):
        """Those who subscribe by themselves ask for what they want."""
        if self.request.connection_settings.auto_subscribe and other is not self:
            for sid in other.tracks:
                asyncio.ensure_future(self._subscribe(sid))

    async def _subscribe(self, sid: str):
        if sid in self.subscriptions:
            return
        self.subscriptions[sid] = None
        if self.has_one_connection:
            return self._ask_for_sections()
        transceiver = self.subscriber.pc.addTransceiver(self.room.track(sid).source(), direction="sendonly")
        self._name(transceiver, sid)
        await self._offer()

    def drop_tracks(self, other):
        for sid in [*other.tracks]:
            asyncio.ensure_future(self._unsubscribe(sid))

    async def _unsubscribe(self, sid: str):
        if sid not in self.subscriptions:
            return
        if transceiver := self.subscriptions.pop(sid):
            transceiver.sender.replaceTrack(None)
            transceiver.direction = "inactive"
        if self.has_one_connection:
            self._ask_for_sections()
        else:
            await self._offer()

    def _ask_for_sections(self):
        """A server with one connection makes no offers: it says how many sections are missing."""
        waiting = sum(transceiver is None for transceiver in self.subscriptions.values())
        missing = max(0, waiting - len(self._free_sections()))
        self.send(media_sections_requirement=rtc.MediaSectionsRequirement(num_audios=missing))

    def _free_sections(self) -> list:
        taken = list(self.subscriptions.values())
        return [each for each in (self.publisher.pc.getTransceivers() if self.publisher else [])
                if each._offerDirection == "sendonly" and each not in taken]

    def _fill_sections(self):
        """Of the offer that is being answered."""
        free = self._free_sections()
        for sid, transceiver in self.subscriptions.items():
            if not transceiver and free:
                transceiver = free.pop(0)
                transceiver.sender.replaceTrack(self.room.track(sid).source())
                transceiver.direction = "sendonly"
                self._name(transceiver, sid)

    def _name(self, transceiver, sid: str):
        self.subscriptions[sid] = transceiver
        transceiver.sender._stream_id, transceiver.sender._track_id = f"{self.sid}|{sid}", sid

    # Data.

    def _channel(self, label: str):
        peer = self.publisher if self.has_one_connection else self.subscriber
        return peer.channels.get(label) if peer else None

    def _read(self, label: str, data: bytes):
        packet = models.DataPacket.FromString(data)
        if label == "_reliable":
            if packet.sequence <= self.last_sequence:
                self.repeated_count += 1
                return
            self.last_sequence = packet.sequence
        self.room.data.append(packet)
        self.room.pass_on(self, packet, label)

    def forget_data(self, last_sequence: int):
        """As if nothing after this had come."""
        self.last_sequence = last_sequence

    def send_data(self, packet: models.DataPacket, label: str):
        if self.can_read_data:
            self._channel(label).send(packet.SerializeToString())

    # The end.

    async def go(self):
        """Out of the room, at once."""
        if not self.is_gone:
            self.is_gone = True
            self.hang_up()
            self.room.remove(self)
            for peer in self.peers:
                await peer.close()
