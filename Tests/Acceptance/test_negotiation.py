"""Offer and answer on the wire: directions, hold, delayed offer, packet times, the providers' own INVITEs."""

import re

import pytest
from harness import CALLED, CALLER
from sipphone import SIPPhone

ANSWERED = [{"answer_policy": "immediately"}]


def direction(body: str) -> str:
    return next((line[2:] for line in body.splitlines() if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive")), "sendrecv")


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
@pytest.mark.parametrize(
    "offered, answered",
    [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")])
def test_the_direction_is_answered_as_rfc_3264_says_and_hold_resumes(gateway, offered, answered):
    with SIPPhone(gateway) as phone:
        first = phone.invite(phone.offer(direction=offered))
        assert first.status == 200 and direction(first.body) == answered
        held = phone.invite(phone.offer(direction="sendonly").replace("o=- 1 1", "o=- 1 2"))
        assert held.status == 200 and direction(held.body) == "recvonly"
        resumed = phone.invite(phone.offer().replace("o=- 1 1", "o=- 1 3"))
        assert resumed.status == 200 and direction(resumed.body) == "sendrecv"
        assert phone.hang_up().status == 200
    assert gateway.wait_for_records()[0]["end_reason"] == "hangup"


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
def test_hold_by_a_null_address_sends_nothing(gateway):
    with SIPPhone(gateway) as phone:
        answer = phone.invite(phone.offer(connection="0.0.0.0"))
        assert answer.status == 200 and direction(answer.body) in ("recvonly", "inactive")
        phone.rtp.settimeout(0.5)
        with pytest.raises(TimeoutError):
            phone.rtp.recv(2000)
        assert phone.hang_up().status == 200


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_an_invite_without_sdp_is_answered_with_our_offer(gateway, transport):
    with SIPPhone(gateway, transport=transport) as phone:
        phone.send(phone.request("INVITE"))
        answer = phone.final()
        assert answer.status == 200 and "RTP/AVP 0 8 101" in answer.body
        phone.acknowledge(answer, phone.offer(formats="8 101"))
        packet = phone.rtp.recv(2000)
        assert packet[1] & 127 == 8
        assert phone.hang_up().status == 200


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
@pytest.mark.parametrize("packet_time", [10, 20, 30, 40, 60])
def test_the_packet_time_asked_for_is_used(gateway, packet_time):
    with SIPPhone(gateway) as phone:
        assert phone.invite(phone.offer().replace("ptime:20", f"ptime:{packet_time}")).status == 200
        packets = [phone.rtp.recv(2000) for _ in range(5)]
        assert {len(p) - 12 for p in packets[1:]} == {packet_time * 8}
        steps = {int.from_bytes(b[4:8], "big") - int.from_bytes(a[4:8], "big") for a, b in zip(packets, packets[1:])}
        assert steps == {packet_time * 8}
        phone.hang_up()


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
def test_of_two_telephone_event_types_the_codecs_clock_decides(gateway):
    with SIPPhone(gateway) as phone:
        offer = phone.offer(formats="0 103 102").replace("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n", "")
        offer += "a=rtpmap:103 telephone-event/48000\r\na=rtpmap:102 telephone-event/8000\r\n"
        answer = phone.invite(offer)
        assert answer.status == 200
        assert re.search(r"m=audio \d+ RTP/AVP 0 102\r\n", answer.body)
        phone.hang_up()


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
def test_an_unknown_method_is_405_with_allow_and_an_unknown_dialog_481(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("PUBLISH"))
        answer = phone.final(method="PUBLISH")
        assert answer.status == 405 and "INVITE" in answer.get("Allow")
    with SIPPhone(gateway) as phone:
        phone.to_tag = "nobody"
        phone.send(phone.request("BYE"))
        assert phone.final(method="BYE").status == 481
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("OPTIONS"))
        answer = phone.final(method="OPTIONS")
        assert answer.status == 200 and "INVITE" in answer.get("Allow") and "application/sdp" in answer.get("Accept")


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
def test_a_retransmitted_invite_is_one_call(gateway):
    with SIPPhone(gateway) as phone:
        text = phone.request("INVITE", phone.offer())
        for _ in range(3):
            phone.send(text)
        answer = phone.final()
        assert answer.status == 200
        phone.acknowledge(answer)
        phone.hang_up()
    assert len(gateway.wait_for_records()) == 1


TELNYX = """INVITE sip:{called}@127.0.0.1:{port};transport={transport};gw=example SIP/2.0
Record-Route: <sip:127.0.0.1:{phone};transport={transport};r2=on;lr;ftag=7y4SjHZ1Fer9D>
Record-Route: <sip:10.255.0.2;r2=on;lr;ftag=7y4SjHZ1Fer9D>
Via: SIP/2.0/{TRANSPORT} 127.0.0.1:{phone};branch=z9hG4bKa5fb.cd6a5a07{phone}.0
v:SIP/2.0/UDP 10.231.91.24:6000;received=10.231.91.24;rport=6000;branch=z9hG4bKrgH3XvvDg2NZN
Max-Forwards:24
f:"15550123"<sip:15550123@sip.example.com>;tag=7y4SjHZ1Fer9D
t:<sip:{called}@10.231.83.184>
i:{id}
CSeq:115676495 INVITE
m:<sip:mod_sofia@10.231.91.24:6000>
Allow:INVITE,ACK,BYE,CANCEL,OPTIONS,MESSAGE,INFO,UPDATE,REFER,NOTIFY
k:timer,path
u:talk,hold,conference,refer
Privacy:none
c:application/sdp
Content-Disposition:session
l:{length}
P-Asserted-Identity:"15550123"<sip:15550123@sip.example.com;verstat=TN-Validation-Passed-C>

{body}"""


@pytest.mark.parametrize("gateway", ANSWERED, indirect=True)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_compact_headers_without_spaces_and_a_private_contact(gateway, transport):
    with SIPPhone(gateway, transport=transport) as phone:
        body = phone.offer()
        text = TELNYX.format(
            called=CALLED.lstrip("+"), port=gateway.sip_port, phone=phone.port, transport=transport,
            TRANSPORT=transport.upper(), id=phone.call_id, length=len(body), body="\0")
        phone.send(text.replace("\n", "\r\n").replace("\0", body))
        answer = phone.final()
        assert answer.status == 200
        assert [route.partition(";")[0] for route in answer.all("Record-Route")] == [f"<sip:127.0.0.1:{phone.port}", "<sip:10.255.0.2"]
        phone.tag = "7y4SjHZ1Fer9D"
        contact = re.search(r"<([^>]+)>", answer.get("Contact")).group(1)
        dialog = f"""SIP/2.0
Via: SIP/2.0/{transport.upper()} 127.0.0.1:{phone.port};branch=z9hG4bK%s
f:"15550123"<sip:15550123@sip.example.com>;tag=7y4SjHZ1Fer9D
t:<sip:{CALLED.lstrip("+")}@10.231.83.184>;tag={phone.to_tag}
i:{phone.call_id}
CSeq:%d %s
Max-Forwards:24
l:0

"""
        phone.send((f"ACK {contact} " + dialog % ("ack1", 115676495, "ACK")).replace("\n", "\r\n"))
        gateway.process.send_signal(2)
        bye = phone.wait_for("BYE")
        assert bye.first.startswith("BYE sip:mod_sofia@10.231.91.24:6000")
        assert bye.get("Route").startswith(f"<sip:127.0.0.1:{phone.port}")
