"""Many calls, other SIP clients, start and stop."""

import asyncio
import os
import pathlib
import socket
import subprocess

import numpy as np
import pytest
import sound
from harness import ALLOWANCE, CALLED, Capture, Gateway, Sipp, binary, direct_rule, eventually, wait_until


def open_descriptors(gateway) -> int:
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately"}], indirect=True)
@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_thousand_short_calls_leak_nothing(gateway, tmp_path, transport):
    def run(count: int):
        sipp = Sipp(gateway, "short", tmp_path, calls=count, transport=transport, arguments=["-r", "40", "-l", "60"])
        sipp.wait(120)

    run(100)
    gateway.wait_for_records(100)
    descriptors, memory = open_descriptors(gateway), gateway.resident_kilobytes()
    run(1000)
    assert len(gateway.wait_for_records(1100)) == 1100
    wait_until(lambda: open_descriptors(gateway) <= descriptors + 4, "the ports to be closed", 30)
    assert gateway.resident_kilobytes() - memory < 40_000 * ALLOWANCE
    assert len({record["call_id"] for record in gateway.records()}) == 1100


@pytest.mark.parametrize("gateway", [{"dispatch_rules": [direct_rule("desk")], "answer_policy": "immediately"}], indirect=True)
async def test_baresip_completes_a_call_over_tcp(gateway, tmp_path):
    agent = await gateway.join("desk")
    await agent.publish_tone(600)
    home = tmp_path / "baresip"
    home.mkdir()
    sound.write_wav(home / "tone.wav", 8000 * np.sin(2 * np.pi * 440 * np.arange(80_000) / 8000))
    modules = next(path.parent for path in pathlib.Path("/usr/lib").rglob("baresip/modules/g711.so"))
    (home / "config").write_text(
        f"sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nmodule_path {modules}\nmodule g711.so\nmodule aufile.so\n"
        f"module_app account.so\nmodule_app menu.so\naudio_source aufile,{home}/tone.wav\nrtp_ports 31100-31198\n")
    (home / "accounts").write_text("<sip:+15550177@127.0.0.1;transport=tcp>;regint=0;audio_codecs=PCMU\n")
    (home / "contacts").write_text("")
    capture = Capture(tmp_path / "heard.pcap", "udp dst portrange 31100-31198")
    process = subprocess.Popen(
        ["baresip", "-f", home, "-t", "8", "-e", f"/dial sip:{CALLED}@127.0.0.1:{gateway.sip_port}"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    caller = "sip_+15550177"
    await eventually(lambda: len(agent.audio(caller)) > 16000, "two seconds of baresip", 15)
    assert abs(sound.strongest_frequency(agent.audio(caller)[4000:12000]) - 440) < 2
    output, _ = await asyncio.to_thread(process.communicate)
    await agent.leave()
    assert "established" in output.lower(), output
    back = np.concatenate([sound.decode(packet.payload, 0) for packet in capture.stop()])
    assert abs(sound.strongest_frequency(back[8000:16000]) - 600) < 2
    assert gateway.wait_for_records()[0]["end_reason"] == "hangup"


def test_the_public_port_opens_only_when_calls_are_taken(tmp_path):
    """Who waits for it and then calls must not lose the INVITE."""
    gateway = Gateway(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", gateway.sip_port))
        gateway.launch()
        was_open = False
        while gateway.process.poll() is None:
            was_open = was_open or gateway.listens()
    gateway.log_file.close()
    assert gateway.process.returncode == 1 and str(gateway.sip_port) in gateway.log()
    assert not was_open


def test_a_bad_configuration_is_refused_in_one_line_each(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("sip_prot: 5060\nrtp_port: many\ninbound_trunks:\n  - {name: a, allowed_addresses: ['1.2.3.4/99']}\n")
    result = subprocess.run([binary(), "serve", "--config", path], capture_output=True, text=True, timeout=20)
    assert result.returncode == 2
    lines = result.stderr.strip().splitlines()
    assert any("bad.yaml:1" in line and "sip_prot" in line and "sip_port" in line for line in lines), lines
    assert any("bad.yaml:2" in line and "rtp_port" in line and "many" in line for line in lines), lines
    assert any("bad.yaml:4" in line and "1.2.3.4/99" in line for line in lines), lines


@pytest.mark.parametrize("gateway", [{"answer_policy": "immediately"}], indirect=True)
def test_our_own_phone_places_a_call(gateway, tmp_path):
    recording = tmp_path / "back.wav"
    result = subprocess.run(
        [binary(), "dial", f"sip:{CALLED}@127.0.0.1:{gateway.sip_port}", "--from", "+15550123", "--tone", "440",
         "--duration", "2", "--record", recording],
        capture_output=True, text=True, timeout=30)
    assert result.returncode == 0, result.stdout + result.stderr
    assert recording.stat().st_size > 16000
    assert "200" in result.stdout


@pytest.mark.parametrize("subcommand", [[], ["serve"], ["token"], ["token", "create"], ["explain"], ["replay"], ["dial"]])
def test_help_teaches(subcommand):
    result = subprocess.run([binary(), *subcommand, "--help"], capture_output=True, text=True, timeout=20)
    assert result.returncode == 0 and "USAGE" in result.stdout and len(result.stdout) > 200
