"""Server mode against a room server that shares nothing with the gateway: aiortc with full ICE, offering as LiveKit does."""

import asyncio
import time

import pytest
from harness import DEFAULT_TRUNK, KEY, direct_rule, eventually
from livekit import api
from livekit.protocol import models, rtc
from otherscene import AGENT_HZ, CALLER_HZ, IDENTITY, OTHER_HZ, scene
from sipcallee import SIPCallee
from tones import AMPLITUDE, hears, last_half_second, level, participant_hears
from twirp import sdk

both = pytest.mark.parametrize("has_one_connection", [True, False], ids=["one-connection", "two-connections"])


@both
@pytest.mark.parametrize("is_dtls_server", [True, False], ids=["dtls-server", "dtls-client"])
async def test_a_caller_and_an_agent_hear_each_other(tmp_path, has_one_connection, is_dtls_server):
    async with scene(tmp_path, has_one_connection, server={"is_dtls_server": is_dtls_server}) as here:
        await here.is_heard()
        paths = ["/rtc/v1"] if has_one_connection else ["/rtc/v1", "/rtc"]
        assert [path for path, _ in here.server.attempts] == paths
        await here.hang_up()
        # The next call knows what the server is.
        here.phone = await here.call()
        await here.is_heard()
        assert [path for path, _ in here.server.attempts] == [*paths, paths[-1]]


@both
async def test_the_server_learns_who_calls_from_the_token_and_of_the_call_from_attributes(tmp_path, has_one_connection):
    rule = direct_rule("lobby") | {
        "room_config": {"agents": [{"agent_name": "menu", "metadata": "m"}], "empty_timeout": 60},
        "attributes": {"case": "12"}, "metadata": "of the rule"}
    async with scene(tmp_path, has_one_connection, dispatch_rules=[rule]) as here:
        await here.is_heard()
        claims = here.guest.claims
        assert (claims["iss"], claims["sub"], claims["kind"]) == (KEY, IDENTITY, "sip")
        assert claims["video"] == {
            "roomJoin": True, "room": "lobby", "canPublish": True, "canSubscribe": True, "canPublishData": True,
            "canUpdateOwnMetadata": True}
        assert claims["roomConfig"]["agents"] == [{"agentName": "menu", "metadata": "m"}]
        assert claims["roomConfig"]["emptyTimeout"] == 60
        assert {"sip.callID", "sip.trunkID", "sip.phoneNumber", "sip.trunkPhoneNumber"} <= set(claims["attributes"])
        assert "case" not in claims["attributes"] and claims["metadata"] == "of the rule"
        wanted = here.guest.request.participant_attributes
        assert (wanted["case"], wanted["sip.callStatus"]) == ("12", "ringing")
        await eventually(lambda: here.guest.attributes["sip.callStatus"] == "active", "the call to be known as active")
        assert here.guest.attributes["case"] == "12" and here.guest.metadata == "of the rule"
        [track] = here.guest.tracks.values()
        assert (track.info.name, track.info.source, track.info.type) == (IDENTITY, models.MICROPHONE, models.AUDIO)


@both
async def test_attributes_that_the_server_sets_reach_the_phone(tmp_path, has_one_connection):
    trunk = DEFAULT_TRUNK | {"attributes_to_headers": {"case": "X-Case", "mood": "X-Mood"}}
    async with scene(tmp_path, has_one_connection, inbound_trunks=[trunk]) as here:
        await here.is_heard()
        # `UpdateParticipant` of the server's API does this.
        here.guest.attributes |= {"case": "77", "mood": "fine"}
        await here.server.say(here.guest.tell_room)
        del here.guest.attributes["mood"]
        await here.server.say(here.guest.tell_room)
        await here.server.do(here.server.send_away(here.guest, models.PARTICIPANT_REMOVED))
        bye = await asyncio.to_thread(here.phone.wait_for, "BYE", 10)
        assert (bye.get("X-Case"), bye.get("X-Mood")) == ("77", "")


@both
async def test_digits_travel_both_ways(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        await here.phone.press(here.phone.media, "5#")
        await eventually(lambda: len(here.room.data) == 2, "two digits")
        assert [(packet.sip_dtmf.digit, packet.sip_dtmf.code, packet.sequence, packet.participant_identity)
                for packet in here.room.data] == [("5", 5, 1, IDENTITY), ("#", 11, 2, IDENTITY)]
        await here.server.say(here.server.press, "lobby", "agent", "7", 7)
        await here.server.say(here.server.press, "lobby", "agent", "8", 8, to=[IDENTITY, "someone"])
        await here.server.say(here.server.press, "lobby", "agent", "*", 10, label="_lossy")
        await eventually(lambda: events_heard(here.phone) == [7, 8, 10], "the agent's digits")


def events_heard(phone) -> list[int]:
    return sorted({packet[12] for packet in phone.packets if packet[1] & 127 == 101})


@both
async def test_a_caller_is_muted_and_unmuted_by_the_server(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        [sid] = here.guest.tracks
        await here.server.say(here.guest.send, mute=rtc.MuteTrackRequest(sid=sid, muted=True))
        await eventually(lambda: time.monotonic() - here.guest.recording.heard_at > 1, "a second without a packet")
        await hears(here.phone, AGENT_HZ)
        await here.server.say(here.guest.send, mute=rtc.MuteTrackRequest(sid=sid, muted=False))
        await here.is_heard()


@both
async def test_more_agents_than_sections_come_and_go(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        frequencies = [800 + 200 * n for n in range(2)] + [1800 + 200 * n for n in range(3)]
        for frequency in frequencies:
            await here.server.say(here.server.seat, "lobby", f"agent-{frequency}", frequency, AMPLITUDE / 4)
        await eventually(
            lambda: all(level(last_half_second(here.phone), each) > -14 for each in frequencies), "five more agents")
        for frequency in frequencies:
            await here.server.say(here.room.remove, here.room.speakers[f"agent-{frequency}"])
        await hears(here.phone, AGENT_HZ, *frequencies)


@both
async def test_two_callers_hear_each_other_through_the_server(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        other = await here.call(OTHER_HZ, number="+15550124")
        await hears_all(other, AGENT_HZ, CALLER_HZ)
        await hears_all(here.phone, AGENT_HZ, OTHER_HZ)
        await participant_hears(here.room, "sip_+15550124", OTHER_HZ)
        assert (await asyncio.to_thread(other.hang_up)).status == 200
        await hears(here.phone, AGENT_HZ, OTHER_HZ)


async def hears_all(phone, *frequencies: float):
    await eventually(
        lambda: all(abs(level(last_half_second(phone), each)) < 2 for each in frequencies), f"{frequencies} Hz")


@both
async def test_an_agent_hangs_up_and_asks_for_headers_by_rpc(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        agent = here.room.speakers["agent"]

        async def ask(method: str, payload: str):
            packet = models.DataPacket(destination_identities=[IDENTITY], rpc_request=models.RpcRequest(
                id=method, method=method, payload=payload, response_timeout_ms=5000, version=1))
            await here.server.say(here.room.pass_on, agent, packet, "_reliable")

        await ask("lk.sip.GetRemoteHeaders", '{"include": ["Call-ID"]}')
        await eventually(lambda: answers(here), "the headers")
        assert [packet.destination_identities for packet in here.room.data] == [["agent"], ["agent"]]
        assert here.phone.call_id in answers(here)[0].payload
        await ask("lk.sip.EndCall", '{"headers": {"X-Why": "done"}}')
        bye = await asyncio.to_thread(here.phone.wait_for, "BYE", 10)
        assert bye.get("X-Why") == "done"
        await eventually(lambda: here.guest.left is not None, "the caller to leave")
        assert here.gateway.wait_for_records()[0]["end_reason"] == "end-requested"


def answers(here) -> list:
    return [packet.rpc_response for packet in here.room.data if packet.WhichOneof("value") == "rpc_response"]


@both
async def test_a_caller_is_transferred(tmp_path, has_one_connection):
    async with scene(tmp_path, has_one_connection) as here:
        await here.is_heard()
        async with sdk(here.gateway) as client:
            transfer = asyncio.ensure_future(client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
                room_name="lobby", participant_identity=IDENTITY, transfer_to="tel:+15550188")))
            refer = await asyncio.to_thread(here.phone.wait_for, "REFER", 5, "202 Accepted")
            assert refer.get("Refer-To") == "<tel:+15550188>"
            notify = here.phone.request(
                "NOTIFY", "SIP/2.0 200 OK\r\n", headers=["Event: refer", "Subscription-State: terminated;reason=noresource"],
                content="message/sipfrag")
            here.phone.send(notify)
            await asyncio.to_thread(here.phone.final, 5, "NOTIFY", resent=notify)
            assert (await transfer).transfer_id.startswith("STR_")
        await here.ends("transferred")
        await eventually(lambda: here.guest.left is not None, "the server to see the caller leave")


@both
async def test_a_call_out_is_in_the_room_and_ends_when_it_is_removed(tmp_path, has_one_connection):
    with SIPCallee() as callee:
        out = {"name": "out", "address": callee.address, "numbers": ["+15550100"]}
        async with scene(tmp_path, has_one_connection, outbound_trunks=[out]) as here, sdk(here.gateway) as client:
            call = asyncio.ensure_future(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                sip_call_to="+15550177", sip_number="+15550100", room_name="lobby", participant_identity="callee",
                participant_attributes={"case": "13"}, wait_until_answered=True)))
            await asyncio.to_thread(callee.takes_call)
            assert here.guest.sid == (await call).participant_id and here.guest.attributes["case"] == "13"
            here.tones.speak(callee, callee.sound_port, OTHER_HZ)
            await hears_all(callee, AGENT_HZ, CALLER_HZ)
            await participant_hears(here.room, "callee", OTHER_HZ)
            await here.server.do(here.server.send_away(here.guest, models.PARTICIPANT_REMOVED))
            await asyncio.to_thread(callee.wait_for, "BYE", 10)
            assert here.gateway.wait_for_records()[0]["end_reason"] == "removed"
