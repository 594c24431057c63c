"""Agent workers: the stock livekit-agents worker answers calls, is lost, declines, and is missed."""

import asyncio
import json
import re
import time

import aiohttp
import numpy as np
import pytest
import sound
from harness import (ALLOWANCE, CALLER, KEY, ROOT, SECRET, Capture, Gateway, Participant, Sipp, direct_rule, eventually)
from livekit import api
from livekit.protocol import agent as protocol
from livekit.protocol import agent_dispatch
from sipphone import SIPPhone
from twirp import sdk
from workers import BareWorker, Worker, tone_worker

EXAMPLES = ROOT / "examples"


def rule(*agents: str, **settings) -> dict:
    """Each call in a room of its own, with these agents."""
    return {
        "name": "agents",
        "trunk_ids": ["provider"],
        "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}},
        "room_config": {"agents": [{"agent_name": agent, "metadata": "from the rule"} for agent in agents]},
    } | settings


def heard(phone: SIPPhone, last_seconds: float = 1) -> np.ndarray:
    """The last sound of the PCMU packets that came."""
    payloads = [packet[12:] for packet in phone.packets if packet[1] & 127 == 0]
    samples = np.concatenate([np.zeros(0)] + [sound.decode(payload, 0) for payload in payloads[-int(last_seconds * 50):]])
    return samples


def hears(phone: SIPPhone, tone: float) -> bool:
    samples = heard(phone)
    return len(samples) >= 8000 and abs(sound.strongest_frequency(samples) - tone) < 5 and sound.rms(samples) > 1000


class Listening:
    """A phone that keeps what it hears, and says a tone or nothing between the keys that are pressed on it."""

    def __init__(self, phone: SIPPhone, media_port: int, tone: float | None = None):
        self.phone, self.port, self.keys = phone, media_port, []
        self.voice = sound.ulaw_tone(tone, 1) if tone else bytes([0xFF]) * 8000
        self.tasks = [asyncio.ensure_future(phone.listen()), asyncio.ensure_future(self._talk())]

    def __enter__(self) -> "Listening":
        return self

    def __exit__(self, *_):
        for task in self.tasks:
            task.cancel()

    def press(self, key: str):
        """One RFC 4733 event of 100 ms."""
        self.keys.append("0123456789*#".index(key))

    async def _talk(self):
        started, n, event = time.monotonic(), 0, None
        while True:
            if event is None and self.keys:
                event = (self.keys.pop(0), n)
            if event is None:
                at = n % 50 * 160
                self.phone.send_rtp(self.port, self.voice[at : at + 160], n & 0xFFFF, n * 160)
            else:
                code, began = event
                ticks, is_end = min(n - began + 1, 5) * 160, n - began >= 5
                body = bytes([code, 0x8A if is_end else 0x0A]) + ticks.to_bytes(2, "big")
                self.phone.send_rtp(self.port, body, n & 0xFFFF, began * 160, payload_type=101)
                event = None if n - began == 7 else event
            n += 1
            await asyncio.sleep(max(0, started + n * 0.02 - time.monotonic()))


# --- The stock worker ---


async def test_a_rule_dispatches_a_stock_worker_and_the_caller_hears_it(tmp_path):
    """The whole path: rule, dispatch, job, room, audio, answer."""
    with Gateway(tmp_path, dispatch_rules=[rule("speaker")]) as gateway, tone_worker(gateway, tmp_path, 1000, "speaker"):
        capture = Capture(tmp_path / "call.pcap", "udp")
        caller = Sipp(gateway, "listen", tmp_path)
        await asyncio.to_thread(caller.wait)
        packets = capture.stop()
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == "hangup" and record["sip_status"] == 200
        voice = [packet for packet in packets if packet.destination_port == caller.media_port and packet.payload_type == 8]
        back = np.concatenate([sound.decode(packet.payload, 8) for packet in voice])[8000:]
        assert len(back) > 5 * 8000
        assert abs(sound.strongest_frequency(back) - 1000) < 2
        assert abs(sound.decibels(sound.band_level(back, 1000), 8000 / 2**0.5)) < 1.5
        assert sound.silent_share(back) < 0.02
        log = gateway.rooms.log()
        assert re.search(r"a job was assigned.*agent=speaker", log), log[-3000:]
        assert re.search(r"a participant joined.*participant=agent-AJ_", log)
        # 180, then silence until the agent spoke.
        assert "SIP/2.0 180" in caller.trace()


async def test_the_agent_is_what_its_job_says(tmp_path):
    rules = [rule("speaker")]
    rules[0]["room_config"]["agents"][0] |= {"restart_policy": "JRP_NEVER", "attributes": {"language": "en"}}
    with Gateway(tmp_path, dispatch_rules=rules) as gateway, tone_worker(gateway, tmp_path, 700, "speaker"):
        async with sdk(gateway) as client:
            with SIPPhone(gateway) as phone:
                answer = await asyncio.to_thread(phone.invite, deadline=30)
                assert answer.status == 200
                [room] = (await client.room.list_rooms(api.ListRoomsRequest())).rooms
                people = (await client.room.list_participants(api.ListParticipantsRequest(room=room.name))).participants
                [agent] = [one for one in people if one.kind == api.ParticipantInfo.AGENT]
                assert agent.name == "tone" and agent.metadata == "from the rule"
                assert agent.attributes == {"tone": "700", "lk.agent.name": "speaker", "lk.agent_name": "speaker"}
                assert agent.permission.agent
                [dispatch] = await client.agent_dispatch.list_dispatch(room.name)
                assert dispatch.agent_name == "speaker" and dispatch.metadata == "from the rule"
                assert dispatch.restart_policy == agent_dispatch.JRP_NEVER and dispatch.attributes == {"language": "en"}
                [job] = dispatch.state.jobs
                assert job.state.status == protocol.JS_RUNNING and job.state.participant_identity == agent.identity
                assert job.state.worker_id.startswith("AW_") and job.state.started_at > 1.7e18
                # Whoever deletes the dispatch sends the agent home.
                await client.agent_dispatch.delete_dispatch(dispatch.id, room.name)

                async def is_alone():
                    people = (await client.room.list_participants(api.ListParticipantsRequest(room=room.name))).participants
                    return len(people) == 1

                for _ in range(int(200 * ALLOWANCE)):
                    if await is_alone():
                        break
                    await asyncio.sleep(0.1)
                assert await is_alone()
                await asyncio.to_thread(phone.hang_up)


@pytest.mark.parametrize("everything", [False, True])
async def test_a_killed_worker_is_replaced_in_mid_call(tmp_path, everything):
    """kill -9: the caller hears the other worker's agent a few seconds later, in the same call."""
    with Gateway(tmp_path, dispatch_rules=[rule("speaker")]) as gateway:
        workers = {tone: tone_worker(gateway, tmp_path, tone, "speaker") for tone in (600, 1400)}
        with workers[600], workers[1400], SIPPhone(gateway) as phone:
            answer = await asyncio.to_thread(phone.invite, deadline=30)
            assert answer.status == 200
            with Listening(phone, answer.media_port()):
                await eventually(lambda: hears(phone, 600) or hears(phone, 1400), "an agent to be heard")
                first = 600 if hears(phone, 600) else 1400
                workers[first].kill(everything=everything)
                killed_at = time.monotonic()
                await eventually(lambda: hears(phone, 2000 - first), "the other agent to be heard", 30)
                print(f"silent or alone for at most {time.monotonic() - killed_at - 1:.1f} s")
                await asyncio.sleep(1)
                assert hears(phone, 2000 - first)
                await asyncio.to_thread(phone.hang_up)
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == "hangup"
        assert re.search(r"a job failed.*the worker was lost", gateway.log())


async def test_a_job_that_one_worker_declines_goes_to_the_next(tmp_path):
    with Gateway(tmp_path, dispatch_rules=[rule("speaker")]) as gateway, SIPPhone(gateway) as phone:
        with tone_worker(gateway, tmp_path, 600, "speaker", DECLINES="1"):
            call = asyncio.ensure_future(asyncio.to_thread(phone.invite, deadline=100))
            await eventually(lambda: re.search(r"a job was passed on.*the worker declined", gateway.log()), "the refusal")
            with tone_worker(gateway, tmp_path, 1400, "speaker"):
                answer = await call
                assert answer.status == 200
                with Listening(phone, answer.media_port()):
                    await eventually(lambda: hears(phone, 1400), "the willing agent to be heard")
                    await asyncio.to_thread(phone.hang_up)


# --- Nobody there ---

WAITS = "waits for agent 'speaker': no worker of that name is registered"


async def calls(gateway: Gateway) -> list[dict]:
    """The running calls, as `trunkline call list` asks for them."""
    token = api.AccessToken(KEY, SECRET).with_sip_grants(api.SIPGrants(admin=True)).to_jwt()
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{gateway.port}/twirp/trunkline.Calls/ListCalls"
        async with session.post(url, json={}, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 200
            return (await answer.json())["calls"]


async def test_without_a_worker_the_phone_rings_on_and_the_log_says_why(tmp_path):
    """The worker that comes later answers."""
    with Gateway(tmp_path, dispatch_rules=[rule("speaker")]) as gateway, SIPPhone(gateway) as phone:
        call = asyncio.ensure_future(asyncio.to_thread(phone.invite, deadline=100))
        await eventually(lambda: WAITS in gateway.log(), "the sentence in the log")
        assert WAITS in (await calls(gateway))[0]["waits_for"]
        with tone_worker(gateway, tmp_path, 900, "speaker"):
            answer = await call
            assert answer.status == 200
            with Listening(phone, answer.media_port()):
                await eventually(lambda: hears(phone, 900), "the agent to be heard")
                await asyncio.to_thread(phone.hang_up)
    assert all(message.status in (100, 180) for message in phone.provisional)


async def test_busy_after_its_time(tmp_path):
    settings = rule("speaker", no_agent="busy", no_agent_timeout="1s")
    with Gateway(tmp_path, dispatch_rules=[settings]) as gateway, SIPPhone(gateway) as phone:
        started = time.monotonic()
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 486 and 0.9 < time.monotonic() - started < 5 * ALLOWANCE
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == "no-agent" and "agent 'speaker': no worker of that name" in record["sentence"]


async def test_the_announcement_is_heard_to_its_end_and_the_call_ends(tmp_path):
    samples = 8000 * np.sin(2 * np.pi * 800 * np.arange(16000 * 2) / 16000)
    sound.write_wav(tmp_path / "sorry.wav", samples, 16000)
    settings = rule("speaker", no_agent="announce", no_agent_timeout="1s", no_agent_announcement="sorry.wav")
    with Gateway(tmp_path, dispatch_rules=[settings]) as gateway, SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite)
        assert answer.status == 200
        with Listening(phone, answer.media_port()):
            await asyncio.to_thread(phone.wait_for, "BYE")
            tone = heard(phone, 60)
            loud = np.flatnonzero(np.abs(tone) > 2000)
            assert abs(sound.strongest_frequency(tone[loud[0]:loud[-1]]) - 800) < 2
            assert abs((loud[-1] - loud[0]) / 8000 - 2) < 0.02
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == "no-agent" and record["sip_status"] == 200
        assert record["room"].startswith("call-")


def test_an_announcement_that_cannot_be_played_stops_the_start(tmp_path):
    sound.write_wav(tmp_path / "stereo.wav", np.zeros(160), 8000)
    data = bytearray((tmp_path / "stereo.wav").read_bytes())
    data[22] = 2
    (tmp_path / "stereo.wav").write_bytes(data)
    for name, why in (("stereo.wav", "has 2 channels"), ("nowhere.wav", "cannot be opened")):
        gateway = Gateway(tmp_path, dispatch_rules=[rule("x", no_agent="announce", no_agent_announcement=name)])
        gateway.launch()
        assert gateway.process.wait(20 * ALLOWANCE) != 0
        gateway.log_file.close()
        assert re.search(rf"dispatch_rules\[0\]\.no_agent_announcement: .*one channel, 16-bit PCM.*{why}", gateway.log())


# --- Choice ---


async def test_jobs_are_shared_by_free_load(tmp_path):
    """Two workers, one nearly full: nine jobs in ten go to the other. They speak the protocol without the SDK."""
    with Gateway(tmp_path) as gateway:
        async with BareWorker(gateway, "x") as busy, BareWorker(gateway, "x", is_json=True) as idle, BareWorker(gateway, "y") as other:
            await busy.report(0.9)
            await idle.report(0.1)
            async with sdk(gateway) as client:
                for index in range(300):
                    await client.agent_dispatch.create_dispatch(
                        api.CreateAgentDispatchRequest(agent_name="x", room=f"room-{index}", metadata="m"))
            await eventually(lambda: len(busy.of("availability")) + len(idle.of("availability")) == 300, "all offers")
            share = len(idle.of("availability")) / 300
            assert 0.83 < share < 0.97, share
            assert not other.of("availability")
            offer = idle.of("availability")[0]
            assert offer.job.agent_name == "x" and offer.job.metadata == "m" and offer.job.room.name.startswith("room-")


async def test_the_token_that_makes_a_room_dispatches_its_agents(tmp_path):
    with Gateway(tmp_path) as gateway:
        async with BareWorker(gateway, "x") as worker:
            agents = api.RoomConfiguration(agents=[api.RoomAgentDispatch(agent_name="x", metadata="of the token")])
            token = api.AccessToken(KEY, SECRET).with_identity("guest").with_room_config(agents)
            guest = Participant()
            await guest.connect(gateway.url, token.with_grants(api.VideoGrants(room_join=True, room="r")).to_jwt())
            [offer] = await worker.until(lambda: worker.of("availability"), "an offer")
            assert offer.job.room.name == "r" and offer.job.metadata == "of the token"
            # Only whoever makes the room brings agents.
            second = Participant()
            token = api.AccessToken(KEY, SECRET).with_identity("second").with_room_config(agents)
            await second.connect(gateway.url, token.with_grants(api.VideoGrants(room_join=True, room="r")).to_jwt())
            assert len(worker.of("availability")) == 1


async def test_workers_without_a_name_get_every_new_room_that_names_nobody(tmp_path):
    with Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway:
        async with BareWorker(gateway) as rooms, BareWorker(gateway) as participants, BareWorker(gateway, "x"):
            await participants.close()
            await participants.connect()
            participants.messages.clear()
            await participants.register(protocol.JT_PARTICIPANT)
            guest = await gateway.join("meeting", "guest")
            with SIPPhone(gateway) as phone:
                call = asyncio.ensure_future(asyncio.to_thread(phone.invite, deadline=20))
                await rooms.until(lambda: len(rooms.of("availability")) == 2, "a job for each room")
                assert {offer.job.room.name for offer in rooms.of("availability")} == {"meeting", "lobby"}
                await participants.until(lambda: len(participants.of("availability")) == 2, "a job for each participant")
                offers = participants.of("availability")
                assert {offer.job.participant.identity for offer in offers} == {"guest", f"sip_{CALLER}"}
                speaker = await gateway.join("lobby", "speaker")
                await speaker.publish_tone(500)
                assert (await call).status == 200
                await asyncio.to_thread(phone.hang_up)
            await guest.leave()


# --- The protocol ---


async def test_only_a_token_with_the_agent_grant_is_let_in(tmp_path):
    def token(secret: str, **grants) -> str:
        return api.AccessToken(KEY, secret).with_identity("x").with_grants(api.VideoGrants(**grants)).to_jwt()

    with Gateway(tmp_path) as gateway:
        # The last but one is what an agent joins its room with.
        for bad in ("", "nonsense", token(SECRET, room_join=True, room="x"), token(SECRET, agent=False),
                    token(SECRET, agent=True, room_join=True, room="x"), token("x" * 32, agent=True)):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await BareWorker(gateway).connect(bad)
            assert refused.value.status == 401


async def test_rubbish_closes_the_connection_and_nothing_else(tmp_path):
    with Gateway(tmp_path, dispatch_rules=[rule("x")]) as gateway:
        async with BareWorker(gateway, "x") as good:
            for frame in (b"\xff" * 100, b"\x0a" + b"\x7f" * 50, "no JSON", "[]", json.dumps({"register": 7}), b"\x00" * 300_000):
                bad = BareWorker(gateway, "x")
                await bad.connect()
                await (bad.socket.send_str(frame) if isinstance(frame, str) else bad.socket.send_bytes(frame))
                await bad.until(lambda: bad.closed is not None, f"the end of {frame[:20]!r}")
                assert bad.closed == 1007
                await bad.close()
            early = BareWorker(gateway, "x")
            await early.connect()
            await early.report(0)
            await early.until(lambda: early.closed is not None, "the end of an early report")
            assert early.closed == 1008
            await early.close()
            # Fields of a later protocol are passed over.
            await good.socket.send_bytes(protocol.WorkerMessage(ping=protocol.WorkerPing(timestamp=5)).SerializeToString() + b"\xfa\x3f\x01x")
            pong = (await good.until(lambda: good.of("pong"), "a pong"))[0]
            assert pong.last_timestamp == 5 and abs(pong.timestamp / 1000 - time.time()) < 5


async def test_a_worker_that_stays_silent_is_sent_away(tmp_path):
    with Gateway(tmp_path) as gateway:
        worker = BareWorker(gateway)
        await worker.connect()
        started = time.monotonic()
        await worker.until(lambda: worker.closed is not None, "the end of the connection", 15)
        assert worker.closed == 1008 and time.monotonic() - started > 9
        await worker.close()


async def test_a_room_that_ends_ends_its_job(tmp_path):
    with Gateway(tmp_path) as gateway:
        async with BareWorker(gateway, "x") as worker, sdk(gateway) as client:
            await client.agent_dispatch.create_dispatch(api.CreateAgentDispatchRequest(agent_name="x", room="r"))
            job = (await worker.until(lambda: worker.of("availability"), "an offer"))[0].job
            await worker.send(availability=protocol.AvailabilityResponse(
                job_id=job.id, available=True, participant_identity="bot", participant_name="Bot"))
            assignment = (await worker.until(lambda: worker.of("assignment"), "an assignment"))[0]
            claims = api.TokenVerifier(KEY, SECRET).verify(assignment.token)
            assert claims.identity == "bot" and claims.kind == "agent" and claims.video.room == "r" and claims.video.room_join
            await client.room.delete_room(api.DeleteRoomRequest(room="r"))
            await worker.until(lambda: [end.job_id for end in worker.of("termination")] == [job.id], "the job's end")


# --- The examples ---


async def test_the_echo_example_answers_and_sends_the_voice_back(tmp_path):
    """As the README has it: no name, LiveKit's three variables, a direct room."""
    with Gateway(tmp_path, dispatch_rules=[direct_rule("lobby")]) as gateway:
        with Worker(gateway, tmp_path, EXAMPLES / "echo_agent.py", mode="dev") as worker, SIPPhone(gateway) as phone:
            answer = await asyncio.to_thread(phone.invite, deadline=60)
            assert answer.status == 200
            with Listening(phone, answer.media_port(), tone=440) as line:
                await eventually(lambda: hears(phone, 440), "the voice to come back", 30)
                line.press("5")
                await eventually(lambda: f"Phone {CALLER} pressed 5" in worker.log(), "the key in the example's output")
                assert f"Phone {CALLER} is on the line" in worker.log()
                await asyncio.to_thread(phone.hang_up)


def refer_answered(phone: SIPPhone) -> str:
    """Takes a REFER, tells of its success, and returns where it went."""
    end = time.monotonic() + 30 * ALLOWANCE
    while message := phone.receive(end - time.monotonic()):
        if message.method == "REFER":
            phone.reply(message, "202 Accepted")
            phone.send(phone.request(
                "NOTIFY", "SIP/2.0 200 OK\r\n", content="message/sipfrag",
                headers=["Event: refer", "Subscription-State: terminated;reason=noresource"]))
            return message.get("Refer-To")
    raise AssertionError("no REFER")


@pytest.mark.parametrize("key, says", [("1", "confirmed"), ("2", "wants another day"), ("0", "wants a person")])
async def test_the_menu_example_acts_on_keys(tmp_path, key, says):
    with Gateway(tmp_path, dispatch_rules=[rule("menu")]) as gateway:
        menu = Worker(gateway, tmp_path, EXAMPLES / "menu_agent.py", mode="dev", TRANSFER_TO="tel:+15550199")
        with menu as worker, SIPPhone(gateway) as phone:
            answer = await asyncio.to_thread(phone.invite, deadline=60)
            assert answer.status == 200
            with Listening(phone, answer.media_port()) as line:
                await eventually(lambda: sound.rms(heard(phone)) > 500, "the menu to be spoken", 30)
                line.press(key)
                await eventually(lambda: f"Phone {CALLER} {says}" in worker.log(), "the key to be understood")
                if key == "0":
                    assert "tel:+15550199" in await asyncio.to_thread(refer_answered, phone)
                    await eventually(lambda: f"Phone {CALLER} was transferred to tel:+15550199" in worker.log(), "the transfer")
                await asyncio.to_thread(phone.wait_for, "BYE", 40)
        [record] = gateway.wait_for_records()
        assert record["end_reason"] == ("transferred" if key == "0" else "room-deleted")
