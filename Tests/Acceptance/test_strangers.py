"""What someone without a token or a trunk can make the gateway hold or do."""

import base64
import gzip
import http.client
import socket

import pytest

import harness
from sipphone import SIPPhone
from livekit.protocol import rtc as signalling


@pytest.fixture
def gateway(tmp_path):
    with harness.Gateway(tmp_path) as gateway:
        yield gateway


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
