"""The gateway's API: LiveKit's server SDK, and bare HTTP where the SDK would not do such a thing."""

import contextlib
import dataclasses
import http.client
import json

from harness import KEY, SECRET, Gateway
from livekit import api
from livekit.api.agent_dispatch_service import AgentDispatchService
from livekit.api.room_service import RoomService
from livekit.api.sip_service import SipService

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


@dataclasses.dataclass
class Services:
    sip: SipService
    room: RoomService
    agent_dispatch: AgentDispatchService


@contextlib.asynccontextmanager
async def sdk(gateway: Gateway, secret: str = SECRET):
    """The services of whoever has the calls, and of whoever has the rooms and agents."""
    async with api.LiveKitAPI(gateway.api_url, KEY, secret) as calls:
        if gateway.rooms is gateway:
            yield calls
            return
        async with api.LiveKitAPI(gateway.rooms.api_url, KEY, secret) as rooms:
            yield Services(calls.sip, rooms.room, rooms.agent_dispatch)


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
