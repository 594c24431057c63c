"""Bad input through the API: clear Twirp errors, flat memory, no crash."""

import concurrent.futures
import importlib
import json
import pkgutil
import socket
import time

import livekit.protocol
import pytest
from google.protobuf import descriptor_pool, message_factory
from harness import ALLOWANCE, CALLED, Gateway, wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twirp import ALL, STATUS, Answer, post, token

for module in pkgutil.iter_modules(livekit.protocol.__path__):
    importlib.import_module("livekit.protocol." + module.name)

ROOM = "fuzz"
ADMIN = token(**ALL, room_admin=True, room=ROOM)
SERVICES = {name: descriptor_pool.Default().FindServiceByName(name)
            for name in ("livekit.SIP", "livekit.RoomService", "livekit.AgentDispatchService")}
METHODS = [(f"{name}/{method.name}", method.input_type) for name, service in SERVICES.items() for method in service.methods]
FIELD_NAMES = sorted({name for _, message in METHODS for field in message.fields for name in (field.name, field.json_name)})
FUZZ = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with Gateway(tmp_path_factory.mktemp("hostile"), inbound_trunks=[], dispatch_rules=[]) as running:
        yield running
        assert running.process.poll() is None, running.log()[-3000:]


def check(answer: Answer, path: str):
    """An answer of the service, or a Twirp error of the caller's making."""
    if answer.status == 200:
        return
    error = answer.error
    # Bad input is nobody's fault but the sender's.
    assert error["code"] not in ("internal", "unknown", "dataloss"), (path, error)


text = st.one_of(st.text(max_size=40), st.sampled_from(["", ROOM, "ST_x", CALLED, "+1555*", "\x00", "\u202e", "sip:a@b", "x" * 5000]))
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2**70, 2**70), st.floats(), text)
values = st.recursive(scalars, lambda inner: st.one_of(
    st.lists(inner, max_size=4), st.dictionaries(st.one_of(st.sampled_from(FIELD_NAMES), text), inner, max_size=4)), max_leaves=12)


@FUZZ
@given(st.sampled_from(METHODS), st.dictionaries(st.sampled_from(FIELD_NAMES), values, max_size=5))
def test_random_json_is_answered(gateway, method, body):
    check(post(gateway, method[0], json.dumps(body), auth=ADMIN), method[0])


@FUZZ
@given(st.sampled_from(METHODS), st.binary(max_size=400))
def test_random_bytes_are_answered(gateway, method, body):
    for content_type in ("application/protobuf", "application/json"):
        check(post(gateway, method[0], body, auth=ADMIN, content_type=content_type), method[0])


def fill(message, draw, depth: int = 0):
    """Sets fields of a message as their types allow, with values that no person would choose."""
    for field in message.DESCRIPTOR.fields:
        if not draw(st.booleans()) or depth > 3:
            continue
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            if field.message_type.fields_by_name["value"].type == field.TYPE_STRING:
                getattr(message, field.name).update(draw(st.dictionaries(safe_text, safe_text, max_size=3)))
        elif field.message_type is not None:
            target = getattr(message, field.name)
            fill(target.add() if field.is_repeated else target, draw, depth + 1)
        else:
            value = draw(KINDS[field.cpp_type])
            if field.is_repeated:
                getattr(message, field.name).append(value)
            else:
                setattr(message, field.name, value)
    return message


safe_text = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), st.sampled_from(["", ROOM, "ST_x", CALLED, "1234", "a@b"]))
FIELD = descriptor_pool.Default().FindMessageTypeByName("livekit.Room").fields[0]
KINDS = {
    FIELD.CPPTYPE_STRING: safe_text, FIELD.CPPTYPE_BOOL: st.booleans(), FIELD.CPPTYPE_INT32: st.integers(-2**31, 2**31 - 1),
    FIELD.CPPTYPE_INT64: st.integers(-2**63, 2**63 - 1), FIELD.CPPTYPE_UINT32: st.integers(0, 2**32 - 1),
    FIELD.CPPTYPE_UINT64: st.integers(0, 2**64 - 1), FIELD.CPPTYPE_DOUBLE: st.floats(), FIELD.CPPTYPE_FLOAT: st.floats(width=32),
    FIELD.CPPTYPE_ENUM: st.integers(-3, 700),
}


@FUZZ
@given(st.sampled_from(METHODS), st.data())
def test_random_messages_are_answered(gateway, method, data):
    try:
        message = fill(message_factory.GetMessageClass(method[1])(), data.draw)
    except (ValueError, TypeError):
        return  # A string field of another encoding.
    encoded = message.SerializeToString()
    check(post(gateway, method[0], encoded, auth=ADMIN, content_type="application/protobuf"), method[0])


PARTICIPANT = token(identity="ann", room_join=True, room=ROOM)


@pytest.mark.parametrize(("auth", "code"), [
    (None, "unauthenticated"), (ADMIN, "invalid_argument"), ("not.a.token", "unauthenticated"), (PARTICIPANT, "permission_denied"),
], ids=["nobody", "an admin", "a liar", "a participant"])
@pytest.mark.parametrize("chunked", [False, True], ids=["with its length", "in chunks"])
def test_ten_megabytes_are_refused_and_not_kept(gateway, auth, code, chunked):
    before = gateway.resident_kilobytes()
    for _ in range(30):
        answer = send_large(gateway, auth, chunked)
        if answer is not None:
            assert answer.error["code"] == code
    assert gateway.resident_kilobytes() - before < 30_000


def send_large(gateway, auth, chunked) -> Answer | None:
    """None: the connection was closed before all was sent, and the answer lost on the way."""
    body = (b"x" * 65536 for _ in range(160)) if chunked else b"x" * (10 << 20)
    headers = {"Transfer-Encoding": "chunked"} if chunked else {}
    try:
        return post(gateway, "livekit.SIP/ListSIPInboundTrunk", body, auth=auth, headers=headers)
    except (ConnectionError, BrokenPipeError):
        return None


def test_the_largest_body_is_read(gateway):
    pad = " " * ((1 << 20) - 2)
    assert post(gateway, "livekit.SIP/ListSIPInboundTrunk", "{" + pad + "}", auth=ADMIN).status == 200
    answer = post(gateway, "livekit.SIP/ListSIPInboundTrunk", "{" + pad + " }", auth=ADMIN)
    assert answer.error["code"] == "invalid_argument" and "1048576" in answer.error["msg"]


def test_slow_bodies_get_an_error_and_hold_nobody_up(gateway):
    before = gateway.resident_kilobytes()
    slow = []
    for _ in range(50):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        connection.sendall(f"POST /twirp/livekit.SIP/ListSIPTrunk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
                           "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{".encode())
        slow.append(connection)
    started = time.monotonic()
    for _ in range(20):
        assert post(gateway, "livekit.SIP/ListSIPInboundTrunk", auth=ADMIN).status == 200
    assert time.monotonic() - started < 5 * ALLOWANCE
    for connection in slow:
        connection.settimeout(20 * ALLOWANCE)
        answer = b""
        while part := connection.recv(4096):
            answer += part
        head, body = answer.split(b"\r\n\r\n", 1)
        assert head.startswith(b"HTTP/1.1 408 ") and json.loads(body)["code"] == "deadline_exceeded", answer
        connection.close()
    assert gateway.resident_kilobytes() - before < 20_000


def test_many_bodies_at_once_are_bounded_together(gateway):
    """Bodies that are never finished may hold 64 MiB in all; whoever comes then is told so."""
    before = gateway.resident_kilobytes()
    waiting, answers = [], set()
    part = b"x" * 1_000_000
    for _ in range(100):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        connection.sendall(f"POST /twirp/livekit.SIP/ListSIPTrunk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(part) + 1}\r\n\r\n".encode())
        waiting.append(connection)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda connection: quietly(connection.sendall, part), waiting))

    def refused() -> bool:
        for connection in waiting:
            connection.setblocking(False)
            try:
                answers.add(connection.recv(20))
            except OSError:
                pass
        return any(answer.startswith(b"HTTP/1.1 503 ") for answer in answers)

    wait_until(refused, "a refusal", 9)
    assert gateway.resident_kilobytes() - before < 140_000
    for connection in waiting:
        connection.close()
    wait_until(lambda: post(gateway, "livekit.SIP/ListSIPInboundTrunk", auth=ADMIN).status == 200, "room for a request")


@pytest.mark.parametrize(("auth", "status"), [("not.a.token", 401), (PARTICIPANT, 403)], ids=["liars", "participants"])
def test_nobody_else_takes_the_room_for_bodies(gateway, auth, status):
    """Whose token is not good for the method is answered at once, and nothing of the body is kept or waited for."""
    before = gateway.resident_kilobytes()
    waiting = []
    for _ in range(150):
        connection = socket.create_connection(("127.0.0.1", gateway.port))
        connection.sendall(f"POST /twirp/livekit.SIP/ListSIPTrunk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {auth}\r\n"
                           f"Content-Type: application/json\r\nContent-Length: 1000001\r\n\r\n".encode())
        waiting.append(connection)
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(lambda connection: quietly(connection.sendall, b"x" * 1_000_000), waiting))
        answers = list(pool.map(lambda connection: first_bytes(connection), waiting))
    assert post(gateway, "livekit.SIP/ListSIPInboundTrunk", auth=ADMIN).status == 200
    assert {answer for answer in answers if answer} == {f"HTTP/1.1 {status} ".encode()}
    assert gateway.resident_kilobytes() - before < 30_000


def first_bytes(connection) -> bytes:
    """Empty where the connection was reset: the gateway closed it with a body under way."""
    connection.settimeout(9)
    try:
        return connection.recv(13)
    except ConnectionError:
        return b""
    finally:
        connection.close()


def test_whoever_never_reads_is_answered_once(gateway):
    """Requests one after the other, whose megabytes of responses stay with the gateway."""
    made = [post(gateway, "livekit.SIP/CreateSIPOutboundTrunk", {"trunk": {
        "numbers": ["+15550100"], "address": "192.0.2.1", "metadata": "m" * 64_000}}, auth=ADMIN).json for _ in range(32)]
    request = (f"POST /twirp/livekit.SIP/ListSIPOutboundTrunk HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADMIN}\r\n"
               "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}").encode()
    connections = []
    for _ in range(5):
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        connection.connect(("127.0.0.1", gateway.port))
        connections.append(connection)
    listed = len(post(gateway, "livekit.SIP/ListSIPOutboundTrunk", auth=ADMIN).body)
    assert listed > 2_000_000
    before = gateway.resident_kilobytes()
    for _ in range(15):
        for connection in connections:
            quietly(connection.sendall, request)
            # Answered after it: it is answered by now.
            post(gateway, "livekit.SIP/ListSIPOutboundTrunk", auth=ADMIN)
    growth = gateway.resident_kilobytes() - before
    assert growth < 40_000, growth
    for connection in connections:
        connection.close()
    for trunk in made:
        assert post(gateway, "livekit.SIP/DeleteSIPTrunk", {"sip_trunk_id": trunk["sip_trunk_id"]}, auth=ADMIN).status == 200


def quietly(call, *arguments):
    try:
        call(*arguments)
    except OSError:
        pass


def test_deep_json_is_malformed(gateway):
    for body in ("[" * 100_000, '{"a":' * 50_000, '{"trunk":{"media":' * 20_000, '{"x":"' + "\\u0041" * 100_000 + '"}'):
        answer = post(gateway, "livekit.SIP/CreateSIPInboundTrunk", body, auth=ADMIN)
        assert answer.status == 400, answer


def test_a_flood_of_requests_is_answered_and_leaves_nothing(gateway):
    """A thousand requests of every kind over many connections; memory afterwards is what it was."""
    def one(number: int) -> int:
        path, _ = METHODS[number % len(METHODS)]
        return post(gateway, path, {"room": ROOM, "identity": f"p{number}", "sip_trunk_id": f"ST_{number}"}, auth=ADMIN).status

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(one, range(500)))
        before = gateway.resident_kilobytes()
        statuses = list(pool.map(one, range(2000)))
    assert set(statuses) <= set(STATUS.values()) | {200} and 500 not in statuses
    assert gateway.resident_kilobytes() - before < 20_000
