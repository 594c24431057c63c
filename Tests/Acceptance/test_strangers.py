"""What someone without a token or a trunk can make the gateway hold or do."""

import base64
import gzip
import http.client
import os
import socket

import pytest

import harness
from sipphone import SIPPhone
from livekit.protocol import rtc as signalling


def test_a_stranger_cannot_have_a_small_join_request_unpacked_to_a_large_one(gateway):
    field = signalling.JoinRequest.DESCRIPTOR.fields_by_name["add_track_requests"].number
    half_a_million = bytes([field << 3 | 2, 0]) * (1 << 19)
    wrapped = signalling.WrappedJoinRequest(
        compression=signalling.WrappedJoinRequest.GZIP, join_request=gzip.compress(half_a_million))
    text = base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()
    assert len(text) < 2000
    before = peak_kilobytes(gateway)
    for _ in range(4):
        client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
        client.request("GET", "/rtc/validate?join_request=" + text)
        assert client.getresponse().status == 401
        client.close()
    assert peak_kilobytes(gateway) - before < 20_000 * harness.ALLOWANCE


def test_a_stranger_cannot_have_bodies_kept(gateway):
    head = b"POST /rtc/validate HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    before = gateway.resident_kilobytes()
    clients = []
    for _ in range(100):
        clients.append(socket.create_connection(("127.0.0.1", gateway.port)))
        clients[-1].sendall(head)
    for client in clients:
        client.settimeout(10)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
        client.close()
    assert gateway.resident_kilobytes() - before < 20_000 * harness.ALLOWANCE


def peak_kilobytes(gateway) -> int:
    status = open(f"/proc/{gateway.process.pid}/status").read()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


@pytest.mark.parametrize(
    "settings",
    [{"answer_policy": "immediately", "inbound_trunks": [harness.DEFAULT_TRUNK | {"allowed_addresses": ["127.0.0.1"]}]}])
def test_a_stranger_who_knows_the_dialog_can_neither_move_nor_end_the_call(tmp_path, settings):
    """Call-ID and tags are attributes that every participant of the room sees."""
    with harness.Gateway(tmp_path, **settings) as gateway, SIPPhone(gateway) as phone, SIPPhone(gateway) as stranger:
        assert phone.invite().status == 200
        stranger.socket.close()
        stranger.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stranger.socket.bind(("127.0.0.9", 0))
        stranger.call_id, stranger.tag, stranger.to_tag = phone.call_id, phone.tag, phone.to_tag
        stranger.uri, stranger.cseq = phone.uri, phone.cseq
        stranger.send(stranger.request("INVITE", stranger.offer()))
        assert stranger.final().status == 403
        stranger.send(stranger.request("BYE"))
        assert stranger.final(method="BYE").status == 403
        phone.cseq = stranger.cseq
        assert phone.hang_up().status == 200


LISTED = harness.DEFAULT_TRUNK | {"allowed_addresses": ["127.0.0.1"]}
WITH_PASSWORD = {"name": "provider", "numbers": [harness.CALLED], "auth_username": "u", "auth_password": "p"}
SDP = "v=0\r\n"


def bare(method: str, *lines: str, tag: str = "", body: str = "") -> bytes:
    """The shortest request that the grammar allows."""
    return "\r\n".join([
        f"{method} sip:+15550100@127.0.0.1 SIP/2.0", f"Via: SIP/2.0/UDP 127.0.0.9;branch=z9hG4bK{os.urandom(4).hex()}",
        "From: <sip:a@b.c>;tag=1", f"To: <sip:a@b.c>{tag}", f"Call-ID: {os.urandom(4).hex()}", f"CSeq: 1 {method}", *lines,
        "", body]).encode()


INVITE = ("Contact: <sip:a@b.c>", "Content-Type: application/sdp")
REQUESTS = {
    "OPTIONS": bare("OPTIONS"), "an unknown method": bare("REGISTER"), "an unknown dialog": bare("BYE", tag=";tag=2"),
    "no such number": bare("INVITE", *INVITE, body=SDP).replace(b"+15550100", b"+19990000"),
    "an offer that cannot be read": bare("INVITE", *INVITE, body=SDP), "no Contact": bare("INVITE"),
    "a malformed header": bare("OPTIONS", "Content-Length: x"), "no request line": b"OPTIONS\r\n" + bare("OPTIONS"),
    "a bad Via": bare("OPTIONS").replace(b";branch", b";;branch"),
    "an unknown Replaces": bare("INVITE", *INVITE, "Replaces: x;to-tag=1;from-tag=2"),
    "with room for an answer": bare("OPTIONS", "X-Padding: " + "x" * 400),
}


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [LISTED]}, {"inbound_trunks": [WITH_PASSWORD]}], indirect=True)
def test_no_answer_over_udp_to_a_stranger_is_larger_than_the_request(gateway):
    """Its source may be forged: the gateway must not be the one that hits a third party hard."""
    for name, request in REQUESTS.items():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.9", 0))
            stranger.settimeout(0.3 * harness.ALLOWANCE)
            port = stranger.getsockname()[1]
            sent = request.replace(b"127.0.0.9;", b"127.0.0.9:%d;" % port)
            stranger.sendto(sent, ("127.0.0.1", gateway.sip_port))
            answers = []
            while answer := receive(stranger):
                answers.append(answer)
            assert sum(map(len, answers)) <= len(sent), (name, answers)
            if name == "with room for an answer":
                assert [answer.split(b"\r\n")[0] for answer in answers] == [b"SIP/2.0 200 OK"]


def receive(peer: socket.socket) -> bytes:
    try:
        return peer.recv(65536)
    except TimeoutError:
        return b""


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [LISTED]}], indirect=True)
def test_a_trunk_s_address_gets_the_whole_answer(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(bare("OPTIONS").decode().replace("127.0.0.9", f"127.0.0.1:{phone.port}"))
        answer = phone.receive()
        assert answer.status == 200 and "INVITE" in answer.get("Allow")


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [LISTED]}], indirect=True)
def test_a_stranger_s_cancel_does_not_end_a_ringing_call(gateway):
    with SIPPhone(gateway) as phone, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.9", 0))
        phone.send(phone.request("INVITE", phone.offer()))
        while phone.receive().status != 180:
            pass
        cancel = phone.request("CANCEL")
        stranger.sendto(cancel.encode(), ("127.0.0.1", gateway.sip_port))
        assert phone.receive(2).status == 180, "it rings on"
        phone.send(cancel)
        assert phone.final().status == 487


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately"}], indirect=True)
def test_a_flood_inside_a_call_leaves_memory_flat_and_the_call_up(gateway):
    with SIPPhone(gateway) as phone:
        assert phone.invite().status == 200
        before = gateway.resident_kilobytes()
        for number in range(20_000):
            phone.send(phone.request("INFO"))
            if number % 20 == 0:
                phone.socket.setblocking(False)
                try:
                    while phone.socket.recv(65536):
                        pass
                except BlockingIOError:
                    pass
                phone.socket.setblocking(True)
        assert phone.hang_up().status == 200
        assert gateway.resident_kilobytes() - before < 10_000 * harness.ALLOWANCE


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately", "log_numbers": "last4"}], indirect=True)
def test_numbers_with_spaces_stay_out_of_the_log_and_the_record(gateway):
    caller, called = "+44%2020%207946%200", "+1%20999%20000%200001"
    with SIPPhone(gateway, caller=caller + "123") as phone, SIPPhone(gateway, caller=caller + "456", called=called) as other:
        assert phone.invite().status == 200
        assert phone.hang_up().status == 200
        assert other.invite().status == 404
    record = gateway.wait_for_records()[0]
    seen = gateway.log() + str(record)
    assert "0123" in seen and "0456" in seen
    for trace in ("7946", "999 000", "999%20000", "+44"):
        assert trace not in seen.replace("+…", ""), trace
