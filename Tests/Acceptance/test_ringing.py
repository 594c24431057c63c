"""How a call ends that rings, and one whose answer nobody acknowledges, as docs/testing.md lists them."""

import asyncio
import time

import pytest
from harness import CALLER, DEFAULT_TRUNK, direct_rule, eventually, wait_until
from livekit import api
from sipphone import SIPPhone
from twirp import sdk

DESK = {"dispatch_rules": [direct_rule("desk")]}


def only_record(gateway) -> tuple[str, int]:
    [record] = gateway.wait_for_records()
    return record["end_reason"], record["sip_status"]


def test_ringing_comes_within_fifty_milliseconds_of_the_invite(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        start = time.monotonic()
        wait_until(lambda: (m := phone.receive(1)) and m.status == 180, "180")
        assert time.monotonic() - start < 0.5


def test_cancel_while_ringing_is_487_and_one_record(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        wait_until(lambda: (m := phone.receive(1)) and m.status == 180, "180")
        phone.to_tag = ""
        phone.send(phone.request("CANCEL", cseq=phone.cseq, to_tag=False))
        assert phone.final(method="CANCEL").status == 200
        answer = phone.final(method="INVITE")
        assert answer.status == 487
        phone.acknowledge(answer)
    [record] = gateway.wait_for_records()
    assert record["end_reason"] == "cancelled" and record["sip_status"] == 487


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [DEFAULT_TRUNK | {"ringing_timeout": "2s"}]}], indirect=True)
def test_nobody_in_the_room_ends_in_480(gateway):
    with SIPPhone(gateway) as phone:
        start = time.monotonic()
        answer = phone.invite(deadline=10)
        assert answer.status == 480 and time.monotonic() - start > 1.5
        assert len([p for p in phone.provisional if p.status == 180]) >= 2
    assert gateway.wait_for_records()[0]["end_reason"] == "no-answer"


@pytest.mark.parametrize("gateway", [DESK | {"ringing_timeout": "2s"}], indirect=True)
async def test_somebody_who_publishes_nothing_leaves_the_call_unanswered_with_486(gateway):
    agent = await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        call = asyncio.ensure_future(asyncio.to_thread(phone.invite))
        await eventually(agent.caller, "the caller to ring in the room")
        assert (await call).status == 486
    assert only_record(gateway) == ("cannot-subscribe", 486)
    await eventually(lambda: agent.caller() is None, "the caller to leave")


@pytest.mark.parametrize("gateway", [DESK], indirect=True)
async def test_a_caller_removed_while_it_rings_gets_486(gateway):
    with SIPPhone(gateway) as phone:
        call = asyncio.ensure_future(asyncio.to_thread(phone.invite))
        witness = await gateway.join("desk", "witness")
        await eventually(witness.caller, "the caller to ring in the room")
        # Whoever joins under an identity takes its place.
        await gateway.join("desk", f"sip_{CALLER}")
        assert (await call).status == 486
    assert only_record(gateway) == ("removed", 486)


@pytest.mark.parametrize("gateway", [DESK], indirect=True)
async def test_a_caller_whose_room_is_deleted_while_it_rings_gets_486(gateway):
    with SIPPhone(gateway) as phone:
        call = asyncio.ensure_future(asyncio.to_thread(phone.invite))
        witness = await gateway.join("desk", "witness")
        await eventually(witness.caller, "the caller to ring in the room")
        async with sdk(gateway) as server:
            await server.room.delete_room(api.DeleteRoomRequest(room="desk"))
        assert (await call).status == 486
    assert only_record(gateway) == ("room-deleted", 486)


@pytest.mark.parametrize("gateway", [DESK | {"room": {"max_participants": 1}}], indirect=True)
async def test_a_full_room_is_486(gateway):
    await gateway.join("desk")
    with SIPPhone(gateway) as phone:
        assert (await asyncio.to_thread(phone.invite)).status == 486
    assert only_record(gateway) == ("room-full", 486)


@pytest.mark.parametrize("gateway", [DESK], indirect=True)
def test_a_caller_whose_identity_no_room_takes_gets_486(gateway):
    with SIPPhone(gateway, caller="5" * 300) as phone:
        assert phone.invite().status == 486
    assert only_record(gateway) == ("join-failed", 486)


@pytest.mark.parametrize(
    "gateway", [{"answer_policy": "immediately", "media_timeout_initial": "60s"}], indirect=True)
def test_an_answer_that_is_never_acknowledged_is_repeated_and_then_hung_up(gateway):
    """RFC 3261 §13.3.1.4: 64*T1, which is 32 s."""
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        start = time.monotonic()
        assert phone.final().status == 200
        repeated = 0
        while (message := phone.receive(45)) and message.method != "BYE":
            repeated += message.status == 200
        assert 30 < time.monotonic() - start < 45
        phone.reply(message)
        assert repeated >= 5
    assert only_record(gateway) == ("no-ack", 200)
