"""Strangers in numbers: what they cost, and whether a real caller notices."""

import socket
import time

import pytest
from harness import ALLOWANCE, wait_until
from sipphone import SIPPhone

INVITES, SOURCES = 20_000, 20


@pytest.mark.parametrize(
    "gateway",
    [{"answer_policy": "immediately", "limits": {"invites_per_second": 100000, "invite_burst": 100000}}], indirect=True)
def test_twenty_thousand_invites_to_an_unknown_number_leave_memory_flat_and_a_real_call_answered(gateway):
    """Without the limit on INVITEs, so that every one of them is looked at and answered."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    with SIPPhone(gateway, called="+19990000") as stranger, SIPPhone(gateway) as caller:
        def flood(first: int, last: int):
            for number in range(first, last):
                text = stranger.request("INVITE", stranger.offer()).replace(stranger.call_id, f"{stranger.call_id}{number}")
                sockets[number % SOURCES].sendto(text.encode(), ("127.0.0.1", gateway.sip_port))
                if number % 20 == 0:
                    time.sleep(0.005 * ALLOWANCE)

        flood(0, 2000)
        before = gateway.resident_kilobytes()
        flood(2000, INVITES // 2)
        start = time.monotonic()
        assert caller.invite().status == 200
        assert time.monotonic() - start < 2 * ALLOWANCE
        flood(INVITES // 2, INVITES)
        assert caller.hang_up().status == 200
        assert gateway.resident_kilobytes() - before < 20_000 * ALLOWANCE
    for each in sockets:
        each.close()
    assert len(gateway.wait_for_records()) == 1
    assert gateway.log().count("an INVITE was refused") < 100


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately", "limits": {"invites_per_second": 10, "invite_burst": 20}}], indirect=True)
def test_a_source_above_its_limit_is_dropped(gateway):
    answers = 0
    with SIPPhone(gateway, called="+19990000") as stranger:
        for _ in range(200):
            stranger.tag, stranger.call_id = stranger.tag + "x", stranger.call_id + "x"
            stranger.send(stranger.request("INVITE", stranger.offer()))
        while stranger.receive(0.5):
            answers += 1
    assert 15 <= answers <= 60


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately"}], indirect=True)
def test_five_hundred_half_requests_over_tcp_are_closed_and_a_call_is_answered_meanwhile(gateway):
    peers = []
    for _ in range(500):
        peer = socket.create_connection(("127.0.0.1", gateway.sip_port))
        peer.sendall(b"INVITE sip:+15550100@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1")
        peer.setblocking(False)
        peers.append(peer)
    with SIPPhone(gateway, transport="tcp") as phone:
        assert phone.invite().status == 200
        assert phone.hang_up().status == 200

    def all_closed() -> bool:
        for peer in list(peers):
            try:
                if not peer.recv(1000):
                    peers.remove(peer)
            except BlockingIOError:
                pass
            except OSError:
                peers.remove(peer)
        return not peers

    wait_until(all_closed, "the gateway to close 500 connections", 40)
