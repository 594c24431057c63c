"""A phone call reaches a room: the whole path with sipp on one side and the stock SDK on the other."""

import asyncio
import contextlib
import re

import numpy as np
import pytest
import sound
from harness import CALLED, CALLER, SIPP_PCAPS, Capture, Gateway, Sipp, direct_rule, eventually, read_rtp
from livekit import rtc
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, participant_hears

MIME = {"opus": "audio/opus", "pcmu": "audio/PCMU"}
# What callers publish; the stock SDK publishes Opus in every room.
EITHER_CODEC = pytest.mark.parametrize("gateway", [{"room_codec": codec} for codec in MIME], ids=MIME, indirect=True)
ROOM = re.compile(rf"^call-_{re.escape(CALLER)}_[2-9A-HJ-NP-Za-km-z]{{12}}$")


def room_of_call(gateway) -> str | None:
    found = re.search(r"room[=:]\s*\"?(call-_\S+?)\"?(\s|$)", gateway.log())
    return found.group(1) if found else None


def mime_types(participant) -> list[str]:
    return [publication.mime_type for publication in participant.track_publications.values()]


@EITHER_CODEC
async def test_speech_digits_and_a_tone_both_ways(gateway, tmp_path):
    """Speech in, digits once each, a tone out, digits out, names and attributes."""
    codec = gateway.configuration["room_codec"]
    caller = Sipp(gateway, "speech_and_digits", tmp_path)
    capture = Capture(tmp_path / "back.pcap", f"udp dst port {caller.media_port}")
    try:
        room = await eventually(lambda: room_of_call(gateway), "the call's room in the log")
        assert ROOM.match(room), room
        agent = await gateway.join(room)
        await agent.publish_tone(1000)
        sip = await eventually(agent.caller, "the caller in the room")
        await eventually(lambda: sip.attributes.get("sip.callStatus") == "active", "the call to be active")
        assert (sip.identity, sip.name) == (f"sip_{CALLER}", f"Phone {CALLER}")
        attributes = dict(sip.attributes)
        assert mime_types(sip) == [MIME[codec]]
        assert attributes["sip.phoneNumber"] == CALLER and attributes["sip.trunkPhoneNumber"] == CALLED
        assert attributes["sip.hostname"] == "127.0.0.1"
        assert attributes["sip.callID"].startswith("SCL_") and attributes["sip.trunkID"].startswith("ST_")
        assert attributes["sip.ruleID"].startswith("SDR_")
        assert attributes["sip.twilio.callSid"] == "CA00000000000000000000000000000001"
        await agent.room.local_participant.publish_dtmf(code=7, digit="7")
        await agent.room.local_participant.publish_dtmf(code=11, digit="#")
        await eventually(lambda: len(agent.digits) >= 4, "four digits", 30)
        await eventually(lambda: ("participant_disconnected", sip.identity) in agent.events, "the caller to leave")
        assert [digit for _, digit in agent.digits] == ["1", "5", "9", "#"]
        assert {who for who, _ in agent.digits} == {sip.identity}
        heard = agent.audio(sip.identity)
        await agent.leave()
    finally:
        await asyncio.to_thread(caller.wait)
        packets = capture.stop()
    sent = np.concatenate([sound.decode(p.payload, 8) for p in read_rtp(SIPP_PCAPS / "g711a.pcap")])
    assert sound.likeness(sent, heard) >= 0.9

    voice = [p for p in packets if p.payload_type == 8]
    back = np.concatenate([sound.decode(p.payload, 8) for p in voice])[8000:-4000]
    assert abs(sound.strongest_frequency(back[:8000]) - 1000) < 2
    digits_s = len([p for p in packets if p.payload_type == 101]) * 0.02
    assert abs(sound.decibels(sound.band_level(back, 1000), 8000 / 2**0.5)) <= 1.0
    assert sound.silent_share(back) <= 0.01
    assert digits_s > 0
    events = [p for p in packets if p.payload_type == 101]
    digits = {p.timestamp: p.payload[0] for p in events}
    assert list(digits.values()) == [7, 11]
    for timestamp in digits:
        ends = [p for p in events if p.timestamp == timestamp and p.payload[1] & 0x80]
        assert len(ends) == 3
    [record] = gateway.wait_for_records()
    assert record["room"] == room and record["end_reason"] == "hangup"


@pytest.mark.parametrize("single", [True, False])
async def test_every_caller_of_a_room_is_heard_by_whoever_stays_there(tmp_path, single):
    """One caller after the other, with one and with two peer connections."""
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]))
        agent = await gateway.join("lobby", options=rtc.RoomOptions(single_peer_connection=single))
        await agent.publish_tone(1300, AMPLITUDE)
        tones = stack.enter_context(Tones())
        for frequency in (600, 900, 700):
            phone = stack.enter_context(SIPPhone(gateway))
            answer = await asyncio.to_thread(phone.invite)
            tones.speak(phone, answer.media_port(), frequency)
            await hears(phone, 1300)
            await participant_hears(agent, "sip_+15550123", frequency, deadline=5)
            await asyncio.to_thread(phone.hang_up)
            await eventually(lambda: agent.caller() is None, "the caller to leave")
            agent.heard["sip_+15550123"].clear()
        await agent.leave()


def around_the_end(samples: np.ndarray) -> np.ndarray:
    """Two seconds in which everybody spoke already and nobody has stopped."""
    return samples[-20000:-4000]


@pytest.mark.parametrize("codec", ["opus", "pcmu"])
async def test_two_callers_and_two_participants_hear_each_other_and_not_themselves(tmp_path, codec):
    """Each sends a tone of its own. A participant gets three tracks, each with its sender's tone alone; a phone gets
    the three others' tones in one stream."""
    tones = {"first": 600, "second": 900, "sip_+15550001": 1300, "sip_+15550002": 1700}
    amplitude = 6000
    level = amplitude / 2**0.5

    def check(samples: np.ndarray, *speakers: str):
        assert len(samples) == 16000
        for name, frequency in tones.items():
            heard = sound.decibels(sound.band_level(samples, frequency), level)
            assert abs(heard) <= 1.5 if name in speakers else heard < -40, (name, heard, speakers)

    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")], room_codec=codec))
        participants = {name: await gateway.join("lobby", name) for name in ("first", "second")}
        for name, participant in participants.items():
            await participant.publish_tone(tones[name], amplitude)
        phones = {name: stack.enter_context(SIPPhone(gateway, caller=name.removeprefix("sip_"))) for name in tones if "sip" in name}
        answers = await asyncio.gather(*(asyncio.to_thread(phone.invite) for phone in phones.values()))
        assert [answer.status for answer in answers] == [200, 200]
        tasks = [asyncio.ensure_future(phone.listen()) for phone in phones.values()]
        tasks += [
            asyncio.ensure_future(phone.talk(answer.media_port(), 60, sound.ulaw_tone(tones[name], 1, amplitude)))
            for (name, phone), answer in zip(phones.items(), answers)
        ]
        stack.callback(lambda: [task.cancel() for task in tasks])

        def everybody_heard(seconds: float) -> bool:
            return all(
                len(participant.audio(other)) >= seconds * 8000
                for name, participant in participants.items() for other in tones if other != name)

        await eventually(lambda: everybody_heard(2), "everybody's tracks to be heard")
        await asyncio.sleep(3)
        for name, participant in participants.items():
            others = set(tones) - {name}
            assert set(participant.heard) == others
            for other in others:
                check(around_the_end(participant.audio(other)), other)
                kind = codec if other in phones else "opus"
                assert mime_types(participant.room.remote_participants[other]) == [MIME[kind]]
        for name, phone in phones.items():
            payloads = [packet[12:] for packet in phone.packets if packet[1] & 127 == 0]
            back = np.concatenate([sound.decode(payload, 0) for payload in payloads])
            check(around_the_end(back), *(set(tones) - {name}))
