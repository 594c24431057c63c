"""The README's commands, run as they stand there: only the program's place and its ports are this test's."""

import asyncio
import os
import re
import signal

import pytest
import sound
import yaml
from harness import ROOT, SECRET, binary, eventually, free_port

SHIPPED = yaml.safe_load((ROOT / "conf" / "trunkline.yaml").read_text())
# Ports, keys and directories are the harness's.
SETTINGS = {name: SHIPPED[name] for name in ("inbound_trunks", "dispatch_rules") if name in SHIPPED}


def commands() -> list[str]:
    """Each line of each shell block but those that build."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / "README.md").read_text(), re.S | re.M)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip() and not line.startswith("make")]


def command(words: str, gateway, directory, python=".venv") -> str:
    (line,) = [line for line in commands() if words in line]
    for theirs, ours in [
        ("SECRET=secret", f"SECRET={SECRET}"), (".build/release/trunkline", str(binary())), ("python3 ", f"{ROOT}/{python}/bin/python "), ("back.wav", f"{directory}/back.wav"),
        ("127.0.0.1:7880", f"127.0.0.1:{gateway.port}"), ("127.0.0.1:5060", f"127.0.0.1:{gateway.sip_port}"),
        ("@127.0.0.1 ", f"@127.0.0.1:{gateway.sip_port} "), ("conf/trunkline.yaml", f"{directory}/trunkline.yaml"),
        ("conf/server.yaml", f"{directory}/server.yaml"),
    ]:
        line = line.replace(theirs, ours)
    return line


async def start(line: str, **options) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_shell(
        line, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, **options)


async def run(line: str) -> str:
    process = await start(line)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, f"{line}\n{output.decode()}"
    return output.decode()


@pytest.mark.parametrize("gateway", [SETTINGS], indirect=True)
async def test_an_agent_answers_the_first_call(gateway, tmp_path):
    variables = command("export LIVEKIT_URL", gateway, tmp_path)
    worker = command("examples/echo_agent.py", gateway, tmp_path, python=".venv-agents")
    agent = await start(f"{variables} && exec {worker}", start_new_session=True)
    try:
        await eventually(lambda: "a worker registered" in gateway.log(), "the worker to register", 90)
        report = await run(command("trunkline dial", gateway, tmp_path))
    finally:
        os.killpg(agent.pid, signal.SIGKILL)
        await agent.communicate()
    assert "answered" in report
    back = sound.read_wav(tmp_path / "back.wav")
    assert abs(sound.strongest_frequency(back[-16000:]) - 440) < 5 and sound.rms(back[-16000:]) > 500


@pytest.mark.parametrize("gateway", [SETTINGS], indirect=True)
async def test_a_participant_answers_too(gateway, tmp_path):
    echo = await start(command("examples/echo.py", gateway, tmp_path))
    try:
        report = await run(command("trunkline dial", gateway, tmp_path))
    finally:
        echo.terminate()
        await echo.communicate()
    assert "answered" in report
    assert (tmp_path / "back.wav").stat().st_size > 8000 * 2 * 2


@pytest.mark.parametrize("gateway", [SETTINGS], indirect=True)
async def test_explain_and_replay(gateway, tmp_path):
    assert "lobby" in await run(command("trunkline explain", gateway, tmp_path))
    # Whoever follows the README has the echo in the room by then.
    agent = await gateway.join("lobby")
    await agent.publish_tone(440)
    assert "INVITE 200" in await run(command("trunkline replay", gateway, tmp_path))


async def test_the_shipped_file_of_server_mode_joins_another_servers_rooms(gateway, tmp_path):
    sip_port = free_port(count=2)
    text = (ROOT / "conf" / "server.yaml").read_text().replace("ws://127.0.0.1:7880", gateway.url)
    text = text.replace("port: 7881", f"port: {sip_port + 1}").replace("#sip_port: 5060", f"sip_port: {sip_port}")
    (tmp_path / "server.yaml").write_text(f"{text}\nlisten_ip: 127.0.0.1\ndata_dir: {tmp_path}/server\n")
    log = tmp_path / "server.log"
    with log.open("w") as file:
        server = await asyncio.create_subprocess_shell(
            "exec " + command("trunkline serve", gateway, tmp_path), cwd=ROOT, stdout=file, stderr=file)
    try:
        await eventually(lambda: "is running" in log.read_text(), "the gateway")
        dial = command("trunkline dial", gateway, tmp_path).replace(f":{gateway.sip_port}", f":{sip_port}")
        call = asyncio.ensure_future(run(dial))
        room = await eventually(lambda: re.search(r"a call rings.* room=(\S+)", log.read_text()), "the call")
        agent = await gateway.join(room[1])
        await agent.publish_tone(440)
        assert "answered" in await call
    finally:
        server.terminate()
        assert await server.wait() == 0, log.read_text()


def test_every_command_is_one_that_this_file_runs():
    known = (
        "trunkline dial", "export LIVEKIT_URL", "examples/echo_agent.py", "examples/echo.py", "trunkline explain",
        "trunkline replay", "trunkline serve")
    assert [line for line in commands() if not any(words in line for words in known)] == []
