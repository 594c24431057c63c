"""Which access tokens open the room port, asked as a client asks: by validation, by WebSocket and with the stock SDK."""

import http.client
import time

import jwt
import pytest
from harness import KEY, SECRET, Participant, eventually
from livekit import rtc

# Clocks of issuers may be off by a minute.
LEEWAY_S = 60


def token(secret: str = SECRET, algorithm: str = "HS256", **claims) -> str:
    """A token for room `lounge` with these claims changed; None leaves one out."""
    now = int(time.time())
    base = {"iss": KEY, "sub": "ann", "nbf": now - 10, "exp": now + 600, "video": {"roomJoin": True, "room": "lounge"}}
    claims = {name: value for name, value in (base | claims).items() if value is not None}
    return jwt.encode(claims, secret or None, algorithm)


def ask(gateway, path: str, text: str, upgrade: bool = False) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {text}"}
    if upgrade:
        headers |= {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    client = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    body = "" if answer.status == 101 else answer.read().decode()
    client.close()
    return answer.status, body


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


REFUSED = {
    "expired": (lambda: token(exp=in_seconds(-LEEWAY_S - 30)), "expired"),
    "expired long ago": (lambda: token(nbf=1, exp=1000), "expired"),
    "not yet valid": (lambda: token(nbf=in_seconds(LEEWAY_S + 30)), "not valid yet"),
    "without expiry": (lambda: token(exp=None), "no expiry"),
    "an expiry that is no number": (lambda: token(exp="tomorrow"), ""),
    "signed with another secret": (lambda: token("another-secret-of-at-least-32-characters"), "signature"),
    "of an unknown key": (lambda: token(iss="nobody"), "issuer"),
    "not signed": (lambda: token("", "none"), "HS256"),
    "signed with HS512": (lambda: token(algorithm="HS512"), "HS256"),
}


@pytest.mark.filterwarnings("ignore:The HMAC key")
@pytest.mark.parametrize("make, reason", REFUSED.values(), ids=REFUSED)
def test_a_token_that_is_not_good_opens_nothing(gateway, make, reason):
    for path in ("/rtc", "/rtc/v1"):
        status, body = ask(gateway, path + "/validate", make())
        assert status == 401 and reason in body
        status, body = ask(gateway, path, make(), upgrade=True)
        assert status == 401 and reason in body
    assert "a participant joined" not in gateway.log()


def test_clocks_may_be_off_by_less_than_a_minute(gateway):
    assert ask(gateway, "/rtc/validate", token(exp=in_seconds(-LEEWAY_S + 20))) == (200, "success")
    assert ask(gateway, "/rtc/validate", token(nbf=in_seconds(LEEWAY_S - 20))) == (200, "success")


@pytest.mark.parametrize("claims", [{"exp": -300}, {"nbf": 300}], ids=["expired", "not yet valid"])
async def test_the_stock_sdk_cannot_connect_with_it(gateway, claims):
    ann = Participant()
    with pytest.raises(rtc.ConnectError):
        await ann.connect(gateway.url, token(**{name: in_seconds(seconds) for name, seconds in claims.items()}))


async def test_a_session_outlives_its_token(gateway):
    ann, text = Participant(), token(exp=in_seconds(3 - LEEWAY_S))
    await ann.connect(gateway.url, text)
    bob = await gateway.join("lounge", "bob")
    await eventually(lambda: ask(gateway, "/rtc/validate", text)[0] == 401, "the token to expire")
    await ann.room.local_participant.publish_data(b"still here")
    await eventually(lambda: bob.data == [("ann", b"still here")], "the message")
