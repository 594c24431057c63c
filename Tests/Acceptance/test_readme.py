"""The README's commands, run as they stand there: only the program's place and its ports are this test's."""

import asyncio
import re

import pytest
import yaml
from harness import ROOT, binary

SHIPPED = yaml.safe_load((ROOT / "conf" / "trunkline.yaml").read_text())
# Ports, keys and directories are the harness's.
SETTINGS = {name: SHIPPED[name] for name in ("inbound_trunks", "dispatch_rules") if name in SHIPPED}


def commands() -> list[str]:
    """Each line of each shell block but those that build."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", (ROOT / "README.md").read_text(), re.S | re.M)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip() and not line.startswith("make")]


def command(words: str, gateway, directory) -> str:
    (line,) = [line for line in commands() if words in line]
    for theirs, ours in [
        (".build/release/trunkline", str(binary())), ("python3 ", f"{ROOT}/.venv/bin/python "), ("back.wav", f"{directory}/back.wav"),
        ("127.0.0.1:7880", f"127.0.0.1:{gateway.port}"), ("127.0.0.1:5060", f"127.0.0.1:{gateway.sip_port}"),
        ("@127.0.0.1 ", f"@127.0.0.1:{gateway.sip_port} "), ("conf/trunkline.yaml", f"{directory}/trunkline.yaml"),
    ]:
        line = line.replace(theirs, ours)
    return line


async def start(line: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_shell(
        line, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)


async def run(line: str) -> str:
    process = await start(line)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, f"{line}\n{output.decode()}"
    return output.decode()


@pytest.mark.parametrize("gateway", [SETTINGS], indirect=True)
async def test_the_commands_under_try_it(gateway, tmp_path):
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
    known = ("trunkline dial", "examples/echo.py", "trunkline explain", "trunkline replay")
    assert [line for line in commands() if not any(words in line for words in known)] == []
