"""A caller who is moved to another room (`MoveParticipant`), on the same media loop and on another."""

import asyncio
import contextlib

import pytest
from harness import Gateway, Participant, direct_rule, eventually
from livekit import api
from sipcallee import SIPCallee
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, participant_hears
from twirp import sdk

CALLER_HZ, FIRST_HZ, SECOND_HZ = 600, 1300, 1700
CALLER = "sip_+15550123"


async def speaker(gateway: Gateway, room: str, frequency: float) -> Participant:
    participant = await gateway.join(room, room)
    await participant.publish_tone(frequency, AMPLITUDE)
    return participant


async def loop_of(participant: Participant, gateway: Gateway) -> int:
    """Each media loop has a port of its own for the participants of its rooms."""
    stats = await participant.room.get_rtc_stats()
    both = [*stats.publisher_stats, *stats.subscriber_stats]
    ports = {stat.remote_candidate.candidate.port for stat in both if stat.WhichOneof("stats") == "remote_candidate"}
    assert len(ports) == 1, ports
    return ports.pop() - gateway.configuration["rtc"]["udp_port"]


async def move(gateway: Gateway, identity: str, source: str, destination: str):
    async with sdk(gateway) as client:
        await client.room.move_participant(api.MoveParticipantRequest(
            room=source, identity=identity, destination_room=destination))


@pytest.mark.parametrize("loops", [1, 2])
async def test_sound_and_digits_follow_a_caller_to_another_room_and_back(tmp_path, loops):
    with contextlib.ExitStack() as stack:
        gateway = stack.enter_context(Gateway(tmp_path, media_loops=loops, dispatch_rules=[direct_rule("first")]))
        first, second = await speaker(gateway, "first", FIRST_HZ), await speaker(gateway, "second", SECOND_HZ)
        await eventually(lambda: first.heard is not None, "the first participant")
        phone = stack.enter_context(SIPPhone(gateway))
        answer = await asyncio.to_thread(phone.invite)
        tones = stack.enter_context(Tones())
        tones.speak(phone, answer.media_port(), CALLER_HZ)
        await hears(phone, FIRST_HZ, SECOND_HZ)
        assert await loop_of(first, gateway) == 0 and await loop_of(second, gateway) == loops - 1
        await participant_hears(first, CALLER, CALLER_HZ)
        before = first.caller()
        await move(gateway, CALLER, "first", "second")
        await hears(phone, SECOND_HZ, FIRST_HZ)
        await participant_hears(second, CALLER, CALLER_HZ)
        await eventually(lambda: first.caller() is None, "the caller to leave the first room")
        after = second.caller()
        assert (after.identity, after.name, after.attributes["sip.callID"]) == (before.identity, before.name, before.attributes["sip.callID"])
        assert after.attributes["sip.callStatus"] == "active"
        for room, participant in (("first", first), ("second", second)):
            await participant.room.local_participant.publish_dtmf(code=int(room == "second"), digit=str(int(room == "second")))
        await eventually(lambda: events_heard(phone) == [1], "a digit of the second room alone")
        await move(gateway, CALLER, "second", "first")
        await hears(phone, FIRST_HZ, SECOND_HZ)
        first.heard[CALLER].clear()
        await participant_hears(first, CALLER, CALLER_HZ)
        assert (await asyncio.to_thread(phone.hang_up)).status == 200
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == "hangup" and record["room"] == "first"
        # All of it, whatever loops it was on.
        assert record["packets_sent"] >= len(phone.packets) > 50 and record["digits_sent"] == 1
        await first.leave()
        await second.leave()


def events_heard(phone: SIPPhone) -> list[int]:
    return sorted({packet[12] for packet in phone.packets if packet[1] & 127 == 101})


async def test_a_call_of_ours_is_moved_to_a_room_that_is_made_for_it(tmp_path):
    with contextlib.ExitStack() as stack:
        gateway, callee = stack.enter_context(Gateway(tmp_path, media_loops=2)), stack.enter_context(SIPCallee())
        async with sdk(gateway) as client:
            trunk = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
                trunk=api.SIPOutboundTrunkInfo(name="out", address=callee.address, numbers=["+15550100"])))
            call = asyncio.ensure_future(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                sip_trunk_id=trunk.sip_trunk_id, sip_call_to="+15550177", room_name="first", participant_identity="callee",
                participant_metadata="m", participant_attributes={"case": "12"}, wait_until_answered=True)))
            await asyncio.to_thread(callee.takes_call)
            await call
            await move(gateway, "callee", "first", "second")
            agent = await speaker(gateway, "second", SECOND_HZ)
            tones = stack.enter_context(Tones())
            tones.speak(callee, callee.sound_port, CALLER_HZ)
            await hears(callee, SECOND_HZ)
            await participant_hears(agent, "callee", CALLER_HZ)
            assert (agent.caller().metadata, agent.caller().attributes["case"]) == ("m", "12")
            # Where it is is where it is found from there on.
            with pytest.raises(api.TwirpError) as raised:
                await move(gateway, "callee", "first", "third")
            assert raised.value.code == "not_found"
            leaving = asyncio.ensure_future(asyncio.to_thread(callee.wait_for, "BYE", 5))
            await client.room.delete_room(api.DeleteRoomRequest(room="second"))
            await leaving
        assert gateway.wait_for_records()[0]["end_reason"] == "room-deleted"
