"""Cluster mode: the gateway on a real Redis, among livekit-servers that the tests play from the wire alone (buspeer)."""

import asyncio
import collections
import concurrent.futures
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest
import redis as redis_client
from buspeer import ACCEPT, DROP, REJECT, REQUEST_PIN, BusError, IOServer, Redis, SIPClient, certificates, channel, make, pack
from harness import ALLOWANCE, CALLED, CALLER, KEY, SECRET, Callee, Gateway, Participant, binary, eventually, free_port, wait_until
from livekit import api
from livekit.protocol import models, sip
from sipphone import SIPPhone
from tones import AMPLITUDE, Tones, hears, participant_hears

TRUNK, RULE, ROOM, CALLEE = "ST_k3SxW8dQm2Ab", "SDR_p4TxV9eRn3Bc", "lobby", "+15550177"


class Member(Gateway):
    """A gateway in cluster mode; the rooms are another one's."""

    def __init__(self, directory, redis: Redis, rooms: Gateway | None = None, /, **settings):
        directory.mkdir(exist_ok=True)
        super().__init__(directory, rooms, is_embedded=True)
        self.health_port, self.metrics_port = free_port(), free_port()
        for key in ("inbound_trunks", "dispatch_rules", "keys", "port", "bind_addresses", "rtc"):
            self.configuration.pop(key, None)
        address = {"address": f"127.0.0.1:{redis.port}"}
        self.configuration |= {
            "api_key": KEY, "api_secret": SECRET, "redis": address, "health_port": self.health_port,
            # All gateways of a test share one machine.
            "max_cpu_utilization": 1, "prometheus_port": self.metrics_port, "ws_url": rooms.url if rooms else "ws://127.0.0.1:9",
        } | settings

    def get(self, port: int, path: str = "/"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def health(self):
        return self.get(self.health_port)

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, f"the gateway ended with {self.process.returncode}:\n{self.log()}"
        with contextlib.suppress(OSError):
            return self.health()[0] in (200, 429)
        return False

    def metric(self, name: str, **labels) -> float:
        """The sum of the series that have these labels."""
        status, text = self.get(self.metrics_port, "/metrics")
        assert status == 200
        total = 0.0
        for line in text.splitlines():
            if match := re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line):
                found = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[1] or ""))
                if labels.items() <= found.items():
                    total += float(match[2])
        return total


def accept(**fields):
    """livekit-server's answer when a rule takes the call."""
    def answer(request):
        caller = request.calling_number
        return make("EvaluateSIPDispatchRulesResponse", **({
            "result": ACCEPT, "room_name": ROOM, "participant_identity": f"sip_{caller}", "participant_name": f"Phone {caller}",
            "sip_trunk_id": request.sip_trunk_id, "sip_dispatch_rule_id": RULE,
            "participant_attributes": {
                "sip.callID": request.call.lk_call_id, "sip.trunkID": request.sip_trunk_id, "sip.ruleID": RULE,
                "sip.phoneNumber": caller, "sip.hostname": request.call.__getattribute__("from").host,
                "sip.trunkPhoneNumber": request.called_number}} | fields))
    return answer


def admit(**fields):
    return lambda request: make(
        "GetSIPTrunkAuthenticationResponse",
        **({"sip_trunk_id": TRUNK, "provider_info": {"id": TRUNK, "name": "provider", "type": 2}} | fields))


@pytest.fixture
def redis(tmp_path):
    with Redis(tmp_path) as running:
        yield running


@pytest.fixture
def server(redis):
    """A livekit-server that lets every call in."""
    peer = IOServer(redis)
    peer.answers["GetSIPTrunkAuthentication"], peer.answers["EvaluateSIPDispatchRules"] = admit(), accept()
    peer.start()
    yield peer
    peer.close()


@pytest.fixture
def client(redis):
    peer = SIPClient(redis).start()
    yield peer
    peer.close()


@pytest.fixture
def rooms(tmp_path):
    """What stands in for livekit-server's rooms: an embedded gateway with the same keys."""
    directory = tmp_path / "rooms"
    directory.mkdir()
    with Gateway(directory, is_embedded=True) as running:
        yield running


@pytest.fixture
def gateway(tmp_path, redis, rooms, server):
    with Member(tmp_path / "gateway", redis, rooms) as running:
        yield running


async def press(phone: SIPPhone, port: int, digits: str):
    """RFC 4733 events of 100 ms."""
    for index, digit in enumerate(digits):
        code = "0123456789*#ABCD".index(digit)
        for step in range(1, 8):
            payload = bytes([code, (0x80 if step > 5 else 0) | 10]) + (min(step, 5) * 160).to_bytes(2, "big")
            phone.send_rtp(port, payload, 40_000 + index * 10 + step, 1_000_000 + index * 8000, payload_type=101)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)


async def notify(phone: SIPPhone, status: str):
    """The phone tells how the transfer went."""
    text = phone.request(
        "NOTIFY", f"SIP/2.0 {status}\r\n", headers=["Event: refer", "Subscription-State: terminated"], content="message/sipfrag")
    phone.send(text)
    assert (await in_thread(phone.final, 5, "NOTIFY", resent=text)).status == 200


async def speaker(rooms: Gateway):
    """Who answers, in the room that all calls go to."""
    agent = await rooms.join(ROOM)
    await agent.publish_tone(1300, AMPLITUDE)
    return agent


async def in_thread(function, *arguments, **keywords):
    return await asyncio.to_thread(function, *arguments, **keywords)


def create(call_to: str, port: int, /, **fields):
    return make("InternalCreateSIPParticipantRequest", **({
        "address": f"127.0.0.1:{port}", "number": CALLED, "call_to": call_to, "room_name": ROOM, "sip_trunk_id": TRUNK,
        "participant_identity": "callee", "participant_name": "Callee", "transport": 1, "wait_until_answered": True,
        "sip_call_id": "SCL_" + os.urandom(6).hex(), "participant_attributes": {"sip.trunkID": TRUNK, "case": "12"}} | fields))


class Refuser:
    """Answers every INVITE with one status, and counts them by our From tag, the call's id."""

    def __init__(self, status: str = "486 Busy Here"):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.1)
        self.port, self.status, self.stopping = self.socket.getsockname()[1], status, False
        self.invites: dict[str, set] = collections.defaultdict(set)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            with contextlib.suppress(TimeoutError):
                data, source = self.socket.recvfrom(65536)
                text = data.decode()
                if not text.startswith("INVITE "):
                    continue
                tag, call_id = (re.search(rf"(?im)^{name}(.+?)\s*$", text)[1] for name in ("from:.*;tag=", "call-id: *"))
                self.invites[tag].add(call_id)
                lines = [line for line in text.split("\r\n") if re.match("(?i)(via|from|to|call-id|cseq):", line)]
                lines = [line + ";tag=refuser" if line.lower().startswith("to:") else line for line in lines]
                self.socket.sendto("\r\n".join([f"SIP/2.0 {self.status}", *lines, "Content-Length: 0", "", ""]).encode(), source)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping = True
        self.thread.join()
        self.socket.close()


@contextlib.asynccontextmanager
async def room_service(rooms: Gateway, key=KEY, secret=SECRET):
    lkapi = api.LiveKitAPI(f"http://127.0.0.1:{rooms.port}", key, secret)
    try:
        yield lkapi.room
    finally:
        await lkapi.aclose()


# --- Calls in --------------------------------------------------------------------------------------------------------


async def test_a_call_is_asked_about_joins_the_clusters_room_and_is_reported(gateway, rooms, server):
    server.answers["EvaluateSIPDispatchRules"] = accept(
        participant_metadata="meta", headers={"X-Fixed": "1"}, headers_to_attributes={"X-Case": "case"},
        attributes_to_headers={"case": "X-Case-Back"}, include_headers=1)
    agent = await speaker(rooms)
    with contextlib.ExitStack() as stack:
        tones = stack.enter_context(Tones())
        phone = stack.enter_context(SIPPhone(gateway))
        answer = await in_thread(phone.invite, headers=["X-Case: 77", "X-Other: o"])
        assert answer.status == 200 and answer.get("X-Fixed") == "1" and answer.get("X-Case-Back") == "77"
        tones.speak(phone, answer.media_port(), 600)
        await hears(phone, 1300)
        await participant_hears(agent, f"sip_{CALLER}", 600)
        caller = agent.caller()
        assert (caller.name, caller.metadata) == (f"Phone {CALLER}", "meta")
        [asked] = server.of("GetSIPTrunkAuthentication")
        call = asked.call
        assert re.fullmatch("SCL_[0-9A-Za-z]{12}", call.lk_call_id) and call.sip_call_id == phone.call_id
        assert call.source_ip == "127.0.0.1" and getattr(call, "from").user == CALLER and call.to.user == CALLED
        assert call.address.user == CALLED and call.address.port == gateway.sip_port and call.via[0].port == phone.port
        # Older servers read the flat fields.
        assert (asked.to, asked.src_address, asked.to_host, asked.sip_call_id) == (CALLED, "127.0.0.1", "127.0.0.1", call.lk_call_id)
        assert (getattr(asked, "from"), asked.from_host) == (CALLER, "127.0.0.1")
        [evaluated] = server.of("EvaluateSIPDispatchRules")
        assert (evaluated.calling_number, evaluated.called_number, evaluated.sip_trunk_id) == (CALLER, CALLED, TRUNK)
        assert evaluated.call.lk_call_id == call.lk_call_id and not evaluated.pin and not evaluated.no_pin
        await eventually(lambda: agent.caller().attributes.get("sip.callStatus") == "active", "an active call")
        attributes = dict(agent.caller().attributes)
        expected = {
            "sip.callID": call.lk_call_id, "sip.trunkID": TRUNK, "sip.ruleID": RULE, "sip.phoneNumber": CALLER,
            "sip.callIDFull": phone.call_id, "case": "77", "sip.h.x-other": "o"}
        assert expected.items() <= attributes.items(), attributes
        await in_thread(phone.hang_up)
    await eventually(lambda: server.of("RecordCallContext"), "the last word about the call")
    states = server.states(call.lk_call_id)
    order = [sip.SCS_CALL_INCOMING, sip.SCS_ACTIVE, sip.SCS_DISCONNECTED]
    assert [state.call_status for state in states if state.call_status in order][::len(states) - 1 or 1] == [order[0], order[-1]]
    assert sorted({state.call_status for state in states}) == sorted(order)
    first, last = states[0], states[-1]
    assert (first.from_uri.user, first.from_uri.ip, first.to_uri.user) == (CALLER, "127.0.0.1", CALLED)
    assert first.call_direction == sip.SCD_INBOUND and first.sip_call_id == phone.call_id and first.provider_info.name == "provider"
    assert (last.room_name, last.participant_identity, last.trunk_id, last.dispatch_rule_id) == (ROOM, f"sip_{CALLER}", TRUNK, RULE)
    assert last.created_at_ns <= last.started_at_ns <= last.ended_at_ns and last.audio_codec == "PCMU/8000" and not last.error
    assert last.disconnect_reason == models.CLIENT_INITIATED and last.participant_attributes["case"] == "77"
    [record] = gateway.wait_for_records()
    assert (record["end_reason"], record["trunk_id"], record["rule_id"], record["room"]) == ("hangup", TRUNK, RULE, ROOM)


async def test_the_room_is_made_as_the_rule_has_it(gateway, rooms, server):
    configuration = api.RoomConfiguration(
        metadata="of the rule", empty_timeout=77, departure_timeout=33, max_participants=9, sync_streams=True)
    server.answers["EvaluateSIPDispatchRules"] = accept(room_name="new", room_config=configuration)
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        async with room_service(rooms) as service:
            async def find():
                return list((await service.list_rooms(api.ListRoomsRequest(names=["new"]))).rooms)

            while not (found := await asyncio.wait_for(find(), 5)):
                await asyncio.sleep(0.05)
            [room] = found
            assert (room.metadata, room.empty_timeout, room.departure_timeout, room.max_participants) == ("of the rule", 77, 33, 9)
        phone.send(phone.request("CANCEL"))
        assert (await in_thread(phone.final)).status == 487
        phone.send(phone.request("ACK", cseq=phone.cseq))


OTHER_KEY, OTHER_SECRET = "otherkey", "another-secret-of-at-least-32-characters"


@pytest.fixture
def other_rooms(tmp_path):
    """Rooms of another server, whose keys the gateway does not have."""
    (tmp_path / "other").mkdir()
    with Gateway(tmp_path / "other", is_embedded=True, keys={OTHER_KEY: OTHER_SECRET}) as running:
        yield running


def other_token(identity: str, room: str = ROOM, kind: str = "sip") -> str:
    grants = api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True)
    return api.AccessToken(OTHER_KEY, OTHER_SECRET).with_identity(identity).with_kind(kind).with_grants(grants).to_jwt()


async def test_a_call_joins_with_the_token_and_at_the_server_that_the_cluster_names(gateway, rooms, other_rooms, server, client, tmp_path):
    agent = Participant()
    await agent.connect(other_rooms.url, other_token("agent", kind="standard"))
    await agent.publish_tone(1300, AMPLITUDE)
    server.answers["EvaluateSIPDispatchRules"] = accept(token=other_token("caller"), ws_url=other_rooms.url)
    with SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite)).status == 200
        caller = await eventually(agent.caller, "the caller in the other server's room")
        assert caller.identity == "caller" and caller.attributes["sip.ruleID"] == RULE
        await in_thread(phone.hang_up)
    await eventually(lambda: agent.caller() is None, "the caller to leave")
    with Callee("callee_answers", tmp_path) as callee:
        fields = {"token": other_token("callee"), "ws_url": other_rooms.url}
        response = await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port, **fields), timeout=20)
        participant = await eventually(agent.caller, "the callee in the other server's room")
        assert response.participant_id == participant.sid and participant.attributes["case"] == "12"
        async with room_service(other_rooms, OTHER_KEY, OTHER_SECRET) as service:
            await service.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="callee"))
        await callee.finished()
    async with room_service(rooms) as service:
        assert not (await service.list_rooms(api.ListRoomsRequest())).rooms


@pytest.mark.parametrize("fields", [{"ws_url": "nonsense"}, {"token": "rubbish"}, {"token": other_token("callee")}])
async def test_a_way_into_the_room_that_is_none_is_said(gateway, client, fields):
    with Refuser() as callee, pytest.raises(BusError) as raised:
        await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port, **fields), timeout=20)
    assert raised.value.code == "internal" and ("ws_url" in raised.value.text or "401" in raised.value.text), raised.value
    assert not callee.invites


async def test_each_question_is_answered_by_one_of_many_servers(gateway, redis, server):
    others = [IOServer(redis) for _ in range(2)]
    reject = lambda request: make("EvaluateSIPDispatchRulesResponse", result=REJECT)  # noqa: E731
    for each in (server, *others):
        each.answers |= {"GetSIPTrunkAuthentication": admit(), "EvaluateSIPDispatchRules": reject}
    for each in others:
        each.start()
    try:
        for index in range(20):
            with SIPPhone(gateway, caller=f"+155503{index:02}") as phone:
                assert (await in_thread(phone.invite)).status == 404
        for method in ("GetSIPTrunkAuthentication", "EvaluateSIPDispatchRules"):
            callers = [request.call.__getattribute__("from").user for each in (server, *others) for request in each.of(method)]
            assert len(callers) == len(set(callers)) == 20, method
    finally:
        for each in others:
            each.close()


async def test_credentials_are_the_clusters_and_both_invites_are_one_call(gateway, rooms, server):
    server.answers["GetSIPTrunkAuthentication"] = admit(username="ada", password="secret")
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        challenge = await in_thread(phone.invite)
        assert challenge.status == 407
        header = next(value for value in challenge.all("Proxy-Authenticate") if "MD5" in value)
        assert 'realm="LiveKit"' in header
        phone.to_tag = ""
        wrong = await in_thread(phone.invite, headers=[phone.credentials(header, "ada", "guess")])
        assert wrong.status == 407
        header = next(value for value in wrong.all("Proxy-Authenticate") if "MD5" in value)
        phone.to_tag = ""
        answer = await in_thread(phone.invite, headers=[phone.credentials(header, "ada", "secret")])
        assert answer.status == 200
        await in_thread(phone.hang_up)
    asked = server.of("GetSIPTrunkAuthentication")
    assert len(asked) == 3 and len({request.call.lk_call_id for request in asked}) == 1
    await eventually(lambda: server.of("RecordCallContext"), "the end of the call")
    assert {info.call_id for info in server.states()} == {asked[0].call.lk_call_id}, "strangers are not reported"


REFUSALS = [
    # What the cluster says; the status that the caller gets, whether with Retry-After; the reason.
    ("drop", admit(), lambda request: make("EvaluateSIPDispatchRulesResponse", result=DROP), 404, False, "no-dispatch"),
    ("reject", admit(), lambda request: make("EvaluateSIPDispatchRulesResponse", result=REJECT), 404, False, "no-dispatch"),
    ("unknown result", admit(), lambda request: make("EvaluateSIPDispatchRulesResponse", result=99), 404, False, "no-dispatch"),
    ("no room", admit(), lambda request: make("EvaluateSIPDispatchRulesResponse", result=ACCEPT), 404, False, "no-dispatch"),
    ("no trunk", admit(sip_trunk_id="", error_code=2), accept(), 404, False, None),
    ("quota", admit(error_code=1), accept(), 503, True, None),
    ("silence", admit(drop=True), accept(), 404, False, None),
    ("encryption", admit(), accept(media={"encryption": sip.SIP_MEDIA_ENCRYPT_REQUIRE}), 500, False, "media-failed"),
]


def failing(code: str, text: str):
    def answer(_request):
        raise BusError(code, text)
    return answer


REFUSALS += [
    ("several trunks", failing("failed_precondition", 'Multiple SIP Trunks matched for "+1"'), accept(), 503, False, None),
    ("broken server", failing("internal", "boom"), accept(), 503, True, None),
    ("conflicting rules", admit(), failing("invalid_argument", "conflict"), 503, False, "conflicting-rules"),
    ("broken dispatch", admit(), failing("unknown", "boom"), 503, True, "cluster-unavailable"),
]


async def test_what_the_cluster_does_not_want_gets_a_real_status(gateway, server):
    for name, authentication, dispatch, status, has_retry_after, reason in REFUSALS:
        server.answers |= {"GetSIPTrunkAuthentication": authentication, "EvaluateSIPDispatchRules": dispatch}
        before = len(gateway.records())
        with SIPPhone(gateway) as phone:
            answer = await in_thread(phone.invite)
        assert answer.status == status and bool(answer.get("Retry-After")) == has_retry_after, (name, answer.headers)
        if reason:
            record = gateway.wait_for_records(before + 1)[-1]
            assert record["end_reason"] == reason, name
            assert record["sip_status"] == status, name


async def test_a_call_without_a_trunk_is_the_rules_business(tmp_path, redis, rooms, server):
    """livekit-server lets rules without trunks take it; accept_unmatched_trunk: false asks for one."""
    server.answers["GetSIPTrunkAuthentication"] = admit(sip_trunk_id="", provider_info={})
    with Member(tmp_path / "lenient", redis, rooms) as gateway, SIPPhone(gateway) as phone:
        await speaker(rooms)
        assert (await in_thread(phone.invite)).status == 200
        await in_thread(phone.hang_up)
    assert [request.sip_trunk_id for request in server.of("EvaluateSIPDispatchRules")] == [""]
    with Member(tmp_path / "strict", redis, rooms, accept_unmatched_trunk=False) as gateway, SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite)).status == 404
    assert len(server.of("EvaluateSIPDispatchRules")) == 1


async def test_a_hidden_port_says_nothing_before_the_cluster_knows_the_caller(tmp_path, redis, rooms, server):
    with Member(tmp_path / "gateway", redis, rooms, hide_inbound_port=True) as gateway:
        agent = await speaker(rooms)
        with SIPPhone(gateway) as phone:
            assert (await in_thread(phone.invite)).status == 200
            assert {message.status for message in phone.provisional} <= {180}
            await in_thread(phone.hang_up)
        assert len(server.of("EvaluateSIPDispatchRules")) == 1, "it is asked about once"
        server.answers["GetSIPTrunkAuthentication"] = admit(sip_trunk_id="", provider_info={})
        server.answers["EvaluateSIPDispatchRules"] = lambda request: make("EvaluateSIPDispatchRulesResponse", result=DROP)
        with SIPPhone(gateway) as stranger:
            request = stranger.request("INVITE", stranger.offer())
            for _ in range(4):
                stranger.send(request)
                assert await in_thread(stranger.receive, 1) is None
            assert len(server.of("EvaluateSIPDispatchRules")) == 2
        server.answers["GetSIPTrunkAuthentication"] = admit(username="ada", password="secret")
        server.answers["EvaluateSIPDispatchRules"] = accept()
        with SIPPhone(gateway) as phone:
            challenge = await in_thread(phone.invite)
            assert challenge.status == 407
            header = next(value for value in challenge.all("Proxy-Authenticate") if "MD5" in value)
            phone.to_tag = ""
            assert (await in_thread(phone.invite, headers=[phone.credentials(header, "ada", "secret")])).status == 200
            await in_thread(phone.hang_up)
        assert agent.room.isconnected()


async def test_a_pin_is_asked_for_and_checked_by_the_cluster(gateway, rooms, server):
    def dispatch(request):
        if not request.pin and not request.no_pin:
            return make("EvaluateSIPDispatchRulesResponse", result=REQUEST_PIN, sip_dispatch_rule_id=RULE, sip_trunk_id=TRUNK)
        return accept()(request) if request.pin == "4711" else make("EvaluateSIPDispatchRulesResponse", result=REJECT)

    server.answers["EvaluateSIPDispatchRules"] = dispatch
    agent = await speaker(rooms)
    for digits, is_let_in in (("4711#", True), ("#", False)):
        with Tones() as tones, SIPPhone(gateway) as phone:
            answer = await in_thread(phone.invite)
            assert answer.status == 200
            tones.speak(phone, answer.media_port(), 600)
            await press(phone, answer.media_port(), digits)
            if is_let_in:
                await eventually(agent.caller, "the caller in the room")
                await in_thread(phone.hang_up)
            else:
                await in_thread(phone.wait_for, "BYE")
    asked = [(request.pin, request.no_pin) for request in server.of("EvaluateSIPDispatchRules")]
    assert asked == [("", False), ("4711", False), ("", False), ("", True)]


# --- Calls out -------------------------------------------------------------------------------------------------------


async def test_a_call_out_is_placed_answered_and_reported(gateway, rooms, client, server, tmp_path):
    agent = await speaker(rooms)
    with Callee("callee_answers", tmp_path) as callee:
        request = create(CALLEE, callee.port, display_name="Ada", headers={"X-Campaign": "7"}, participant_metadata="meta")
        response = await in_thread(client.call, "CreateSIPParticipant", "", request, timeout=20)
        assert (response.participant_identity, response.sip_call_id) == ("callee", request.sip_call_id)
        participant = await eventually(agent.caller, "the callee in the room")
        assert response.participant_id == participant.sid and participant.metadata == "meta"
        invite = callee.trace()
        assert f"INVITE sip:{CALLEE}@127.0.0.1:{callee.port}" in invite and "X-Campaign: 7" in invite
        assert re.search(rf'From: "?Ada"? <sip:\+15550100@127\.0\.0\.1[^>]*>;tag={request.sip_call_id}', invite)
        await eventually(lambda: participant.attributes.get("sip.callStatus") == "active", "an active call")
        assert participant.attributes["case"] == "12" and "sip.phoneNumber" not in participant.attributes
        await in_thread(lambda: wait_until(lambda: len(server.states(request.sip_call_id)) >= 2, "two reports"))
        async with room_service(rooms) as service:
            await service.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="callee"))
        await callee.finished()
    await eventually(lambda: server.of("RecordCallContext"), "the end of the call")
    states = [state.call_status for state in server.states(request.sip_call_id)]
    assert states[0] == sip.SCS_PARTICIPANT_JOINED and sip.SCS_ACTIVE in states
    assert server.states(request.sip_call_id)[-1].call_direction == sip.SCD_OUTBOUND


@pytest.mark.parametrize("status, code, reason", [
    ("486 Busy Here", "resource_exhausted", "SCS_ERROR"), ("404 Not Found", "not_found", None),
    ("503 Service Unavailable", "failed_precondition", None), ("603 Decline", "permission_denied", None)])
async def test_errors_carry_the_sip_status(gateway, client, server, status, code, reason):
    with Refuser(status) as callee:
        with pytest.raises(BusError) as raised:
            request = create(CALLEE, callee.port)
            await in_thread(client.call, "CreateSIPParticipant", "", request, timeout=20)
    number, _, phrase = status.partition(" ")
    assert raised.value.code == code and raised.value.text == f"sip status {number}: {phrase}"
    assert raised.value.sip_status() == (int(number), phrase)
    await eventually(lambda: server.of("RecordCallContext"), "the end of the call")
    last = server.states(request.sip_call_id)[-1]
    assert last.call_status == sip.SCS_ERROR and last.error and last.call_status_code.code == int(number)


@pytest.mark.parametrize("fields, code", [
    ({"room_name": ""}, "invalid_argument"), ({"call_to": ""}, "invalid_argument"), ({"address": "a b"}, "invalid_argument"),
    ({"dtmf": "x"}, "invalid_argument"), ({"headers": {"Contact": "x"}}, "invalid_argument")])
async def test_requests_that_make_no_call_say_what_is_wrong(gateway, client, fields, code):
    with pytest.raises(BusError) as raised:
        await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, 5099, **({} | fields)), timeout=20)
    assert raised.value.code == code and raised.value.text


async def test_a_phone_that_nobody_waits_for_any_longer_stops_ringing(gateway, client, tmp_path):
    with Callee("callee_rings", tmp_path) as callee:
        with pytest.raises(BusError) as raised:
            await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port), timeout=2)
        assert raised.value.code in ("deadline_exceeded", "aborted")
        await eventually(lambda: "CANCEL sip:" in callee.trace(), "a CANCEL")


async def test_a_call_that_nobody_waits_for_rings_on_and_can_be_ended_in_its_room(gateway, rooms, client, server, tmp_path):
    agent = await speaker(rooms)
    with Callee("callee_rings", tmp_path) as callee:
        request = create(CALLEE, callee.port, wait_until_answered=False)
        response = await in_thread(client.call, "CreateSIPParticipant", "", request, expiry=1)
        assert response.participant_id == (await eventually(agent.caller, "the callee in the room")).sid
        topic = channel("SIPInternal", "TransferSIPParticipant", request.sip_call_id, "REQ")
        assert topic in subscriptions(client)
        await asyncio.sleep(1.5)
        assert "CANCEL sip:" not in callee.trace(), "the end of the request is not that of the call"
        async with room_service(rooms) as service:
            await service.remove_participant(api.RoomParticipantIdentity(room=ROOM, identity="callee"))
        await eventually(lambda: "CANCEL sip:" in callee.trace(), "a CANCEL")
    await eventually(lambda: not transfer_topics(client), "the topic to go with the call")


async def test_a_broken_request_is_answered(gateway, client):
    class Rubbish:
        def SerializeToString(self):
            return b"\x0a\xff\xff"

    with pytest.raises(BusError) as raised:
        await in_thread(client.call, "CreateSIPParticipant", "", Rubbish())
    assert raised.value.code == "malformed_request"


# --- Transfers -------------------------------------------------------------------------------------------------------


async def test_a_call_is_transferred_by_its_own_topic(gateway, rooms, client, server):
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite)).status == 200
        call_id = server.of("EvaluateSIPDispatchRules")[0].call.lk_call_id
        request = make("InternalTransferSIPParticipantRequest", sip_call_id=call_id, transfer_to="tel:+15550199",
                       headers={"X-Why": "bye"}, ringing_timeout=20)
        transfer = asyncio.create_task(in_thread(client.call, "TransferSIPParticipant", call_id, request, timeout=30))
        refer = await in_thread(phone.wait_for, "REFER", status="202 Accepted")
        assert "<tel:+15550199>" in refer.get("Refer-To") and refer.get("X-Why") == "bye"
        await notify(phone, "200 OK")
        response = await transfer
        assert response.transfer_id.startswith("STR_") and response.status == sip.STS_TRANSFER_SUCCESSFUL
        await in_thread(phone.hang_up)
    await eventually(lambda: len(server.transfers()) == 2, "two reports of the transfer")
    first, second = server.transfers()
    assert (first.transfer_id, first.call_id, first.transfer_to) == (response.transfer_id, call_id, "tel:+15550199")
    assert [first.transfer_status, second.transfer_status] == [sip.STS_TRANSFER_ONGOING, sip.STS_TRANSFER_SUCCESSFUL]


async def test_a_provider_that_wants_no_transfers_gets_none(gateway, rooms, client, server):
    provider = {"id": TRUNK, "name": "provider", "type": 2, "prevent_transfer": True}
    server.answers["GetSIPTrunkAuthentication"] = admit(provider_info=provider)
    await speaker(rooms)
    with SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite)).status == 200
        call_id = server.of("EvaluateSIPDispatchRules")[0].call.lk_call_id
        request = make("InternalTransferSIPParticipantRequest", sip_call_id=call_id, transfer_to="sip:x@y")
        with pytest.raises(BusError) as raised:
            await in_thread(client.call, "TransferSIPParticipant", call_id, request)
        assert raised.value.code == "unimplemented"
        await in_thread(phone.hang_up)


async def test_a_refused_transfer_tells_the_status_and_the_call_goes_on(gateway, rooms, client, server):
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        answer = await in_thread(phone.invite)
        call_id = server.of("EvaluateSIPDispatchRules")[0].call.lk_call_id
        request = make("InternalTransferSIPParticipantRequest", sip_call_id=call_id, transfer_to="sip:x@y")
        transfer = asyncio.create_task(in_thread(client.call, "TransferSIPParticipant", call_id, request, timeout=30))
        await in_thread(phone.wait_for, "REFER", status="603 Decline")
        with pytest.raises(BusError) as raised:
            await transfer
        assert raised.value.code == "permission_denied" and raised.value.sip_status() == (603, "Decline")
        phone.packets.clear()
        with Tones() as tones:
            tones.speak(phone, answer.media_port(), 600)
            await hears(phone, 1300)
        await in_thread(phone.hang_up)
    topic = channel("SIPInternal", "TransferSIPParticipant", call_id, "REQ")
    await eventually(lambda: topic not in subscriptions(client), "the topic to go with the call")


def subscriptions(peer) -> set:
    return {name.decode() for name in peer.client.pubsub_channels()}


def transfer_topics(peer) -> set:
    return {name for name in subscriptions(peer) if name.startswith("SIPInternal|TransferSIPParticipant|")}


# --- Many gateways ---------------------------------------------------------------------------------------------------


async def test_a_thousand_calls_out_are_placed_once_each_by_two_gateways(tmp_path, redis, rooms, server, client):
    count = 1000
    with contextlib.ExitStack() as stack:
        # A port rests for 5 s after its call; each call has two.
        settings = {"rtp_port": "10000-31999"}
        gateways = [stack.enter_context(Member(tmp_path / f"gateway-{n}", redis, rooms, **settings)) for n in range(2)]
        callee = stack.enter_context(Refuser())
        requests = [create(CALLEE, callee.port, participant_identity=f"callee-{n}", room_name=f"room-{n}") for n in range(count)]

        def ask(request):
            try:
                client.call("CreateSIPParticipant", "", request, timeout=60)
            except BusError as error:
                return str(error)
            return "answered"

        def run():
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                return list(pool.map(ask, requests))

        outcomes = await asyncio.wait_for(in_thread(run), 110 * ALLOWANCE)
        assert collections.Counter(outcomes) == {"resource_exhausted: sip status 486: Busy Here": count}
        assert callee.invites.keys() == {request.sip_call_id for request in requests}
        assert all(len(calls) == 1 for calls in callee.invites.values())
        assert sorted(client.offers.values()) == [1] * count, "whoever does not have the lock offers nothing"
        assert len(client.served) == 2 and min(client.served.values()) > count // 10, client.served
        for gateway in gateways:
            await eventually(lambda: gateway.metric("livekit_sip_calls_active") == 0, "the calls to end")
        await eventually(lambda: not transfer_topics(client), "the calls' topics to go with them")
        records = [record["call_id"] for gateway in gateways for record in gateway.wait_for_records(1)]
        assert len(records) == len(set(records)) == count


async def test_calls_out_go_to_the_gateway_with_more_free_capacity(tmp_path, redis, rooms, server):
    """Whatever the client does: take the first offer, or the best."""
    with contextlib.ExitStack() as stack:
        busy = stack.enter_context(Member(tmp_path / "busy", redis, rooms, max_active_calls=4))
        agent = await speaker(rooms)
        phones = [stack.enter_context(SIPPhone(busy, caller=f"+1555000{n}")) for n in range(3)]
        for phone in phones:
            assert (await in_thread(phone.invite)).status == 200
        idle = stack.enter_context(Member(tmp_path / "idle", redis, rooms, max_active_calls=4))
        # What the load is shared by is looked at every second.
        await asyncio.sleep(1.5)
        callee = stack.enter_context(Refuser())
        for best in (False, True):
            client = SIPClient(redis, best).start()
            stack.callback(client.close)
            for _ in range(10):
                with pytest.raises(BusError):
                    await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
            assert len(client.served) == 1
        await eventually(lambda: len(idle.records()) == 20, "the idle gateway's records")
        assert not [record for record in busy.records() if record["direction"] == "outbound"]
        # The fourth call fills it.
        fourth = stack.enter_context(SIPPhone(busy, caller="+15550004"))
        assert (await in_thread(fourth.invite)).status == 200
        fifth = stack.enter_context(SIPPhone(busy, caller="+15550005"))
        answer = await in_thread(fifth.invite)
        assert answer.status == 503 and answer.get("Retry-After")


async def test_a_gateway_takes_calls_out_on_its_own_trunks_and_cluster_alone(tmp_path, redis, rooms, server, client):
    with Member(tmp_path / "gateway", redis, rooms, cluster_id="eu-west.1", sip_trunk_ids=[TRUNK]) as _, Refuser() as callee:
        names = {"SIPInternal|CreateSIPParticipant|euu+002dwestu+002e1|REQ", "SIPInternal|CreateSIPParticipant|euu+002dwestu+002e1|RCLAIM"}
        assert names <= subscriptions(client)
        assert "SIPInternal|CreateSIPParticipant|REQ" not in subscriptions(client)
        with pytest.raises(BusError) as raised:
            await in_thread(client.call, "CreateSIPParticipant", "eu-west.1", create(CALLEE, callee.port))
        assert raised.value.code == "resource_exhausted"
        for topic, trunk in (("", TRUNK), ("eu-west.1", "ST_other")):
            with pytest.raises(BusError) as raised:
                await in_thread(client.call, "CreateSIPParticipant", topic, create(CALLEE, callee.port, sip_trunk_id=trunk))
            assert raised.value.code == "unavailable", (topic, trunk)
        assert len(callee.invites) == 1


async def test_a_gateway_that_drains_takes_no_new_calls_and_keeps_its_own(gateway, rooms, client, server):
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone, Refuser() as callee:
        assert (await in_thread(phone.invite)).status == 200
        call_id = server.of("EvaluateSIPDispatchRules")[0].call.lk_call_id
        gateway.process.send_signal(signal.SIGTERM)
        await eventually(lambda: gateway.health() == (503, "Stopped"), "the health check to say so")
        await eventually(lambda: "SIPInternal|CreateSIPParticipant|REQ" not in subscriptions(client), "the method to go")
        assert gateway.metric("livekit_sip_available") == 0
        with pytest.raises(BusError) as raised:
            await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
        assert raised.value.code == "unavailable" and not callee.invites
        with SIPPhone(gateway, caller="+15550199") as other:
            answer = await in_thread(other.invite)
            assert answer.status == 503 and answer.get("Retry-After")
        # The running call is still there, and can still be transferred.
        request = make("InternalTransferSIPParticipantRequest", sip_call_id=call_id, transfer_to="sip:x@y")
        transfer = asyncio.create_task(in_thread(client.call, "TransferSIPParticipant", call_id, request, timeout=30))
        await in_thread(phone.wait_for, "REFER", status="486 Busy Here")
        with pytest.raises(BusError):
            await transfer
        await in_thread(phone.hang_up)
    assert await in_thread(gateway.process.wait, 20 * ALLOWANCE) == 0
    assert server.states(call_id)[-1].call_status == sip.SCS_DISCONNECTED, "the last report goes out before the end"


async def test_a_gateway_that_dies_takes_only_its_own_calls_along(tmp_path, redis, rooms, server, client):
    with contextlib.ExitStack() as stack:
        first, second = (stack.enter_context(Member(tmp_path / f"gateway-{n}", redis, rooms)) for n in range(2))
        await speaker(rooms)
        phones = [stack.enter_context(SIPPhone(gateway, caller=f"+1555000{n}")) for n, gateway in enumerate((first, second))]
        answers = [await in_thread(phone.invite) for phone in phones]
        assert [answer.status for answer in answers] == [200, 200]
        first.process.kill()
        first.process.wait()
        with Refuser() as callee:
            for _ in range(5):
                with pytest.raises(BusError) as raised:
                    await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
                assert raised.value.code == "resource_exhausted"
        tones = stack.enter_context(Tones())
        tones.speak(phones[1], answers[1].media_port(), 600)
        await hears(phones[1], 1300)
        await in_thread(phones[1].hang_up)


# --- A bus that fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GetSIPTrunkAuthentication", "EvaluateSIPDispatchRules", "UpdateSIPCallState"])
async def test_a_lost_response_costs_time_and_no_call(gateway, rooms, server, method):
    server.lose[method] = 1
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite, deadline=20)).status == 200
        await in_thread(phone.hang_up)
    await eventually(lambda: server.of("RecordCallContext"), "the last word about the call")
    assert len(server.of("GetSIPTrunkAuthentication")) == (2 if method == "GetSIPTrunkAuthentication" else 1)
    assert len(server.of("EvaluateSIPDispatchRules")) == (2 if method == "EvaluateSIPDispatchRules" else 1)
    assert server.states()[-1].call_status == sip.SCS_DISCONNECTED


async def test_a_slow_server_is_waited_for_and_a_caller_may_give_up(gateway, rooms, server):
    server.delay["EvaluateSIPDispatchRules"] = 2
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        began = time.monotonic()
        assert (await in_thread(phone.invite)).status == 200
        assert time.monotonic() - began >= 2
        assert phone.provisional[0].status == 100
        await in_thread(phone.hang_up)
    for method in ("GetSIPTrunkAuthentication", "EvaluateSIPDispatchRules"):
        server.delay.clear()
        server.delay[method] = 2
        asked = len(server.of(method))
        with SIPPhone(gateway, caller="+15550142") as phone:
            phone.send(phone.request("INVITE", phone.offer()))
            await eventually(lambda: len(server.of(method)) > asked, "the question")
            phone.send(phone.request("CANCEL"))
            assert (await in_thread(phone.final)).status == 487
            phone.send(phone.request("ACK", cseq=phone.cseq))
        await asyncio.sleep(2.5)
    assert agent.caller() is None
    assert [record["end_reason"] for record in gateway.wait_for_records(2)] == ["hangup", "cancelled"]


async def test_a_server_that_never_answers_means_503_with_retry_after(gateway, server):
    server.delay["GetSIPTrunkAuthentication"] = 60
    with SIPPhone(gateway) as phone:
        answer = await in_thread(phone.invite, deadline=20)
    assert answer.status == 503 and answer.get("Retry-After") == "5"
    assert len(server.of("GetSIPTrunkAuthentication")) == 2
    assert gateway.metric("livekit_sip_invite_error", dir="in", reason="cluster-unavailable") == 1


async def test_no_server_at_all_means_503_soon(tmp_path, redis, rooms):
    with Member(tmp_path / "gateway", redis, rooms) as gateway, SIPPhone(gateway) as phone:
        began = time.monotonic()
        answer = await in_thread(phone.invite)
        assert answer.status == 503 and answer.get("Retry-After") and time.monotonic() - began < 5 * ALLOWANCE


async def test_a_restart_of_redis_leaves_calls_alone_and_the_gateway_comes_back_by_itself(gateway, rooms, redis, server, client):
    agent = await speaker(rooms)
    with contextlib.ExitStack() as stack:
        tones = stack.enter_context(Tones())
        phone = stack.enter_context(SIPPhone(gateway))
        answer = await in_thread(phone.invite)
        tones.speak(phone, answer.media_port(), 600)
        await hears(phone, 1300)
        call_id = server.of("EvaluateSIPDispatchRules")[0].call.lk_call_id
        for round in range(3):
            await in_thread(redis.stop)
            await eventually(lambda: gateway.metric("trunkline_bus_connected") == 0, "the loss to be noticed")
            with SIPPhone(gateway, caller=f"+1555010{round}") as other:
                began = time.monotonic()
                refused = await in_thread(other.invite)
                assert refused.status == 503 and refused.get("Retry-After") == "5" and time.monotonic() - began < 1 * ALLOWANCE
            assert gateway.health() == (200, "OK"), "it carries calls"
            await in_thread(redis.start)
            await eventually(lambda: gateway.metric("trunkline_bus_connected") == 1, "the way back")
            await eventually(lambda: client.handlers.keys() | server.handlers.keys() <= subscriptions(client), "the peers' way back")
            with SIPPhone(gateway, caller=f"+1555020{round}") as other:
                assert (await in_thread(other.invite)).status == 200
                await in_thread(other.hang_up)
            with Refuser() as callee, pytest.raises(BusError) as raised:
                await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
            assert raised.value.code == "resource_exhausted"
        phone.packets.clear()
        await hears(phone, 1300)
        # Its topic was subscribed to again.
        request = make("InternalTransferSIPParticipantRequest", sip_call_id=call_id, transfer_to="sip:x@y")
        transfer = asyncio.create_task(in_thread(client.call, "TransferSIPParticipant", call_id, request, timeout=30))
        await in_thread(phone.wait_for, "REFER", status="603 Decline")
        with pytest.raises(BusError) as raised:
            await transfer
        assert raised.value.code == "permission_denied"
        await in_thread(phone.hang_up)


async def test_a_redis_that_hangs_is_given_up_and_found_again(gateway, redis, server):
    with redis.frozen():
        with SIPPhone(gateway) as phone:
            answer = await in_thread(phone.invite, deadline=20)
            assert answer.status == 503 and answer.get("Retry-After")
        await eventually(lambda: gateway.metric("trunkline_bus_connected") == 0, "the loss to be noticed")
    await eventually(lambda: gateway.metric("trunkline_bus_connected") == 1, "the way back")


async def test_rubbish_on_the_bus_harms_nobody(gateway, rooms, redis, server, client):
    with contextlib.closing(redis.client()) as stranger:
        for name in subscriptions(client):
            for data in (b"", b"\xff" * 100, os.urandom(1000), b"\x0a\x04abcd", bytes(2 << 20)):
                stranger.publish(name, data)
        # Claims and responses that nobody asked for.
        for name in subscriptions(client):
            if name.endswith(("|RES", "|CLAIM")) and name.startswith("IOInfo"):
                kind = "Response" if name.endswith("RES") else "ClaimRequest"
                stranger.publish(name, pack(make(kind, request_id="REQ_x", server_id="SRV_x")))
    agent = await speaker(rooms)
    with SIPPhone(gateway) as phone:
        assert (await in_thread(phone.invite)).status == 200
        await in_thread(phone.hang_up)


# --- Configuration, health, metrics, explain -------------------------------------------------------------------------


async def test_redis_with_tls_and_a_password(tmp_path):
    files = certificates(tmp_path)
    with Redis(tmp_path, "--requirepass", "hush", tls=files) as redis:
        server = IOServer(redis)
        server.answers["GetSIPTrunkAuthentication"] = admit()
        server.answers["EvaluateSIPDispatchRules"] = lambda request: make("EvaluateSIPDispatchRulesResponse", result=REJECT)
        server.start()
        settings = {"address": f"127.0.0.1:{redis.port}", "password": "hush",
                    "tls": {"enabled": True, "ca_cert_file": str(files["ca-cert-file"])}}
        try:
            with Member(tmp_path / "gateway", redis, redis=settings) as gateway, SIPPhone(gateway) as phone:
                assert (await in_thread(phone.invite)).status == 404
                assert len(server.of("EvaluateSIPDispatchRules")) == 1
                assert "hush" not in gateway.log()
        finally:
            server.close()


async def test_a_wrong_password_is_said_and_calls_get_503(tmp_path):
    with Redis(tmp_path, "--requirepass", "hush") as redis:
        settings = {"address": f"127.0.0.1:{redis.port}", "password": "guess"}
        with Member(tmp_path / "gateway", redis, redis=settings) as gateway, SIPPhone(gateway) as phone:
            assert (await in_thread(phone.invite)).status == 503
            assert "WRONGPASS" in gateway.log() and "guess" not in gateway.log()


# As livekit-sip's README and its users have it.
LIVEKIT_SIP_FILE = """
log_level: warn
redis:
  address: 127.0.0.1:{redis}
  username: ""
  password: ""
  db: 0
sip_port: {sip}
rtp_port: {rtp}-{rtp_end}
listen_ip: 127.0.0.1
use_external_ip: false
health_port: {health}
prometheus_port: {metrics}
max_cpu_utilization: 1
hide_inbound_port: false
add_record_route: true
enable_jitter_buffer: false
enable_opus: false
codecs:
  G722/8000: true
  PCMU/8000: true
"""


class Replacement(Member):
    """Started as livekit-sip is, with a file or a body of livekit-sip's and the environment; `where` names the variable."""

    def __init__(self, directory, redis: Redis, rooms: Gateway, where: str):
        super().__init__(directory, redis, rooms)
        self.where = where
        first, last = self.configuration["rtp_port"].split("-")
        self.body = LIVEKIT_SIP_FILE.format(
            redis=redis.port, sip=self.sip_port, rtp=first, rtp_end=last, health=self.health_port, metrics=self.metrics_port)

    def launch(self):
        path = self.directory / "sip.yaml"
        path.write_text(self.body)
        value = {"SIP_CONFIG_FILE": str(path), "SIP_CONFIG_BODY": self.body}[self.where]
        keys = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "LIVEKIT_WS_URL": self.rooms.url}
        self.log_file = self.log_path.open("w")
        self.process = subprocess.Popen(
            [binary(), "serve"], stdout=self.log_file, stderr=subprocess.STDOUT, cwd=self.directory,
            env=os.environ | keys | {self.where: value, "SWIFT_BACKTRACE": "enable=no"})


@pytest.mark.parametrize("where", ["SIP_CONFIG_FILE", "SIP_CONFIG_BODY"])
async def test_a_file_of_livekit_sip_works_unchanged(tmp_path, redis, rooms, server, client, where):
    with Replacement(tmp_path / "gateway", redis, rooms, where) as gateway:
        await speaker(rooms)
        with Tones() as tones, SIPPhone(gateway) as phone:
            answer = await in_thread(phone.invite)
            assert answer.status == 200
            tones.speak(phone, answer.media_port(), 600)
            await hears(phone, 1300)
            await in_thread(phone.hang_up)
        with Refuser() as callee, pytest.raises(BusError) as raised:
            await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
        assert raised.value.code == "resource_exhausted"
        assert gateway.metric("livekit_sip_available") == 1
        assert all(key in gateway.log() for key in ("add_record_route", "enable_jitter_buffer"))
        assert " info " not in gateway.log(), "log_level"
        gateway.process.send_signal(signal.SIGQUIT)
        assert await in_thread(gateway.process.wait, 20 * ALLOWANCE) == 0


async def test_health_and_metrics_are_those_of_livekit_sip(gateway, rooms, server, client):
    assert gateway.health() == (200, "OK") and gateway.get(gateway.health_port, "/anything") == (200, "OK")
    assert gateway.get(gateway.metrics_port, "/nothing")[0] == 404
    agent = await speaker(rooms)
    with contextlib.ExitStack() as stack:
        tones = stack.enter_context(Tones())
        phone = stack.enter_context(SIPPhone(gateway))
        answer = await in_thread(phone.invite)
        tones.speak(phone, answer.media_port(), 600)
        await hears(phone, 1300)
        assert gateway.metric("livekit_sip_calls_active", dir="in", to="127.0.0.1") == 1
        await in_thread(phone.hang_up)
    gateway.wait_for_records()
    with Refuser() as callee, pytest.raises(BusError):
        await in_thread(client.call, "CreateSIPParticipant", "", create(CALLEE, callee.port))
    gateway.wait_for_records(2)
    expected = {
        ("livekit_sip_invite_requests_raw",): 1, ("livekit_sip_invite_requests", "in"): 1, ("livekit_sip_invite_requests", "out"): 1,
        ("livekit_sip_invite_accepted", "in"): 1, ("livekit_sip_invite_error", "out"): 1, ("livekit_sip_calls_active",): 0,
        ("livekit_sip_calls_terminated", "in"): 1, ("livekit_sip_calls_terminated", "out"): 1, ("livekit_sip_available",): 1,
        ("livekit_sip_dur_session_sec_count", "in"): 1, ("livekit_sip_dur_call_sec_count", "in"): 1,
        ("livekit_sip_dur_check_sec_count", "in"): 1, ("livekit_sip_dur_join_sec_count", "in"): 1,
        ("livekit_sip_sdp_parsed_total", "in"): 2, ("trunkline_bus_connected",): 1,
    }
    for (name, *direction), value in expected.items():
        assert gateway.metric(name, **({"dir": direction[0]} if direction else {})) == value, name
    assert gateway.metric("livekit_sip_calls_terminated", dir="in", result="success", reason="hangup") == 1
    assert gateway.metric("livekit_sip_packets_rtp", op="recv", payload="PCMU/8000") > 10
    for stage in ("get-auth", "eval-dispatch", "join-room", "wait-subscribe"):
        assert gateway.metric("livekit_sip_stage_dur_sec_count", dir="in", stage=stage) == 1, stage
    assert 0 <= gateway.metric("livekit_node_cpu_load", node_type="SIP") <= 1
    assert gateway.metric("process_resident_memory_bytes") > 1e6


def explain(gateway: Gateway, *arguments: str):
    path = gateway.directory / "trunkline.yaml"
    result = subprocess.run(
        [binary(), "explain", "--config", path, "--from", CALLER, "--to", CALLED, "--source", "192.0.2.1", *arguments],
        capture_output=True, text=True, timeout=60)
    return result.returncode, result.stdout, result.stderr


async def test_explain_asks_the_same_bus(gateway, redis, server):
    code, output, _ = await in_thread(explain, gateway)
    assert code == 0 and "chosen  provider" in output and RULE in output and f"Room         {ROOM}" in output, output
    asked = server.of("EvaluateSIPDispatchRules")[-1]
    assert (asked.calling_number, asked.called_number, asked.src_address, asked.sip_trunk_id) == (CALLER, CALLED, "192.0.2.1", TRUNK)
    code, output, _ = await in_thread(explain, gateway, "--json")
    assert json.loads(output)["roomName"] == ROOM and json.loads(output)["identity"] == f"sip_{CALLER}"
    server.answers["EvaluateSIPDispatchRules"] = lambda request: make("EvaluateSIPDispatchRulesResponse", result=DROP)
    code, output, _ = await in_thread(explain, gateway)
    assert code == 1 and "Refused: the cluster has no dispatch rule" in output and "404" in output
    server.answers["GetSIPTrunkAuthentication"] = failing("failed_precondition", "Multiple SIP Trunks matched")
    code, output, _ = await in_thread(explain, gateway)
    assert code == 1 and "Multiple SIP Trunks matched" in output and "503" in output
    await in_thread(redis.stop)
    code, _, errors = await in_thread(explain, gateway)
    assert code == 1 and "redis: " in errors and "Connection refused" in errors
