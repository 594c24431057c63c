"""Calls that a room server does not let in, and servers that may not be what they say (`wss://`)."""

import asyncio

import pytest
from authority import Authority
from harness import KEY, SECRET, Gateway, direct_rule, eventually, free_port
from livekit.protocol import models, rtc
from otherscene import AGENT_HZ, scene
from roomserver import RoomServer
from sipphone import SIPPhone
from tones import AMPLITUDE

both = pytest.mark.parametrize("has_one_connection", [True, False], ids=["one-connection", "two-connections"])
ACTION = rtc.LeaveRequest.Action


async def call(gateway: Gateway) -> tuple[int, str, dict]:
    """Final status, Retry-After and call record."""
    with SIPPhone(gateway) as phone:
        answer = await asyncio.to_thread(phone.invite, deadline=20)
        [record] = gateway.wait_for_records()
        return answer.status, answer.get("Retry-After"), record


@both
@pytest.mark.parametrize(("refusal", "status", "reason", "sentence"), [
    ((401, "invalid token: signature"), 486, "join-failed", "answered 401: invalid token: signature"),
    ((403, "limits of the project"), 486, "join-failed", "answered 403: limits of the project"),
    ((404, "requested room does not exist"), 486, "join-failed", "answered 404: requested room does not exist"),
    ((429, "room has exceeded its max participants"), 486, "room-full", "the room has as many participants as it may"),
    ((503, "draining"), 503, "rooms-unavailable", "answered 503"),
], ids=lambda value: str(value[0]) if isinstance(value, tuple) else "")
async def test_a_refused_call_says_why(tmp_path, has_one_connection, refusal, status, reason, sentence):
    with RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection) as server:
        server.refusal = refusal
        with Gateway(tmp_path, rooms=server) as gateway:
            found, retry_after, record = await call(gateway)
        assert (found, record["end_reason"], retry_after) == (status, reason, "5" if status == 503 else ""), record
        assert sentence in record["sentence"], record
        tries = len([path for path, _ in server.attempts if path == ("/rtc/v1" if has_one_connection else "/rtc")])
        assert tries > 1 if status == 503 else tries == 1, server.attempts


@both
async def test_a_token_of_another_secret_is_refused(tmp_path, has_one_connection):
    other = "another-secret-of-32-characters-and-more"
    with RoomServer(KEY, other, free_port(), has_one_connection=has_one_connection) as server:
        with Gateway(tmp_path, rooms=server) as gateway:
            status, _, record = await call(gateway)
    assert (status, record["end_reason"]) == (486, "join-failed")
    assert "answered 401: invalid token: Signature verification failed" in record["sentence"]


@both
async def test_a_word_of_leave_instead_of_a_welcome_refuses_the_call(tmp_path, has_one_connection):
    with RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection) as server:
        server.dismissal = rtc.LeaveRequest(reason=models.JOIN_FAILURE, action=ACTION.DISCONNECT)
        with Gateway(tmp_path, rooms=server) as gateway:
            status, _, record = await call(gateway)
    assert (status, record["end_reason"]) == (486, "join-failed")
    assert "joinFailure" in record["sentence"], record


@both
@pytest.mark.parametrize(("leave", "status", "reason"), [
    ((models.PARTICIPANT_REMOVED, ACTION.DISCONNECT), 486, "removed"),
    ((models.ROOM_DELETED, ACTION.DISCONNECT), 486, "room-deleted"),
    ((models.UNKNOWN_REASON, ACTION.RECONNECT), 200, "hangup"), ((models.UNKNOWN_REASON, ACTION.RESUME), 200, "hangup"),
], ids=["removed", "room-deleted", "reconnect", "resume"])
async def test_what_the_server_says_while_the_phone_rings(tmp_path, has_one_connection, leave, status, reason):
    with RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection) as server:
        with Gateway(tmp_path, rooms=server, dispatch_rules=[direct_rule("lobby")]) as gateway, SIPPhone(gateway) as phone:
            answer = asyncio.ensure_future(asyncio.to_thread(phone.invite, deadline=20))
            await eventually(lambda: server.guests and server.guests[0].is_connected, "the caller in the room")
            await server.do(server.send_away(server.guests[0], *leave))
            if status == 200:
                await eventually(lambda: [code for _, code in server.attempts].count(101) == 2, "the caller again")
                # It was not forgotten for what it waits.
                await server.say(server.seat, "lobby", "agent", AGENT_HZ, AMPLITUDE)
            assert (await answer).status == status
            if status == 200:
                assert (await asyncio.to_thread(phone.hang_up)).status == 200
            assert gateway.wait_for_records()[0]["end_reason"] == reason


@both
async def test_a_server_that_has_no_time_is_asked_again(tmp_path, has_one_connection):
    with RoomServer(KEY, SECRET, free_port(), has_one_connection=has_one_connection) as server:
        await server.say(server.seat, "lobby", "agent", AGENT_HZ, AMPLITUDE)
        server.refusal = (503, "starting")
        with Gateway(tmp_path, rooms=server, dispatch_rules=[direct_rule("lobby")]) as gateway, SIPPhone(gateway) as phone:
            answer = asyncio.ensure_future(asyncio.to_thread(phone.invite))
            await eventually(lambda: [status for _, status in server.attempts].count(503) == 3, "three attempts")
            server.refusal = None
            assert (await answer).status == 200
            assert (await asyncio.to_thread(phone.hang_up)).status == 200


async def test_a_server_that_nobody_is_at_is_unavailable(tmp_path):
    with RoomServer(KEY, SECRET, free_port()) as server:
        await server.do(server.close())
        with Gateway(tmp_path, rooms=server) as gateway:
            status, retry_after, record = await call(gateway)
        await server.do(server.open())
    assert (status, retry_after, record["end_reason"]) == (503, "5", "rooms-unavailable")
    assert f"{server.url} cannot be reached" in record["sentence"]


# Certificates.


@both
async def test_a_server_with_a_certificate_of_our_authority_is_joined(tmp_path, has_one_connection):
    authority = Authority(tmp_path, "ours")
    server = {"tls": authority.server("localhost"), "host": "localhost"}
    async with scene(tmp_path, has_one_connection, server=server, ws_ca_file=str(authority.file)) as here:
        await here.is_heard()
        await here.server.do(here.server.send_away(here.guest, action=ACTION.RESUME))
        await eventually(lambda: here.guest.resumptions, "the resume")
        await here.is_heard()
        await here.hang_up()
        # Its word for a refusal comes over HTTPS, from the same authority.
        here.server.refusal = (403, "limits of the project")
        with SIPPhone(here.gateway) as phone:
            assert (await asyncio.to_thread(phone.invite)).status == 486
        record = here.gateway.wait_for_records(2)[-1]
        assert "answered 403: limits of the project" in record["sentence"], record


@pytest.mark.parametrize(("host", "days", "is_trusted", "why"), [
    ("rooms.example.com", (-1, 2), True, "hostname mismatch"),
    ("localhost", (-1, 2), False, "self-signed certificate in certificate chain|unable to get local issuer certificate"),
    ("localhost", (-9, -1), True, "expired"),
], ids=["other-host", "untrusted", "expired"])
async def test_a_server_with_a_wrong_certificate_is_refused_and_the_log_says_why(tmp_path, host, days, is_trusted, why):
    authority, other = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    signer = authority if is_trusted else other
    with RoomServer(KEY, SECRET, free_port(), tls=signer.server(host, days), host="localhost") as server:
        with Gateway(tmp_path, rooms=server, ws_ca_file=str(authority.file)) as gateway:
            status, _, record = await call(gateway)
            log = gateway.log()
    assert (status, record["end_reason"]) == (503, "rooms-unavailable") and not server.attempts
    assert any(each in record["sentence"] for each in why.split("|")), record
    assert any(each in log for each in why.split("|"))
