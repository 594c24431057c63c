"""Server mode when the way to the rooms breaks: the WebSocket, the UDP path, the server itself."""

import asyncio
import contextlib
import os
import pathlib
import signal
import time

import numpy as np
import pytest
import sound
from harness import ALLOWANCE, Gateway, eventually
from livekit import api, rtc
from outages import AGENT_HZ, PROMPT_HZ, Scene, Talk
from sipcallee import SIPCallee
from sipphone import SIPPhone
from tones import AMPLITUDE, hears
from twirp import sdk


async def test_a_websocket_that_is_cut_is_resumed_and_nobody_hears_of_it(tmp_path):
    async with Scene(tmp_path) as scene:
        gateway, older = await asyncio.gather(scene.gateway(), scene.gateway("older"))
        older.link.is_old = True

        async def cut(talk: Talk, way, seconds: float):
            """Within `seconds` it has another WebSocket; the participant and its sound are the same all the time."""
            talk.forget()
            way(talk.leg)
            await eventually(lambda: talk.leg.opened == 2, "another WebSocket", seconds)
            await eventually(lambda: len(talk.agent.audio(talk.identity)) > 24000, "three seconds of the phone")
            assert talk.gaps() == []
            await talk.both_hear()
            assert talk.agent.caller().sid == talk.sid
            await eventually(lambda: len(talk.leg.connections) == 1, "the former WebSocket to be given up", 10)
            assert not [event for event in talk.agent.events if event[0] != "participant_connected"]
            await talk.hangs_up()
            await eventually(lambda: talk.agent.caller() is None, "the phone to leave")
            assert (await talk.record())["end_reason"] == "hangup"

        def refused_for_a_while(leg):
            leg.refuses = True
            leg.reset()
            # Servers forget after 5 s.
            asyncio.get_running_loop().call_later(2, setattr, leg, "refuses", False)

        ways = [(lambda leg: leg.close(), 5), (lambda leg: leg.reset(), 5), (refused_for_a_while, 6), (lambda leg: leg.silence(), 20)]
        cuts = [(gateway, way) for way in ways] + [(older, way) for way in ways[1:3]]
        await asyncio.gather(*[
            cut(await scene.talk(each, number), *way) for number, (each, way) in enumerate(cuts)])
        for each, count in ((gateway, 4), (older, 2)):
            log = each.log()
            assert log.count("the connection to a room was resumed") == count and "a call cannot hear its room" not in log
            assert not each.link.connections


async def test_a_media_path_that_is_cut_comes_back_or_ends_the_call_in_time(tmp_path):
    sound.write_wav(tmp_path / "prompt.wav", AMPLITUDE * np.sin(2 * np.pi * PROMPT_HZ * np.arange(8000) / 8000))
    async with Scene(tmp_path) as scene:
        patience = {"room_reconnect_timeout": "75s", "reconnect_prompt": str(tmp_path / "prompt.wav")}
        patient, older, hasty = await asyncio.gather(
            scene.gateway("patient", **patience), scene.gateway("older", **patience), scene.gateway("hasty", room_reconnect_timeout="20s"))
        older.link.is_old = True

        async def three_seconds():
            talk = await scene.talk(patient, 1)
            with talk.leg.cut_media():
                await asyncio.sleep(3)
            await talk.both_hear(3)
            assert talk.agent.caller().sid == talk.sid and talk.leg.opened == 1

        async def ten_seconds(gateway: Gateway, number: int):
            talk = await scene.talk(gateway, number)
            talk.forget()
            with talk.leg.cut_media():
                await asyncio.sleep(3)
                await talk.presses("5")
                await asyncio.sleep(4)
                await talk.presses("6")
                await asyncio.sleep(2)
            assert talk.prompt_seconds() == pytest.approx(1, abs=0.2)
            await talk.both_hear(8)
            assert talk.agent.caller().sid == talk.sid and talk.leg.opened >= 2
            await eventually(lambda: len(talk.agent.digits) >= 2, "the digits", 5)
            assert [digit for _, digit in talk.agent.digits] == ["5", "6"]

        async def a_minute(gateway: Gateway, number: int):
            talk = await scene.talk(gateway, number)
            talk.forget()
            with talk.leg.cut_media():
                for digit, seconds in (("1", 2), ("2", 20), ("3", 35)):
                    await asyncio.sleep(seconds)
                    await talk.presses(digit)
                await talk.hears_comfort_noise()
                await asyncio.sleep(2)
            assert talk.prompt_seconds() == pytest.approx(1, abs=0.2)
            await talk.both_hear(15)
            assert talk.agent.caller().sid != talk.sid
            await eventually(lambda: len(talk.agent.digits) >= 3, "the digits", 5)
            await talk.presses("4")
            await eventually(lambda: len(talk.agent.digits) >= 4, "one more digit", 5)
            assert [digit for _, digit in talk.agent.digits] == ["1", "2", "3", "4"]
            await talk.hangs_up()

        async def all_for_ten_seconds():
            talk = await scene.talk(patient, 6)
            talk.leg.cut_all()
            await talk.hears_comfort_noise()
            await asyncio.sleep(4)
            await talk.presses("8")
            talk.leg.heal()
            await talk.both_hear(15)
            assert talk.agent.caller().sid != talk.sid
            await eventually(lambda: talk.agent.digits, "the digit", 5)

        async def too_long():
            talk = await scene.talk(hasty, 4)
            with talk.leg.cut_media():
                await talk.hears_comfort_noise()
                bye = await talk.is_hung_up(30)
                assert bye.get("Reason"), bye.headers
                record = await talk.record()
                assert record["end_reason"] == "room-lost"
                await eventually(lambda: talk.agent.caller() is None, "the participant to be gone", 40)
                await eventually(lambda: not talk.leg.connections, "the WebSocket to be closed", 5)

        async def hung_up_meanwhile():
            talk = await scene.talk(hasty, 5)
            with talk.leg.cut_media():
                await talk.hears_comfort_noise()
                await talk.hangs_up()
                await eventually(lambda: talk.agent.caller() is None, "the participant to be gone", 5)
                assert (await talk.record())["end_reason"] == "hangup"
                await eventually(lambda: not talk.leg.connections, "the WebSocket to be closed", 5)

        await asyncio.gather(
            three_seconds(), ten_seconds(patient, 2), ten_seconds(older, 12), a_minute(patient, 3), a_minute(older, 13),
            all_for_ten_seconds(), too_long(), hung_up_meanwhile())


async def test_a_server_that_is_stopped_and_started_again_has_the_call_anew(tmp_path):
    async def restarts(how: signal.Signals):
        async with Scene(tmp_path / how.name) as scene:
            gateway = await scene.gateway(is_linked=False)
            talk, ringing = await scene.talk(gateway, 1), Talk(scene, gateway, 2)
            answer = asyncio.ensure_future(asyncio.to_thread(ringing.phone.invite, deadline=60))
            await eventually(lambda: f"participant={ringing.identity}" in scene.rooms.log(), "the second phone")
            attributes = dict(talk.agent.caller().attributes)
            await scene.stop_rooms(how)
            await talk.agent.leave()
            await talk.hears_comfort_noise()
            await scene.start_rooms()
            await talk.agent_comes()
            await talk.both_hear(20)
            assert talk.agent.caller().sid != talk.sid and talk.agent.caller().attributes == attributes
            await talk.presses("5")
            await eventually(lambda: talk.agent.digits, "the digit", 5)
            await ringing.agent_comes()
            assert (await answer).status == 200
            await talk.hangs_up()
            await eventually(lambda: talk.agent.caller() is None, "the phone to leave")
            assert (await talk.record())["end_reason"] == "hangup"

    await asyncio.gather(restarts(signal.SIGKILL), restarts(signal.SIGTERM))


async def test_a_server_that_stays_away_ends_its_calls_and_refuses_new_ones_until_it_is_back(tmp_path):
    async with Scene(tmp_path) as scene:
        callee = scene.stack.enter_context(SIPCallee())
        out = {"sip_trunk_id": "ST_out", "name": "out", "address": callee.address, "numbers": ["+15550100"]}
        direct, linked = await asyncio.gather(
            scene.gateway("direct", is_linked=False, room_reconnect_timeout="4s", outbound_trunks=[out]), scene.gateway("linked"))
        talk = await scene.talk(direct, 1)

        async def is_refused(gateway: Gateway, number: int):
            caller = Talk(scene, gateway, number)
            began = time.monotonic()
            answer = await asyncio.to_thread(caller.phone.invite, deadline=15)
            assert answer.status == 503 and answer.get("Retry-After") == "5", answer.headers
            # The join's time, and a moment.
            assert time.monotonic() - began < 12 * ALLOWANCE
            record = await caller.record()
            assert record["end_reason"] == "rooms-unavailable" and record["sip_status"] == 503

        ringing = asyncio.ensure_future(is_refused(direct, 7))
        await eventually(lambda: "participant=sip_+15550200007" in scene.rooms.log(), "the second phone")

        # Who is there already and says nothing is as far away as who is not.
        linked.link.is_mute = True
        mute = asyncio.ensure_future(is_refused(linked, 1))
        await scene.stop_rooms(signal.SIGKILL)
        await talk.agent.leave()
        began = time.monotonic()
        bye = await talk.is_hung_up(10)
        assert 3 < time.monotonic() - began < 8 * ALLOWANCE and "room" in bye.get("Reason")
        assert (await talk.record())["end_reason"] == "room-lost"
        await asyncio.gather(mute, ringing, *[is_refused(direct, number) for number in (2, 3, 4)])
        async with sdk(direct) as client:
            with pytest.raises(api.TwirpError) as raised:
                await client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                    sip_trunk_id="ST_out", sip_call_to="+15550177", room_name="out", participant_identity="callee"))
        assert raised.value.code == "unavailable", raised.value
        assert callee.receive(0.2) is None
        linked.link.is_mute = False
        await scene.start_rooms()
        for gateway, number in ((direct, 5), (linked, 6)):
            await (await scene.talk(gateway, number)).hangs_up()


async def test_a_gateway_stops_in_time_although_the_server_says_nothing(tmp_path):
    async with Scene(tmp_path) as scene:
        gateway = await scene.gateway()
        talk = await scene.talk(gateway, 1)
        talk.leg.silence()
        began = time.monotonic()
        assert await asyncio.to_thread(gateway.stop, signal.SIGINT) == 0
        # A close frame is awaited for 3 s.
        assert time.monotonic() - began < 6 * ALLOWANCE


async def drone(source: rtc.AudioSource, frequency: int):
    """The tone in large pieces, for many of it at a time."""
    samples = AMPLITUDE * np.sin(2 * np.pi * frequency * np.arange(4800) / 48000)
    frame = rtc.AudioFrame(samples.astype(np.int16).tobytes(), 48000, 1, 4800)
    while True:
        await source.capture_frame(frame)


class Holdings:
    """What a gateway has of the system."""

    def __init__(self, gateway: Gateway):
        process = pathlib.Path(f"/proc/{gateway.process.pid}")
        links = []
        for descriptor in os.listdir(process / "fd"):
            # One may be closed meanwhile.
            with contextlib.suppress(OSError):
                links.append(os.readlink(process / "fd" / descriptor))
        sockets = {line.split()[9] for line in pathlib.Path("/proc/net/udp").read_text().splitlines()[1:]}
        self.descriptors = len(links)
        self.udp_ports = sum(link.removeprefix("socket:[").removesuffix("]") in sockets for link in links)
        self.threads = len(os.listdir(process / "task"))
        self.resident_kilobytes = gateway.resident_kilobytes()

    def __repr__(self):
        return str(vars(self))


async def test_two_hundred_calls_leave_nothing_behind(tmp_path):
    rounds, workers = 200, 12
    async with Scene(tmp_path) as scene:
        gateway = await scene.gateway()
        link = gateway.link
        both = gateway, scene.rooms
        idle = Holdings(gateway)

        async def call(number: int, worker: int):
            with SIPPhone(gateway, caller=f"+1555020{number:04}", called=f"+1555010{worker:04}") as phone:
                leg = link.legs[identity := f"sip_{phone.caller}"]
                listening = asyncio.ensure_future(phone.listen())
                assert (await asyncio.to_thread(phone.invite, deadline=20)).status == 200
                await hears_agent(phone)
                if number % 5 == 1:
                    leg.reset()
                    await eventually(lambda: leg.opened == 2, "another WebSocket")
                    await hears_agent(phone)
                elif number % 5 == 3:
                    leg.cut_all()
                    # At once, or when it knows of the media too.
                    await eventually(
                        lambda: number % 2 or gateway.log().count(f"cannot hear its room call={calls(identity)}"), "the outage")
                assert (await asyncio.to_thread(phone.hang_up)).status == 200
                listening.cancel()
                await asyncio.wait([listening])
                await eventually(lambda: not leg.connections, "the WebSocket to be closed")
                link.forget(identity)

        async def hears_agent(phone: SIPPhone):
            phone.packets.clear()
            # To look more often costs all others' time.
            await eventually(lambda: len(phone.packets) > 30, "sound")
            await hears(phone, AGENT_HZ)

        def calls(identity: str) -> str:
            line = next(line for line in gateway.log().splitlines() if f"identity={identity} " in line)
            return line.split("call=")[1].split()[0]

        async def work(worker: int, numbers: range):
            for number in numbers:
                await call(number, worker)

        deaf = rtc.RoomOptions(auto_subscribe=False)
        agents = [await gateway.join(f"room_+1555010{worker:04}", options=deaf) for worker in range(workers)]
        droning = [asyncio.ensure_future(drone(await agent.publish(), AGENT_HZ)) for agent in agents]

        async def run(first: int, last: int):
            await asyncio.gather(*[work(worker, range(first + worker, last, workers)) for worker in range(workers)])
            await eventually(lambda: len(gateway.records()) == last, "all records")
            # Whoever was cut off is forgotten by the server after a while.
            await eventually(lambda: all(agent.caller() is None for agent in agents), "the phones to be gone")

        await run(0, 20)
        await eventually(lambda: Holdings(gateway).udp_ports == idle.udp_ports, "the ports to be free")
        before = [Holdings(each) for each in both]
        began = time.monotonic()
        await run(20, rounds)
        print(f"{rounds - 20} calls in {time.monotonic() - began:.1f} s; idle {idle}, before {before}, after {[Holdings(each) for each in both]}")
        for process, then in zip(both, before, strict=True):
            await eventually(
                lambda: (now := Holdings(process)).udp_ports == then.udp_ports and now.descriptors <= then.descriptors + 2, "the descriptors")
            after = Holdings(process)
            assert after.threads <= then.threads + 2
            assert after.resident_kilobytes - then.resident_kilobytes < 10_000 * ALLOWANCE
        assert not link.connections
        records = gateway.records()
        assert {record["end_reason"] for record in records} == {"hangup"} and len({record["call_id"] for record in records}) == rounds
        async with sdk(scene.rooms) as client:
            for worker in range(workers):
                people = await client.room.list_participants(api.ListParticipantsRequest(room=f"room_+1555010{worker:04}"))
                assert [person.identity for person in people.participants] == ["agent"]
        for each in droning:
            each.cancel()
