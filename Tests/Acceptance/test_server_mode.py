"""Server mode: the rooms are another gateway's. Both signalling versions; the whole of the other tests that concern calls
holds as well with `ROOMS=elsewhere`."""

import asyncio
import contextlib
import pathlib
import socket
import socketserver
import subprocess
import threading

import pytest
import sound
from harness import CALLER, KEY, SECRET, Gateway, binary, direct_rule, eventually
from livekit import api
from sipphone import SIPPhone
# Each runs here with the gateway of this file.
from test_agents import rule
from test_call import test_speech_digits_and_a_tone_both_ways  # noqa: F401
from test_outbound import (  # noqa: F401
    test_an_answered_call_is_heard_both_ways_and_hung_up_from_the_room, test_the_phone_hangs_up)
from tones import AMPLITUDE, Tones, hears, last_half_second, participant_hears
from twirp import sdk
from workers import tone_worker


class OldServer:
    """Stands before a server's signalling and knows `/rtc` alone, as servers before `/rtc/v1` do."""

    def __init__(self, port: int):
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                head = b""
                while b"\r\n\r\n" not in head and (more := self.request.recv(65536)):
                    head += more
                if head.startswith(b"GET /rtc/v1"):
                    self.request.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                with socket.create_connection(("127.0.0.1", port)) as server:
                    server.sendall(head)
                    back = threading.Thread(target=OldServer._pass, args=(server, self.request))
                    back.start()
                    OldServer._pass(self.request, server)
                    back.join()

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"ws://127.0.0.1:{self.server.server_address[1]}"

    @staticmethod
    def _pass(source: socket.socket, destination: socket.socket):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                destination.sendall(data)
        for end in (source, destination):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(params=["v1", "v0"])
def rooms(tmp_path: pathlib.Path, request):
    """Whoever has the rooms, and the URL that the gateway knows."""
    (tmp_path / "rooms").mkdir()
    with Gateway(tmp_path / "rooms", is_embedded=True, inbound_trunks=[], dispatch_rules=[]) as rooms, contextlib.ExitStack() as stack:
        url = rooms.url
        if request.param == "v0":
            old = OldServer(rooms.port)
            stack.callback(old.close)
            url = old.url
        yield rooms, url


@contextlib.contextmanager
def in_front(rooms: tuple[Gateway, str], directory: pathlib.Path, **settings):
    with Gateway(directory, rooms[0], **{"ws_url": rooms[1]} | settings) as gateway:
        yield gateway


@pytest.fixture
def gateway(tmp_path: pathlib.Path, rooms, request):
    with in_front(rooms, tmp_path, **getattr(request, "param", {})) as gateway:
        yield gateway


def is_heard(samples, frequency: float) -> bool:
    """Of an agent that speaks louder than the tones here."""
    return len(samples) == 4000 and abs(sound.strongest_frequency(samples) - frequency) < 2


async def test_a_stock_worker_is_dispatched_by_the_room_server(tmp_path, rooms):
    """The rule's room_config travels in the token."""
    with in_front(rooms, tmp_path, dispatch_rules=[rule("speaker")]) as gateway, tone_worker(gateway, tmp_path, 1000, "speaker"):
        with SIPPhone(gateway) as phone, Tones() as tones:
            answer = await asyncio.to_thread(phone.invite, deadline=30)
            assert answer.status == 200
            tones.speak(phone, answer.media_port(), 600)
            await eventually(lambda: is_heard(last_half_second(phone), 1000), "the agent's tone")
            async with sdk(gateway) as client:
                [room] = (await client.room.list_rooms(api.ListRoomsRequest())).rooms
                people = (await client.room.list_participants(api.ListParticipantsRequest(room=room.name))).participants
            assert {one.kind for one in people} == {api.ParticipantInfo.SIP, api.ParticipantInfo.AGENT}
            await asyncio.to_thread(phone.hang_up)
        assert "a job was assigned" in rooms[0].log() and "a job was assigned" not in gateway.log()


async def test_a_caller_is_transferred_by_the_gateways_own_api(tmp_path, rooms):
    with in_front(rooms, tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway, Tones() as tones, SIPPhone(gateway) as phone:
        agent = await gateway.join("lobby")
        await agent.publish_tone(1300, AMPLITUDE)
        answer = await asyncio.to_thread(phone.invite)
        tones.speak(phone, answer.media_port(), 600)
        await hears(phone, 1300)
        await participant_hears(agent, f"sip_{CALLER}", 600)
        transfer = api.TransferSIPParticipantRequest(
            room_name="lobby", participant_identity=f"sip_{CALLER}", transfer_to="tel:+15550177")
        async with sdk(gateway) as client:
            asked = asyncio.ensure_future(client.sip.transfer_sip_participant(transfer))
            refer = await asyncio.to_thread(phone.wait_for, "REFER", 5, "202 Accepted")
            assert "+15550177" in refer.get("Refer-To")
            notify = phone.request(
                "NOTIFY", "SIP/2.0 200 OK\r\n", headers=["Event: refer", "Subscription-State: terminated"], content="message/sipfrag")
            phone.send(notify)
            assert (await asyncio.to_thread(phone.final, 5, "NOTIFY", resent=notify)).status == 200
            await asyncio.to_thread(phone.wait_for, "BYE", 5)
            await asked
        await eventually(lambda: agent.caller() is None, "the caller to leave")
        assert gateway.wait_for_records()[0]["end_reason"] == "transferred"


async def test_each_api_is_where_it_belongs_and_says_where_the_other_is(gateway):
    """`trunkline room` with the gateway's file asks the room server by itself."""
    witness = await gateway.join("lobby", "witness")
    async with api.LiveKitAPI(gateway.api_url, KEY, SECRET) as wrong:
        with pytest.raises(api.TwirpError) as raised:
            await wrong.room.list_rooms(api.ListRoomsRequest())
        assert raised.value.code == "unimplemented" and gateway.configuration["ws_url"] in raised.value.message
    command = [binary(), "room", "list", "--json", "--config", gateway.directory / "trunkline.yaml"]
    listed = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    assert listed.returncode == 0 and '"lobby"' in listed.stdout, listed
    assert f"Rooms   {gateway.configuration['ws_url']}" in gateway.log() and f"API     {gateway.api_url}" in gateway.log()
    await witness.leave()
