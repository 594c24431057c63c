"""A DNS server of the tests' own: it knows the SRV and A records that it is given, and who asked for what."""

import socket
import struct
import threading

SRV, A = 33, 1


class NameServer:
    def __init__(self, services: dict[str, list[tuple[int, int, str]]], hosts: dict[str, str]):
        """`services`: owner to (priority, port, target); `hosts`: name to IPv4 address."""
        self.services, self.hosts, self.questions = services, hosts, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def __enter__(self) -> "NameServer":
        return self

    def __exit__(self, *_):
        self.socket.close()

    def _serve(self):
        while True:
            try:
                query, source = self.socket.recvfrom(512)
            except OSError:
                return
            self.socket.sendto(self._answer(query), source)

    def _answer(self, query: bytes) -> bytes:
        labels, end = [], 12
        while query[end]:
            labels.append(query[end + 1 : end + 1 + query[end]].decode().lower())
            end += 1 + query[end]
        name, kind = ".".join(labels), struct.unpack("!H", query[end + 1 : end + 3])[0]
        self.questions.append((name, kind))
        records = []
        if kind == SRV:
            for priority, port, target in self.services.get(name, []):
                records.append(struct.pack("!HHH", priority, 0, port) + self._name(target))
        elif kind == A and name in self.hosts:
            records.append(socket.inet_aton(self.hosts[name]))
        head = query[:2] + struct.pack("!HHHHH", 0x8180 if records else 0x8183, 1, len(records), 0, 0)
        lines = (struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data for data in records)
        return head + query[12 : end + 5] + b"".join(lines)

    @staticmethod
    def _name(text: str) -> bytes:
        return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"
