"""A room server whose media is reached through a TURN server alone (coturn), over UDP, TCP and TLS."""

import contextlib
import os
import pathlib
import random
import subprocess

import pytest
from authority import Authority
from harness import eventually, wait_until
from livekit.protocol import rtc
from otherscene import scene

USER, PASSWORD = "user", "secret"
ACTION = rtc.LeaveRequest.Action
both = pytest.mark.parametrize("has_one_connection", [True, False], ids=["one-connection", "two-connections"])


class Relay:
    """A real turnserver on 127.0.0.1, with a certificate for `localhost`."""

    def __init__(self, directory: pathlib.Path, authority: Authority):
        authority.server("localhost")
        certificate = directory / f"{authority.name}-localhost.pem"
        # Below the ports that the system gives to everybody.
        self.port = random.randrange(31000, 32600, 2)
        self.log_path = directory / "turn.log"
        self.log_file = self.log_path.open("w")
        self.process = subprocess.Popen(
            ["turnserver", "-n", "-v", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1",
             "--listening-port", str(self.port), "--tls-listening-port", str(self.port + 1), "--lt-cred-mech",
             "--user", f"{USER}:{PASSWORD}", "--realm", "example.org", "--cert", certificate, "--pkey", certificate,
             "--no-cli", "--no-dtls", "--allow-loopback-peers", "--userdb", directory / "turn.db", "--pidfile",
             directory / "turn.pid", "--log-file", "stdout", "--simple-log"],
            stdout=self.log_file, stderr=subprocess.STDOUT, cwd=directory, env=os.environ)
        wait_until(self._listens, "turnserver to listen")

    def _listens(self) -> bool:
        assert self.process.poll() is None, self.log_path.read_text()[-2000:]
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        ports = {fields[1].rpartition(":")[2] for fields in map(str.split, lines) if fields[3] == "0A"}
        return {f"{self.port:04X}", f"{self.port + 1:04X}"} <= ports

    def server(self, transport: str) -> rtc.ICEServer:
        url = {
            "udp": f"turn:127.0.0.1:{self.port}?transport=udp", "tcp": f"turn:localhost:{self.port}?transport=tcp",
            "tls": f"turns:localhost:{self.port + 1}?transport=tcp"}[transport]
        return rtc.ICEServer(urls=[url], username=USER, credential=PASSWORD)

    def allocations(self) -> int:
        return self.log_path.read_text(errors="replace").count("ALLOCATE processed, success")

    def __enter__(self) -> "Relay":
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log_file.close()


@both
@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_a_caller_is_heard_through_a_relay(tmp_path, transport, has_one_connection):
    authority = Authority(tmp_path, "ours")
    server = {"tls": authority.server("localhost"), "host": "localhost"}
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(Relay(tmp_path, authority))
        settings = {"server": server, "ws_ca_file": str(authority.file), "relays": [relay.server(transport)]}
        async with scene(tmp_path, has_one_connection, **settings) as here:
            await here.is_heard()
            count = relay.allocations()
            assert count >= (1 if has_one_connection else 2)
            # Also after both sides have restarted ICE.
            await here.server.do(here.server.send_away(here.guest, action=ACTION.RESUME))
            await eventually(lambda: here.guest.resumptions, "the resume")
            await here.is_heard()
            await here.hang_up()
