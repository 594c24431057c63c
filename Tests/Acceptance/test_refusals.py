"""Every way an INVITE is refused at once, as docs/testing.md lists them."""

import re
import subprocess

import pytest
import yaml
from harness import CALLED, DEFAULT_RULE, DEFAULT_TRUNK, Gateway, binary, free_port, wait_until
from sipphone import SIPPhone

PASSWORD = {"auth_username": "pbx", "auth_password": "correct horse"}


def with_digest(**settings) -> dict:
    return {"inbound_trunks": [DEFAULT_TRUNK | PASSWORD], "answer_policy": "immediately"} | settings


def refused(gateway, phone, body=None, headers=()):
    answer = phone.invite(body, headers)
    return answer.status, answer


BROKEN = {
    "no From": (r"From: .*\r\n", ""),
    "no From tag": (r";tag=\w+(?=\r\nTo)", ""),
    "no CSeq": (r"CSeq: .*\r\n", ""),
    "a CSeq of another method": (r"CSeq: (\d+) INVITE", r"CSeq: \1 OPTIONS"),
    "a body that is cut off": (r"Content-Length: \d+", "Content-Length: 9999"),
}


@pytest.mark.parametrize("pattern, replacement", BROKEN.values(), ids=BROKEN)
def test_a_malformed_invite_is_400_with_a_reason_phrase(gateway, pattern, replacement):
    with SIPPhone(gateway) as phone:
        text = phone.request("INVITE", phone.offer())
        broken = re.sub(pattern, replacement, text)
        assert broken != text
        phone.send(broken)
        answer = phone.receive()
        assert answer.status == 400 and len(answer.first.split(" ", 2)[2]) > 2
    assert gateway.records() == []


@pytest.mark.parametrize("gateway", [{"hide_inbound_port": True}], indirect=True)
def test_a_hidden_port_stays_silent_to_malformed_invites(gateway):
    with SIPPhone(gateway) as phone:
        for pattern, replacement in BROKEN.values():
            phone.send(re.sub(pattern, replacement, phone.request("INVITE", phone.offer())))
        phone.tag, phone.call_id = phone.tag + "x", "well" + phone.call_id
        phone.send(phone.request("INVITE", phone.offer()))
        # What is answered first is what came last.
        answer = phone.receive()
        assert answer.status in (100, 180) and answer.get("Call-ID") == phone.call_id


def refused_at_start(tmp_path, **settings) -> str:
    """The line in which a configuration is refused."""
    path = tmp_path / "trunkline.yaml"
    path.write_text(yaml.safe_dump(Gateway(tmp_path, **settings).configuration))
    result = subprocess.run([binary(), "serve", "--config", path], capture_output=True, text=True, timeout=20)
    assert result.returncode == 2
    [line] = [line for line in result.stderr.splitlines() if "trunkline.yaml:" in line]
    return line


def test_two_trunks_that_would_take_one_call_are_refused_at_start(tmp_path):
    other = DEFAULT_TRUNK | {"name": "other", "allowed_addresses": ["192.0.2.0/24"]}
    line = refused_at_start(tmp_path, inbound_trunks=[DEFAULT_TRUNK, other])
    assert "trunks provider and other both take calls" in line and CALLED in line


def test_two_rules_that_would_take_one_call_are_refused_at_start(tmp_path):
    other = DEFAULT_RULE | {"name": "others", "rule": {"dispatchRuleDirect": {"roomName": "desk"}}}
    line = refused_at_start(tmp_path, dispatch_rules=[DEFAULT_RULE, other])
    assert "agents" in line and "others" in line


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


def test_an_offer_of_srtp_alone_is_488_with_a_warning(gateway):
    with SIPPhone(gateway) as phone:
        crypto = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj\r\n"
        status, answer = refused(gateway, phone, phone.offer().replace("RTP/AVP", "RTP/SAVP") + crypto)
    assert status == 488 and answer.get("Warning")
    assert gateway.wait_for_records()[0]["end_reason"] == "no-common-crypto"


def test_no_free_rtp_port_is_500(tmp_path):
    port = free_port(count=2)
    with Gateway(tmp_path, rtp_port=f"{port}-{port + 1}", answer_policy="immediately") as gateway:
        with SIPPhone(gateway) as first, SIPPhone(gateway) as second:
            assert first.invite().status == 200
            assert second.invite().status == 500
            assert first.hang_up().status == 200
        assert sorted(record["end_reason"] for record in gateway.wait_for_records(2)) == ["hangup", "media-failed"]


@pytest.mark.parametrize("gateway", [{"max_active_calls": 1, "answer_policy": "immediately"}], indirect=True)
def test_a_call_too_many_is_503_with_retry_after(gateway):
    with SIPPhone(gateway) as first, SIPPhone(gateway) as second, SIPPhone(gateway) as third:
        assert first.invite().status == 200
        answer = second.invite()
        assert answer.status == 503 and int(answer.get("Retry-After").split()[0]) > 0
        assert first.hang_up().status == 200
        gateway.wait_for_records(2)
        assert third.invite().status == 200
        assert third.hang_up().status == 200
    assert sorted(record["end_reason"] for record in gateway.wait_for_records(3)) == ["at-capacity", "hangup", "hangup"]


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


@pytest.mark.parametrize("gateway", [with_digest(nonce_lifetime="1s")], indirect=True)
def test_digest_nonce_is_used_again_until_it_is_stale(gateway):
    with SIPPhone(gateway) as phone:
        challenge = phone.invite().all("Proxy-Authenticate")[0]
    answers = []

    def call(challenge: str):
        with SIPPhone(gateway) as phone:
            answers.append(phone.invite(headers=[phone.credentials(challenge, "pbx", "correct horse", nc=f"{len(answers) + 1:08x}")]))
            if answers[-1].status == 200:
                phone.hang_up()
        return answers[-1]

    expired = wait_until(lambda: (answer := call(challenge)).status != 200 and answer, "the nonce to expire", 10)
    assert len(answers) > 1 and expired.status == 407
    fresh = expired.all("Proxy-Authenticate")[0]
    assert "stale=true" in fresh and "stale" not in challenge
    assert call(fresh).status == 200


@pytest.mark.parametrize("gateway", [with_digest()], indirect=True)
def test_digest_for_another_uri_is_not_accepted(gateway):
    with SIPPhone(gateway) as phone:
        header = phone.invite().all("Proxy-Authenticate")[0]
        phone.to_tag = ""
        stolen = phone.credentials(header, "pbx", "correct horse", uri="sip:+19990000@elsewhere.example")
        assert phone.invite(headers=[stolen]).status in (400, 403, 407)


def test_a_draining_gateway_answers_503_with_retry_after_and_leaves_calls_alone(tmp_path):
    import signal

    with Gateway(tmp_path, answer_policy="immediately") as gateway, SIPPhone(gateway) as running, SIPPhone(gateway) as late:
        assert running.invite().status == 200
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "a drain started" in gateway.log(), "the drain to start")
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
