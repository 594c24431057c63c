"""Calls that programs place, towards sipp: what the room sees and hears, what the program is told, what the record says."""

import asyncio
import contextlib
import re
import socket

import pytest
import sound
from harness import Callee, Gateway, eventually, free_port
from livekit import api
from nameserver import SRV, NameServer
from twirp import sdk

CALLEE, NUMBER = "+15550177", "+15550100"


async def trunk(lkapi, port: int, **fields) -> str:
    request = api.CreateSIPOutboundTrunkRequest(
        trunk=api.SIPOutboundTrunkInfo(name="out", address=f"127.0.0.1:{port}", numbers=[NUMBER], **fields))
    return (await lkapi.sip.create_outbound_trunk(request)).sip_trunk_id


def request(trunk_id: str, **fields) -> api.CreateSIPParticipantRequest:
    return api.CreateSIPParticipantRequest(**({
        "sip_trunk_id": trunk_id, "sip_call_to": CALLEE, "room_name": "out", "participant_identity": "callee",
        "wait_until_answered": True} | fields))


async def record(gateway) -> dict:
    return (await eventually(lambda: gateway.records(), "the call's record"))[-1]


async def test_an_answered_call_is_heard_both_ways_and_hung_up_from_the_room(gateway, tmp_path):
    agent = await gateway.join("out")
    await agent.publish_tone(440)
    async with sdk(gateway) as lkapi:
        with Callee("callee_answers", tmp_path) as callee:
            info = await lkapi.sip.create_sip_participant(request(
                await trunk(lkapi, callee.port), display_name="Ada Lovelace", headers={"X-Campaign": "7"},
                participant_attributes={"case": "12"}, dtmf="12"))
            assert (info.room_name, info.participant_identity) == ("out", "callee")
            assert re.fullmatch("SCL_[0-9A-Za-z]{12}", info.sip_call_id)
            invite = callee.trace()
            assert f"INVITE sip:{CALLEE}@127.0.0.1:{callee.port}" in invite
            assert re.search(r'From: "?Ada Lovelace"? <sip:\+15550100@127\.0\.0\.1', invite)
            assert "X-Campaign: 7" in invite
            participant = await eventually(agent.caller, "the callee in the room")
            await eventually(lambda: participant.attributes.get("sip.callStatus") == "active", "an active call")
            assert participant.attributes["sip.callID"] == info.sip_call_id
            assert participant.attributes["sip.phoneNumber"] == CALLEE
            assert participant.attributes["sip.trunkPhoneNumber"] == NUMBER
            assert participant.attributes["case"] == "12"
            await eventually(lambda: len(agent.audio("callee")) > 8000 * 4, "four seconds of speech")
            assert sound.rms(agent.audio("callee")[-16000:]) > 200
            await lkapi.room.remove_participant(api.RoomParticipantIdentity(room="out", identity="callee"))
            await callee.finished()
    found = await record(gateway)
    assert found["end_reason"] == "removed" and found["sip_status"] == 200 and found["digits_sent"] == 2


async def test_the_phone_hangs_up(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_hangs_up", tmp_path) as callee:
            await lkapi.sip.create_sip_participant(request(await trunk(lkapi, callee.port)))
            await callee.finished()
    assert (await record(gateway))["end_reason"] == "hangup"


@pytest.mark.parametrize(
    ("status", "code", "end_reason"),
    [("486 Busy Here", "resource_exhausted", "busy"), ("404 Not Found", "not_found", "not-found"),
     ("403 Forbidden", "permission_denied", "forbidden"), ("503 Service Unavailable", "failed_precondition", "upstream-server-error"),
     ("480 Temporarily Unavailable", "resource_exhausted", "unavailable"), ("603 Decline", "permission_denied", "global-decline")])
async def test_a_refused_call_tells_the_status(gateway, tmp_path, status, code, end_reason):
    async with sdk(gateway) as lkapi:
        with Callee("callee_refuses", tmp_path, status=status) as callee:
            with pytest.raises(api.TwirpError) as raised:
                await lkapi.sip.create_sip_participant(request(await trunk(lkapi, callee.port)))
            await callee.finished()
    assert raised.value.code == code
    assert raised.value.metadata["sip_status_code"] == status.split()[0]
    assert (await record(gateway))["end_reason"].startswith(end_reason)


async def test_nobody_answers_in_time(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_rings", tmp_path) as callee:
            wanted = request(await trunk(lkapi, callee.port))
            wanted.ringing_timeout.FromSeconds(2)
            with pytest.raises(api.TwirpError) as raised:
                await lkapi.sip.create_sip_participant(wanted)
            await callee.finished()
    assert raised.value.code == "deadline_exceeded"


async def test_the_room_is_deleted_while_it_rings(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_rings", tmp_path) as callee:
            await lkapi.sip.create_sip_participant(request(await trunk(lkapi, callee.port), wait_until_answered=False))
            await eventually(lambda: "SIP/2.0 180" in callee.trace(), "ringing")
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()
    assert (await record(gateway))["end_reason"] == "room-deleted"


async def test_a_200_that_crosses_the_cancel_is_acknowledged_and_hung_up(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_answers_cancel", tmp_path) as callee:
            await lkapi.sip.create_sip_participant(request(await trunk(lkapi, callee.port), wait_until_answered=False))
            await eventually(lambda: "SIP/2.0 180" in callee.trace(), "ringing")
            await lkapi.room.remove_participant(api.RoomParticipantIdentity(room="out", identity="callee"))
            await callee.finished()
    assert len(gateway.wait_for_records()) == 1


async def test_credentials_are_given_when_asked_for(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_asks_who", tmp_path, keys={"user": "ada", "secret": "pass123"}) as callee:
            trunk_id = await trunk(lkapi, callee.port, auth_username="ada", auth_password="pass123")
            await lkapi.sip.create_sip_participant(request(trunk_id))
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()
    assert (await record(gateway))["sip_status"] == 200


@pytest.mark.parametrize("gateway", [{"outbound": {"early_media": True}}], indirect=True)
async def test_the_room_hears_early_media(gateway, tmp_path):
    gateway_room = await gateway.join("out")
    async with sdk(gateway) as lkapi:
        with Callee("callee_early_media", tmp_path) as callee:
            wanted = request(await trunk(lkapi, callee.port))
            placed = asyncio.ensure_future(lkapi.sip.create_sip_participant(wanted))
            await eventually(lambda: sound.rms(gateway_room.audio("callee")[-4000:]) > 200, "speech before the answer")
            assert not placed.done()
            await placed
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()


async def test_a_dial_tone_is_heard_in_the_room_until_the_answer(gateway, tmp_path):
    agent = await gateway.join("out")
    async with sdk(gateway) as lkapi:
        with Callee("callee_rings", tmp_path) as callee:
            await lkapi.sip.create_sip_participant(
                request(await trunk(lkapi, callee.port), wait_until_answered=False, play_dialtone=True))
            await eventually(
                lambda: len(agent.audio("callee")) > 4000 and sound.band_level(agent.audio("callee")[-4000:], 425) > 1000,
                "425 Hz in the room")
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()


async def test_an_address_that_nobody_listens_at_says_so(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with pytest.raises(api.TwirpError) as raised:
            await lkapi.sip.create_sip_participant(request(await trunk(lkapi, free_port(), transport=api.SIPTransport.SIP_TRANSPORT_TCP)))
    assert raised.value.code == "unavailable"
    assert (await record(gateway))["end_reason"] == "unreachable"


@pytest.mark.parametrize(
    ("fields", "argument"),
    [({"sip_call_to": ""}, "sip_call_to"), ({"dtmf": "12x"}, "dtmf"), ({"room_name": ""}, "room_name")])
async def test_a_request_that_cannot_be_meant_is_refused(gateway, fields, argument):
    async with sdk(gateway) as lkapi:
        trunk_id = await trunk(lkapi, free_port())
        with pytest.raises(api.TwirpError) as raised:
            await lkapi.sip.create_sip_participant(request(trunk_id, **fields))
    assert raised.value.code == "invalid_argument" and argument in raised.value.message


# What a call is transferred to, and how.

async def answered(gateway, lkapi, callee, **fields):
    agent = await gateway.join("out")
    await lkapi.sip.create_sip_participant(request(await trunk(lkapi, callee.port), **fields))
    return agent


def transfer(**fields) -> api.TransferSIPParticipantRequest:
    return api.TransferSIPParticipantRequest(**({
        "room_name": "out", "participant_identity": "callee", "transfer_to": "tel:+15550188"} | fields))


async def test_a_transfer_by_refer_ends_the_call(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_is_referred", tmp_path, keys={"outcome": "200 OK"}) as callee:
            await answered(gateway, lkapi, callee)
            await lkapi.sip.transfer_sip_participant(transfer(headers={"X-Why": "sales"}))
            assert "Refer-To: tel:+15550188" in callee.trace() or "Refer-To: <tel:+15550188>" in callee.trace()
            assert "X-Why: sales" in callee.trace()
            await callee.finished()
    await record(gateway)


async def test_a_transfer_that_fails_leaves_the_call_up(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_is_referred", tmp_path, keys={"outcome": "486 Busy Here"}) as callee:
            agent = await answered(gateway, lkapi, callee)
            with pytest.raises(api.TwirpError) as raised:
                await lkapi.sip.transfer_sip_participant(transfer(transfer_to="sip:sales@127.0.0.1"))
            assert raised.value.metadata["sip_status_code"] == "486"
            assert agent.caller() is not None and gateway.records() == []
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()


async def test_a_refused_refer_tells_its_status(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_refuses_refer", tmp_path) as callee:
            await answered(gateway, lkapi, callee)
            with pytest.raises(api.TwirpError) as raised:
                await lkapi.sip.transfer_sip_participant(transfer())
            assert raised.value.metadata["sip_status_code"] == "603"
            await lkapi.room.delete_room(api.DeleteRoomRequest(room="out"))
            await callee.finished()


async def test_a_bye_after_the_refer_counts_as_success(gateway, tmp_path):
    async with sdk(gateway) as lkapi:
        with Callee("callee_leaves_on_refer", tmp_path) as callee:
            await answered(gateway, lkapi, callee)
            await lkapi.sip.transfer_sip_participant(transfer())
            await callee.finished()


@pytest.mark.parametrize("failure", ["503", "silence", "refused"])
async def test_a_call_goes_on_to_the_next_server_of_its_trunk(tmp_path, failure):
    """SRV records lead to a server that fails, then to one that answers (RFC 3263)."""
    kind = "tcp" if failure == "refused" else "udp"
    with contextlib.ExitStack() as stack:
        callee = stack.enter_context(Callee("callee_hangs_up", tmp_path, transport="t1" if kind == "tcp" else "u1"))
        first = free_port()
        if failure == "503":
            first = stack.enter_context(Callee("callee_refuses", tmp_path, status="503 Service Unavailable")).port
        elif failure == "silence":
            asleep = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            asleep.bind(("127.0.0.1", first))
        owner = f"_sip._{kind}.pbx.example.test"
        names = stack.enter_context(NameServer(
            {owner: [(20, callee.port, "b.example.test"), (10, first, "a.example.test")]},
            {"a.example.test": "127.0.0.1", "b.example.test": "127.0.0.1"}))
        gateway = stack.enter_context(Gateway(tmp_path, dns_server=names.address))
        async with sdk(gateway) as lkapi:
            created = await lkapi.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
                trunk=api.SIPOutboundTrunkInfo(name="out", address="pbx.example.test", numbers=[NUMBER])))
            await lkapi.sip.create_sip_participant(request(created.sip_trunk_id))
            await callee.finished()
        assert f"INVITE sip:{CALLEE}@pbx.example.test" in callee.trace()
        assert (owner, SRV) in names.questions
        assert (await record(gateway))["end_reason"] == "hangup"


async def test_a_trunk_whose_name_has_no_address_says_so(tmp_path):
    with NameServer({}, {}) as names, Gateway(tmp_path, dns_server=names.address) as gateway:
        async with sdk(gateway) as lkapi:
            created = await lkapi.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
                trunk=api.SIPOutboundTrunkInfo(name="out", address="nowhere.example.test", numbers=[NUMBER])))
            with pytest.raises(api.TwirpError) as error:
                await lkapi.sip.create_sip_participant(request(created.sip_trunk_id))
            assert error.value.code == "invalid_argument"
        assert (await record(gateway))["end_reason"] == "unresolved"
