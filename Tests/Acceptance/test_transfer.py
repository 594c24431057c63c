"""Transfers by REFER, ours and the phones', and calls that take another one's place (RFC 3515, 3891)."""

import asyncio
import contextlib
import re
import urllib.parse

import pytest
from harness import DEFAULT_TRUNK, Gateway, direct_rule, eventually
from livekit import api
from sipcallee import SIPCallee
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, last_half_second, level, participant_hears
from twirp import post, sdk, token

AGENT_HZ, CALLER_HZ, OTHER_HZ = 1300, 600, 900
TARGET = "+15550188"


class Scene:
    """A caller in a room with an agent; both send tones. `out` is the address of an outbound trunk."""

    def __init__(self, stack: contextlib.ExitStack, tmp_path, *, trunk: dict | None = None, out: str = "", **settings):
        self.stack = stack
        self.tones = stack.enter_context(Tones())
        if out:
            settings["outbound_trunks"] = [{"name": "out", "address": out, "numbers": ["+15550100"]}]
        self.gateway = stack.enter_context(Gateway(
            tmp_path, inbound_trunks=[DEFAULT_TRUNK | (trunk or {})], dispatch_rules=[direct_rule("lobby")], **settings))

    async def begin(self) -> "Scene":
        self.agent = await self.gateway.join("lobby")
        await self.agent.publish_tone(AGENT_HZ, AMPLITUDE)
        self.caller = await self.call(CALLER_HZ)
        await hears(self.caller, AGENT_HZ)
        return self

    async def call(self, frequency: float, headers: list[str] = (), number: str = "+15550123") -> SIPPhone:
        phone = self.stack.enter_context(SIPPhone(self.gateway, caller=number))
        answer = await asyncio.to_thread(phone.invite, headers=headers)
        assert answer.status == 200, answer
        self.tones.speak(phone, answer.media_port(), frequency)
        return phone

    def transfer(self, to: str = f"tel:{TARGET}", timeout_s: int = 0, **fields) -> asyncio.Future:
        request = api.TransferSIPParticipantRequest(
            room_name="lobby", participant_identity="sip_+15550123", transfer_to=to, **fields)
        if timeout_s:
            request.ringing_timeout.FromSeconds(timeout_s)

        async def ask():
            async with sdk(self.gateway) as client:
                return await client.sip.transfer_sip_participant(request)

        return asyncio.ensure_future(ask())

    async def is_referred(self, status: str = "202 Accepted"):
        return await asyncio.to_thread(self.caller.wait_for, "REFER", 5, status)

    async def reports(self, status: str, state: str = "active;expires=60", number: str = "") -> int:
        """The caller's NOTIFY, and how it is answered."""
        notify = self.caller.request(
            "NOTIFY", f"SIP/2.0 {status}\r\n", headers=[f"Event: refer{number}", f"Subscription-State: {state}"],
            content="message/sipfrag")
        self.caller.send(notify)
        return (await asyncio.to_thread(self.caller.final, 5, "NOTIFY", resent=notify)).status

    async def hangs_up_on(self, phone: SIPPhone):
        """The gateway does."""
        await asyncio.to_thread(phone.wait_for, "BYE", 5)

    def dialog(self, phone: SIPPhone) -> str:
        """What a Replaces header says of the phone's call to the gateway, for the gateway."""
        return f"{phone.call_id};to-tag={phone.to_tag};from-tag={phone.tag}"


@contextlib.asynccontextmanager
async def scene(tmp_path, **settings):
    with contextlib.ExitStack() as stack:
        here = await Scene(stack, tmp_path, **settings).begin()
        yield here
        await here.agent.leave()


async def refused(transfer, code: str) -> api.TwirpError:
    with pytest.raises(api.TwirpError) as raised:
        await transfer
    assert raised.value.code == code, raised.value
    return raised.value


# REFER from us.

async def test_the_phone_is_sent_away_a_second_after_it_reports_success(tmp_path):
    async with scene(tmp_path, trunk={"attributes_to_headers": {"sip.phoneNumber": "X-Number"}}) as here:
        transfer = here.transfer(headers={"X-Why": "sales"}, play_dialtone=True)
        refer = await here.is_referred()
        assert refer.get("Refer-To") == f"<tel:{TARGET}>"
        assert (refer.get("X-Why"), refer.get("X-Number")) == ("sales", "+15550123")
        assert refer.get("Contact") and "REFER" in refer.get("Allow")
        await eventually(
            lambda: level(last_half_second(here.caller), 425) > -12 and level(last_half_second(here.caller), AGENT_HZ) < -35,
            "the dial tone instead of the room", 3)
        assert await here.reports("100 Trying") == 200
        assert await here.reports("180 Ringing") == 200 and not transfer.done()
        # Of another REFER.
        assert await here.reports("603 Decline", number=f";id={int(refer.get('CSeq').split()[0]) + 1}") == 200
        assert not transfer.done()
        assert await here.reports("200 OK", "terminated;reason=noresource") == 200
        assert (await transfer).transfer_id.startswith("STR_")
        await here.hangs_up_on(here.caller)
        [record] = here.gateway.wait_for_records()
        assert record["end_reason"] == "transferred" and record["transfers"][0]["succeeded"]


async def test_a_transfer_that_is_not_decided_in_time_gives_the_call_back_to_the_room(tmp_path):
    async with scene(tmp_path) as here:
        transfer = here.transfer(play_dialtone=True, timeout_s=1)
        await here.is_referred()
        assert await here.reports("100 Trying") == 200
        await refused(transfer, "deadline_exceeded")
        assert here.agent.caller() is not None
        await hears(here.caller, AGENT_HZ, 425)
        # It succeeds all the same: the phone talks to the target.
        assert await here.reports("200 OK", "terminated;reason=noresource") == 200
        await here.hangs_up_on(here.caller)
        assert here.gateway.wait_for_records()[0]["end_reason"] == "transferred"


async def test_a_failure_leaves_the_call_up_and_another_transfer_may_follow(tmp_path):
    async with scene(tmp_path) as here:
        transfer = here.transfer()
        await here.is_referred()
        assert await here.reports("486 Busy Here", "terminated;reason=noresource") == 200
        error = await refused(transfer, "resource_exhausted")
        assert error.metadata["sip_status_code"] == "486" and error.message.startswith("call transfer failed: sip status 486")
        await hears(here.caller, AGENT_HZ)
        # Now to one of another server's calls.
        consultation = "sip:sales@pbx.example.com?Replaces=abc%40pbx%3Bto-tag%3D1%3Bfrom-tag%3D2"
        transfer = here.transfer(consultation)
        assert (await here.is_referred("405 Method Not Allowed")).get("Refer-To") == f"<{consultation}>"
        assert (await refused(transfer, "invalid_argument")).metadata["sip_status_code"] == "405"
        assert here.agent.caller() is not None


async def test_equal_requests_at_one_time_are_one_transfer_and_another_target_is_refused(tmp_path):
    async with scene(tmp_path) as here:
        transfers = [here.transfer(), here.transfer()]
        await here.is_referred()
        error = await refused(here.transfer("tel:+15550189"), "invalid_argument")
        assert "already being transferred elsewhere" in error.message
        assert await here.reports("200 OK") == 200
        first, second = await asyncio.gather(*transfers)
        assert first.transfer_id == second.transfer_id
        # Had there been a second REFER, it would come before the BYE.
        message = await asyncio.to_thread(here.caller.receive)
        assert message.method == "BYE"
        here.caller.reply(message)
        assert len(here.gateway.wait_for_records()[0]["transfers"]) == 1


@pytest.mark.parametrize(("body", "headers", "status"), [
    ("SIP/2.0 200 OK\r\n", [], 400), ("200 fine\r\n", ["Event: refer"], 400), ("SIP/2.0 200 OK\r\n", ["Event: presence"], 501)])
async def test_a_notify_that_says_nothing_of_the_transfer_is_refused(tmp_path, body, headers, status):
    async with scene(tmp_path) as here:
        transfer = here.transfer(timeout_s=1)
        await here.is_referred()
        here.caller.send(here.caller.request("NOTIFY", body, headers=[*headers, "Subscription-State: active"], content="message/sipfrag"))
        assert (await asyncio.to_thread(here.caller.final, 5, "NOTIFY")).status == status
        await refused(transfer, "deadline_exceeded")


@pytest.mark.hosts_rooms
async def test_a_call_that_rings_is_neither_transferred_nor_moved(gateway):
    with SIPCallee() as callee:
        async with sdk(gateway) as client:
            trunk = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
                trunk=api.SIPOutboundTrunkInfo(name="out", address=callee.address, numbers=["+15550100"])))
            await client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                sip_trunk_id=trunk.sip_trunk_id, sip_call_to=TARGET, room_name="lobby", participant_identity="callee"))
            callee.is_called()
            callee.rings()
            request = api.TransferSIPParticipantRequest(room_name="lobby", participant_identity="callee", transfer_to=f"tel:{TARGET}")
            error = await refused(client.sip.transfer_sip_participant(request), "failed_precondition")
            assert "not established" in error.message
            await refused(client.room.move_participant(api.MoveParticipantRequest(
                room="lobby", identity="callee", destination_room="other")), "failed_precondition")
            request.participant_identity = "nobody"
            await refused(client.sip.transfer_sip_participant(request), "not_found")
            callee.refuses("486 Busy Here")


# Attended transfer.

async def test_the_phone_gets_the_other_call_s_peer_by_refer_with_replaces(tmp_path):
    """A consultation: two calls of ours, and the first one's phone is to take the second one's place."""
    async with scene(tmp_path) as here:
        consulted = await here.call(OTHER_HZ, number="+15550124")
        other = await eventually(
            lambda: here.agent.room.remote_participants.get("sip_+15550124"), "the other caller in the room")
        transfer = here.transfer(f"sip:{other.attributes['sip.callID']}@here")
        refer_to = (await here.is_referred()).get("Refer-To")
        uri, replaces = re.fullmatch(r"<(sip:[^?]+)\?Replaces=([^>&]+)>", refer_to).groups()
        assert uri.startswith(f"sip:+15550124@127.0.0.1:{consulted.port}")
        # As the consulted phone knows its dialog: its own tag is the to-tag.
        assert urllib.parse.unquote(replaces) == f"{consulted.call_id};to-tag={consulted.tag};from-tag={consulted.to_tag}"
        assert (await asyncio.to_thread(consulted.hang_up)).status == 200
        assert await here.reports("200 OK", "terminated;reason=noresource") == 200
        await transfer
        await here.hangs_up_on(here.caller)
        records = {record["from"]: record["end_reason"] for record in here.gateway.wait_for_records(2)}
        assert records == {"+15550123": "transferred", "+15550124": "hangup"}


@pytest.mark.parametrize("named", ["SCL_none", "itself"])
async def test_a_consultation_that_is_none_is_not_found(tmp_path, named):
    async with scene(tmp_path) as here:
        call_id = here.agent.caller().attributes["sip.callID"] if named == "itself" else named
        await refused(here.transfer(f"sip:{call_id}@here"), "not_found")


@pytest.mark.hosts_rooms
async def test_a_consultation_of_another_room_is_its_own_business(tmp_path):
    async with scene(tmp_path) as here:
        call_id = here.agent.caller().attributes["sip.callID"]
        async with sdk(here.gateway) as client:
            await client.room.move_participant(api.MoveParticipantRequest(room="lobby", identity="sip_+15550123", destination_room="other"))
        consulted = await here.call(OTHER_HZ, number="+15550124")
        body = {"room_name": "lobby", "participant_identity": "sip_+15550124", "transfer_to": f"sip:{call_id}@here", "ringing_timeout": "1s"}
        answers = [await asyncio.to_thread(
            post, here.gateway, "livekit.SIP/TransferSIPParticipant", body, auth=token(call=True, admin=admin, room_admin=True, room="lobby"))
            for admin in (False, True)]
        # Nobody answers the REFER that the administrator's token led to.
        assert [answer.error["code"] for answer in answers] == ["not_found", "deadline_exceeded"]
        assert (await asyncio.to_thread(consulted.hang_up)).status == 200


async def test_a_call_with_replaces_takes_the_place_of_another_in_its_room(tmp_path):
    async with scene(tmp_path) as here:
        before = here.agent.caller()
        old = dict(before.attributes)
        heir = await here.call(OTHER_HZ, [f"Replaces: {here.dialog(here.caller)}"], number="+15550124")
        await here.hangs_up_on(here.caller)
        await hears(heir, AGENT_HZ)
        await participant_hears(here.agent, before.identity, OTHER_HZ, CALLER_HZ)
        after = here.agent.caller()
        assert (after.sid, after.identity) == (before.sid, before.identity)
        await eventually(lambda: after.attributes["sip.callID"] != old["sip.callID"], "the new call's id")
        assert after.attributes["sip.callStatus"] == "active" and here.agent.events.count(("participant_disconnected", before.identity)) == 0
        [record] = here.gateway.wait_for_records()
        assert record["end_reason"] == "replaced" and record["joined_call_id"] == after.attributes["sip.callID"]
        assert (await asyncio.to_thread(heir.hang_up)).status == 200
        await eventually(lambda: here.agent.caller() is None, "the participant to leave")
        assert here.gateway.wait_for_records(2)[1]["room"] == "lobby"


async def test_no_call_takes_a_place_that_is_not_there_or_not_to_be_given(tmp_path):
    async with scene(tmp_path, trunk={"accept_replaces": False}) as here:
        for replaces, status in ((here.dialog(here.caller), 403), (f"none@test;to-tag=1;from-tag=2", 481), ("rubbish", 400)):
            with SIPPhone(here.gateway, caller="+15550124") as phone:
                answer = await asyncio.to_thread(phone.invite, headers=[f"Replaces: {replaces}"])
                assert answer.status == status, (replaces, answer)
        await hears(here.caller, AGENT_HZ)


# REFER from the phone.

async def refer(here: Scene, target: str) -> int:
    request = here.caller.request("REFER", headers=[f"Refer-To: {target}"])
    here.caller.send(request)
    return (await asyncio.to_thread(here.caller.final, 5, "REFER", resent=request)).status


async def is_notified(here: Scene) -> tuple[str, str]:
    notify = await asyncio.to_thread(here.caller.wait_for, "NOTIFY", 5)
    assert notify.get("Event").startswith("refer") and notify.get("Content-Type").startswith("message/sipfrag")
    return notify.body.strip(), notify.get("Subscription-State").split(";")[0]


@pytest.mark.parametrize("attended", [False, True])
async def test_a_phone_puts_another_in_its_place(tmp_path, attended):
    with SIPCallee("target") as target:
        async with scene(tmp_path, trunk={"accept_refer": True}, out=target.address) as here:
            before = here.agent.caller()
            consultation = "abc@pbx;to-tag=t1;from-tag=f1"
            headers = f"?Replaces={urllib.parse.quote(consultation, safe='')}" if attended else ""
            assert await refer(here, f"<sip:{TARGET}@pbx.example.com{headers}>") == 202
            assert await is_notified(here) == ("SIP/2.0 100 Trying", "active")
            invitation = await asyncio.to_thread(target.is_called)
            assert invitation.first == f"INVITE sip:{TARGET}@{target.address} SIP/2.0"
            assert invitation.get("Replaces") == (consultation if attended else "")
            target.rings()
            assert await is_notified(here) == ("SIP/2.0 180 Ringing", "active")
            # Meanwhile the call goes on.
            await participant_hears(here.agent, before.identity, CALLER_HZ)
            await asyncio.to_thread(target.answers)
            assert await is_notified(here) == ("SIP/2.0 200 OK", "terminated")
            await here.hangs_up_on(here.caller)
            here.tones.speak(target, target.sound_port, OTHER_HZ)
            await hears(target, AGENT_HZ)
            await participant_hears(here.agent, before.identity, OTHER_HZ, CALLER_HZ)
            after = here.agent.caller()
            assert (after.sid, after.identity, after.attributes["sip.callStatus"]) == (before.sid, before.identity, "active")
            [record] = here.gateway.wait_for_records()
            assert record["end_reason"] == "transferred" and record["joined_call_id"] == after.attributes["sip.callID"]
            waiting = asyncio.ensure_future(here.hangs_up_on(target))
            async with sdk(here.gateway) as client:
                await client.room.remove_participant(api.RoomParticipantIdentity(room="lobby", identity=before.identity))
            await waiting
            assert here.gateway.wait_for_records(2)[1]["end_reason"] == "removed"


async def test_a_target_of_the_phone_s_that_is_busy_leaves_the_call_as_it_is(tmp_path):
    with SIPCallee("target") as target:
        async with scene(tmp_path, trunk={"accept_refer": True}, out=target.address) as here:
            assert await refer(here, f"<sip:{TARGET}@pbx.example.com>") == 202
            assert await is_notified(here) == ("SIP/2.0 100 Trying", "active")
            await asyncio.to_thread(target.is_called)
            await asyncio.to_thread(target.refuses, "486 Busy Here")
            assert await is_notified(here) == ("SIP/2.0 486 Busy Here", "terminated")
            here.caller.packets.clear()
            await hears(here.caller, AGENT_HZ)


async def test_a_phone_that_may_not_is_declined(tmp_path):
    async with scene(tmp_path) as here:
        assert await refer(here, f"<sip:{TARGET}@pbx.example.com>") == 603
        assert await refer(here, "<mailto:someone@example.com>") == 400
        await hears(here.caller, AGENT_HZ)
