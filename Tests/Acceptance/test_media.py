"""Media that the network or a stranger damages, and what ends a call."""

import asyncio
import socket
import time

import pytest
import sound
from harness import CALLER, DEFAULT_TRUNK, direct_rule, eventually
from livekit import api
from sipphone import SIPPhone

ROOM = {"dispatch_rules": [direct_rule("desk")], "answer_policy": "participant_joined"}
TONE = sound.ulaw_tone(500, 1.0)


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_a_stranger_is_not_heard(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone, SIPPhone(gateway) as stranger:
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 200
        port = answer.media_port()
        loud = sound.ulaw_tone(1500, 1.0, 30000)
        await asyncio.gather(phone.talk(port, 4, TONE), stranger.talk(port, 4, loud))
        await eventually(lambda: len(agent.audio(f"sip_{CALLER}")) > 24000, "three seconds of the caller")
        heard = agent.audio(f"sip_{CALLER}")[8000:24000]
        assert sound.band_level(heard, 500) > 4000 and sound.band_level(heard, 1500) < 20
        await asyncio.to_thread(phone.hang_up)
    await agent.leave()
    assert gateway.wait_for_records()[0]["packets_from_strangers"] > 100


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_a_reinvite_moves_the_media(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite)
        await phone.talk(answer.media_port(), 1, TONE)
        old, phone.rtp = phone.rtp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.rtp.bind(("127.0.0.1", 0))
        phone.rtp.settimeout(2)
        moved = await asyncio.to_thread(phone.invite, phone.offer().replace("o=- 1 1", "o=- 1 2"))
        assert moved.status == 200
        assert phone.rtp.recv(2000)[1] & 127 == 0
        before = len(agent.audio(f"sip_{CALLER}"))
        await phone.talk(moved.media_port(), 2, TONE, sequence=40000, timestamp=900000)
        heard = agent.audio(f"sip_{CALLER}")[before + 4000 :]
        assert sound.band_level(heard[:8000], 500) > 4000
        old.close()
        await asyncio.to_thread(phone.hang_up)
    await agent.leave()


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_lost_packets_do_not_shorten_time(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite)
        await phone.talk(answer.media_port(), 5, TONE, keep=lambda n: n % 20 != 7)
        await asyncio.to_thread(phone.hang_up)
        await eventually(lambda: ("participant_disconnected", f"sip_{CALLER}") in agent.events, "the caller to leave")
    heard = agent.audio(f"sip_{CALLER}")
    assert sound.silent_share(heard[8000:32000]) <= 0.01
    await agent.leave()
    record = gateway.wait_for_records()[0]
    assert 10 <= record["packets_lost"] <= 13


@pytest.mark.parametrize(
    "gateway", [ROOM | {"media_timeout": "2s", "media_timeout_initial": "3s"}], indirect=True)
async def test_no_rtp_ends_the_call_with_bye(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite)
        await phone.talk(answer.media_port(), 1, TONE)
        start = time.monotonic()
        await asyncio.to_thread(phone.wait_for, "BYE")
        assert 1.5 < time.monotonic() - start < 6
    await agent.leave()
    assert gateway.wait_for_records()[0]["end_reason"] == "media-timeout"


@pytest.mark.parametrize("gateway", [ROOM | {"room": {"departure_timeout": 1}}], indirect=True)
async def test_a_caller_left_alone_is_hung_up(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        await asyncio.to_thread(phone.invite)
        await agent.leave()
        await asyncio.to_thread(phone.wait_for, "BYE")
    assert gateway.wait_for_records()[0]["end_reason"] == "alone"


@pytest.mark.parametrize("gateway", [ROOM | {"inbound_trunks": [DEFAULT_TRUNK | {"max_call_duration": "2s"}]}], indirect=True)
async def test_the_longest_duration_ends_the_call(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        await asyncio.to_thread(phone.invite)
        await asyncio.to_thread(phone.wait_for, "BYE")
    await agent.leave()
    assert gateway.wait_for_records()[0]["end_reason"] == "max-call-duration"
