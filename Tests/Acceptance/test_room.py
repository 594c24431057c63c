"""The room server, driven by the stock SDK alone."""

import asyncio
import json
import urllib.error
import urllib.request

import pytest
import sound
from harness import eventually
from livekit import rtc


def options(**settings) -> rtc.RoomOptions:
    return rtc.RoomOptions(**settings)


@pytest.mark.parametrize("single", [True, False])
async def test_two_participants_hear_each_other(gateway, single):
    first = await gateway.join("lounge", "first", options(single_peer_connection=single))
    await first.publish_tone(500)
    second = await gateway.join("lounge", "second", options(single_peer_connection=single))
    await second.publish_tone(800)
    for listener, speaker, frequency in ((first, "second", 800), (second, "first", 500)):
        await eventually(lambda: len(listener.audio(speaker)) > 24000, f"three seconds of {speaker}")
        heard = listener.audio(speaker)[8000:24000]
        assert abs(sound.strongest_frequency(heard) - frequency) < 2
        assert abs(sound.decibels(sound.band_level(heard, frequency), 8000 / 2**0.5)) < 1
    await first.leave()
    await eventually(lambda: ("participant_disconnected", "first") in second.events, "the first to leave")
    await second.leave()


async def test_a_second_session_of_an_identity_replaces_the_first(gateway):
    first = await gateway.join("lounge", "same")
    second = await gateway.join("lounge", "same")
    await eventually(lambda: any("DUPLICATE" in what or what == "2" for name, what in first.events if name == "disconnected"), "the old session to end")
    assert second.room.connection_state == rtc.ConnectionState.CONN_CONNECTED
    await second.leave()


async def test_data_reaches_everyone_or_the_named_with_the_senders_identity(gateway):
    people = {name: await gateway.join("lounge", name) for name in ("ann", "bob", "cy")}
    await eventually(lambda: all(len(p.room.remote_participants) == 2 for p in people.values()), "everyone to see everyone")
    await people["ann"].room.local_participant.publish_data(b"to all", reliable=True)
    await people["ann"].room.local_participant.publish_data(b"lossy", reliable=False)
    await people["ann"].room.local_participant.publish_data(b"to bob", reliable=True, destination_identities=["bob"])
    await eventually(lambda: len(people["bob"].data) == 3 and len(people["cy"].data) == 2, "the messages")
    assert {who for who, _ in people["bob"].data} == {"ann"}
    assert sorted(text for _, text in people["bob"].data) == [b"lossy", b"to all", b"to bob"]
    assert sorted(text for _, text in people["cy"].data) == [b"lossy", b"to all"]
    assert people["ann"].data == []
    for person in people.values():
        await person.leave()


async def test_rpc_between_participants(gateway):
    ann, bob = await gateway.join("lounge", "ann"), await gateway.join("lounge", "bob")

    @bob.room.local_participant.register_rpc_method("double")
    async def double(call):
        return json.dumps(int(call.payload) * 2)

    await eventually(lambda: ann.room.remote_participants, "bob to be seen")
    answer = await ann.room.local_participant.perform_rpc(destination_identity="bob", method="double", payload="21")
    assert answer == "42"
    with pytest.raises(rtc.RpcError):
        await ann.room.local_participant.perform_rpc(destination_identity="bob", method="triple", payload="1")
    await ann.leave()
    await bob.leave()


async def test_attributes_name_and_metadata_travel_when_the_token_allows(gateway):
    ann = await gateway.join("lounge", "ann", can_update_own_metadata=True)
    bob = await gateway.join("lounge", "bob")
    await ann.room.local_participant.set_attributes({"mood": "fine"})
    await ann.room.local_participant.set_metadata("meta")
    await ann.room.local_participant.set_name("Ann")
    seen = await eventually(lambda: bob.room.remote_participants.get("ann"), "ann to be seen")
    await eventually(lambda: (seen.attributes.get("mood"), seen.metadata, seen.name) == ("fine", "meta", "Ann"), "the update")
    # Bob's token does not allow it: the server refuses, and what he sends afterwards finds nothing changed.
    await bob.room.local_participant.set_attributes({"mood": "bad"})
    await bob.room.local_participant.publish_data(b"after")
    await eventually(lambda: ann.data == [("bob", b"after")], "the message after the refusal")
    assert "mood" not in ann.room.remote_participants["bob"].attributes
    await ann.leave()
    await bob.leave()


async def test_mute_is_seen_and_stops_the_sound(gateway):
    ann, bob = await gateway.join("lounge", "ann"), await gateway.join("lounge", "bob")
    await ann.publish_tone(700)
    await eventually(lambda: len(bob.audio("ann")) > 8000, "a second of sound")
    muted = []
    bob.room.on("track_muted", lambda who, _: muted.append(who.identity))
    next(iter(ann.room.local_participant.track_publications.values())).track.mute()
    await eventually(lambda: muted == ["ann"], "the mute")
    await ann.leave()
    await bob.leave()


async def test_a_video_track_is_refused_and_the_session_goes_on(gateway):
    ann, bob = await gateway.join("lounge", "ann"), await gateway.join("lounge", "bob")
    source = rtc.VideoSource(64, 64)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    with pytest.raises(Exception):
        await asyncio.wait_for(ann.room.local_participant.publish_track(track, rtc.TrackPublishOptions()), 8)
    await ann.publish_tone(900)
    await eventually(lambda: len(bob.audio("ann")) > 8000, "audio after the refusal")
    await ann.leave()
    await bob.leave()


async def test_explicit_subscription(gateway):
    ann = await gateway.join("lounge", "ann")
    await ann.publish_tone(700)
    bob = await gateway.join("lounge", "bob", options(auto_subscribe=False))
    seen = await eventually(lambda: bob.room.remote_participants.get("ann"), "ann to be seen")
    publication = await eventually(lambda: next(iter(seen.track_publications.values()), None), "her track")
    assert bob.heard == {}
    publication.set_subscribed(True)
    await eventually(lambda: len(bob.audio("ann")) > 8000, "sound after subscribing")
    publication.set_subscribed(False)
    await ann.leave()
    await bob.leave()


async def test_active_speakers_are_reported(gateway):
    ann, bob = await gateway.join("lounge", "ann"), await gateway.join("lounge", "bob")
    speakers = []
    bob.room.on("active_speakers_changed", lambda who: speakers.append([p.identity for p in who]))
    await ann.publish_tone(400, 12000)
    await eventually(lambda: ["ann"] in speakers, "ann to be the speaker")
    await ann.leave()
    await bob.leave()


async def test_permissions_of_the_token_hold(gateway):
    listener = await gateway.join("lounge", "listener", can_publish=False, can_publish_data=False)
    with pytest.raises(Exception):
        await asyncio.wait_for(listener.publish(), 8)
    ghost = await gateway.join("lounge", "ghost", hidden=True)
    other = await gateway.join("lounge", "other")
    await eventually(lambda: "listener" in other.room.remote_participants, "the listener to be seen")
    assert "ghost" not in other.room.remote_participants
    for person in (listener, ghost, other):
        await person.leave()


def validate(gateway, path: str, token: str) -> tuple[int, str]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{gateway.port}{path}", headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_validate_tells_what_is_wrong_with_a_token(gateway):
    assert validate(gateway, "/rtc/validate", gateway.token("ann", "lounge")) == (200, "success")
    assert validate(gateway, "/rtc/validate", "")[0] == 401
    assert validate(gateway, "/rtc/validate", "rubbish")[0] == 401
    forged = gateway.token("ann", "lounge")[:-4] + "AAAA"
    assert validate(gateway, "/rtc/validate", forged)[0] == 401
    assert validate(gateway, "/rtc/validate", gateway.token("ann", "lounge", room_join=False))[0] in (401, 403)
    assert validate(gateway, "/nothing", "")[0] == 404
