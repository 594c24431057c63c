"""Every way a call is refused, as docs/testing.md lists them."""

import time

import pytest
from harness import CALLED, DEFAULT_RULE, DEFAULT_TRUNK, Gateway, wait_until
from sipphone import SIPPhone

PASSWORD = {"auth_username": "pbx", "auth_password": "correct horse"}


def with_digest(**settings) -> dict:
    return {"inbound_trunks": [DEFAULT_TRUNK | PASSWORD], "answer_policy": "immediately"} | settings


def refused(gateway, phone, body=None, headers=()):
    answer = phone.invite(body, headers)
    return answer.status, answer


def test_unknown_number_is_404_without_a_word_about_us(gateway):
    with SIPPhone(gateway, called="+19990000") as phone:
        status, answer = refused(gateway, phone)
    assert status == 404
    assert not answer.get("Server") and not answer.get("User-Agent") and "trunkline" not in answer.body.lower()
    assert gateway.records() == []


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [DEFAULT_TRUNK | {"allowed_addresses": ["10.9.8.7"]}]}], indirect=True)
def test_wrong_source_is_404_and_the_log_says_which_condition_failed(gateway):
    with SIPPhone(gateway) as phone:
        assert refused(gateway, phone)[0] == 404
    wait_until(lambda: "allowed_addresses" in gateway.log() or "10.9.8.7" in gateway.log(), "the reason in the log")


@pytest.mark.parametrize("gateway", [{"hide_inbound_port": True}], indirect=True)
def test_a_hidden_port_stays_silent_to_strangers_and_serves_its_own(gateway):
    with SIPPhone(gateway, called="+19990000") as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        assert phone.receive(1.5) is None
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        assert phone.receive(5).status in (100, 180)


@pytest.mark.parametrize(
    "gateway",
    [{"inbound_trunks": [DEFAULT_TRUNK | {"numbers": [CALLED, "+15559999"]}],
      "dispatch_rules": [DEFAULT_RULE | {"numbers": ["+15559999"]}]}],
    indirect=True)
def test_no_rule_is_404(gateway):
    with SIPPhone(gateway) as phone:
        assert refused(gateway, phone)[0] == 404


@pytest.mark.parametrize(
    "gateway", [{"inbound_trunks": [], "dispatch_rules": [{"rule": DEFAULT_RULE["rule"]}]}], indirect=True)
def test_no_trunk_is_refused_though_an_open_rule_exists(gateway):
    with SIPPhone(gateway) as phone:
        assert refused(gateway, phone)[0] == 404


def test_no_common_codec_is_488_with_a_warning(gateway):
    with SIPPhone(gateway) as phone:
        status, answer = refused(gateway, phone, phone.offer(formats="18 101").replace("a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n", ""))
    assert status == 488 and answer.get("Warning")


@pytest.mark.parametrize("body", ["v=0\r\nthis is no sdp\r\n", "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio x RTP/AVP 0\r\n"])
def test_broken_sdp_is_400(gateway, body):
    with SIPPhone(gateway) as phone:
        assert refused(gateway, phone, body)[0] == 400


@pytest.mark.parametrize("gateway", [with_digest()], indirect=True)
@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
@pytest.mark.parametrize("with_qop", [True, False])
def test_digest_accepts_the_right_password(gateway, algorithm, with_qop):
    with SIPPhone(gateway) as phone:
        challenge = phone.invite()
        assert challenge.status == 407
        header = next(c for c in challenge.all("Proxy-Authenticate") if f"algorithm={algorithm}" in c)
        assert 'qop="auth"' in header
        phone.to_tag = ""
        answer = phone.invite(headers=[phone.credentials(header, "pbx", "correct horse", with_qop=with_qop)])
        assert answer.status == 200
        assert phone.hang_up().status == 200


@pytest.mark.parametrize("gateway", [with_digest()], indirect=True)
def test_digest_wrong_password_is_403_after_one_more_challenge(gateway):
    with SIPPhone(gateway) as phone:
        challenge = phone.invite()
        statuses = []
        for _ in range(2):
            phone.to_tag = ""
            header = challenge.all("Proxy-Authenticate")[0]
            challenge = phone.invite(headers=[phone.credentials(header, "pbx", "wrong")])
            statuses.append(challenge.status)
    assert statuses == [407, 403]
    [record] = gateway.wait_for_records()
    assert (record["end_reason"], record["sip_status"], record["trunk"]) == ("unauthorized", 403, "provider")


@pytest.mark.parametrize("gateway", [with_digest()], indirect=True)
def test_digest_replayed_nonce_count_is_challenged_again(gateway):
    with SIPPhone(gateway) as phone:
        header = phone.invite().all("Proxy-Authenticate")[0]
        phone.to_tag = ""
        credentials = phone.credentials(header, "pbx", "correct horse")
        assert phone.invite(headers=[credentials]).status == 200
        phone.hang_up()
    with SIPPhone(gateway) as thief:
        thief.uri = f"sip:{CALLED}@127.0.0.1:{gateway.sip_port}"
        assert thief.invite(headers=[credentials]).status in (403, 407)


@pytest.mark.parametrize("gateway", [with_digest()], indirect=True)
def test_digest_for_another_uri_is_not_accepted(gateway):
    with SIPPhone(gateway) as phone:
        header = phone.invite().all("Proxy-Authenticate")[0]
        phone.to_tag = ""
        stolen = phone.credentials(header, "pbx", "correct horse", uri="sip:+19990000@elsewhere.example")
        assert phone.invite(headers=[stolen]).status in (400, 403, 407)


def test_cancel_while_ringing_is_487_and_one_record(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        wait_until(lambda: (m := phone.receive(1)) and m.status == 180, "180")
        phone.to_tag = ""
        phone.send(phone.request("CANCEL", cseq=phone.cseq, to_tag=False))
        assert phone.final(method="CANCEL").status == 200
        answer = phone.final(method="INVITE")
        assert answer.status == 487
        phone.acknowledge(answer)
    [record] = gateway.wait_for_records()
    assert record["end_reason"] == "cancelled" and record["sip_status"] == 487


@pytest.mark.parametrize("gateway", [{"inbound_trunks": [DEFAULT_TRUNK | {"ringing_timeout": "2s"}]}], indirect=True)
def test_nobody_in_the_room_ends_in_480(gateway):
    with SIPPhone(gateway) as phone:
        start = time.monotonic()
        answer = phone.invite(deadline=10)
        assert answer.status in (480, 486) and time.monotonic() - start > 1.5
        assert len([p for p in phone.provisional if p.status == 180]) >= 2
    assert gateway.wait_for_records()[0]["end_reason"] == "no-answer"


def test_ringing_comes_within_fifty_milliseconds_of_the_invite(gateway):
    with SIPPhone(gateway) as phone:
        phone.send(phone.request("INVITE", phone.offer()))
        start = time.monotonic()
        wait_until(lambda: (m := phone.receive(1)) and m.status == 180, "180")
        assert time.monotonic() - start < 0.5


def test_a_draining_gateway_answers_503_with_retry_after_and_leaves_calls_alone(tmp_path):
    import signal

    with Gateway(tmp_path, answer_policy="immediately") as gateway, SIPPhone(gateway) as running, SIPPhone(gateway) as late:
        assert running.invite().status == 200
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "drain" in gateway.log(), "the drain to start")
        answer = late.invite()
        assert answer.status == 503 and int(answer.get("Retry-After").split()[0]) > 0
        assert gateway.process.poll() is None
        assert running.hang_up().status == 200
        assert gateway.process.wait(10) == 0
        assert sorted(record["end_reason"] for record in gateway.records()) == ["draining", "hangup"]


def test_interrupt_ends_calls_with_bye(tmp_path):
    import signal

    with Gateway(tmp_path, answer_policy="immediately") as gateway, SIPPhone(gateway) as phone:
        assert phone.invite().status == 200
        gateway.process.send_signal(signal.SIGINT)
        phone.wait_for("BYE")
        assert gateway.process.wait(10) == 0
        assert gateway.records()[0]["end_reason"] == "shutdown"
