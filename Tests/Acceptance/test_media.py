"""Media that the network or a stranger damages, and what ends a call."""

import asyncio
import socket
import time

import numpy as np
import pytest
import sound
from harness import CALLER, DEFAULT_TRUNK, direct_rule, eventually
from livekit import api
from sipphone import SIPPhone

ROOM = {"dispatch_rules": [direct_rule("desk")], "answer_policy": "participant_joined"}


def ulaw_tone(frequency: float, seconds: float, amplitude: float = 8000) -> bytes:
    samples = amplitude * np.sin(2 * np.pi * frequency * np.arange(int(8000 * seconds)) / 8000)
    distances = np.abs(samples[:, None] - sound.ULAW[None, :])
    return distances.argmin(axis=1).astype(np.uint8).tobytes()


TONE = ulaw_tone(500, 1.0)


async def talk(phone: SIPPhone, port: int, seconds: float, *, sequence=1000, timestamp=5000, payload=TONE, keep=lambda n: True):
    """Sends 20 ms packets of the tone at their times; `keep` says which are not lost."""
    start = time.monotonic()
    for n in range(int(seconds * 50)):
        at = n % 50 * 160
        if keep(n):
            phone.send_rtp(port, payload[at : at + 160], (sequence + n) & 0xFFFF, timestamp + n * 160)
        await asyncio.sleep(max(0, start + (n + 1) * 0.02 - time.monotonic()))
    return sequence + n + 1, timestamp + (n + 1) * 160


@pytest.mark.parametrize("gateway", [ROOM], indirect=True)
async def test_a_stranger_is_not_heard(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone, SIPPhone(gateway) as stranger:
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 200
        port = answer.media_port()
        loud = ulaw_tone(1500, 1.0, 30000)
        await asyncio.gather(talk(phone, port, 4), talk(stranger, port, 4, payload=loud))
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
        await talk(phone, answer.media_port(), 1)
        old, phone.rtp = phone.rtp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.rtp.bind(("127.0.0.1", 0))
        phone.rtp.settimeout(2)
        moved = await asyncio.to_thread(phone.invite, phone.offer().replace("o=- 1 1", "o=- 1 2"))
        assert moved.status == 200
        assert phone.rtp.recv(2000)[1] & 127 == 0
        before = len(agent.audio(f"sip_{CALLER}"))
        await talk(phone, moved.media_port(), 2, sequence=40000, timestamp=900000)
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
        await talk(phone, answer.media_port(), 5, keep=lambda n: n % 20 != 7)
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
        await talk(phone, answer.media_port(), 1)
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
