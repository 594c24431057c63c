"""A phone call reaches a room: the whole path with sipp on one side and the stock SDK on the other."""

import asyncio
import re

import numpy as np
import sound
from harness import CALLED, CALLER, SIPP_PCAPS, Capture, Sipp, direct_rule, eventually, read_rtp
from livekit import rtc

ROOM = re.compile(rf"^call-_{re.escape(CALLER)}_[2-9A-HJ-NP-Za-km-z]{{12}}$")


def room_of_call(gateway) -> str | None:
    found = re.search(r"room[=:]\s*\"?(call-_\S+?)\"?(\s|$)", gateway.log())
    return found.group(1) if found else None


async def test_speech_digits_and_a_tone_both_ways(gateway, tmp_path):
    """Issue line 2 and 5: speech in, digits once each, a tone out, digits out, names and attributes."""
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


async def test_two_callers_and_two_participants_hear_each_other_and_not_themselves(tmp_path):
    from harness import Gateway

    with Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway:
        first = await gateway.join("lobby", "first")
        second = await gateway.join("lobby", "second")
        await first.publish_tone(600)
        await second.publish_tone(900)
        callers = [Sipp(gateway, "listen", tmp_path, caller=f"+1555000{n}") for n in (1, 2)]
        captures = [Capture(tmp_path / f"back{c.port}.pcap", f"udp dst port {c.media_port}") for c in callers]
        await eventually(lambda: len(first.heard) >= 3 and len(second.heard) >= 3, "all tracks to be subscribed")
        await asyncio.gather(*(asyncio.to_thread(caller.wait) for caller in callers))
        for participant, other, own in ((first, "second", 600), (second, "first", 900)):
            theirs = 1500 - own
            heard = participant.audio(other)[8000:16000]
            assert sound.band_level(heard, theirs) > 4000
            assert sound.band_level(heard, own) < 40
            for number in (1, 2):
                assert sound.rms(participant.audio(f"sip_+1555000{number}")) > 200
        sent = np.concatenate([sound.decode(p.payload, 8) for p in read_rtp(SIPP_PCAPS / "g711a.pcap")])
        for capture in captures:
            packets = [p for p in capture.stop() if p.payload_type == 8]
            back = np.concatenate([sound.decode(p.payload, 8) for p in packets])
            middle = back[16000:24000]
            assert sound.band_level(middle, 600) > 4000 and sound.band_level(middle, 900) > 4000
            speech = back - 0
            assert sound.likeness(sent, speech) > 0.05
        await first.leave()
        await second.leave()
