"""What docs/scaling.md shows is what its simulation prints."""

import re
import subprocess

from harness import ROOT


def numbers(line: str) -> list[float]:
    return [float(text.replace(",", "")) for text in re.findall(r"\d[\d,]*(?:\.\d+)?", line)]


def test_the_table_of_the_bus_is_what_the_simulation_prints():
    printed = subprocess.run([ROOT / "scripts" / "simulate-bus", "--table"], check=True, capture_output=True, text=True, timeout=120)
    lines = printed.stdout.splitlines()
    shown = (ROOT / "docs" / "scaling.md").read_text().splitlines()
    first = shown.index(lines[0])
    assert len(lines) == 9
    for line, other in zip(lines, shown[first:]):
        assert re.sub(r"[\d,.]+", "#", line) == re.sub(r"[\d,.]+", "#", other)
        # Another libm may round a random number otherwise.
        assert all(abs(a - b) <= max(0.02 * b, 1) for a, b in zip(numbers(line), numbers(other), strict=True)), (line, other)


def test_one_scenario_prints_its_load():
    printed = subprocess.run(
        [ROOT / "scripts" / "simulate-bus", "--calls", "1000", "--gateways", "2", "--servers", "3", "--participants", "0"],
        check=True, capture_output=True, text=True, timeout=60).stdout
    found = {name: float(value) for name, value in re.findall(r"^  ([\w ,]+?) {2,}([\d.]+) /s$", printed, re.M)}
    # A call in is seven questions of 4 + S commands, one out a request to the gateways and four questions.
    calls, expected = found["new calls"], 0.7 * 7 * 7 + 0.3 * (6 + 4 * 7) + 3 + 0.05 * (5 + 2 * 7)
    assert abs(found["commands"] / calls - expected) < 0.15 * expected
    assert {"auth", "dispatch", "state", "context", "create"} <= set(re.findall(r"^  (\w+) .* ms, p99", printed, re.M))
