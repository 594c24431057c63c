"""Limits of calls out: a call that is refused says which one it met, and nothing of it reaches the provider."""

import contextlib
import datetime

import pytest
from harness import KEY, SECRET, Gateway, eventually
from livekit import api
from sipcallee import SIPCallee
from twirp import sdk

NUMBER = "+15550177"
OTHER_KEY, OTHER_SECRET = "otherkey", "another-secret-of-at-least-32-characters"


@contextlib.asynccontextmanager
async def dialling(tmp_path, trunk: dict | None = None, outbound: dict | None = None):
    """A gateway whose trunks `first` and `second` lead to one callee, the callee, and how to call it."""
    with SIPCallee() as callee:
        trunks = [{"sip_trunk_id": f"ST_{name}", "name": name, "address": callee.address, "numbers": ["+15550100"]} | (trunk or {})
                  for name in ("first", "second")]
        with Gateway(tmp_path, outbound_trunks=trunks, outbound=outbound or {}, keys={KEY: SECRET, OTHER_KEY: OTHER_SECRET}) as gateway:
            placed = []

            async def dial(to: str = NUMBER, trunk: str = "first", key: str = KEY, **fields):
                placed.append(f"callee{len(placed)}")
                client = api.LiveKitAPI(f"http://127.0.0.1:{gateway.port}", key, SECRET if key == KEY else OTHER_SECRET)
                try:
                    return await client.sip.create_sip_participant(api.CreateSIPParticipantRequest(
                        sip_trunk_id=f"ST_{trunk}", sip_call_to=to, room_name="out", participant_identity=placed[-1], **fields))
                finally:
                    await client.aclose()

            yield gateway, callee, dial


async def refused(call, code: str, limit: str, *texts: str):
    with pytest.raises(api.TwirpError) as raised:
        await call
    assert (raised.value.code, raised.value.metadata.get("limit")) == (code, limit), raised.value
    for text in texts:
        assert text in raised.value.message, raised.value


ONE_AT_A_TIME, ONE_A_SECOND = {"concurrent_calls": 1}, {"calls_per_second": 1}


@pytest.mark.parametrize(("settings", "limit", "owner", "elsewhere"), [
    ({"trunk": ONE_AT_A_TIME}, "trunk-calls", "trunk first carries 1 calls", {"trunk": "second"}),
    ({"outbound": {"per_trunk": ONE_AT_A_TIME}}, "trunk-calls", "trunk first carries 1 calls", {"trunk": "second"}),
    ({"outbound": {"per_key": ONE_AT_A_TIME}}, "key-calls", f"API key {KEY} carries 1 calls", {"key": OTHER_KEY}),
    ({"outbound": ONE_AT_A_TIME}, "total-calls", "the gateway carries 1 calls", None),
], ids=["trunk", "per_trunk", "per_key", "all"])
async def test_calls_at_a_time(tmp_path, settings, limit, owner, elsewhere):
    async with dialling(tmp_path, **settings) as (gateway, callee, dial):
        await dial()
        callee.is_called()
        callee.rings()
        await refused(dial(), "resource_exhausted", limit, owner, "concurrent_calls")
        if elsewhere:
            await dial(**elsewhere)
            callee.turns_away()
        else:
            await refused(dial(trunk="second", key=OTHER_KEY), "resource_exhausted", limit, owner)
            assert callee.receive(0.2) is None
        # The place of a call that is over is free.
        async with sdk(gateway) as client:
            await client.room.remove_participant(api.RoomParticipantIdentity(room="out", identity="callee0"))
        callee.is_cancelled()
        await eventually(gateway.records, "the end of the first call")
        await dial()
        callee.turns_away()
        assert "a call was not placed" in gateway.log() and f"reason={limit}" in gateway.log()


@pytest.mark.parametrize(("settings", "limit", "owner", "elsewhere"), [
    ({"trunk": ONE_A_SECOND}, "trunk-rate", "trunk first places 1 calls a second", {"trunk": "second"}),
    ({"outbound": {"per_trunk": ONE_A_SECOND}}, "trunk-rate", "trunk first places 1 calls a second", {"trunk": "second"}),
    ({"outbound": {"per_key": ONE_A_SECOND}}, "key-rate", f"API key {KEY} places 1 calls a second", {"key": OTHER_KEY}),
    ({"outbound": ONE_A_SECOND}, "total-rate", "the gateway places 1 calls a second", None),
], ids=["trunk", "per_trunk", "per_key", "all"])
async def test_calls_a_second(tmp_path, settings, limit, owner, elsewhere):
    async with dialling(tmp_path, **settings) as (_, callee, dial):
        await dial()
        await refused(dial(), "resource_exhausted", limit, owner, "calls_per_second")
        if elsewhere:
            await dial(**elsewhere)

        async def is_placed() -> bool:
            with contextlib.suppress(api.TwirpError):
                await dial()
                return True
            return False

        # A second later there is room for one more.
        began = datetime.datetime.now()
        while not await is_placed():
            assert datetime.datetime.now() - began < datetime.timedelta(seconds=5)
        calls = {callee.turns_away().get("Call-ID") for _ in range(3 if elsewhere else 2)}
        assert len(calls) == (3 if elsewhere else 2)


@pytest.mark.parametrize(("trunk", "to", "text"), [
    ({"allowed_destinations": ["+1555*"]}, "+445550177", "no entry of allowed_destinations"),
    ({"denied_destinations": ["+15550177"]}, NUMBER, "denied_destinations lists +15550177"),
    ({"denied_destinations": ["+1555*"]}, "00" + NUMBER[1:], "denied_destinations lists +1555*"),
    ({"denied_destinations": ["+1555*"]}, "1 (555) 0177", "denied_destinations lists +1555*"),
    ({}, "+19005550177", "begin with +1900"),
])
async def test_numbers_that_the_trunk_does_not_dial(tmp_path, trunk, to, text):
    async with dialling(tmp_path, trunk) as (gateway, callee, dial):
        await refused(dial(to), "permission_denied", "destination", text, "trunk first")
        assert callee.receive(0.2) is None and gateway.records() == []


async def test_numbers_on_a_do_not_call_list(tmp_path):
    (tmp_path / "never.txt").write_text("# asked us to stop\n+15550177\n+15559*\n")
    async with dialling(tmp_path, {"do_not_call_list": "never.txt"}) as (_, callee, dial):
        for to in (NUMBER, NUMBER[1:], "00" + NUMBER[1:], "011" + NUMBER[1:], "+15559000"):
            await refused(dial(to), "permission_denied", "do-not-call", "do-not-call list never.txt")
        # Wherever the provider might look for the number.
        hidden = api.SIPRequestDest(raw=f"sip:{NUMBER}@127.0.0.1")
        await refused(dial("+15550178", sip_request_uri=hidden), "permission_denied", "do-not-call")
        assert callee.receive(0.2) is None
        await dial("+15550178")
        assert callee.turns_away().first.startswith("INVITE sip:+15550178@")


def hours(first: int, last: int) -> str:
    """From so many hours after this one to so many, in UTC."""
    now = datetime.datetime.now(datetime.UTC)
    return "-".join((now + datetime.timedelta(hours=each)).strftime("%H:00") for each in (first, last))


async def test_hours_at_which_a_country_is_not_called(tmp_path):
    closed = {"destination": "GB", "time_zones": ["UTC"], "hours": hours(2, 4)}
    opened = {"destination": "+1555*", "time_zones": ["UTC"], "hours": hours(-1, 3)}
    trunk = {"calling_hours": [closed, opened], "destination_country": "GB"}
    async with dialling(tmp_path, trunk) as (_, callee, dial):
        await refused(
            dial("+442079460000"), "failed_precondition", "calling-hours", f"only {closed['hours']}", "in UTC; it is")
        assert callee.receive(0.2) is None
        await dial()
        callee.turns_away()
