"""Strangers and clients in numbers: what they cost, and whether a real caller notices."""

import asyncio
import contextlib
import socket
import time

import aiohttp
import pytest
import sound
from harness import ALLOWANCE, CALLER, direct_rule, eventually, wait_until
from livekit.protocol import rtc as signalling
from sipphone import SIPPhone

INVITES, SOURCES = 20_000, 20


@pytest.mark.parametrize(
    "gateway",
    [{"answer_policy": "immediately", "limits": {"invites_per_second": 100000, "invite_burst": 100000}}], indirect=True)
def test_twenty_thousand_invites_to_an_unknown_number_leave_memory_flat_and_a_real_call_answered(gateway):
    """Without the limit on INVITEs, so that every one of them is looked at and answered."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    with SIPPhone(gateway, called="+19990000") as stranger, SIPPhone(gateway) as caller:
        def flood(first: int, last: int):
            for number in range(first, last):
                text = stranger.request("INVITE", stranger.offer()).replace(stranger.call_id, f"{stranger.call_id}{number}")
                sockets[number % SOURCES].sendto(text.encode(), ("127.0.0.1", gateway.sip_port))
                if number % 20 == 0:
                    time.sleep(0.005 * ALLOWANCE)

        flood(0, 2000)
        before = gateway.resident_kilobytes()
        flood(2000, INVITES // 2)
        start = time.monotonic()
        assert caller.invite().status == 200
        assert time.monotonic() - start < 2 * ALLOWANCE
        flood(INVITES // 2, INVITES)
        assert caller.hang_up().status == 200
        assert gateway.resident_kilobytes() - before < 20_000 * ALLOWANCE
    for each in sockets:
        each.close()
    assert len(gateway.wait_for_records()) == 1
    assert gateway.log().count("an INVITE was refused") < 100


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately", "limits": {"invites_per_second": 10, "invite_burst": 20}}], indirect=True)
def test_a_source_above_its_limit_is_dropped(gateway):
    answers = 0
    with SIPPhone(gateway, called="+19990000") as stranger:
        for _ in range(200):
            stranger.tag, stranger.call_id = stranger.tag + "x", stranger.call_id + "x"
            stranger.send(stranger.request("INVITE", stranger.offer()))
        while stranger.receive(0.5):
            answers += 1
    assert 15 <= answers <= 60


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately"}], indirect=True)
def test_five_hundred_half_requests_over_tcp_are_closed_and_a_call_is_answered_meanwhile(gateway):
    peers = []
    for _ in range(500):
        peer = socket.create_connection(("127.0.0.1", gateway.sip_port))
        peer.sendall(b"INVITE sip:+15550100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1")
        peer.setblocking(False)
        peers.append(peer)
    with SIPPhone(gateway, transport="tcp") as phone:
        assert phone.invite().status == 200
        assert phone.hang_up().status == 200

    def all_closed() -> bool:
        for peer in list(peers):
            try:
                if not peer.recv(1000):
                    peers.remove(peer)
            except BlockingIOError:
                pass
            except OSError:
                peers.remove(peer)
        return not peers

    wait_until(all_closed, "the gateway to close 500 connections", 40)


ROOM = {"dispatch_rules": [direct_rule("desk")], "answer_policy": "participant_joined"}
TONE = sound.ulaw_tone(500, 1.0)


@contextlib.asynccontextmanager
async def signalling_session(gateway, identity: str):
    """A participant that is a WebSocket and nothing else."""
    query = {"access_token": gateway.token(identity, "desk"), "protocol": "16", "auto_subscribe": "0"}
    async with aiohttp.ClientSession() as client, client.ws_connect(gateway.url + "/rtc", params=query) as connection:
        yield connection


@contextlib.asynccontextmanager
async def running_call(gateway):
    """A phone that sends a tone, and an agent that must hear all of it."""
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 200
        talking = asyncio.ensure_future(phone.talk(answer.media_port(), 100, TONE))
        await eventually(lambda: len(agent.audio(f"sip_{CALLER}")) > 16000, "two seconds of the caller")
        start = len(agent.audio(f"sip_{CALLER}"))
        try:
            yield agent
            await eventually(lambda: len(agent.audio(f"sip_{CALLER}")) > start + 24000, "three seconds more of the caller")
        finally:
            talking.cancel()
        heard = agent.audio(f"sip_{CALLER}")[start:]
        assert sound.silent_share(heard) <= 0.01 * ALLOWANCE
        assert abs(sound.decibels(sound.band_level(heard, 500), 8000 / 2**0.5)) < 1
        assert (await asyncio.to_thread(phone.hang_up)).status == 200


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_a_client_that_floods_its_signalling_is_sent_away_and_a_call_goes_on(gateway):
    ping = signalling.SignalRequest(ping=1).SerializeToString()
    answers = []

    async def read(connection):
        async for message in connection:
            answers.append(signalling.SignalResponse.FromString(message.data))

    async with running_call(gateway) as agent, signalling_session(gateway, "flooder") as connection:
        reader = asyncio.ensure_future(read(connection))
        await eventually(lambda: "flooder" in agent.room.remote_participants, "the flooder to be seen")
        with contextlib.suppress(ConnectionError):
            for _ in range(20_000):
                await connection.send_bytes(ping)
        await asyncio.wait_for(reader, 10)
        assert connection.close_code == 1008
        assert answers[-1].leave.action == signalling.LeaveRequest.DISCONNECT
        # Half a second's worth at once and then 50 a second are answered.
        assert 500 <= sum(answer.WhichOneof("message") == "pong" for answer in answers) < 1500
        await eventually(lambda: ("participant_disconnected", "flooder") in agent.events, "the flooder to be gone")
    assert "clients sent more than they may" in gateway.log()


@pytest.mark.parametrize("gateway", [ROOM | {"limits": {"data_packets_per_second": 50}}], indirect=True)
async def test_a_client_that_floods_data_is_cut_to_its_rate_and_a_call_goes_on(gateway):
    sent = 5_000
    async with running_call(gateway) as agent:
        flooder = await gateway.join("desk", "flooder")
        await eventually(lambda: "flooder" in agent.room.remote_participants, "the flooder to be seen")
        before, start = gateway.resident_kilobytes(), time.monotonic()
        for first in range(0, sent, 200):
            await asyncio.gather(*(
                flooder.room.local_participant.publish_data(b"x" * 100, reliable=False) for _ in range(200)))
        seconds = time.monotonic() - start
        await eventually(lambda: "data_packets=" in gateway.log(), "the log to tell of it", 15)
        # 100 at once, then 50 a second.
        assert 100 <= len(agent.data) <= 100 + 50 * (seconds + 1) < sent / 2
        assert gateway.resident_kilobytes() - before < 40_000 * ALLOWANCE


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_digits_faster_than_any_keypad_are_dropped_and_counted(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        port = (await asyncio.to_thread(phone.invite)).media_port()
        start = time.monotonic()
        for n in range(300):
            # Ended after 10 ms; another key starts where it ends.
            phone.send_rtp(port, bytes([n % 16, 0x80 | 10, 0, 80]), 1000 + n, 5000 + n * 80, 101)
            await asyncio.sleep(max(0, start + n * 0.01 - time.monotonic()))
        seconds = time.monotonic() - start
        assert (await asyncio.to_thread(phone.hang_up)).status == 200
    [record] = gateway.wait_for_records()
    assert record["digits_received"] + record["digits_dropped"] == 300
    assert 20 <= record["digits_received"] <= 20 + 20 * (seconds + 1)
    await eventually(lambda: len(agent.digits) == record["digits_received"], "the digits in the room")


@pytest.mark.parametrize("gateway", [{"limits": {"connections_per_source": 20}}], indirect=True)
async def test_strangers_connections_are_few_and_those_who_joined_do_not_count(gateway):
    async with contextlib.AsyncExitStack() as stack:
        for number in range(30):
            await stack.enter_async_context(signalling_session(gateway, f"client{number}"))
        idle = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(20)]
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as late:
            assert late.recv(1) == b""
        for each in idle:
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(1)
            each.close()

        async def joins() -> bool:
            with contextlib.suppress(aiohttp.ClientError):
                await stack.enter_async_context(signalling_session(gateway, "late"))
                return True
            return False

        deadline = time.monotonic() + 10
        while not await joins():
            assert time.monotonic() < deadline
