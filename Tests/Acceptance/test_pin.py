"""Rules with a PIN: what the caller hears and presses, and where that leads."""

import asyncio
import contextlib
import pathlib
import wave

import numpy as np
import pytest
import sound
from harness import Gateway, eventually
from sipphone import SIPPhone

PROMPTS = pathlib.Path(__file__).resolve().parents[2] / "conf" / "prompts"
PIN = "4711"


def prompt(name: str) -> np.ndarray:
    with wave.open(str(PROMPTS / f"{name}.wav")) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)


@pytest.fixture
def gateway(tmp_path):
    # The configuration lies elsewhere than the prompts that are shipped.
    rules = [
        {"name": "vip", "trunk_ids": ["provider"], "rule": {"dispatchRuleDirect": {"roomName": "vip", "pin": PIN}}},
        {"name": "open", "trunk_ids": ["provider"], "rule": {"dispatchRuleDirect": {"roomName": "lobby"}}},
    ]
    names = ("enter_pin", "wrong_pin", "room_join")
    with Gateway(tmp_path, dispatch_rules=rules, prompts={name: str(PROMPTS / f"{name}.wav") for name in names}) as running:
        yield running


@contextlib.asynccontextmanager
async def answered(gateway):
    """A phone whose call was answered, that keeps what it hears and says nothing meanwhile."""
    with SIPPhone(gateway) as phone:
        answer = phone.invite()
        assert answer.status == 200
        phone.media = answer.media_port()
        listening = asyncio.ensure_future(phone.listen())
        # A phone sends sound all the time.
        talking = asyncio.ensure_future(phone.talk(phone.media, 60, b"\xff" * 8000))
        try:
            yield phone
        finally:
            listening.cancel()
            talking.cancel()


def heard(phone: SIPPhone) -> np.ndarray:
    payload = b"".join(packet[12:] for packet in phone.packets if packet[1] & 127 == 0)
    return sound.decode(payload, 0) if payload else np.zeros(1)


async def test_the_right_pin_leads_to_its_room_and_stays_a_secret(gateway):
    agent = await gateway.join("vip")
    async with answered(gateway) as phone:
        await eventually(lambda: sound.likeness(prompt("enter_pin"), heard(phone)) > 0.9, "the question for the PIN")
        assert agent.caller() is None
        await phone.press(phone.media, PIN + "#")
        caller = await eventually(agent.caller, "the caller in the room")
        assert caller.attributes["sip.callStatus"] == "active"
        await eventually(lambda: sound.likeness(prompt("room_join"), heard(phone)) > 0.9, "what comes before the room")
        await phone.press(phone.media, "5")
        await eventually(lambda: agent.digits, "a digit in the room")
        assert [digit for _, digit in agent.digits] == ["5"]
        phone.hang_up()
    record = (await eventually(gateway.records, "the record"))[0]
    assert (record["room"], record["rule"], record["end_reason"]) == ("vip", "vip", "hangup")
    assert PIN not in gateway.log()


async def test_the_hash_key_alone_leads_to_the_rule_without_a_pin(gateway):
    agent = await gateway.join("lobby")
    async with answered(gateway) as phone:
        await phone.press(phone.media, "#")
        await eventually(agent.caller, "the caller in the room")
        phone.hang_up()


async def test_a_wrong_pin_is_told_to_the_end_and_ends_the_call(gateway):
    async with answered(gateway) as phone:
        await phone.press(phone.media, "12#")
        await asyncio.to_thread(phone.wait_for, "BYE")
        assert sound.likeness(prompt("wrong_pin"), heard(phone)) > 0.9
        # The question was cut short by the first digit.
        assert len(heard(phone)) < len(prompt("enter_pin")) + len(prompt("wrong_pin"))
    record = (await eventually(gateway.records, "the record"))[0]
    assert (record["end_reason"], record["room"], record["rule"]) == ("wrong-pin", "", "vip")


async def test_seventeen_digits_are_no_pin(gateway):
    async with answered(gateway) as phone:
        await phone.press(phone.media, "1" * 17)
        await asyncio.to_thread(phone.wait_for, "BYE")
    assert (await eventually(gateway.records, "the record"))[0]["end_reason"] == "wrong-pin"
