"""Every capture of pcaps/ against the real gateway: what its .json says must come out, and nothing else."""

import asyncio
import json
import re

import numpy as np
import pytest
import yaml
from harness import ROOT, binary, eventually, read_rtp
from sound import decode, likeness, rms

PCAPS = ROOT / "pcaps"
NAMES = sorted(path.stem for path in PCAPS.glob("*.pcap"))
TRUNKS = yaml.safe_load((PCAPS / "trunks.yaml").read_text())
DIRECT = {
    "inbound_trunks": TRUNKS["inbound_trunks"],
    "dispatch_rules": [{"name": "direct", "trunk_ids": ["provider", "phones"], "rule": {"dispatchRuleDirect": {"roomName": "main"}}}],
}

# Longer than any jitter or loss in the captures: the caller was on hold.
PAUSE_S = 0.3


def expectation(name: str) -> dict:
    return json.loads((PCAPS / f"{name}.json").read_text())


async def replay(gateway, name: str, *arguments: str) -> dict:
    """The report of `trunkline replay`, which must have met the expectation."""
    process = await asyncio.create_subprocess_exec(
        binary(), "replay", PCAPS / f"{name}.pcap", "--to", f"127.0.0.1:{gateway.sip_port}", "--json",
        "--expect", PCAPS / f"{name}.json", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    output, errors = await process.communicate()
    assert output, errors.decode()
    report = json.loads(output)
    assert report["failures"] == [] and process.returncode == 0, f"{name}: {report}"
    return report


def sent_audio(name: str) -> np.ndarray:
    """The caller's audio as it left him: each packet once, in order, with the pauses between."""
    packets = [p for p in read_rtp(PCAPS / f"{name}.pcap") if p.destination_port == 10000 and p.payload_type in (0, 8)]
    kept, streams = {}, []
    for packet in packets:
        if packet.ssrc not in streams:
            streams.append(packet.ssrc)
        # Sequence numbers that wrap come after those that do not.
        first = next(p.sequence for p in packets if p.ssrc == packet.ssrc)
        kept[(streams.index(packet.ssrc), (packet.sequence - first + 1000) & 0xFFFF)] = packet
    pieces, end = [], None
    for key in sorted(kept):
        packet = kept[key]
        if end is not None and packet.time - end > PAUSE_S:
            pieces.append(np.zeros(int((packet.time - end) * 8000)))
        pieces.append(decode(packet.payload, packet.payload_type))
        end = packet.time + len(packet.payload) / 8000
    return np.concatenate(pieces)


def spoken_seconds(samples: np.ndarray) -> float:
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return float((np.abs(frames).max(axis=1) > 250).sum() * 0.02)


@pytest.mark.parametrize("gateway", [TRUNKS], indirect=True)
@pytest.mark.parametrize("pace", [(), ("--fast",)], ids=["as captured", "fast"])
async def test_every_capture_comes_out_as_expected(gateway, pace):
    reports = await asyncio.gather(*(replay(gateway, name, *pace) for name in NAMES))
    for name, report in zip(NAMES, reports):
        expected = expectation(name).get("room", {})
        if not expected:
            continue
        records = await eventually(
            lambda: [r for r in gateway.records() if r["sip_call_id"] == report["callID"]], f"the record of {name}")
        assert len(records) == 1, name
        record = records[0]
        assert record["end_reason"] == expected["endReason"], name
        if "name" in expected:
            assert re.fullmatch(expected["name"].strip("^$"), record["room"]), name
            assert record["identity"] == expected["identity"], name
        if "digits" in expected:
            assert record["digits_received"] == len(expected["digits"]), name
        if "lostPackets" in expected:
            assert record["packets_lost"] == expected["lostPackets"], name


@pytest.mark.parametrize("gateway", [DIRECT], indirect=True)
@pytest.mark.parametrize(
    ("name", "least_likeness"),
    [("pbx-pcma-30ms", 0.93), ("telnyx-tcp", 0.93), ("ssrc-change", 0.93), ("hold-resume", 0.93), ("loss-5-percent", 0.9),
     ("reordered-jitter", 0.93), ("digits-lost-ends", None), ("delayed-offer", 0.93)])
async def test_the_room_hears_and_sees_what_the_capture_holds(gateway, name, least_likeness):
    expected = expectation(name)["room"]
    agent = await gateway.join("main")
    await agent.publish_tone(440)
    call = asyncio.ensure_future(replay(gateway, name))
    caller = await eventually(agent.caller, "the caller to join")
    assert caller.identity == expected["identity"]
    assert expected["attributes"].items() <= dict(caller.attributes).items()
    report = await call
    assert report["audibleAudio"] > 0.95
    await asyncio.sleep(0.3)
    heard = agent.audio(expected["identity"])
    assert "".join(digit for _, digit in agent.digits) == expected["digits"]
    assert spoken_seconds(heard) >= expected["speechSeconds"] * 0.9
    if least_likeness is not None:
        assert likeness(sent_audio(name), heard) >= least_likeness
    assert rms(heard) > 100
    await agent.leave()
