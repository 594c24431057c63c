"""LiveKit's server SDK manages trunks, rules, rooms and calls of the gateway."""

import asyncio
import inspect
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
from harness import CALLED, KEY, ROOT, SECRET, Gateway, Sipp, binary, direct_rule, eventually, wait_until
from livekit import api, rtc
from sipphone import SIPPhone
from twirp import ALL, post, sdk, token


def stored_only() -> dict:
    """Nothing in the configuration file: the API alone makes trunks and rules."""
    return {"inbound_trunks": [], "dispatch_rules": []}


@pytest.fixture
def empty(tmp_path: pathlib.Path):
    with Gateway(tmp_path, **stored_only()) as running:
        yield running


async def refused(call, code: str, text: str = "") -> api.ServerError:
    with pytest.raises(api.ServerError) as caught:
        await call
    assert caught.value.code == code and text in caught.value.message, caught.value
    return caught.value


async def test_inbound_trunks_from_creation_to_deletion(empty):
    async with sdk(empty) as client:
        made = await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=api.SIPInboundTrunkInfo(
            name="office", numbers=["+15550100"], allowed_addresses=["127.0.0.0/8"], auth_username="me", auth_password="pw",
            headers={"X-A": "b"}, krisp_enabled=True)))
        assert made.sip_trunk_id.startswith("ST_") and made.created_at.seconds > 1_700_000_000
        other = await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(
            trunk=api.SIPInboundTrunkInfo(name="other", numbers=["+15550101"])))
        listed = await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
        assert sorted(t.sip_trunk_id for t in listed.items) == sorted([made.sip_trunk_id, other.sip_trunk_id])
        assert next(t for t in listed.items if t.name == "office").auth_password == "pw"
        found = await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest(numbers=["1 (555) 0101"]))
        assert [t.name for t in found.items] == ["other"]
        fields = await client.sip.update_inbound_trunk_fields(made.sip_trunk_id, numbers=["+15550102"], name="renamed")
        assert (fields.name, list(fields.numbers), fields.auth_username) == ("renamed", ["+15550102"], "me")
        assert fields.updated_at.ToNanoseconds() > made.updated_at.ToNanoseconds()
        replaced = await client.sip.update_inbound_trunk(made.sip_trunk_id, api.SIPInboundTrunkInfo(numbers=["+15550103"]))
        assert (replaced.name, replaced.auth_username, replaced.created_at) == ("", "", made.created_at)
        await refused(client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(
            trunk=api.SIPInboundTrunkInfo(numbers=["+15550101"]))), "invalid_argument", "both take calls")
        gone = await client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=other.sip_trunk_id))
        assert gone.sip_trunk_id == other.sip_trunk_id
        await refused(client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=other.sip_trunk_id)), "not_found")
        await refused(client.sip.update_inbound_trunk_fields(other.sip_trunk_id, name="x"), "not_found")


async def test_outbound_trunks_from_creation_to_deletion(empty):
    async with sdk(empty) as client:
        made = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(trunk=api.SIPOutboundTrunkInfo(
            name="carrier", address="sip.example.com:5070", numbers=["+15550100"], auth_username="me", auth_password="pw",
            transport=api.SIPTransport.SIP_TRANSPORT_TCP)))
        again = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(address="192.0.2.1", numbers=["+15550100"])))
        listed = await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest(trunk_ids=[again.sip_trunk_id, "ST_no", made.sip_trunk_id]))
        assert [t.sip_trunk_id for t in listed.items] == [again.sip_trunk_id, "", made.sip_trunk_id]
        assert len((await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())).items) == 2
        fields = await client.sip.update_outbound_trunk_fields(made.sip_trunk_id, address="sip.example.org", auth_password="new")
        assert (fields.address, fields.auth_password, fields.name) == ("sip.example.org", "new", "carrier")
        replaced = await client.sip.update_outbound_trunk(made.sip_trunk_id, api.SIPOutboundTrunkInfo(address="192.0.2.2", numbers=["+1555"]))
        assert replaced.address == "192.0.2.2" and replaced.auth_username == ""
        await refused(client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(address="sip:x", numbers=["+1"]))), "invalid_argument", "address")
        await client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))
        assert len((await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest())).items) == 1


async def test_dispatch_rules_from_creation_to_deletion(empty):
    direct = api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name="lobby"))
    async with sdk(empty) as client:
        flat = await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(
            rule=direct, name="flat", trunk_ids=["ST_a"], attributes={"a": "b"}, metadata="m"))
        nested = await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=api.SIPDispatchRuleInfo(
            rule=api.SIPDispatchRule(dispatch_rule_individual=api.SIPDispatchRuleIndividual(room_prefix="call-", pin="1234")),
            name="nested", room_config=api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="x")]))))
        assert flat.sip_dispatch_rule_id.startswith("SDR_") and nested.room_config.agents[0].agent_name == "x"
        found = await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest(trunk_ids=["ST_b"]))
        assert [r.name for r in found.items] == ["nested"]
        assert len((await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())).items) == 2
        fields = await client.sip.update_dispatch_rule_fields(flat.sip_dispatch_rule_id, trunk_ids=["ST_c"], attributes={"a": "", "c": "d"})
        assert list(fields.trunk_ids) == ["ST_c"] and dict(fields.attributes) == {"c": "d"} and fields.metadata == "m"
        replaced = await client.sip.update_dispatch_rule(flat.sip_dispatch_rule_id, api.SIPDispatchRuleInfo(rule=direct, name="new"))
        assert replaced.name == "new" and not replaced.trunk_ids
        await refused(client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(rule=direct)), "invalid_argument", "new")
        await client.sip.delete_dispatch_rule(api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=flat.sip_dispatch_rule_id))
        await refused(client.sip.delete_dispatch_rule(
            api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=flat.sip_dispatch_rule_id)), "not_found")


async def test_a_change_holds_for_the_next_call_and_leaves_running_ones_alone(empty, tmp_path):
    async with sdk(empty) as client:
        trunk = await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(
            trunk=api.SIPInboundTrunkInfo(name="made", numbers=[CALLED], allowed_addresses=["127.0.0.0/8"])))
        rule = await client.sip.create_dispatch_rule(api.CreateSIPDispatchRuleRequest(dispatch_rule=api.SIPDispatchRuleInfo(
            trunk_ids=[trunk.sip_trunk_id], rule=api.SIPDispatchRule(dispatch_rule_direct=api.SIPDispatchRuleDirect(room_name="lobby")))))
        agent = await empty.join("lobby")
        await agent.publish_tone(700)
        caller = Sipp(empty, "until_bye", tmp_path)
        await eventually(agent.caller, "the caller to be in the room")
        calls = post(empty, "trunkline.Calls/ListCalls", auth=token(**ALL)).json["calls"]
        assert [(c["trunk_id"], c["rule_id"], c["room_name"]) for c in calls] == [
            (trunk.sip_trunk_id, rule.sip_dispatch_rule_id, "lobby")]
        await client.sip.delete_dispatch_rule(api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule.sip_dispatch_rule_id))
        with SIPPhone(empty) as phone:
            assert phone.invite().status == 404
        assert agent.caller() is not None
        await eventually(lambda: len(agent.audio(agent.caller().identity)) > 8000, "a second of the first call")
        assert post(empty, "trunkline.Calls/ListCalls", auth=token(**ALL)).json["calls"][0]["state"] == "CALL_STATE_ACTIVE"
        hang_up = ("trunkline.Calls/HangUp", {"call_id": calls[0]["call_id"]})
        for other in (token(call=True), token(call=True, room_admin=True, room="other"), token(room_admin=True, room="lobby")):
            assert post(empty, *hang_up, auth=other).error["code"] == "permission_denied"
        ended = post(empty, *hang_up, auth=token(call=True, room_admin=True, room="lobby")).json
        assert ended["call_id"] == calls[0]["call_id"]
        caller.wait()
        records = empty.wait_for_records(2)
        assert {r["rule_id"] for r in records} == {rule.sip_dispatch_rule_id, ""}


async def test_the_configuration_files_trunks_are_shown_and_changed_there(gateway):
    async with sdk(gateway) as client:
        trunk = (await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items[0]
        rule = (await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())).items[0]
        assert (trunk.name, rule.name) == ("provider", "agents")
        for call in (client.sip.update_inbound_trunk_fields(trunk.sip_trunk_id, name="x"),
                     client.sip.delete_trunk(api.DeleteSIPTrunkRequest(sip_trunk_id=trunk.sip_trunk_id)),
                     client.sip.delete_dispatch_rule(api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule.sip_dispatch_rule_id))):
            error = await refused(call, "failed_precondition", "trunkline.yaml:")
            assert error.status == 412
        await refused(client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(
            trunk=api.SIPInboundTrunkInfo(numbers=[CALLED]))), "invalid_argument", "provider")


async def test_the_store_outlives_the_process(empty):
    async with sdk(empty) as client:
        trunk = await client.sip.create_inbound_trunk(api.CreateSIPInboundTrunkRequest(trunk=api.SIPInboundTrunkInfo(numbers=["+15550100"])))
    assert empty.stop(signal.SIGINT) == 0
    path = empty.directory / "data" / "trunkline.sqlite"
    assert path.stat().st_mode & 0o777 == 0o600
    empty.__enter__()
    async with sdk(empty) as client:
        assert list((await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())).items) == [trunk]


def test_what_was_acknowledged_survives_kill_9(empty):
    """Writers go on until the process is killed in the middle; every answer that arrived must hold afterwards."""
    auth, number, expected = token(admin=True), iter(range(10**6)), {}
    # Updates of one rule by each worker: the last one that was sent, and the last one that was answered.
    rules, sent, answered = {}, {}, {}

    def update(worker: int):
        if worker not in rules:
            made = post(empty, "livekit.SIP/CreateSIPDispatchRule", {"rule": {"dispatch_rule_direct": {
                "room_name": "lobby", "pin": f"{worker}"}}, "metadata": "0"}, auth=auth)
            assert made.status == 200
            rules[worker], sent[worker], answered[worker] = made.json["sip_dispatch_rule_id"], 0, 0
        sent[worker] += 1
        body = {"sip_dispatch_rule_id": rules[worker], "update": {"metadata": f"{sent[worker]}"}}
        if post(empty, "livekit.SIP/UpdateSIPDispatchRule", body, auth=auth).status == 200:
            answered[worker] = sent[worker]

    def write(stop: threading.Event, worker: int):
        mine = []
        while not stop.is_set():
            try:
                update(worker)
                made = post(empty, "livekit.SIP/CreateSIPInboundTrunk", {"trunk": {"numbers": [f"+1{worker}{next(number):09d}"]}}, auth=auth)
                if made.status != 200:
                    return
                identity = made.json["sip_trunk_id"]
                expected[identity] = made.json["numbers"]
                mine.append(identity)
                if len(mine) == 3:
                    victim = mine.pop()
                    mine.clear()
                    # Until the answer it may be there or not.
                    expected.pop(victim)
                    if post(empty, "livekit.SIP/DeleteSIPTrunk", {"sip_trunk_id": victim}, auth=auth).status == 200:
                        deleted.add(victim)
            except OSError:
                return

    deleted = set()
    for round_number in range(3):
        stop = threading.Event()
        writers = [threading.Thread(target=write, args=(stop, worker)) for worker in range(4)]
        before = len(expected)
        for writer in writers:
            writer.start()
        wait_until(lambda: len(expected) >= before + 40, "some writes")
        empty.process.send_signal(signal.SIGKILL)
        empty.process.wait(10)
        stop.set()
        for writer in writers:
            writer.join()
        empty.__enter__()
        items = post(empty, "livekit.SIP/ListSIPInboundTrunk", auth=auth).json["items"]
        found = {item["sip_trunk_id"]: item["numbers"] for item in items}
        assert {i: found.get(i) for i in expected} == expected, f"round {round_number}"
        assert not deleted & set(found)
        items = post(empty, "livekit.SIP/ListSIPDispatchRule", auth=auth).json["items"]
        metadata = {item["sip_dispatch_rule_id"]: int(item["metadata"]) for item in items}
        for worker, rule in rules.items():
            assert answered[worker] <= metadata[rule] <= sent[worker], f"round {round_number}"
    assert len(expected) >= 120 and len(deleted) >= 10 and len(rules) == 4 and min(answered.values()) > 10


async def test_rooms(gateway):
    async with sdk(gateway) as client:
        made = await client.room.create_room(api.CreateRoomRequest(name="made", empty_timeout=60, metadata="m", max_participants=5))
        assert made.sid.startswith("RM_") and (made.metadata, made.max_participants) == ("m", 5)
        assert (await client.room.create_room(api.CreateRoomRequest(name="made"))).sid == made.sid
        await gateway.join("lobby", "ann")
        rooms = await client.room.list_rooms(api.ListRoomsRequest())
        assert [r.name for r in rooms.rooms] == ["lobby", "made"]
        assert [r.name for r in (await client.room.list_rooms(api.ListRoomsRequest(names=["made", "no"]))).rooms] == ["made"]
        assert (await client.room.update_room_metadata(api.UpdateRoomMetadataRequest(room="made", metadata="new"))).metadata == "new"
        await client.room.delete_room(api.DeleteRoomRequest(room="made"))
        await refused(client.room.delete_room(api.DeleteRoomRequest(room="made")), "not_found")
        await refused(client.room.create_room(api.CreateRoomRequest(name="")), "invalid_argument")
        await refused(client.room.create_room(api.CreateRoomRequest(name="x", egress=api.RoomEgress())), "unimplemented")


def is_quiet(listener, speaker: str) -> bool:
    """The last half second of what is heard is silence, or nothing was heard for longer."""
    now = time.monotonic()
    count = len(listener.audio(speaker))
    before, since = listener.__dict__.setdefault("quiet", (count, now))
    if count != before:
        listener.quiet = (count, now)
    return count == before and now - since > 0.5 or (count > 4000 and abs(listener.audio(speaker)[-4000:]).max() < 50)


async def test_participants(gateway):
    ann = await gateway.join("lobby", "ann")
    bob = await gateway.join("lobby", "bob", rtc.RoomOptions(single_peer_connection=False))
    await ann.publish_tone(500)
    await eventually(lambda: len(bob.audio("ann")) > 8000, "ann to be heard")
    async with sdk(gateway) as client:
        people = (await client.room.list_participants(api.ListParticipantsRequest(room="lobby"))).participants
        assert [p.identity for p in people] == ["ann", "bob"]
        who = api.RoomParticipantIdentity(room="lobby", identity="ann")
        track = (await client.room.get_participant(who)).tracks[0]
        subscription = api.UpdateSubscriptionsRequest(room="lobby", identity="bob", track_sids=[track.sid], subscribe=False)
        await client.room.update_subscriptions(subscription)
        await eventually(lambda: is_quiet(bob, "ann"), "bob to hear nothing more")
        subscription.subscribe = True
        await client.room.update_subscriptions(subscription)
        heard = len(bob.audio("ann"))
        await eventually(lambda: len(bob.audio("ann")) > heard + 8000, "bob to hear ann again")
        muted = await client.room.mute_published_track(api.MuteRoomTrackRequest(room="lobby", identity="ann", track_sid=track.sid, muted=True))
        assert muted.track.muted
        publication = bob.room.remote_participants["ann"].track_publications[track.sid]
        await eventually(lambda: publication.muted, "the mute to be seen")
        await refused(client.room.mute_published_track(
            api.MuteRoomTrackRequest(room="lobby", identity="ann", track_sid=track.sid, muted=False)), "failed_precondition")
        changed = await client.room.update_participant(api.UpdateParticipantRequest(
            room="lobby", identity="ann", name="Ann", metadata="m", attributes={"k": "v"},
            permission=api.ParticipantPermission(can_subscribe=True, can_publish=False, can_publish_data=True)))
        assert (changed.name, changed.metadata, dict(changed.attributes)) == ("Ann", "m", {"k": "v"})
        await eventually(lambda: bob.room.remote_participants["ann"].name == "Ann", "the name to be seen")
        assert not changed.tracks
        await client.room.send_data(api.SendDataRequest(room="lobby", data=b"hello", kind=api.DataPacket.Kind.RELIABLE, topic="t"))
        await client.room.send_data(api.SendDataRequest(room="lobby", data=b"bob", kind=api.DataPacket.Kind.RELIABLE, destination_identities=["bob"]))
        await eventually(lambda: len(bob.data) == 2, "the data")
        assert sorted(bob.data) == [("", b"bob"), ("", b"hello")] and ann.data == [("", b"hello")]
        await client.room.remove_participant(who)
        await eventually(lambda: any(name == "disconnected" for name, _ in ann.events), "ann to be out")
        await refused(client.room.remove_participant(who), "not_found")
        await refused(client.room.forward_participant(api.ForwardParticipantRequest(
            room="lobby", identity="bob", destination_room="other")), "unimplemented")
        await refused(client.room.move_participant(api.MoveParticipantRequest(
            room="lobby", identity="bob", destination_room="other")), "unimplemented", "only phones")


async def test_a_program_calls_a_method_of_a_participant(gateway):
    ann = await gateway.join("lobby", "ann")

    @ann.room.local_participant.register_rpc_method("double")
    async def double(call: rtc.RpcInvocationData):
        if call.payload == "odd":
            raise rtc.RpcError(1500, "cannot", "why")
        return call.payload * 2

    slept = []

    @ann.room.local_participant.register_rpc_method("sleep")
    async def sleep(call: rtc.RpcInvocationData):
        slept.append(call)
        await asyncio.sleep(50)
        return ""

    def call(method: str, payload: str, **fields):
        body = {"room": "lobby", "destination_identity": "ann", "method": method, "payload": payload} | fields
        return post(gateway, "livekit.RoomService/PerformRpc", body, auth=token(room_admin=True, room="lobby"))

    answer = await asyncio.to_thread(call, "double", "ab")
    assert answer.json == {"payload": "abab"}
    error = (await asyncio.to_thread(call, "triple", "ab")).error
    assert error["code"] == "unimplemented" and error["meta"]["rpc_error_code"] == "1400"
    error = (await asyncio.to_thread(call, "double", "odd")).error
    assert (error["code"], error["msg"], error["meta"]["rpc_error_data"]) == ("failed_precondition", "cannot", "why")
    assert call("double", "ab", destination_identity="nobody").error["code"] == "not_found"
    # Whoever leaves answers no more.
    started = time.monotonic()
    waiting = asyncio.ensure_future(asyncio.to_thread(call, "sleep", "", response_timeout_ms=60_000))
    await eventually(lambda: slept, "the call to arrive")
    await ann.leave()
    assert (await waiting).error["code"] == "unavailable" and time.monotonic() - started < 30


async def test_a_phone_is_muted_moved_and_removed(gateway, tmp_path):
    agent = await gateway.join("lobby")
    await agent.publish_tone(700)
    caller = Sipp(gateway, "until_bye", tmp_path)
    async with sdk(gateway) as client:
        rooms = await eventually_async(lambda: phone_rooms(client), "a room with a phone")
        room, phone = rooms[0]
        others = await gateway.join(room, "helper")
        await others.publish_tone(600)
        await eventually(lambda: others.caller() and others.caller().attributes.get("sip.callStatus") == "active", "the call to be answered")
        track = phone.tracks[0].sid
        for muted in (True, False):
            answer = await client.room.mute_published_track(
                api.MuteRoomTrackRequest(room=room, identity=phone.identity, track_sid=track, muted=muted))
            assert answer.track.muted == muted
            await eventually(lambda: others.caller().track_publications[track].muted == muted, "the mute to be seen")
        await eventually(lambda: len(others.audio(phone.identity)) > 8000, "a second of the call")
        await client.room.remove_participant(api.RoomParticipantIdentity(room=room, identity=phone.identity))
    caller.wait()
    assert gateway.wait_for_records()[0]["end_reason"] == "removed"


async def test_a_move_that_cannot_be_leaves_the_phone_where_it_is(tmp_path):
    with Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway, SIPPhone(gateway) as phone:
        agent, loner = await gateway.join("lobby"), await gateway.join("full", "loner")
        await agent.publish_tone(700)
        assert (await asyncio.to_thread(phone.invite)).status == 200
        caller = await eventually(agent.caller, "the caller")
        await eventually(lambda: caller.attributes.get("sip.callStatus") == "active", "an active call")
        async with sdk(gateway) as client:
            await client.room.create_room(api.CreateRoomRequest(name="full", max_participants=1))
            for room, code in (("full", "resource_exhausted"), ("lobby", "invalid_argument")):
                await refused(client.room.move_participant(api.MoveParticipantRequest(
                    room="lobby", identity=caller.identity, destination_room=room)), code, "full" if room == "full" else "destination_room")
            people = (await client.room.list_participants(api.ListParticipantsRequest(room="lobby"))).participants
        assert [p.identity for p in people] == ["agent", caller.identity] and loner.caller() is None
        await asyncio.to_thread(phone.hang_up)
        [record] = gateway.wait_for_records()
        assert (record["room"], record["end_reason"]) == ("lobby", "hangup")


async def test_a_participant_asks_for_a_phones_headers_and_ends_its_call(gateway, tmp_path):
    caller = Sipp(gateway, "until_bye", tmp_path)
    async with sdk(gateway) as client:
        room, phone = (await eventually_async(lambda: phone_rooms(client), "a room with a phone"))[0]
    agent = await gateway.join(room)
    await agent.publish_tone(600)
    await eventually(lambda: agent.caller() and agent.caller().attributes.get("sip.callStatus") == "active", "an active call")

    async def call(method: str, **payload) -> dict:
        return json.loads(await agent.room.local_participant.perform_rpc(
            destination_identity=phone.identity, method=method, payload=json.dumps(payload)))

    headers = (await call("lk.sip.GetRemoteHeaders"))["headers"]
    assert headers["X-Twilio-CallSid"] == "CA00000000000000000000000000000001" and "Call-ID" in headers
    assert (await call("lk.sip.GetRemoteHeaders", include=["x-twilio-callsid", "x-no"]))["headers"] == {
        "X-Twilio-CallSid": headers["X-Twilio-CallSid"]}
    assert (await call("lk.sip.GetRemoteHeaders", exclude=["X-TWILIO-CALLSID"]))["headers"] == {
        name: value for name, value in headers.items() if name != "X-Twilio-CallSid"}
    # What breaks the message is nobody's to write.
    for bad in ({"Content-Length": "5"}, {"Via": "x"}, {"X-A": "b\r\nVia: x"}, {"no name": "x"}, {f"X-{n}": "" for n in range(33)}):
        with pytest.raises(rtc.RpcError) as error:
            await call("lk.sip.EndCall", headers=bad)
        assert error.value.code == 1500
    # sipp takes a BYE only once it has begun to talk.
    await eventually(lambda: len(agent.audio(phone.identity)) > 8000, "a second of the call")
    assert await call("lk.sip.EndCall", headers={"X-Outcome": "confirmed"}) == {}
    caller.wait()
    assert "X-Outcome: confirmed" in caller.trace().split("BYE sip:")[1].split("SIP/2.0 200")[0]
    assert gateway.wait_for_records()[0]["end_reason"] == "end-requested"


async def test_headers_that_are_too_many_for_one_answer_are_asked_for_by_name(tmp_path):
    with Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway, SIPPhone(gateway, transport="tcp") as phone:
        agent = await gateway.join("lobby")
        await agent.publish_tone(600)
        answer = await asyncio.to_thread(phone.invite, headers=[f"X-Long-{n}: {n}{'x' * 900}" for n in range(20)])
        assert answer.status == 200
        caller = await eventually(agent.caller, "the caller")

        async def headers(**payload) -> dict:
            return json.loads(await agent.room.local_participant.perform_rpc(
                destination_identity=caller.identity, method="lk.sip.GetRemoteHeaders", payload=json.dumps(payload)))["headers"]

        with pytest.raises(rtc.RpcError) as error:
            await headers()
        assert error.value.code == 1504 and "include" in error.value.message
        assert (await headers(include=["x-long-7"]))["X-Long-7"] == "7" + "x" * 900
        await asyncio.to_thread(phone.hang_up)


@pytest.mark.parametrize(("method", "body", "says"), [
    ("CreateRoom", {"name": "x", "node_id": "ND_x"}, "node_id"),
    ("CreateRoom", {"name": "x", "room_preset": "p"}, "room_preset"),
    ("CreateRoom", {"name": "x", "sync_streams": True}, "sync_streams"),
    ("CreateRoom", {"name": "x", "replay_enabled": True}, "replay_enabled"),
    ("CreateRoom", {"name": "x", "agents": [{"agent_name": "a"}] * 33}, "agents: expected at most 32"),
    ("CreateRoom", {"name": "x", "agents": [{"restart_policy": 7}]}, "agents.restart_policy"),
    ("CreateRoom", {"name": "x", "agents": [{"metadata": "m" * 70_000}]}, "agents.metadata"),
    ("CreateRoom", {"name": "x", "metadata": "m" * 70_000}, "metadata"),
    ("RemoveParticipant", {"room": "lobby", "identity": "ann", "revoke_token_ts": 1}, "revoke_token_ts"),
    ("SendData", {"room": "lobby", "data": "aGk=", "kind": 7}, "kind"),
    ("PerformRpc", {"room": "lobby", "destination_identity": "ann", "method": "m", "response_timeout_ms": 60_001}, "response_timeout_ms"),
    ("PerformRpc", {"room": "lobby", "destination_identity": "ann", "method": "m", "payload": "p" * 20_000}, "payload"),
    ("PerformRpc", {"room": "lobby", "destination_identity": "ann", "method": ""}, "method"),
    ("MoveParticipant", {"room": "lobby", "identity": "ann", "destination_room": "lobby"}, "destination_room"),
    ("AgentDispatchService/CreateDispatch", {"room": "lobby", "restart_policy": 7}, "restart_policy"),
    ("SIP/ListSIPInboundTrunk", {"trunk_ids": ["ST_x"] * 1001}, "trunk_ids"),
    ("SIP/ListSIPDispatchRule", {"dispatch_rule_ids": ["SDR_x"] * 1001}, "dispatch_rule_ids"),
], ids=lambda value: value if isinstance(value, str) else "")
async def test_what_cannot_be_honoured_is_refused_and_named(gateway, method, body, says):
    await gateway.join("lobby", "ann")
    service = "" if "/" in method else "RoomService/"
    auth = token(**ALL, room_admin=True, room="lobby", destination_room="lobby")
    error = (await asyncio.to_thread(post, gateway, f"livekit.{service}{method}", body, auth=auth)).error
    assert error["code"] == "invalid_argument" and says in error["msg"], error


async def test_a_room_that_exists_takes_over_what_is_set(gateway):
    ann = await gateway.join("lobby", "ann")
    auth = token(room_create=True)
    answer = await asyncio.to_thread(
        post, gateway, "livekit.RoomService/CreateRoom", {"name": "lobby", "metadata": "new", "departure_timeout": 7}, auth=auth)
    assert (answer.json["metadata"], answer.json["departure_timeout"]) == ("new", 7) and "trunkline-warning" not in answer.headers
    await eventually(lambda: ann.room.metadata == "new", "the metadata to be seen")
    answer = await asyncio.to_thread(
        post, gateway, "livekit.RoomService/CreateRoom", {"name": "lobby", "agents": [{"agent_name": "late"}]}, auth=auth)
    assert answer.status == 200 and "CreateDispatch" in answer.headers["trunkline-warning"]


@pytest.mark.filterwarnings("ignore:.*is deprecated, use")
async def test_every_method_of_the_sdk_reaches_one_of_the_gateway(gateway):
    """With next to nothing in the requests: what each does is for the other tests."""
    async with sdk(gateway) as client:
        called = []
        for service in (client.sip, client.room, client.agent_dispatch):
            for name, method in inspect.getmembers(service, inspect.iscoroutinefunction):
                if name.startswith("_"):
                    continue
                arguments = []
                for parameter in inspect.signature(method, eval_str=True).parameters.values():
                    if parameter.kind == parameter.KEYWORD_ONLY or parameter.default is not parameter.empty:
                        continue
                    argument = "x" if parameter.annotation is str else parameter.annotation()
                    for field in ("room", "room_name", "destination_room"):
                        if field in getattr(argument, "DESCRIPTOR", api.Room.DESCRIPTOR).fields_by_name:
                            setattr(argument, field, "lobby")
                    arguments.append(argument)
                try:
                    await method(*arguments)
                except api.ServerError as error:
                    assert error.code in ("invalid_argument", "not_found", "unimplemented"), (name, error)
                    assert error.code != "unimplemented" or name == "forward_participant", (name, error)
                called.append(name)
    assert len(called) >= 47, called


def test_methods_that_the_sdk_has_not(empty):
    auth = token(**ALL)
    trunk = post(empty, "livekit.SIP/CreateSIPInboundTrunk", {"trunk": {"numbers": ["+15550100"], "auth_password": "pw", "auth_username": "u"}}, auth=auth).json
    out = post(empty, "livekit.SIP/CreateSIPOutboundTrunk", {"trunk": {"numbers": ["+15550100"], "address": "192.0.2.1"}}, auth=auth).json
    assert post(empty, "livekit.SIP/GetSIPInboundTrunk", {"sip_trunk_id": trunk["sip_trunk_id"]}, auth=auth).json == {"trunk": trunk}
    assert post(empty, "livekit.SIP/GetSIPOutboundTrunk", {"sip_trunk_id": out["sip_trunk_id"]}, auth=auth).json == {"trunk": out}
    for method in ("GetSIPInboundTrunk", "GetSIPOutboundTrunk"):
        assert post(empty, f"livekit.SIP/{method}", {"sip_trunk_id": "ST_no"}, auth=auth).error["code"] == "not_found"
    older = {item["sip_trunk_id"]: item for item in post(empty, "livekit.SIP/ListSIPTrunk", auth=auth).json["items"]}
    assert older[trunk["sip_trunk_id"]]["kind"] == "TRUNK_INBOUND" and older[trunk["sip_trunk_id"]]["inbound_password"] == "pw"
    assert older[out["sip_trunk_id"]]["kind"] == "TRUNK_OUTBOUND" and older[out["sip_trunk_id"]]["outbound_address"] == "192.0.2.1"


def test_passwords_are_shown_to_the_administrator_alone(empty):
    auth = token(**ALL)
    made = [post(empty, f"livekit.SIP/CreateSIP{kind}Trunk", {"trunk": {
        "numbers": ["+15550100"], "auth_username": "u", "auth_password": "hunter2", "address": "192.0.2.1"}}, auth=auth).json
        for kind in ("Inbound", "Outbound")]
    assert all(trunk["auth_password"] == "hunter2" for trunk in made)
    lesser = token(call=True, room_create=True, room_list=True, room_admin=True, room="lobby")
    for method, body in (("ListSIPInboundTrunk", {}), ("ListSIPOutboundTrunk", {}), ("ListSIPTrunk", {}),
                         ("GetSIPInboundTrunk", {"sip_trunk_id": made[0]["sip_trunk_id"]}),
                         ("GetSIPOutboundTrunk", {"sip_trunk_id": made[1]["sip_trunk_id"]}),
                         ("UpdateSIPInboundTrunk", {"sip_trunk_id": made[0]["sip_trunk_id"], "update": {}}),
                         ("DeleteSIPTrunk", {"sip_trunk_id": made[0]["sip_trunk_id"]})):
        answer = post(empty, f"livekit.SIP/{method}", body, auth=lesser)
        assert answer.error["code"] == "permission_denied" and b"hunter2" not in answer.body
    bad = post(empty, "livekit.SIP/CreateSIPOutboundTrunk", {"trunk": {"numbers": ["+1"], "auth_password": "hunter2", "address": "192.0.2.1"}}, auth=auth)
    call = post(empty, "livekit.SIP/CreateSIPParticipant", {
        "trunk": {"hostname": "a b", "auth_username": "u", "auth_password": "hunter2"}, "sip_call_to": "1", "sip_number": "2",
        "room_name": "r"}, auth=auth)
    for answer in (bad, call):
        assert answer.error["code"] == "invalid_argument" and b"hunter2" not in answer.body
    assert "hunter2" not in empty.log()


async def phone_rooms(client) -> list:
    """Rooms with a phone, and that phone."""
    found = []
    for room in (await client.room.list_rooms(api.ListRoomsRequest())).rooms:
        people = (await client.room.list_participants(api.ListParticipantsRequest(room=room.name))).participants
        found += [(room.name, p) for p in people if p.kind == api.ParticipantInfo.Kind.SIP]
    return found


async def eventually_async(condition, what: str, deadline: float = 20):
    end = asyncio.get_running_loop().time() + deadline
    while asyncio.get_running_loop().time() < end:
        if value := await condition():
            return value
        await asyncio.sleep(0.05)
    raise AssertionError(f"waited {deadline} s in vain for {what}")


async def test_agents_are_dispatched_by_the_api(gateway):
    async with sdk(gateway) as client:
        made = await client.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(room="lobby", agent_name="helper", metadata="m"))
        assert made.id.startswith("AD_") and (made.agent_name, made.room, made.metadata) == ("helper", "lobby", "m")
        assert [d.id for d in await client.agent_dispatch.list_dispatch("lobby")] == [made.id]
        assert (await client.agent_dispatch.get_dispatch(made.id, "lobby")).agent_name == "helper"
        assert (await client.agent_dispatch.delete_dispatch(made.id, "lobby")).id == made.id
        assert list(await client.agent_dispatch.list_dispatch("lobby")) == []
        await refused(client.agent_dispatch.delete_dispatch(made.id, "lobby"), "not_found")


async def test_calls_out_and_transfers_are_checked(gateway):
    async with sdk(gateway) as client:
        trunk = await client.sip.create_outbound_trunk(api.CreateSIPOutboundTrunkRequest(
            trunk=api.SIPOutboundTrunkInfo(address="192.0.2.1", numbers=["+15550100"])))
        for fields, code in (({"sip_trunk_id": "ST_no"}, "not_found"), ({"sip_call_to": "a@b"}, "invalid_argument"),
                             ({"sip_call_to": ""}, "invalid_argument"), ({"room_name": ""}, "invalid_argument")):
            request = {"sip_trunk_id": trunk.sip_trunk_id, "sip_call_to": "+15550199", "room_name": "lobby"} | fields
            await refused(client.sip.create_sip_participant(api.CreateSIPParticipantRequest(**request)), code)
        await refused(client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
            room_name="lobby", participant_identity="sip_no", transfer_to="tel:+15550199")), "not_found")
        await refused(client.sip.transfer_sip_participant(api.TransferSIPParticipantRequest(
            room_name="lobby", participant_identity="sip_no", transfer_to="+15550199")), "invalid_argument")


async def test_other_services_of_livekit_say_that_they_are_not_here(gateway):
    async with sdk(gateway) as client:
        await refused(client.egress.list_egress(api.ListEgressRequest()), "unimplemented", "livekit.Egress")
        await refused(client.ingress.list_ingress(api.ListIngressRequest()), "unimplemented", "livekit.Ingress")


def documented(section: str) -> list[tuple[str, str]]:
    """First cell and command of each row of the section's table that has a command."""
    text = (ROOT / "docs" / "api.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    rows = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return [(row[0].strip("`"), row[-1][1:-1]) for row in rows[1:] if row[-1].startswith("`")]


@pytest.mark.parametrize("section, count", [("Errors", 11), ("Limits", 9)])
def test_the_documentations_commands_show_each_error_and_limit(gateway, tmp_path, section, count):
    (tmp_path / "trunkline").symlink_to(binary())
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "SIP_CONFIG_FILE": str(gateway.directory / "trunkline.yaml"),
        "LIVEKIT_URL": gateway.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
    [prelude] = [block for block in re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "api.md").read_text(), re.S) if "call() {" in block]
    commands = documented(section)
    assert len(commands) == count
    for name, command in commands:
        script = f"{prelude}\necho\n{command}".replace("7880", str(gateway.port)).replace("7882", str(gateway.configuration["rtc"]["udp_port"]))
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=60)
        # Of several answers the last one.
        codes = re.findall(r'\{"code":"(\w+)"', done.stdout)
        expected = [name] if section == "Errors" else ["invalid_argument", "resource_exhausted"]
        assert codes and codes[-1] in expected, (name, command, done.stdout[-500:], done.stderr[-500:])


async def test_another_secret_opens_nothing(gateway):
    async with sdk(gateway, secret=SECRET + "x") as client:
        await refused(client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest()), "unauthenticated")


def test_messages_are_livekits_field_by_field():
    done = subprocess.run([sys.executable, ROOT / "scripts/check-protos"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agree with livekit-protocol" in done.stdout


def test_every_method_needs_its_grant(gateway):
    """A token for everything else opens nothing."""
    sip_admin = token(call=True, room_create=True, room_list=True, room_admin=True, room="lobby")
    room_admin = token(admin=True, call=True, room_create=True, room_list=True, room_admin=True, room="other")
    cases = [(f"livekit.SIP/{m}", {}, sip_admin) for m in (
        "CreateSIPInboundTrunk CreateSIPOutboundTrunk UpdateSIPInboundTrunk UpdateSIPOutboundTrunk GetSIPInboundTrunk "
        "GetSIPOutboundTrunk ListSIPTrunk ListSIPInboundTrunk ListSIPOutboundTrunk DeleteSIPTrunk CreateSIPDispatchRule "
        "UpdateSIPDispatchRule ListSIPDispatchRule DeleteSIPDispatchRule").split()]
    cases += [("livekit.SIP/CreateSIPParticipant", {}, token(admin=True)),
              ("livekit.SIP/TransferSIPParticipant", {"room_name": "lobby"}, room_admin)]
    cases += [(f"livekit.RoomService/{m}", {"room": "lobby"}, room_admin) for m in (
        "ListParticipants GetParticipant RemoveParticipant MutePublishedTrack UpdateParticipant UpdateSubscriptions "
        "SendData UpdateRoomMetadata MoveParticipant ForwardParticipant PerformRpc").split()]
    nobody = token(admin=True, call=True, room_admin=True, room="lobby")
    cases += [(f"livekit.RoomService/{m}", {}, nobody) for m in ("CreateRoom", "DeleteRoom", "ListRooms")]
    cases += [(f"livekit.AgentDispatchService/{m}", {"room": "lobby"}, room_admin) for m in ("CreateDispatch", "ListDispatch", "DeleteDispatch")]
    cases += [("trunkline.Calls/ListCalls", {}, token(call=True)), ("trunkline.Calls/GetCall", {}, token(call=True)),
              ("trunkline.Calls/HangUp", {}, token(admin=True))]
    for path, body, auth in cases:
        assert post(gateway, path, body, auth=auth).error["code"] == "permission_denied", path
        assert post(gateway, path, body).error["code"] == "unauthenticated", path
    assert len(cases) == 36
