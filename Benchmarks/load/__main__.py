"""Load on a real gateway: sipp callers with audio both ways and a stock LiveKit participant in each call's room.

    .venv/bin/python Benchmarks/load talk --calls 10 25
    .venv/bin/python Benchmarks/load answer
    .venv/bin/python Benchmarks/load setup
    .venv/bin/python Benchmarks/load --rooms elsewhere talk --calls 10 25

`talk` measures calls that go on, `answer` how long a caller waits for the 200, `setup` how many calls a second begin.
With `--rooms elsewhere` the gateway that is measured joins the rooms of a second one (server mode).
All of it on 127.0.0.1, measured from outside. TRUNKLINE names the program; .build/release/trunkline otherwise."""

import argparse
import contextlib
import json
import math
import os
import pathlib
import re
import socket
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(HERE), str(ROOT / "Tests" / "Acceptance")]
os.environ.setdefault("TRUNKLINE", str(ROOT / ".build" / "release" / "trunkline"))

from harness import Gateway, binary, wait_until  # noqa: E402
from meter import Meter, spread  # noqa: E402
from participants import Participants  # noqa: E402
from phones import Calls, Phones  # noqa: E402

PARTICIPANTS_PER_PROCESS = 10
# Calls begin at this rate where their beginning is not what is measured.
CALM_RATE = 5
CALLEE_RULE = {"name": "lines", "trunk_ids": ["provider"], "rule": {"dispatchRuleCallee": {"roomPrefix": "line"}}}
INDIVIDUAL_RULE = {
    "name": "calls", "trunk_ids": ["provider"], "rule": {"dispatchRuleIndividual": {"roomPrefix": "call-"}}}


def caller(number: int) -> str:
    return f"+1555{1000000 + number}"


def called(number: int) -> str:
    return f"+1556{1000000 + number}"


# Set by --rooms.
ARE_ROOMS_ELSEWHERE = False


@contextlib.contextmanager
def gateway(rule: dict, **settings):
    """A gateway that takes any number from this machine, however many INVITEs come."""
    defaults = {
        "inbound_trunks": [{"name": "provider", "allowed_addresses": ["127.0.0.0/8"]}],
        "dispatch_rules": [rule],
        "rtp_port": "10000-31998",
        "limits": {"invites_per_second": 100000, "invite_burst": 100000},
    }
    with tempfile.TemporaryDirectory(prefix="load") as directory:
        with Gateway(pathlib.Path(directory), is_embedded=not ARE_ROOMS_ELSEWHERE, **(defaults | settings)) as running:
            yield running


@contextlib.contextmanager
def participants(running: Gateway, count: int):
    joined = Participants(running.url, math.ceil(count / PARTICIPANTS_PER_PROCESS))
    try:
        yield joined
    finally:
        joined.close()


def fill(running: Gateway, present: Participants, rooms: list[str]):
    """A participant for each room, a few at a time."""
    for start in range(0, len(rooms), CALM_RATE):
        for room in rooms[start : start + CALM_RATE]:
            present.join(room, running.token("agent", room))
        wait_until(lambda: all(room in present.published for room in rooms[: start + CALM_RATE]), "participants", 40)


def talk(count: int, arguments) -> dict:
    """`count` calls at the same time, each with a participant of its own, for `--seconds`."""
    with gateway(CALLEE_RULE, room_codec=arguments.codec) as running, participants(running, count) as present:
        time.sleep(1)
        idle = running.resident_kilobytes()
        fill(running, present, [f"line_{called(number)}" for number in range(count)])
        occupied = running.resident_kilobytes()
        phones = Phones(count)
        calls = Calls(
            running.directory, running.sip_port,
            [(caller(number), called(number), phone.port) for number, phone in enumerate(phones.phones)],
            CALM_RATE, count / CALM_RATE + arguments.settle + arguments.seconds + 5)
        try:
            wait_until(lambda: phones.talking() == count, f"{count} calls to be answered", 40 + count / CALM_RATE)
            time.sleep(arguments.settle)
            phones.forget()
            meter, of_rooms = Meter(running.process.pid), Meter(running.rooms.process.pid)
            meter.start()
            of_rooms.start()
            time.sleep(arguments.seconds)
            meter.stop()
            of_rooms.stop()
            received, expected = sum(p.received for p in phones.phones), count * meter.seconds * 50
            silent, missing = sum(p.silent for p in phones.phones), sum(p.missing for p in phones.phones)
            late = sum(p.late for p in phones.phones)
            resident = running.resident_kilobytes()
            calls.wait()
        finally:
            calls.stop()
            phones.close()
        records = running.wait_for_records(count)
        answers = calls.answer_milliseconds()
        call_seconds = count * meter.seconds
        elsewhere = {"cpu_ms_of_the_room_server": round(of_rooms.cpu_seconds / call_seconds * 1000, 3)}
        return {
            "rooms": "elsewhere" if ARE_ROOMS_ELSEWHERE else "here",
            "codec": arguments.codec,
            "calls": count,
            "seconds": round(meter.seconds, 1),
            "cpu_ms_per_call_second": round(meter.cpu_seconds / call_seconds * 1000, 3),
            "cpu_ms_of_it_in_kernel": round(meter.kernel_seconds / call_seconds * 1000, 3),
            "cpu_ms_by_thread": {
                name: round(seconds / call_seconds * 1000, 3) for name, seconds in sorted(meter.threads.items())
                if seconds > 0
            },
            "resident_kb_idle": idle,
            "resident_kb_per_call": round((resident - idle) / count),
            "resident_kb_per_participant": round((occupied - idle) / count),
            "answer_ms": spread(answers),
            "calls_failed": count - calls.succeeded,
            "packets_back_share": round(received / expected, 4),
            "packets_back_missing": missing,
            "packets_back_silent_share": round(silent / max(received, 1), 5),
            "packets_back_over_60_ms_apart": late,
            "packets_lost_from_callers": sum(record.get("packets_lost") or 0 for record in records),
            "machine_load_cores": round(meter.machine_load, 2),
        } | (elsewhere if ARE_ROOMS_ELSEWHERE else {})


def answer(arguments) -> list[dict]:
    """INVITE to 200, where the participant publishes already and where he comes once there is a room."""
    return [answer_when_published(arguments), answer_in_new_rooms(arguments)]


def answer_when_published(arguments) -> dict:
    """The same rooms are called again and again; each call lasts a moment."""
    rooms = min(5, arguments.count)
    with gateway(CALLEE_RULE, room={"departure_timeout": "5m"}) as running, participants(running, rooms) as present:
        fill(running, present, [f"line_{called(number)}" for number in range(rooms)])
        with contextlib.closing(Phones(rooms)) as phones:
            calls = [
                (caller(number), called(number % rooms), phones.phones[number % rooms].port)
                for number in range(arguments.count)
            ]
            made = Calls(running.directory, running.sip_port, calls, CALM_RATE, 0.3).wait()
        return answer_figures("participant already publishes", made)


def answer_in_new_rooms(arguments) -> dict:
    """A participant joins each room as soon as the gateway's log names it."""
    with gateway(INDIVIDUAL_RULE) as running, participants(running, arguments.count) as present:
        with contextlib.closing(Phones(1)) as phones:
            calls = [(caller(number), called(0), phones.phones[0].port) for number in range(arguments.count)]
            made = Calls(running.directory, running.sip_port, calls, 2, 1)
            seen: set[str] = set()
            asked: dict[str, float] = {}
            try:
                while made.process.poll() is None:
                    for room in set(re.findall(r"call-_\+\d+_\w{12}", running.log())) - seen:
                        seen.add(room)
                        asked[room] = time.monotonic()
                        present.join(room, running.token("agent", room))
                    time.sleep(0.003)
            finally:
                made.stop()
        joining = [(present.published[room] - at) * 1000 for room, at in asked.items() if room in present.published]
        figures = answer_figures("participant joins the new room", made)
        return figures | {"join_and_publish_ms": spread(joining)}


def answer_figures(name: str, made: Calls) -> dict:
    answers = made.answer_milliseconds()
    return {
        "rooms": name,
        "calls": made.count,
        "calls_failed": made.count - made.succeeded,
        "answer_ms": spread(answers),
    }


def setup(arguments) -> list[dict]:
    """Short calls into rooms of their own, answered at once, faster and faster until one fails."""
    steps = []
    with gateway(INDIVIDUAL_RULE, answer_policy="immediately") as running, socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as sink:
        # Where the calls' RTP goes: nobody reads it.
        sink.bind(("127.0.0.1", 0))
        number = 0
        for rate in arguments.rates:
            count = rate * arguments.step_seconds
            calls = [(caller(number + index), called(0), sink.getsockname()[1]) for index in range(count)]
            number += count
            meter = Meter(running.process.pid)
            meter.start()
            made = Calls(running.directory, running.sip_port, calls, rate, 0.1)
            try:
                made.wait()
            finally:
                made.stop()
            meter.stop()
            answers = made.answer_milliseconds()
            steps.append({
                "offered_per_second": rate,
                "done_per_second": round(made.succeeded / meter.seconds, 1),
                "calls": count,
                "calls_failed": count - made.succeeded,
                "retransmissions": made.retransmissions,
                "answer_ms": spread(answers),
                "cpu_ms_per_call": round(meter.cpu_seconds / count * 1000, 2),
                "cpu_cores": round(meter.cpu_seconds / meter.seconds, 2),
                "machine_load_cores": round(meter.machine_load, 2),
            })
            print(json.dumps(steps[-1]), file=sys.stderr)
            if count > made.succeeded:
                break
            # Ports rest for 5 s, and Sofia remembers a call for 32.
            time.sleep(6)
        resident = running.resident_kilobytes()
    return steps + [{"resident_kb_after": resident}]


def main():
    parser = argparse.ArgumentParser(
        prog="load", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--nice", type=int, default=0, help="for all processes, as nice(1); below 0 on a machine that is shared")
    parser.add_argument("--rooms", choices=["here", "elsewhere"], default="here", help="who has them")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("talk")
    command.add_argument("--calls", type=int, nargs="+", default=[10], help="how many at the same time; several runs")
    command.add_argument("--seconds", type=float, default=20, help="how long they are measured")
    command.add_argument("--settle", type=float, default=3, help="how long they go on before that")
    command.add_argument("--codec", choices=["opus", "pcmu"], default="opus", help="room_codec")
    command = commands.add_parser("answer")
    command.add_argument("--count", type=int, default=40, help="calls of each kind")
    command = commands.add_parser("setup")
    command.add_argument("--rates", type=int, nargs="+", default=[50, 100, 200, 300, 400, 600, 800])
    command.add_argument("--step-seconds", type=int, default=5)
    arguments = parser.parse_args()
    if not binary().exists():
        parser.exit(1, f"{binary()} is missing: swift build -c release --product trunkline\n")
    os.nice(arguments.nice)
    global ARE_ROOMS_ELSEWHERE
    ARE_ROOMS_ELSEWHERE = arguments.rooms == "elsewhere"
    match arguments.command:
        case "talk": figures = [talk(count, arguments) for count in arguments.calls]
        case "answer": figures = answer(arguments)
        case _: figures = setup(arguments)
    print(json.dumps(figures, indent=2))


main()
