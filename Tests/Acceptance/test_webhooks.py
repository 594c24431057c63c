"""Webhooks: LiveKit's events and ours, with LiveKit's signature, however the receiver behaves."""

import asyncio
import http.server
import json
import pathlib
import signal
import ssl
import subprocess
import threading

import pytest
from harness import CALLED, CALLER, KEY, SECRET, Gateway, Sipp, binary, eventually, free_port, wait_until
from livekit import api
from sipcallee import SIPCallee
from sipphone import SIPPhone
from twirp import sdk


class Receiver:
    """Takes webhooks on a port of its own; `statuses` are its next answers, 200 after them."""

    def __init__(self, port: int = 0, *, endless=False, tls: ssl.SSLContext | None = None):
        self.requests: list[tuple[str, str, str]] = []
        self.statuses: list[int] = []
        self.sent_bytes = 0
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.requests.append((body, self.headers["Authorization"], self.headers["Content-Type"]))
                self.send_response(status)
                if not endless:
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.end_headers()
                try:
                    while True:
                        self.wfile.write(b"x" * 65536)
                        receiver.sent_bytes += 65536
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def events(self) -> list[dict]:
        """Each event once, in the order of coming."""
        found = {}
        for body, _, _ in self.requests:
            event = json.loads(body)
            found.setdefault(event["id"], event)
        return list(found.values())

    def names(self, prefix: str = "") -> list[str]:
        return [event["event"] for event in self.events if event["event"].startswith(prefix)]

    def verified(self) -> list:
        """What LiveKit's own receiver makes of them; it throws where body and signature differ."""
        receiver = api.WebhookReceiver(api.TokenVerifier(KEY, SECRET))
        return [receiver.receive(body, auth) for body, auth, _ in self.requests]


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.close()


@pytest.fixture
def hooked(tmp_path: pathlib.Path, receiver):
    with Gateway(tmp_path, webhook={"urls": [receiver.url], "api_key": KEY}) as running:
        yield running


async def test_the_life_of_a_room_in_livekits_events(hooked, receiver):
    async with sdk(hooked) as client:
        await client.room.create_room(api.CreateRoomRequest(name="lobby", metadata="m"))
        ann = await hooked.join("lobby", "ann")
        await ann.publish_tone(500)
        await eventually(lambda: "track_published" in receiver.names(), "the track")
        await ann.leave()
        await eventually(lambda: "participant_left" in receiver.names(), "the end of ann")
        await client.room.delete_room(api.DeleteRoomRequest(room="lobby"))
    await eventually(lambda: "room_finished" in receiver.names(), "the end of the room")
    assert receiver.names() == [
        "room_started", "participant_joined", "track_published", "track_unpublished", "participant_left", "room_finished"]
    events = receiver.verified()
    assert all(kind == "application/webhook+json" for _, _, kind in receiver.requests)
    assert all(event.room.name == "lobby" and event.id.startswith("EV_") and event.created_at > 1_700_000_000 for event in events)
    assert events[0].room.metadata == "m" and events[1].participant.identity == "ann"
    assert events[2].track.sid.startswith("TR_") and events[2].participant.identity == "ann"
    assert events[5].room_end_reason == 1


async def test_the_life_of_a_call(hooked, receiver, tmp_path):
    caller = Sipp(hooked, "speech_and_digits", tmp_path)
    room = (await eventually(lambda: [e for e in receiver.events if e["event"] == "participant_joined"], "the room"))[0]["room"]["name"]
    agent = await hooked.join(room)
    await agent.publish_tone(600)
    await eventually(lambda: "sip_call_ended" in receiver.names(), "the end of the call", 40)
    caller.wait()
    events = [event for event in receiver.events if event["event"].startswith("sip_")]
    assert [event["event"] for event in events if event["event"] != "sip_dtmf_received"] == [
        "sip_call_started", "sip_call_ringing", "sip_call_answered", "sip_call_ended"]
    digits = [event["sipDtmf"]["digit"] for event in events if event["event"] == "sip_dtmf_received"]
    assert digits == [digit for _, digit in agent.digits] and digits
    record = hooked.wait_for_records()[0]
    for event in events:
        info = event["sipCallInfo"]
        assert info["callId"] == record["call_id"] and info["callDirection"] == "SCD_INBOUND"
    ended = events[-1]
    assert ended["endReason"] == record["end_reason"] == "hangup"
    assert ended["sipCallInfo"]["roomName"] == room and ended["sipCallInfo"]["callStatus"] == "SCS_DISCONNECTED"
    assert ended["sipCallInfo"]["participantAttributes"]["sip.phoneNumber"] == CALLER
    assert ended["sipCallInfo"]["participantAttributes"]["sip.trunkPhoneNumber"] == CALLED
    # LiveKit's receiver takes the events that it does not know, too.
    assert len(receiver.verified()) == len(receiver.requests)


def of_calls(receiver: Receiver) -> list[tuple[str, str]]:
    """Name and end reason of each event of a call."""
    return [(event["event"], event.get("endReason", "")) for event in receiver.events if event["event"].startswith("sip_call_")]


async def place_call(gateway: Gateway, callee: SIPCallee) -> asyncio.Future:
    async with sdk(gateway) as client:
        trunk = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(name="out", address=callee.address, numbers=["+15550100"])))

    async def place():
        async with sdk(gateway) as client:
            return await client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                sip_trunk_id=trunk.sip_trunk_id, sip_call_to="+15550177", room_name="lobby", participant_identity="callee",
                wait_until_answered=True))

    return asyncio.ensure_future(place())


async def transfer(gateway: Gateway) -> None:
    async with sdk(gateway) as client:
        await client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
            room_name="lobby", participant_identity="callee", transfer_to="tel:+15550188"))


async def test_the_life_of_a_call_of_ours_and_its_transfers(hooked, receiver):
    with SIPCallee() as callee:
        placed = await place_call(hooked, callee)
        await asyncio.to_thread(callee.takes_call)
        call_id = (await placed).sip_call_id
        for marker, flags in ((0x80, 0x0A), (0, 0x8A), (0, 0x8A), (0, 0x8A)):
            packet = bytes([0x80, marker | 101]) + bytes([0, 1 + flags % 3]) + bytes(4) + b"\0\0\x12\x34"
            callee.rtp.sendto(packet + bytes([5, flags, 0x06, 0x40]), ("127.0.0.1", callee.sound_port))
        await eventually(lambda: "sip_dtmf_received" in receiver.names(), "the digit")
        failing = asyncio.ensure_future(transfer(hooked))
        await asyncio.to_thread(callee.wait_for, "REFER", 5, "603 Decline")
        with pytest.raises(api.TwirpError):
            await failing
        going = asyncio.ensure_future(transfer(hooked))
        await asyncio.to_thread(callee.wait_for, "REFER", 5, "202 Accepted")
        assert (await asyncio.to_thread(callee.hang_up)).status == 200
        await going
        await eventually(lambda: "sip_call_ended" in receiver.names(), "the end of the call")
    assert of_calls(receiver) == [
        ("sip_call_started", ""), ("sip_call_ringing", ""), ("sip_call_answered", ""), ("sip_call_ended", "transferred")]
    events = [event for event in receiver.events if event["event"].startswith("sip_")]
    assert {event["sipCallInfo"]["callId"] for event in events} == {call_id}
    assert {event["sipCallInfo"]["callDirection"] for event in events} == {"SCD_OUTBOUND"}
    assert [event["sipDtmf"] for event in events if "sipDtmf" in event] == [{"code": 5, "digit": "5"}]
    failed, done = [event["sipTransferInfo"] for event in events if event["event"] == "sip_transfer_ended"]
    assert failed["transferStatus"] == "STS_TRANSFER_FAILED" and failed["transferStatusCode"]["code"] == "SIP_STATUS_GLOBAL_DECLINE"
    assert failed["reason"] == "STR_REJECTED" and "603" in failed["error"] and failed["transferId"] != done["transferId"]
    assert done["transferStatus"] == "STS_TRANSFER_SUCCESSFUL" and done["callId"] == call_id
    ended = events[-1]["sipCallInfo"]
    assert ended["callStatus"] == "SCS_DISCONNECTED" and "error" not in ended and ended["roomName"] == "lobby"
    assert events[-1]["room"]["name"] == "lobby" and len(receiver.verified()) == len(receiver.requests)


async def test_a_call_of_ours_that_is_busy_tells_its_sip_status(hooked, receiver):
    with SIPCallee() as callee:
        placed = await place_call(hooked, callee)
        await asyncio.to_thread(callee.is_called)
        callee.rings()
        # Told twice is not ringing twice.
        callee.rings()
        await asyncio.to_thread(callee.refuses, "486 Busy Here")
        with pytest.raises(api.TwirpError):
            await placed
    await eventually(lambda: "sip_call_ended" in receiver.names(), "the end of the call")
    assert of_calls(receiver) == [("sip_call_started", ""), ("sip_call_ringing", ""), ("sip_call_ended", "busy")]
    info = next(event for event in receiver.events if event["event"] == "sip_call_ended")["sipCallInfo"]
    assert info["callStatus"] == "SCS_ERROR" and info["callStatusCode"]["code"] == "SIP_STATUS_BUSY_HERE" and info["error"]


def test_a_refused_call_tells_its_sip_status_and_rings_once(tmp_path, receiver):
    with Gateway(tmp_path, webhook={"urls": [receiver.url]}, ringing_timeout="2s") as running:
        with SIPPhone(running) as phone:
            assert phone.invite().status == 480
            assert len([told for told in phone.provisional if told.status == 180]) > 1
        [ended] = wait_until(lambda: [e for e in receiver.events if e["event"] == "sip_call_ended"], "the end")
        assert receiver.names().count("sip_call_ringing") == 1
        assert ended["endReason"] == "no-answer" and ended["sipCallInfo"]["callStatus"] == "SCS_ERROR"
        assert ended["sipCallInfo"]["callStatusCode"] == {"code": "SIP_STATUS_TEMPORARILY_UNAVAILABLE", "status": "Temporarily Unavailable"}
        assert ended["sipCallInfo"]["error"]


async def test_what_a_receiver_does_not_take_comes_again_in_order(hooked, receiver):
    receiver.statuses = [503, 500, 429]
    async with sdk(hooked) as client:
        for name in ("a", "b"):
            await client.room.create_room(api.CreateRoomRequest(name=name))
        await client.room.delete_room(api.DeleteRoomRequest(room="a"))
    await eventually(lambda: len([r for r in receiver.requests]) == 6, "three events and three more attempts")
    assert sorted((e["event"], e["room"]["name"]) for e in receiver.events) == [
        ("room_finished", "a"), ("room_started", "a"), ("room_started", "b")]
    of_a = [e["event"] for e in map(lambda r: json.loads(r[0]), receiver.requests) if e["room"]["name"] == "a"]
    assert of_a.index("room_started") < of_a.index("room_finished") and of_a[-1] == "room_finished"
    assert len(receiver.verified()) == 6


async def test_what_a_receiver_refuses_is_given_up(hooked, receiver):
    receiver.statuses = [400]
    async with sdk(hooked) as client:
        await client.room.create_room(api.CreateRoomRequest(name="a"))
        await client.room.delete_room(api.DeleteRoomRequest(room="a"))
    await eventually(lambda: "room_finished" in receiver.names(), "the next event")
    assert len(receiver.requests) == 2 and "a webhook was given up" in hooked.log()


async def test_a_receiver_that_is_gone_holds_up_no_call(tmp_path):
    port = free_port()
    with Gateway(tmp_path, webhook={"urls": [f"http://127.0.0.1:{port}/hook"]}, answer_policy="immediately") as running:
        with SIPPhone(running) as phone:
            assert phone.invite().status == 200
        assert "a webhook was not taken" in wait_until(lambda: (log := running.log()).count("webhook") and log, "a failed attempt")
        # It comes to life: what waited arrives.
        late = Receiver(port)
        try:
            await eventually(lambda: late.names("sip_call_started"), "the first event", 30)
            assert len(late.verified()) == len(late.requests)
        finally:
            late.close()


async def test_a_receiver_whose_certificate_nobody_vouches_for_gets_nothing(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "cert.pem",
                    "-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    receiver = Receiver(tls=tls)
    try:
        with Gateway(tmp_path, webhook={"urls": [receiver.url]}) as running:
            async with sdk(running) as client:
                await client.room.create_room(api.CreateRoomRequest(name="a"))
            await eventually(lambda: "a webhook was not taken" in running.log(), "a failed attempt")
            assert "certificate" in running.log() and not receiver.requests
    finally:
        receiver.close()


async def test_a_receiver_that_never_stops_answering_is_cut_short(tmp_path):
    receiver = Receiver(endless=True)
    try:
        with Gateway(tmp_path, webhook={"urls": [receiver.url]}) as running:
            async with sdk(running) as client:
                await client.room.create_room(api.CreateRoomRequest(name="a"))
                await client.room.delete_room(api.DeleteRoomRequest(room="a"))
            # The status was all that was wanted: no event comes twice, none waits for the end of a response.
            await eventually(lambda: len(receiver.requests) >= 2, "both events", 8)
            assert receiver.names() == ["room_started", "room_finished"] and len(receiver.requests) == 2
            # What sockets hold, of each.
            assert receiver.sent_bytes < 50_000_000
            assert running.stop(signal.SIGINT) == 0
    finally:
        receiver.close()


async def test_the_last_events_are_sent_before_the_process_ends(hooked, receiver):
    async with sdk(hooked) as client:
        await client.room.create_room(api.CreateRoomRequest(name="a"))
    assert hooked.stop(signal.SIGINT) == 0
    assert "room_started" in receiver.names()


def test_webhook_urls_and_keys_are_checked_at_start(tmp_path):
    path = tmp_path / "trunkline.yaml"
    path.write_text(f"keys: {{{KEY}: {SECRET}}}\nwebhook:\n  urls: [not-a-url]\n  api_key: other\n")
    done = subprocess.run([binary(), "serve", "--check", "--config", path], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2
    assert f"{path}:3: webhook.urls[0]" in done.stderr and f"{path}:4: webhook.api_key" in done.stderr
