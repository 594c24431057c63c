"""What becomes of a call when a room server of another make sends it away, falls silent, goes down or moves it."""

import asyncio

import jwt
import numpy as np
import pytest
import sound
from harness import KEY, SECRET, eventually, free_port
from livekit.protocol import models, rtc
from otherscene import AGENT_HZ, CALLER_HZ, IDENTITY, OTHER_HZ, scene
from roomserver import RoomServer
from sipphone import SIPPhone
from tones import AMPLITUDE, hears, participant_hears

ACTION = rtc.LeaveRequest.Action
both = pytest.mark.parametrize("has_one_connection", [True, False], ids=["one-connection", "two-connections"])


# Words that end the call.

@both
@pytest.mark.parametrize(("reason", "end"), [
    (models.PARTICIPANT_REMOVED, "removed"), (models.DUPLICATE_IDENTITY, "removed"), (models.ROOM_DELETED, "room-deleted"),
    (models.ROOM_CLOSED, "room-deleted"), (models.UNKNOWN_REASON, "removed")])
async def test_a_caller_whom_the_server_sends_away_is_hung_up_on(tmp_path, has_one_connection, reason, end):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        await here.server.do(here.server.send_away(here.guest, reason))
        await here.ends(end)
        # It does not come back.
        assert len(here.server.guests) == 1 and here.guest.left is None


@both
@pytest.mark.parametrize("barrier", ["before the upgrade", "after the upgrade"])
async def test_a_call_that_ends_while_the_server_lets_it_in_is_not_left_in_the_room(tmp_path, has_one_connection, barrier):
    async with scene(tmp_path, has_one_connection) as here:
        here.server.barrier = barrier
        with SIPPhone(here.gateway, caller="+15550124") as phone:
            phone.send(phone.request("INVITE", phone.offer()))
            await eventually(lambda: here.server.waiting == 1, "the second call at the server")
            phone.send(phone.request("CANCEL", cseq=phone.cseq))
            answer = await asyncio.to_thread(phone.final)
            phone.acknowledge(answer)
            assert answer.status == 487
        here.server.barrier = None
        await eventually(
            lambda: len(here.server.guests) == 2 and here.guest.left == models.CLIENT_INITIATED, "a word of leave", 5)
        assert [*here.room.guests] == [IDENTITY]


# Words that do not.

@both
@pytest.mark.parametrize("leave", [
    {"action": ACTION.RECONNECT}, {"reason": models.SERVER_SHUTDOWN}, {"reason": models.MIGRATION, "action": ACTION.RECONNECT},
    {"can_reconnect": True}], ids=["reconnect", "shutdown", "migration", "before-protocol-13"])
async def test_a_caller_who_is_told_to_join_anew_does_so(tmp_path, has_one_connection, leave):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        await eventually(lambda: here.guest.attributes["sip.callStatus"] == "active", "an active call")
        former = here.guest
        await here.server.do(here.server.send_away(former, **leave))
        await eventually(lambda: here.guest is not former, "a second guest")
        assert (here.guest.identity, here.guest.name) == (former.identity, former.name)
        assert here.guest.attributes == former.attributes and not here.guest.request.reconnect
        await here.is_heard()
        await here.phone.press(here.phone.media, "5")
        await eventually(lambda: here.room.data, "a digit")
        # Its numbers begin again with the participant.
        assert [(packet.sequence, packet.participant_sid) for packet in here.room.data] == [(1, here.guest.sid)]
        await here.hang_up()


@both
async def test_a_resume_keeps_the_participant_and_restarts_ice_with_the_token_of_the_server(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        guest, before = here.guest, len(here.phone.packets)
        token = jwt.encode(guest.claims | {"name": "renewed"}, SECRET)
        await here.server.say(guest.send, refresh_token=token)
        await here.server.do(here.server.send_away(guest, action=ACTION.RESUME))
        await eventually(lambda: guest.resumptions, "the resume")
        assert guest.resumptions[0].participant_sid == guest.sid and guest.tokens[-1] == token
        await eventually(lambda: [peer.path.restarts for peer in guest.peers] == [1] * len(guest.peers), "ICE to begin anew")
        await here.is_heard()
        heard = np.concatenate([sound.decode(packet[12:], 0) for packet in here.phone.packets[before:]])
        assert sound.silent_share(heard) * len(heard) < 0.2 * 8000, "the sound goes on meanwhile"
        [state] = guest.asked("sync_state")
        assert [each.track.sid for each in state.publish_tracks] == list(guest.tracks)
        assert list(state.subscription.track_sids) == list(guest.subscriptions)
        assert here.server.guests == [guest]
        await here.hang_up()


@both
async def test_digits_that_the_server_missed_are_sent_again_after_a_resume_and_no_others(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        guest = here.guest
        await here.phone.press(here.phone.media, "12")
        await eventually(lambda: len(here.room.data) == 2, "two digits")
        # As if the second had been lost on its way.
        await here.server.say(guest.forget_data, 1)
        await here.server.say(guest.hang_up)
        await eventually(lambda: len(here.room.data) == 3, "the second digit again")
        assert [(packet.sequence, packet.sip_dtmf.digit) for packet in here.room.data] == [(1, "1"), (2, "2"), (2, "2")]
        assert guest.repeated_count == 0
        await here.is_heard()


@both
async def test_a_server_that_has_forgotten_the_participant_gets_a_new_one(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        former = here.guest
        # No word of leave: the WebSocket ends, and the next one is told that the state does not match.
        await here.server.do(former.go())
        await eventually(lambda: here.guest is not former, "a second guest")
        await here.is_heard()
        await here.hang_up()


@both
async def test_a_server_that_falls_silent_is_noticed_by_its_pings(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection, server={"ping_interval": 1, "ping_timeout": 2}) as here:
        await here.is_heard()
        guest, pings = here.guest, len(here.guest.asked("ping_req"))
        await eventually(lambda: len(guest.asked("ping_req")) > pings + 2, "pings")
        assert not guest.resumptions
        guest.is_silent = True
        await eventually(lambda: guest.resumptions, "the resume", 6)
        guest.is_silent = False
        await here.is_heard()
        assert here.server.guests == [guest]


@both
async def test_a_call_outlives_a_server_that_is_down_for_a_moment(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        guest = here.guest
        await here.server.do(here.server.close())
        await eventually(lambda: "a room could not be reached" in here.gateway.log(), "a failed attempt")
        # The way of the sound is another one.
        await here.is_heard()
        await here.server.do(here.server.open())
        await eventually(lambda: guest.resumptions, "the resume")
        await here.is_heard()
        await here.hang_up()


@both
async def test_a_call_whose_server_stays_away_ends_in_time(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection, room_reconnect_timeout="3s") as here:
        await here.is_heard()
        await here.server.do(here.server.close())
        record = await here.ends("room-lost")
        assert "cannot be reached" in here.gateway.log() and record["sip_status"] == 200


# Elsewhere.

@both
async def test_a_caller_is_moved_to_another_room(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        await here.server.say(here.server.seat, "second", "clerk", OTHER_HZ, AMPLITUDE)
        guest, sid = here.guest, here.guest.sid
        await here.server.do(here.server.move(guest, "second"))
        await hears(here.phone, OTHER_HZ, AGENT_HZ)
        guest.recording.pieces.clear()
        await participant_hears(here.server.rooms["second"], IDENTITY, CALLER_HZ)
        assert guest.sid != sid
        # It is this participant of that room from there on.
        await here.server.say(guest.hang_up)
        await eventually(lambda: guest.resumptions, "the resume")
        assert guest.resumptions[0].participant_sid == guest.sid
        assert jwt.decode(guest.tokens[-1], SECRET, algorithms=["HS256"])["video"]["room"] == "second"
        await hears(here.phone, OTHER_HZ, AGENT_HZ)
        record = await here.hang_up()
        assert record["room"] == "second"


@both
async def test_a_caller_follows_to_the_region_that_the_server_names(tmp_path, has_one_connection):
    with RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection) as other:
        await other.say(other.seat, "lobby", "clerk", OTHER_HZ, AMPLITUDE)
        async with scene(tmp_path, has_one_connection) as here:
            await here.is_heard()
            await here.server.do(here.server.send_away(here.guest, action=ACTION.RECONNECT, regions=[other.url]))
            await hears(here.phone, OTHER_HZ, AGENT_HZ)
            await participant_hears(other.rooms["lobby"], IDENTITY, CALLER_HZ)
            assert len(here.server.guests) == 1
            # What it was told holds for this call alone.
            second = await here.call(OTHER_HZ, number="+15550124")
            await hears(second, AGENT_HZ)
            assert (await asyncio.to_thread(here.phone.hang_up)).status == 200
            await eventually(
                lambda: other.guests[0].left == models.CLIENT_INITIATED, "the other server to see the caller leave")
