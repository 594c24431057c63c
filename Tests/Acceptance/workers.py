"""Agent workers: stock ones as processes of their own, and bare ones that speak the protocol as a test wants it."""

import asyncio
import os
import pathlib
import signal
import subprocess

import aiohttp
from google.protobuf import json_format
from harness import ALLOWANCE, KEY, ROOT, SECRET, Gateway, wait_until
from livekit import api
from livekit.protocol import agent as protocol

AGENTS = pathlib.Path(__file__).resolve().parent / "agents"
# livekit-agents pins another livekit than the one that these tests use.
PYTHON = ROOT / ".venv-agents" / "bin" / "python"


class Worker:
    """One stock livekit-agents worker, started with LiveKit's three variables and what the test adds."""

    def __init__(self, gateway: Gateway, directory: pathlib.Path, script: pathlib.Path, *, mode="start", **variables):
        self.gateway = gateway
        self.log_path = directory / f"worker-{len(list(directory.glob('worker-*.log')))}.log"
        self.file = self.log_path.open("w")
        environment = os.environ | {
            "LIVEKIT_URL": gateway.url, "LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET, "PYTHONUNBUFFERED": "1",
        } | variables
        command = [PYTHON, script, mode] + (["--no-reload"] if mode == "dev" else [])
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=self.file, stderr=subprocess.STDOUT, env=environment,
            cwd=directory, start_new_session=True)

    def __enter__(self) -> "Worker":
        try:
            # A cold start reads half of what is installed.
            wait_until(self._is_registered, "the worker to register", 90)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.file.close()

    def _is_registered(self) -> bool:
        assert self.process.poll() is None, f"the worker ended with {self.process.returncode}:\n{self.log()[-4000:]}"
        return "registered worker" in self.log()

    def kill(self, *, everything=False):
        """kill -9 of the worker itself, whose processes must see that, or of them too."""
        if everything:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


def tone_worker(gateway: Gateway, directory: pathlib.Path, tone: int, name: str = "", **variables) -> Worker:
    return Worker(gateway, directory, AGENTS / "tone_agent.py", TONE=str(tone), LIVEKIT_AGENT_NAME=name, **variables)


class BareWorker:
    """One connection to /agent that does what it is told."""

    def __init__(self, gateway: Gateway, name: str = "", *, is_json=False):
        self.gateway, self.name, self.is_json = gateway, name, is_json
        self.messages: list[protocol.ServerMessage] = []
        self.closed: int | None = None

    async def __aenter__(self) -> "BareWorker":
        await self.connect()
        await self.register()
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def connect(self, token: str | None = None):
        self.session = aiohttp.ClientSession()
        if token is None:
            token = api.AccessToken(KEY, SECRET).with_grants(api.VideoGrants(agent=True)).to_jwt()
        try:
            self.socket = await self.session.ws_connect(
                f"{self.gateway.rooms.api_url}/agent", headers={"Authorization": f"Bearer {token}"})
        except BaseException:
            await self.session.close()
            raise
        self.reader = asyncio.ensure_future(self._read())

    async def close(self):
        await self.socket.close()
        await self.session.close()
        self.reader.cancel()

    async def _read(self):
        async for frame in self.socket:
            message = protocol.ServerMessage()
            if frame.type == aiohttp.WSMsgType.TEXT:
                json_format.Parse(frame.data, message)
            else:
                message.ParseFromString(frame.data)
            self.messages.append(message)
        self.closed = self.socket.close_code

    async def send(self, **message):
        await self.send_message(protocol.WorkerMessage(**message))

    async def send_message(self, message: protocol.WorkerMessage):
        if self.is_json:
            await self.socket.send_str(json_format.MessageToJson(message))
        else:
            await self.socket.send_bytes(message.SerializeToString())

    async def register(self, type=protocol.JT_ROOM):
        await self.send(register=protocol.RegisterWorkerRequest(type=type, agent_name=self.name, version="bare"))
        await self.until(lambda: self.of("register"), "the registration's answer")

    async def report(self, load: float):
        await self.send(update_worker=protocol.UpdateWorkerStatus(status=protocol.WS_AVAILABLE, load=load))

    def of(self, kind: str) -> list:
        return [getattr(message, kind) for message in self.messages if message.WhichOneof("message") == kind]

    async def until(self, condition, what: str, deadline: float = 10):
        end = asyncio.get_running_loop().time() + deadline * ALLOWANCE
        while asyncio.get_running_loop().time() < end:
            if value := condition():
                return value
            await asyncio.sleep(0.02)
        raise AssertionError(f"waited in vain for {what}; came: {self.messages}, closed: {self.closed}")
