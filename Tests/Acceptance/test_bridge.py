"""Transfers that the gateway carries out itself: a second call, and two phones that hear each other."""

import asyncio
import contextlib

import pytest
from harness import DEFAULT_TRUNK, Gateway, direct_rule, eventually
from livekit import api
from sipcallee import SIPCallee
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, last_half_second, level
from twirp import sdk

TARGET = "+15550188"
AGENT_HZ, CALLER_HZ, TARGET_HZ = 1300, 600, 900


class Scene:
    """A caller and an agent talk in a room; `target` waits to be called on the outbound trunk."""

    def __init__(self, stack: contextlib.ExitStack, tmp_path, mode: str, **settings):
        self.tones = stack.enter_context(Tones())
        self.target = stack.enter_context(SIPCallee("target"))
        out = {"name": "out", "address": self.target.address, "numbers": ["+15550100"]} | settings.pop("out", {})
        trunk = DEFAULT_TRUNK | {"transfer_mode": mode, "transfer_trunk": "out"}
        self.gateway = stack.enter_context(Gateway(
            tmp_path, inbound_trunks=[trunk], outbound_trunks=[out], dispatch_rules=[direct_rule("lobby")], **settings))
        self.caller = stack.enter_context(SIPPhone(self.gateway))

    async def begin(self) -> "Scene":
        self.agent = await self.gateway.join("lobby")
        await self.agent.publish_tone(AGENT_HZ, AMPLITUDE)
        answer = await asyncio.to_thread(self.caller.invite)
        assert answer.status == 200
        self.tones.speak(self.caller, answer.media_port(), CALLER_HZ)
        await hears(self.caller, AGENT_HZ)
        return self

    async def transfer(self, **fields) -> api.TransferSIPParticipantResponse:
        async with sdk(self.gateway) as client:
            return await client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(**({
                "room_name": "lobby", "participant_identity": "sip_+15550123", "transfer_to": f"tel:{TARGET}"} | fields)))

    def begin_transfer(self, **fields) -> asyncio.Future:
        return asyncio.ensure_future(self.transfer(**fields))

    async def joins_phones(self):
        """Both hear each other and not the room; the caller is in no room."""
        self.tones.speak(self.target, self.target.sound_port, TARGET_HZ)
        await hears(self.caller, TARGET_HZ, AGENT_HZ)
        await hears(self.target, CALLER_HZ, AGENT_HZ)
        await eventually(lambda: self.agent.caller() is None, "the caller to leave the room")
        assert len(self.agent.room.remote_participants) == 0

    async def ends(self, joined: bool = True) -> dict[str, dict]:
        """The records of both calls, by direction."""
        found = await eventually(lambda: len(records := self.gateway.records()) == 2 and records, "two records")
        records = {record["direction"]: record for record in found}
        assert records["inbound"].get("joined_call_id") == (records["outbound"]["call_id"] if joined else None)
        assert records["outbound"]["joined_call_id"] == records["inbound"]["call_id"]
        return records


@contextlib.asynccontextmanager
async def scene(tmp_path, mode: str, **settings):
    with contextlib.ExitStack() as stack:
        here = await Scene(stack, tmp_path, mode, **settings).begin()
        yield here
        await here.agent.leave()


@pytest.mark.parametrize("ender", ["caller", "target"])
async def test_the_two_phones_hear_each_other_and_the_end_of_either_ends_both(tmp_path, ender):
    async with scene(tmp_path, "bridge_only") as here:
        transfer = here.begin_transfer(headers={"X-Why": "sales"})
        invitation = await asyncio.to_thread(here.target.takes_call)
        assert invitation.first == f"INVITE sip:{TARGET}@{here.target.address} SIP/2.0"
        assert "sip:+15550100@" in invitation.get("From") and invitation.get("X-Why") == "sales"
        done = await transfer
        assert done.transfer_id.startswith("STR_") and done.sip_status.code == 200
        await here.joins_phones()
        first, second = (here.caller, here.target) if ender == "caller" else (here.target, here.caller)
        waiting = asyncio.ensure_future(asyncio.to_thread(second.wait_for, "BYE"))
        assert (await asyncio.to_thread(first.hang_up)).status == 200
        await waiting
        records = await here.ends()
        reasons = ("inbound", "outbound") if ender == "caller" else ("outbound", "inbound")
        assert [records[side]["end_reason"] for side in reasons] == ["hangup", "bridge-ended"]
        assert records["inbound"]["transfers"][0] | {"transfer_id": ""} == {
            "transfer_id": "", "target": f"tel:{TARGET}", "bridged": True, "succeeded": True, "reason": "completed", "sip_status": 200}
        assert records["outbound"]["packets_received"] > 0 and records["outbound"]["packets_sent"] > 0


async def test_a_provider_that_refuses_refer_gets_a_bridge(tmp_path):
    async with scene(tmp_path, "bridge") as here:
        transfer = here.begin_transfer()
        refer = await asyncio.to_thread(here.caller.wait_for, "REFER", 5, "603 Decline")
        assert refer.get("Refer-To") == f"<tel:{TARGET}>"
        await asyncio.to_thread(here.target.takes_call)
        await transfer
        await here.joins_phones()


async def test_a_provider_that_takes_refer_gets_no_second_call(tmp_path):
    async with scene(tmp_path, "bridge") as here:
        transfer = here.begin_transfer()
        await asyncio.to_thread(here.caller.wait_for, "REFER", 5, "202 Accepted")
        assert (await asyncio.to_thread(here.caller.hang_up)).status == 200
        await transfer
        assert len(here.gateway.wait_for_records()) == 1 and here.target.receive(0.3) is None


@pytest.mark.parametrize(("status", "code"), [("486 Busy Here", "resource_exhausted"), ("404 Not Found", "not_found")])
async def test_a_target_that_refuses_leaves_the_caller_in_the_room(tmp_path, status, code):
    async with scene(tmp_path, "bridge_only") as here:
        transfer = here.begin_transfer()
        await asyncio.to_thread(here.target.is_called)
        here.target.refuses(status)
        with pytest.raises(api.TwirpError) as raised:
            await transfer
        assert raised.value.code == code
        assert raised.value.metadata["sip_status_code"] == status.split()[0]
        assert here.agent.caller() is not None
        here.caller.packets.clear()
        await hears(here.caller, AGENT_HZ)


async def test_a_target_that_does_not_answer_is_cancelled_and_the_caller_hears_the_dial_tone_meanwhile(tmp_path):
    async with scene(tmp_path, "bridge_only") as here:
        request = api.TransferSIPParticipantRequest(play_dialtone=True)
        request.ringing_timeout.FromSeconds(2)
        transfer = here.begin_transfer(play_dialtone=True, ringing_timeout=request.ringing_timeout)
        await asyncio.to_thread(here.target.is_called)
        here.target.rings()
        # Ringback sounds for one second of five, and the room is not heard meanwhile.
        heard = lambda hertz: level(last_half_second(here.caller), hertz)
        await eventually(lambda: heard(425) > -12 and heard(AGENT_HZ) < -35, "the dial tone", 3)
        await asyncio.to_thread(here.target.is_cancelled)
        with pytest.raises(api.TwirpError) as raised:
            await transfer
        assert raised.value.code == "deadline_exceeded"
        assert here.agent.caller() is not None
        await hears(here.caller, AGENT_HZ, 425)


async def test_the_caller_hangs_up_while_the_target_rings(tmp_path):
    async with scene(tmp_path, "bridge_only") as here:
        transfer = here.begin_transfer()
        await asyncio.to_thread(here.target.is_called)
        here.target.rings()
        cancelled = asyncio.ensure_future(asyncio.to_thread(here.target.is_cancelled))
        await asyncio.to_thread(here.caller.hang_up)
        await cancelled
        with pytest.raises(api.TwirpError) as raised:
            await transfer
        assert raised.value.code == "aborted"
        records = await here.ends(joined=False)
        assert [records[side]["end_reason"] for side in ("inbound", "outbound")] == ["hangup", "cancelled"]


async def test_the_limits_of_the_trunk_hold_for_the_target(tmp_path):
    async with scene(tmp_path, "bridge_only", out={"denied_destinations": ["+1555018*"]}) as here:
        with pytest.raises(api.TwirpError) as raised:
            await here.transfer()
        assert raised.value.code == "permission_denied" and "denied_destinations" in raised.value.message
        assert here.agent.caller() is not None


async def test_a_call_of_ours_is_bridged_on_its_own_trunk(tmp_path):
    """The first call is placed, not received; the room has no one but it and the agent."""
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(SIPCallee(name)) for name in ("first", "second"))
        trunks = [
            {"name": name, "address": phone.address, "numbers": ["+15550100"], "transfer_mode": "bridge_only", "transfer_trunk": "b"}
            for name, phone in (("a", first), ("b", second))]
        gateway = stack.enter_context(Gateway(tmp_path, outbound_trunks=trunks))
        agent = await gateway.join("lobby")
        async with sdk(gateway) as client:
            ids = {t.name: t.sip_trunk_id for t in (await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())).items}
            placing = asyncio.ensure_future(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                sip_trunk_id=ids["a"], sip_call_to="+15550177", room_name="lobby", participant_identity="callee", wait_until_answered=True)))
            await asyncio.to_thread(first.takes_call)
            await placing
            moving = asyncio.ensure_future(client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
                room_name="lobby", participant_identity="callee", transfer_to=f"sip:{TARGET}@{second.address}")))
            await asyncio.to_thread(second.takes_call)
            await moving
        tones = stack.enter_context(Tones())
        for phone, hertz in ((first, CALLER_HZ), (second, TARGET_HZ)):
            tones.speak(phone, phone.sound_port, hertz)
        await hears(first, TARGET_HZ)
        await hears(second, CALLER_HZ)
        await eventually(lambda: agent.caller() is None, "the callee to leave the room")
