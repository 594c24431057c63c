"""The callers: sipp for their SIP, and one thread that sends and checks the RTP of all of them."""

import csv
import pathlib
import select
import socket
import struct
import subprocess
import threading
import time

import voice
from harness import free_port

SCENARIO = pathlib.Path(__file__).resolve().parent / "call.xml"
# Magnitude of each µ-law octet in 128ths of full scale.
LOUDNESS = bytes(((((~code & 0x0F) << 3) + 0x84 << ((~code & 0x70) >> 4)) - 0x84) >> 8 for code in range(256))
# Packets whose loudest sample lies below this are silent.
SILENT_BELOW = 1


class Phone:
    """One call's RTP: sends a voice to whoever sends to it, and keeps account of what comes."""

    def __init__(self, number: int):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]
        self.header = bytearray(struct.pack("!BBHII", 0x80, 0, 0, 0, 0x1000 + number))
        self.sequence = number * 37 % 65536
        self.frame = number * 11
        self.remote = None
        self.forget()

    def forget(self):
        self.received, self.silent, self.first, self.last, self.late = 0, 0, None, None, 0
        self.arrival = None

    def send(self, frames: list[bytes]):
        if self.remote is None:
            return
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.frame += 1
        struct.pack_into("!HI", self.header, 2, self.sequence, self.frame * 160 & 0xFFFFFFFF)
        self.socket.sendto(self.header + frames[self.frame % len(frames)], self.remote)

    def receive(self, now: float):
        packet, self.remote = self.socket.recvfrom(2048)
        self.received += 1
        sequence = packet[2] << 8 | packet[3]
        if self.first is None:
            self.first = self.last = sequence
        self.last += ((sequence - self.last + 0x8000) & 0xFFFF) - 0x8000
        if max(packet[12:].translate(LOUDNESS), default=0) < SILENT_BELOW:
            self.silent += 1
        if self.arrival and now - self.arrival > 0.06:
            self.late += 1
        self.arrival = now

    @property
    def missing(self) -> int:
        return 0 if self.first is None else self.last - self.first + 1 - self.received


class Phones:
    """Many phones in one thread. Their packets leave in four groups, 5 ms apart."""

    GROUPS = 4

    def __init__(self, count: int):
        self.frames = voice.ulaw_frames()
        self.phones = [Phone(number) for number in range(count)]
        self.is_running = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        poll = select.epoll()
        phones = {phone.socket.fileno(): phone for phone in self.phones}
        for descriptor in phones:
            poll.register(descriptor, select.EPOLLIN)
        group, due = 0, time.monotonic()
        while self.is_running:
            for phone in self.phones[group :: self.GROUPS]:
                phone.send(self.frames)
            group, due = (group + 1) % self.GROUPS, due + 0.02 / self.GROUPS
            while (left := due - time.monotonic()) > 0:
                for descriptor, _ in poll.poll(left):
                    phones[descriptor].receive(time.monotonic())
        poll.close()

    def talking(self) -> int:
        return sum(phone.remote is not None for phone in self.phones)

    def forget(self):
        for phone in self.phones:
            phone.forget()

    def close(self):
        self.is_running = False
        self.thread.join()
        for phone in self.phones:
            phone.socket.close()


class Calls:
    """A sipp process that makes calls at a steady rate and hangs each up after `seconds`."""

    def __init__(
        self, directory: pathlib.Path, sip_port: int, calls: list[tuple[str, str, int]], rate: float, seconds: float
    ):
        self.directory = directory
        self.count = len(calls)
        port = free_port()
        (directory / f"calls-{port}.csv").write_text(
            "SEQUENTIAL\n" + "".join(";".join(map(str, call)) + "\n" for call in calls))
        self.statistics = directory / f"statistics-{port}.csv"
        self.messages = directory / f"messages-{port}.csv"
        self.errors = directory / f"errors-{port}.log"
        limit = self.count / rate + seconds + 40
        command = [
            "sipp", f"127.0.0.1:{sip_port}", "-sf", SCENARIO, "-inf", directory / f"calls-{port}.csv",
            "-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", port, "-t", "u1", "-m", self.count, "-l", self.count + 1,
            *(("-r", round(rate)) if rate >= 1 else ("-r", 1, "-rp", round(1000 / rate))),
            "-d", round(seconds * 1000), "-nostdin", "-trace_shortmsg", "-shortmessage_file", self.messages,
            "-trace_stat", "-stf", self.statistics, "-trace_err", "-error_file", self.errors,
            "-timeout", round(limit), "-timeout_error",
        ]
        self.limit = limit + 5
        self.process = subprocess.Popen(
            [str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=directory)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self) -> "Calls":
        try:
            self.process.wait(self.limit)
        finally:
            self.stop()
        return self

    def _total(self, name: str) -> int:
        rows = list(csv.DictReader(self.statistics.open(), delimiter=";")) if self.statistics.exists() else []
        return int(rows[-1][name]) if rows else 0

    @property
    def succeeded(self) -> int:
        return self._total("SuccessfulCall(C)")

    @property
    def retransmissions(self) -> int:
        return self._total("Retransmissions(C)")

    def answer_milliseconds(self) -> list[float]:
        """First INVITE to first 200, a figure for each call answered. sipp's own clock has steps of 4 ms; the times it
        notes with each message do not."""
        sent: dict[str, float] = {}
        answered: dict[str, float] = {}
        for line in self.messages.read_text().splitlines() if self.messages.exists() else []:
            _, _, at, direction, call, sequence, start = line.split("\t")
            if sequence == "CSeq:1 INVITE" and direction == "S":
                sent.setdefault(call, float(at))
            elif sequence == "CSeq:1 INVITE" and start.startswith("SIP/2.0 200"):
                answered.setdefault(call, float(at))
        return [(at - sent[call]) * 1000 for call, at in answered.items()]
