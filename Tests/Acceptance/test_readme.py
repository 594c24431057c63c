"""The README's commands, run as they stand there: only the program's place and its ports are this test's."""

import asyncio
import os
import re
import signal

import pytest
import sound
import yaml
from harness import ROOT, SECRET, binary, eventually

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


def test_every_command_is_one_that_this_file_runs():
    known = (
        "trunkline dial", "export LIVEKIT_URL", "examples/echo_agent.py", "examples/echo.py", "trunkline explain", "trunkline replay")
    assert [line for line in commands() if not any(words in line for words in known)] == []
