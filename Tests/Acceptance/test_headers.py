"""SIP headers as participant attributes and back, and what a room may ask of a call (`lk.sip.…`)."""

import asyncio
import contextlib
import json

import pytest
from harness import DEFAULT_TRUNK, Gateway, direct_rule, eventually
from livekit import api, rtc
from sipcallee import SIPCallee
from sipphone import Message, SIPPhone
from twirp import sdk

CALLER = "sip_+15550123"
MAPS = {"headers": {"X-Bridge": "trunkline"}, "headers_to_attributes": {"X-Customer": "customer"},
        "attributes_to_headers": {"ticket": "X-Ticket", "tier": "X-Tier", "missing": "X-Missing"}}
SENT = ["X-Customer: Ada", "X-Other: 7", "Subject: hello", "X-Call_leg_id: leg-1"]


@contextlib.asynccontextmanager
async def answered(tmp_path, include: str = "SIP_NO_HEADERS", headers: list[str] = SENT):
    """A gateway, a phone whose call is answered, its answer, and an agent."""
    rule = direct_rule("lobby") | {"attributes": {"tier": "gold"}}
    with Gateway(tmp_path, inbound_trunks=[DEFAULT_TRUNK | MAPS | {"include_headers": include}], dispatch_rules=[rule],
                 answer_policy="participant_joined") as gateway:
        agent = await gateway.join("lobby")
        with SIPPhone(gateway) as phone:
            answer = await asyncio.to_thread(phone.invite, headers=headers)
            assert answer.status == 200
            await eventually(agent.caller, "the caller in the room")
            yield gateway, phone, answer, agent
        await agent.leave()


def headers_of(attributes: dict) -> dict:
    return {name: value for name, value in attributes.items() if name.startswith("sip.h.")}


async def set_attributes(gateway: Gateway, **attributes: str):
    async with sdk(gateway) as client:
        await client.room.update_participant(api.UpdateParticipantRequest(
            room="lobby", identity=CALLER, attributes=attributes))


async def ends_with_bye(gateway: Gateway, phone: SIPPhone, end) -> Message:
    waiting = asyncio.ensure_future(asyncio.to_thread(phone.wait_for, "BYE", 5))
    async with sdk(gateway) as client:
        await end(client)
    return await waiting


@pytest.mark.parametrize(("include", "included"), [
    ("SIP_NO_HEADERS", set()), ("SIP_X_HEADERS", {"x-customer", "x-other", "x-call_leg_id"}), ("SIP_ALL_HEADERS", None)])
async def test_headers_of_an_invite_become_attributes(tmp_path, include, included):
    async with answered(tmp_path, include) as (_, phone, answer, agent):
        attributes = dict(agent.caller().attributes)
        assert attributes["customer"] == "Ada" and attributes["sip.telnyx.callLegID"] == "leg-1"
        found = {name.removeprefix("sip.h.") for name in headers_of(attributes)}
        if included is None:
            assert found > {"x-customer", "x-other", "subject", "call-id", "via"} and attributes["sip.h.subject"] == "hello"
            assert attributes["sip.h.call-id"] == phone.call_id
        else:
            assert found == included
        assert (answer.get("X-Bridge"), answer.get("X-Tier"), answer.all("X-Missing")) == ("trunkline", "gold", [])


@pytest.mark.parametrize("end", ["room deleted", "removed", "hung up"])
async def test_attributes_are_headers_of_the_bye_also_when_the_room_is_gone(tmp_path, end):
    async with answered(tmp_path) as (gateway, phone, _, agent):
        ends = {
            "room deleted": lambda client: client.room.delete_room(api.DeleteRoomRequest(room="lobby")),
            "removed": lambda client: client.room.remove_participant(api.RoomParticipantIdentity(room="lobby", identity=CALLER)),
            "hung up": lambda client: agent.room.local_participant.perform_rpc(
                destination_identity=CALLER, method="lk.sip.EndCall", payload=json.dumps({"headers": {"X-End": "done"}})),
        }
        # The end follows the change at once.
        await set_attributes(gateway, ticket="4711", missing="a\r\nInjected: yes")
        bye = await ends_with_bye(gateway, phone, ends[end])
        assert (bye.get("X-Ticket"), bye.get("X-Tier")) == ("4711", "gold")
        assert bye.get("X-End") == ("done" if end == "hung up" else "")
        assert not bye.all("X-Missing") and not bye.all("Injected")
        assert gateway.wait_for_records()[0]["end_reason"] == {
            "room deleted": "room-deleted", "removed": "removed", "hung up": "end-requested"}[end]


async def test_a_room_asks_for_the_headers_of_the_caller(tmp_path):
    async with answered(tmp_path) as (_, phone, _answer, agent):
        async def ask(payload: str) -> dict:
            return json.loads(await agent.room.local_participant.perform_rpc(
                destination_identity=CALLER, method="lk.sip.GetRemoteHeaders", payload=payload))["headers"]

        everything = await ask("")
        assert everything["X-Customer"] == "Ada" and everything["Call-ID"] == phone.call_id and everything["Subject"] == "hello"
        assert await ask("{}") == everything
        assert await ask('{"include": ["x-customer", "SUBJECT", "x-none"]}') == {"X-Customer": "Ada", "Subject": "hello"}
        assert await ask('{"include": ["x-customer", "x-other"], "exclude": ["X-Other"]}') == {"X-Customer": "Ada"}
        for method, payload, code in (
                ("lk.sip.GetRemoteHeaders", "rubbish", 1500), ("lk.sip.EndCall", '{"headers": {"X-A": "b\\r\\nC: d"}}', 1500),
                ("lk.sip.EndCall", '{"headers": {"a b": "c"}}', 1500), ("lk.sip.Nothing", "", rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD)):
            with pytest.raises(rtc.RpcError) as raised:
                await agent.room.local_participant.perform_rpc(destination_identity=CALLER, method=method, payload=payload)
            assert raised.value.code == code, (method, payload, raised.value)
        assert agent.caller() is not None


# Calls out.

@contextlib.asynccontextmanager
async def placing(gateway: Gateway, callee: SIPCallee, **trunk):
    """A client, and a call that is being placed with the maps above."""
    async with sdk(gateway) as client:
        made = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=api.SIPOutboundTrunkInfo(**(
            {"name": "out", "address": callee.address, "numbers": ["+15550100"]} | MAPS | trunk))))
        call = asyncio.ensure_future(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
            sip_trunk_id=made.sip_trunk_id, sip_call_to="+15550177", room_name="lobby", participant_identity=CALLER,
            participant_attributes={"ticket": "12", "tier": "silver"}, headers={"X-Campaign": "7", "x-tier": "lead"},
            wait_until_answered=True)))
        yield client, call


async def test_headers_of_a_call_of_ours_and_of_its_answer(gateway):
    agent = await gateway.join("lobby")
    with SIPCallee() as callee:
        async with placing(gateway, callee, include_headers=api.SIPHeaderOptions.SIP_X_HEADERS) as (client, call):
            invitation = await asyncio.to_thread(callee.takes_call, ["X-Customer: Bob", "X-Queue: 3", "Subject: hi"])
            # The trunk's, the request's, and over them what attributes say.
            assert [invitation.all(name) for name in ("X-Bridge", "X-Campaign", "X-Ticket", "X-Tier")] == [
                ["trunkline"], ["7"], ["12"], ["silver"]]
            await call
            participant = await eventually(agent.caller, "the callee in the room")
            await eventually(lambda: participant.attributes.get("customer") == "Bob", "the header of the answer")
            assert headers_of(participant.attributes) == {"sip.h.x-customer": "Bob", "sip.h.x-queue": "3"}
            answer = json.loads(await agent.room.local_participant.perform_rpc(
                destination_identity=CALLER, method="lk.sip.GetRemoteHeaders", payload='{"include": ["X-Queue", "Subject"]}'))
            assert answer == {"headers": {"X-Queue": "3", "Subject": "hi"}}
            await set_attributes(gateway, ticket="13")
            bye = await ends_with_bye(gateway, callee, lambda _: client.room.delete_room(api.DeleteRoomRequest(room="lobby")))
            assert (bye.get("X-Ticket"), bye.get("X-Tier")) == ("13", "silver")


async def test_headers_of_the_cancel(gateway):
    agent = await gateway.join("lobby")
    with SIPCallee() as callee:
        async with placing(gateway, callee) as (client, call):
            await asyncio.to_thread(callee.is_called)
            callee.rings()
            await eventually(lambda: agent.caller() and agent.caller().attributes.get("sip.callStatus") == "ringing", "ringing")
            await set_attributes(gateway, ticket="14")
            cancelled = asyncio.ensure_future(asyncio.to_thread(callee.next, "CANCEL"))
            await client.room.remove_participant(api.RoomParticipantIdentity(room="lobby", identity=CALLER))
            cancel = await cancelled
            assert cancel.get("X-Ticket") == "14"
            callee.reply(cancel)
            await asyncio.to_thread(callee.refuses, "487 Request Terminated")
            with pytest.raises(api.TwirpError):
                await call
