"""The gateway's API: LiveKit's server SDK, and bare HTTP where the SDK would not do such a thing."""

import contextlib
import dataclasses
import http.client
import json

from harness import KEY, SECRET, Gateway
from livekit import api

STATUS = {
    "canceled": 408, "unknown": 500, "invalid_argument": 400, "malformed": 400, "deadline_exceeded": 408,
    "not_found": 404, "bad_route": 404, "already_exists": 409, "permission_denied": 403, "unauthenticated": 401,
    "resource_exhausted": 429, "failed_precondition": 412, "aborted": 409, "out_of_range": 400, "unimplemented": 501,
    "internal": 500, "unavailable": 503, "dataloss": 500,
}


def token(*, admin=False, call=False, identity="", **video) -> str:
    made = api.AccessToken(KEY, SECRET).with_identity(identity).with_sip_grants(api.SIPGrants(admin=admin, call=call))
    return made.with_grants(api.VideoGrants(**video)).to_jwt()


ALL = {"admin": True, "call": True, "room_create": True, "room_list": True}


@contextlib.asynccontextmanager
async def sdk(gateway: Gateway, secret: str = SECRET):
    client = api.LiveKitAPI(gateway.url.replace("ws:", "http:"), KEY, secret)
    try:
        yield client
    finally:
        await client.aclose()


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def error(self) -> dict:
        """The Twirp error, after a check that it is one and that the status is its code's."""
        assert self.headers["content-type"] == "application/json", self
        error = json.loads(self.body)
        assert set(error) <= {"code", "msg", "meta"} and error["msg"], self
        assert STATUS[error["code"]] == self.status, self
        return error

    @property
    def json(self) -> dict:
        assert self.status == 200, self
        return json.loads(self.body)


def post(gateway: Gateway, path: str, body: bytes | str | dict = b"{}", *, auth: str | None = None,
         content_type="application/json", method="POST", headers: dict | None = None) -> Answer:
    """`path` is `livekit.SIP/ListSIPTrunk`, or begins with a slash."""
    if isinstance(body, dict):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=30)
    try:
        fields = {"Content-Type": content_type} | ({"Authorization": f"Bearer {auth}"} if auth else {}) | (headers or {})
        connection.request(method, path if path.startswith("/") else f"/twirp/{path}", body, fields)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
