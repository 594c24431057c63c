"""A LiveKit cluster's side of the bus, written against the wire alone: a real Redis, psrpc's envelopes from tables of field
numbers, livekit-server's IOInfo, and a client of SIPInternal. Knows nothing of the gateway's code."""

import base64
import collections
import contextlib
import hashlib
import pathlib
import random
import re
import shutil
import signal
import string
import subprocess
import threading
import time

import redis
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError
from harness import ALLOWANCE, free_port, wait_until
from livekit import api  # noqa: F401, fills the pool with LiveKit's public messages
from livekit.protocol import sip as sip_messages

TYPES = {"str": 9, "bytes": 12, "bool": 8, "i32": 5, "u32": 13, "i64": 3, "u64": 4, "float": 2}

# Field numbers as the wire has them: number, name, type.
INTERNAL = {
    "Msg": "1 type_url:str; 2 value:bytes; 3 channel:str",
    "Request": "1 request_id:str; 2 client_id:str; 3 sent_at:i64; 4 expiry:i64; 5 multi:bool; 7 metadata:map; 8 raw_request:bytes",
    "Response": "1 request_id:str; 2 server_id:str; 3 sent_at:i64; 5 error:str; 6 code:str; 7 raw_response:bytes; "
                "8 error_details:rep google.protobuf.Any",
    "ClaimRequest": "1 request_id:str; 2 server_id:str; 3 affinity:float",
    "ClaimResponse": "1 request_id:str; 2 server_id:str",
}
RPC = {
    "SIPCall": "1 lk_call_id:str; 2 source_ip:str; 3 address:livekit.SIPUri; 4 from:livekit.SIPUri; 5 to:livekit.SIPUri; "
               "6 via:rep livekit.SIPUri; 7 sip_call_id:str",
    "GetSIPTrunkAuthenticationRequest": "2 from:str; 3 to:str; 4 src_address:str; 5 to_host:str; 6 sip_call_id:str; "
                                        "7 from_host:str; 8 call:rpc.SIPCall",
    "GetSIPTrunkAuthenticationResponse": "1 username:str; 2 password:str; 3 drop:bool; 4 sip_trunk_id:str; "
                                         "6 provider_info:livekit.ProviderInfo; 7 error_code:i32; 8 feature_flags:map; 9 realm:str",
    "EvaluateSIPDispatchRulesRequest": "2 calling_number:str; 3 called_number:str; 4 src_address:str; 5 pin:str; 6 no_pin:bool; "
                                       "7 called_host:str; 8 sip_call_id:str; 10 sip_trunk_id:str; 11 calling_host:str; "
                                       "12 call:rpc.SIPCall",
    "EvaluateSIPDispatchRulesResponse": "1 room_name:str; 2 participant_identity:str; 3 request_pin:bool; 4 token:str; 5 ws_url:str; "
                                        "6 result:i32; "
                                        "7 participant_name:str; 8 participant_metadata:str; 9 sip_trunk_id:str; "
                                        "10 sip_dispatch_rule_id:str; 11 participant_attributes:map; 13 headers:map; "
                                        "14 headers_to_attributes:map; 16 ringing_timeout:google.protobuf.Duration; "
                                        "17 max_call_duration:google.protobuf.Duration; 18 attributes_to_headers:map; "
                                        "19 include_headers:i32; 20 room_preset:str; 21 room_config:livekit.RoomConfiguration; "
                                        "23 feature_flags:map; 24 media:livekit.SIPMediaConfig",
    "UpdateSIPCallStateRequest": "1 call_info:livekit.SIPCallInfo; 2 transfer_info:livekit.SIPTransferInfo",
    "RecordCallContextRequest": "1 call_info:livekit.SIPCallInfo",
    "Empty": "",
    "InternalCreateSIPParticipantRequest": "2 address:str; 3 number:str; 4 call_to:str; 5 username:str; 6 password:str; "
                                           "7 room_name:str; 8 participant_identity:str; 9 token:str; 10 ws_url:str; "
                                           "11 dtmf:str; 12 play_dialtone:bool; "
                                           "13 sip_call_id:str; 14 participant_name:str; 15 participant_metadata:str; "
                                           "16 transport:i32; 17 participant_attributes:map; 19 sip_trunk_id:str; "
                                           "20 hostname:str; 21 headers:map; 22 headers_to_attributes:map; "
                                           "23 ringing_timeout:google.protobuf.Duration; "
                                           "24 max_call_duration:google.protobuf.Duration; 26 attributes_to_headers:map; "
                                           "27 include_headers:i32; 29 wait_until_answered:bool; 31 display_name:opt str",
    "InternalCreateSIPParticipantResponse": "1 participant_id:str; 2 participant_identity:str; 3 sip_call_id:str",
    "InternalTransferSIPParticipantRequest": "1 sip_call_id:str; 2 transfer_to:str; 3 play_dialtone:bool; 4 headers:map; "
                                             "5 ringing_timeout:google.protobuf.Duration",
    "InternalTransferSIPParticipantResponse": "1 transfer_id:str; 2 status:i32; 3 reason:i32; 4 sip_status:livekit.SIPStatus",
}
ACCEPT, REQUEST_PIN, REJECT, DROP = 1, 2, 3, 4


def build(package: str, tables: dict, pool) -> dict:
    """Message classes from the tables."""
    file = descriptor_pb2.FileDescriptorProto(name=f"test_{package}.proto", package=package, syntax="proto3")
    file.dependency.extend(["google/protobuf/any.proto", "google/protobuf/duration.proto"])
    if package == "rpc":
        file.dependency.extend([sip_messages.SIPUri.DESCRIPTOR.file.name, api.RoomConfiguration.DESCRIPTOR.file.name])
    for name, fields in tables.items():
        message = file.message_type.add(name=name)
        for number, field_name, label, kind in re.findall(r"(\d+) (\w+):(rep |opt )?([\w.]+)", fields):
            field = message.field.add(name=field_name, number=int(number), label=3 if label == "rep " else 1)
            if kind == "map":
                entry = message.nested_type.add(name=field_name.title().replace("_", "") + "Entry")
                entry.options.map_entry = True
                for index, part in enumerate(("key", "value"), 1):
                    entry.field.add(name=part, number=index, label=1, type=9)
                field.label, field.type, field.type_name = 3, 11, f".{package}.{name}.{entry.name}"
            elif kind in TYPES:
                field.type = TYPES[kind]
                if label == "opt ":
                    field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
                    message.oneof_decl.add(name="_" + field_name)
            else:
                field.type, field.type_name = 11, "." + kind
    pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    found = pool.FindFileByName(file.name)
    return {name: message_factory.GetMessageClass(found.message_types_by_name[name]) for name in tables}


POOL = descriptor_pool.Default()
MESSAGES = build("internal", INTERNAL, POOL) | build("rpc", RPC, POOL)


def make(message: str, **fields):
    """A message; dictionaries fill nested ones."""
    made = MESSAGES[message]()
    for name, value in fields.items():
        if isinstance(value, dict) and made.DESCRIPTOR.fields_by_name[name].message_type.GetOptions().map_entry:
            getattr(made, name).update(value)
        elif isinstance(value, dict):
            nested = getattr(made, name)
            nested.SetInParent()
            for key, part in value.items():
                setattr(nested, key, part)
        elif isinstance(value, (int, float)) and made.DESCRIPTOR.fields_by_name[name].message_type:
            getattr(made, name).seconds = int(value)
        elif made.DESCRIPTOR.fields_by_name[name].message_type:
            getattr(made, name).CopyFrom(value)
        else:
            setattr(made, name, value)
    return made


def pack(message) -> bytes:
    url = "type.googleapis.com/" + message.DESCRIPTOR.full_name
    return MESSAGES["Msg"](type_url=url, value=message.SerializeToString()).SerializeToString()


def unpack(data: bytes):
    """The message inside; nothing for what is none."""
    with contextlib.suppress(DecodeError):
        message = MESSAGES["Msg"].FromString(data)
        if message.type_url.startswith("type.googleapis.com/internal."):
            return MESSAGES[message.type_url.rpartition(".")[2]].FromString(message.value)
    return None


def escape(part: str) -> str:
    plain = string.ascii_letters + string.digits + "_"
    return "".join(c if c in plain else f"u+{ord(c):04x}" if ord(c) < 0x10000 else f"U+{ord(c):08x}" for c in part)


def channel(*parts: str) -> str:
    return "|".join(escape(part) for part in parts if part)


def identifier(prefix: str) -> str:
    return prefix + "".join(random.choices(string.ascii_letters + string.digits, k=12))


class BusError(Exception):
    def __init__(self, code: str, text: str, details=()):
        super().__init__(f"{code}: {text}")
        self.code, self.text, self.details = code, text, list(details)

    def sip_status(self):
        """The code and phrase of the livekit.SIPStatus among the details."""
        [detail] = [each for each in self.details if each.type_url == "type.googleapis.com/livekit.SIPStatus"]
        status = sip_messages.SIPStatus.FromString(detail.value)
        return status.code, status.status


class Redis:
    """A real redis-server on a port of its own."""

    def __init__(self, directory: pathlib.Path, *arguments: str, tls: dict | None = None):
        self.port, self.directory, self.arguments, self.tls = free_port(), directory, arguments, tls
        self.process = None

    def __enter__(self) -> "Redis":
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        ports = ["--port", "0", "--tls-port", str(self.port)] if self.tls else ["--port", str(self.port)]
        files = [part for key, value in (self.tls or {}).items() for part in (f"--tls-{key}", str(value))]
        log = self.directory / f"redis-{time.monotonic_ns()}.log"
        self.process = subprocess.Popen(
            ["redis-server", *ports, *files, "--bind", "127.0.0.1", "--save", "", "--dir", str(self.directory),
             "--logfile", str(log), *self.arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Not by a connection: before it listens, a client may be given the very port it asks for, and talk to itself.
        wait_until(lambda: self._is_ready(log), "Redis to be ready")

    def _is_ready(self, log: pathlib.Path) -> bool:
        assert self.process.poll() is None, f"redis-server ended with {self.process.returncode}:\n{log.read_text()}"
        return log.exists() and "Ready to accept connections" in log.read_text()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def restart(self):
        self.stop()
        self.start()

    @contextlib.contextmanager
    def frozen(self):
        """Takes everything and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def client(self) -> redis.Redis:
        # Each thread of a peer may use a connection.
        options = {"max_connections": 1000}
        if self.tls:
            options |= {"ssl": True, "ssl_ca_certs": str(self.tls["ca-cert-file"])}
        if "--requirepass" in self.arguments:
            options["password"] = self.arguments[self.arguments.index("--requirepass") + 1]
        return redis.Redis("127.0.0.1", self.port, **options)


class Peer:
    """Whoever speaks on the bus: keeps its subscriptions through a restart of Redis."""

    def __init__(self, server: Redis):
        self.redis = server
        self.client = server.client()
        self.handlers: dict[str, callable] = {}
        self.heard = collections.Counter()
        self.lock = threading.Lock()
        self.stopping = False
        # What a peer that knows the wire alone would trip over.
        self.faults: list[Exception] = []
        self.pubsub = None
        self.thread = threading.Thread(target=self._read, daemon=True)

    def start(self):
        self.thread.start()
        wait_until(lambda: self.handlers.keys() <= self._subscribed(), "subscriptions")
        return self

    def _subscribed(self):
        return {name.decode() for name in self.pubsub.channels} if self.pubsub else set()

    def close(self):
        self.stopping = True
        self.thread.join(5)
        assert not self.faults, f"{len(self.faults)} messages were not as the wire has them; the first: {self.faults[0]!r}"

    def publish(self, name: str, message):
        with contextlib.suppress(redis.RedisError):
            self.client.publish(name, pack(message))

    def _read(self):
        while not self.stopping:
            try:
                with self.redis.client().pubsub() as pubsub:
                    pubsub.subscribe(*self.handlers)
                    self.pubsub = pubsub
                    while not self.stopping:
                        if (found := pubsub.get_message(ignore_subscribe_messages=True, timeout=0.1)) is not None:
                            name = found["channel"].decode()
                            self.heard[name] += 1
                            self.handlers[name](found["data"], name)
            except (redis.RedisError, OSError):
                self.pubsub = None
                time.sleep(0.05)


class IOServer(Peer):
    """livekit-server's side: answers with `answers[method](request)`, which may raise BusError. Behaves badly on demand."""

    def __init__(self, server: Redis):
        super().__init__(server)
        self.server_id = identifier("SRV_")
        self.answers: dict[str, callable] = {}
        self.requests: list[tuple[str, object]] = []
        self.claims: dict[str, threading.Event] = {}
        # How many responses of a method are lost, and how long each is held back.
        self.lose, self.delay = collections.Counter(), collections.Counter()
        for method in ("GetSIPTrunkAuthentication", "EvaluateSIPDispatchRules", "UpdateSIPCallState", "RecordCallContext"):
            self.handlers[channel("IOInfo", method, "REQ")] = lambda data, name, method=method: self._spawn(method, data)
            self.handlers[channel("IOInfo", method, "RCLAIM")] = lambda data, name: self._chosen(data)
            self.answers[method] = lambda request: MESSAGES["Empty"]()

    def _spawn(self, method, data):
        threading.Thread(target=self._take, args=(method, data), daemon=True).start()

    def _take(self, method: str, data: bytes):
        try:
            self._serve(method, data)
        except redis.ConnectionError:
            pass
        except Exception as fault:
            self.faults.append(fault)

    def _serve(self, method: str, data: bytes):
        key = base64.b64encode(hashlib.sha256(data).digest()).decode()
        if not self.client.set(key, random.getrandbits(62), nx=True, ex=5):
            return
        request, now = unpack(data), time.time_ns()
        if request is None or request.expiry <= now:
            return
        assert request.DESCRIPTOR.name == "Request" and not request.multi
        assert request.sent_at <= now + 10**9 and request.expiry <= now + 90 * 10**9
        assert re.fullmatch("REQ_[A-Za-z0-9]{12}", request.request_id) and re.fullmatch("CLI_[A-Za-z0-9]{12}", request.client_id)
        chosen = self.claims[request.request_id] = threading.Event()
        self.publish(channel("IOInfo", request.client_id, "CLAIM"),
                     make("ClaimRequest", request_id=request.request_id, server_id=self.server_id, affinity=1.0))
        if not chosen.wait((request.expiry - now) / 1e9):
            return
        payload = MESSAGES[method + "Request"].FromString(request.raw_request)
        with self.lock:
            self.requests.append((method, payload))
        time.sleep(self.delay[method])
        response = make("Response", request_id=request.request_id, server_id=self.server_id, sent_at=time.time_ns())
        try:
            response.raw_response = self.answers[method](payload).SerializeToString()
        except BusError as error:
            response.error, response.code = error.text, error.code
            response.error_details.extend(error.details)
        with self.lock:
            self.lose[method] -= 1
            if self.lose[method] >= 0:
                return
        self.publish(channel("IOInfo", request.client_id, "RES"), response)

    def _chosen(self, data: bytes):
        choice = unpack(data)
        if choice and choice.server_id == self.server_id and (chosen := self.claims.pop(choice.request_id, None)):
            chosen.set()

    def of(self, method: str) -> list:
        with self.lock:
            return [payload for name, payload in self.requests if name == method]

    def states(self, call_id: str | None = None) -> list:
        """What was reported of a call, in order."""
        infos = [request.call_info for request in self.of("UpdateSIPCallState") if request.HasField("call_info")]
        return [info for info in infos if call_id in (None, info.call_id)]

    def transfers(self) -> list:
        return [request.transfer_info for request in self.of("UpdateSIPCallState") if request.HasField("transfer_info")]


class SIPClient(Peer):
    """livekit-server's side of SIPInternal: asks SIP services, takes the first offer, or with `best` the best one."""

    def __init__(self, server: Redis, best: bool = False):
        super().__init__(server)
        self.client_id, self.best = identifier("CLI_"), best
        self.pending: dict[str, dict] = {}
        # By server: requests that it was given.
        self.served = collections.Counter()
        self.offers = collections.Counter()
        self.handlers[channel("SIPInternal", self.client_id, "CLAIM")] = lambda data, name: self._note("offers", data)
        self.handlers[channel("SIPInternal", self.client_id, "RES")] = lambda data, name: self._note("responses", data)

    def _note(self, kind: str, data: bytes):
        message = unpack(data)
        if message is None:
            return
        if not re.fullmatch("SRV_[A-Za-z0-9]{12}", message.server_id):
            self.faults.append(ValueError(f"server_id {message.server_id}"))
        with self.lock:
            if kind == "offers":
                self.offers[message.request_id] += 1
            if entry := self.pending.get(message.request_id):
                entry[kind].append(message)
                entry["event"].set()

    def call(self, method: str, topic: str, request, timeout: float = 10, expiry: float | None = None):
        """The decoded response; raises BusError."""
        now, request_id = time.time_ns(), identifier("REQ_")
        entry = {"offers": [], "responses": [], "event": threading.Event()}
        with self.lock:
            self.pending[request_id] = entry
        self.publish(channel("SIPInternal", method, topic, "REQ"), make(
            "Request", request_id=request_id, client_id=self.client_id, sent_at=now,
            expiry=now + int((expiry or timeout) * 1e9), raw_request=request.SerializeToString(), metadata={"traceparent": "x"}))
        try:
            offer = self._select(entry, 1)
            self.served[offer.server_id] += 1
            self.publish(channel("SIPInternal", method, topic, "RCLAIM"),
                         make("ClaimResponse", request_id=request_id, server_id=offer.server_id))
            [response] = self._wait(entry, "responses", timeout, BusError("deadline_exceeded", "request timed out"))[:1]
            assert response.server_id == offer.server_id
            if response.error or response.code:
                raise BusError(response.code, response.error, response.error_details)
            return MESSAGES[f"Internal{method}Response"].FromString(response.raw_response)
        finally:
            with self.lock:
                del self.pending[request_id]

    def _select(self, entry, timeout):
        nobody = BusError("unavailable", "no response from servers")
        if not self.best:
            return self._wait(entry, "offers", timeout, nobody)[0]
        self._wait(entry, "offers", timeout, nobody)
        time.sleep(0.2)
        return max(entry["offers"], key=lambda offer: offer.affinity)

    def _wait(self, entry, kind, timeout, error):
        end = time.monotonic() + timeout * ALLOWANCE
        while not entry[kind]:
            entry["event"].wait(max(0, end - time.monotonic()))
            entry["event"].clear()
            if not entry[kind] and time.monotonic() >= end:
                raise error
        return entry[kind]


def certificates(directory: pathlib.Path) -> dict:
    """An authority and a certificate for 127.0.0.1, as redis-server's options name them."""
    assert shutil.which("openssl")

    def openssl(*words):
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=directory)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=redis", "-keyout", "redis.key", "-out", "redis.csr")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1")
    openssl("x509", "-req", "-in", "redis.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2, "-extfile",
            "names", "-out", "redis.pem")
    files = {"ca-cert-file": "ca.pem", "cert-file": "redis.pem", "key-file": "redis.key"}
    return {key: directory / name for key, name in files.items()} | {"auth-clients": "no"}


