"""A small SIP phone of the tests' own: it can send what well-behaved clients never would."""

import asyncio
import hashlib
import os
import re
import socket
import time

from harness import ALLOWANCE

OFFER = """v=0
o=- 1 1 IN IP4 {ip}
s=-
c=IN IP4 {connection}
t=0 0
m=audio {port} RTP/AVP {formats}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
a={direction}
"""


class Message:
    def __init__(self, text: str):
        head, _, self.body = text.partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.headers = [tuple(part.strip() for part in line.split(":", 1)) for line in lines if ":" in line]

    def __repr__(self):
        return f"<{self.first}>"

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.first.split()[0]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def media_port(self) -> int:
        return int(re.search(r"m=audio (\d+)", self.body).group(1))


class SIPPhone:
    """One phone with one RTP socket; `send` and `receive` are blocking and bounded."""

    def __init__(self, gateway, *, transport="udp", caller="+15550123", called="+15550100"):
        self.gateway, self.caller = ("127.0.0.1", gateway.sip_port), caller
        self.open(transport)
        if transport == "tcp":
            self.socket.connect(self.gateway)
        self.local, self.remote = f'"{caller}" <sip:{caller}@127.0.0.1:{self.port}>', f"<sip:{called}@127.0.0.1>"
        self.call_id, self.tag, self.to_tag = os.urandom(8).hex() + "@test", os.urandom(4).hex(), ""
        self.uri = f"sip:{called}@127.0.0.1:{gateway.sip_port}"

    def open(self, transport: str):
        """A socket for SIP, one for RTP."""
        self.transport = transport
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.rtp.bind(("127.0.0.1", 0))
        self.rtp.settimeout(2)
        self.port, self.buffer, self.cseq = self.socket.getsockname()[1], b"", 0
        self.packets: list[bytes] = []
        # Digits so far.
        self.pressed = 0
        # Methods and Via of requests that were answered.
        self.answered: set[tuple[str, str]] = set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        self.rtp.close()

    def offer(self, formats="0 8 101", direction="sendrecv", connection="127.0.0.1") -> str:
        port = self.rtp.getsockname()[1]
        text = OFFER.format(ip="127.0.0.1", connection=connection, port=port, formats=formats, direction=direction)
        return text.replace("\n", "\r\n")

    def request(self, method: str, body: str = "", *, cseq: int | None = None, branch: str | None = None,
                headers: list[str] = (), uri: str | None = None, to_tag: bool = True, content="application/sdp") -> str:
        """The text of a request in this phone's dialog; INVITE, BYE and others advance CSeq, ACK and CANCEL do not."""
        if cseq is None and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        if method not in ("ACK", "CANCEL") or branch:
            self.branch = branch or "z9hG4bK" + os.urandom(6).hex()
        tag = f";tag={self.to_tag}" if self.to_tag and to_tag else ""
        lines = [
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} 127.0.0.1:{self.port};rport;branch={self.branch}",
            f"From: {self.local};tag={self.tag}",
            f"To: {self.remote}{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq if cseq is not None else self.cseq} {method}",
            f"Contact: <sip:{self.caller}@127.0.0.1:{self.port};transport={self.transport}>",
            "Max-Forwards: 70",
            *headers,
        ]
        if body:
            lines.append(f"Content-Type: {content}")
        return "\r\n".join(lines + [f"Content-Length: {len(body)}", "", body])

    def send(self, text: str):
        if self.transport == "udp":
            self.socket.sendto(text.encode(), self.gateway)
        else:
            self.socket.sendall(text.encode())

    def receive(self, deadline: float = 5) -> Message | None:
        """The next message, or nothing when none comes in time."""
        end = time.monotonic() + deadline
        while True:
            if self.transport == "tcp" and (message := self._take()):
                return message
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            try:
                data = self.socket.recv(65536)
            except (TimeoutError, ConnectionError):
                return None
            if self.transport == "udp":
                return Message(data.decode(errors="replace"))
            if not data:
                return None
            self.buffer += data

    def _take(self) -> Message | None:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        length = re.search(rb"(?im)^(?:content-length|l)\s*:\s*(\d+)", head)
        if not found or len(rest) < int(length.group(1) if length else 0):
            return None
        size = len(head) + 4 + int(length.group(1) if length else 0)
        text, self.buffer = self.buffer[:size], self.buffer[size:]
        return Message(text.decode(errors="replace"))

    def final(self, deadline: float = 10, method: str = "INVITE", *, resent: str = "") -> Message:
        """The first final response to the method; provisional ones are kept in `provisional`.

        Over UDP the request `resent` is sent again until anything comes back (RFC 3261 section 17.1.1.2)."""
        self.provisional: list[Message] = []
        end = time.monotonic() + deadline * ALLOWANCE
        interval = 0.5
        while time.monotonic() < end:
            is_resent = resent and self.transport == "udp" and not self.provisional
            message = self.receive(min(interval, end - time.monotonic()) if is_resent else end - time.monotonic())
            if not message:
                if not is_resent:
                    break
                self.send(resent)
                interval *= 2
                continue
            if message.status and message.get("CSeq").endswith(method):
                if tag := re.search(r";tag=([^;>\s]+)", message.get("To")):
                    self.to_tag = tag.group(1)
                if message.status >= 200:
                    return message
                self.provisional.append(message)
        raise AssertionError(f"no final response to {method}; provisional: {self.provisional}")

    def invite(self, body: str | None = None, headers: list[str] = (), deadline: float = 10) -> Message:
        """Sends an INVITE and returns its final response, acknowledged when it is not 2xx."""
        request = self.request("INVITE", self.offer() if body is None else body, headers=headers)
        self.send(request)
        answer = self.final(deadline, resent=request)
        self.acknowledge(answer)
        return answer

    def acknowledge(self, answer: Message, body: str = ""):
        if answer.status < 300:
            contact = re.search(r"<([^>]+)>", answer.get("Contact"))
            self.uri = contact.group(1) if contact else self.uri
            branch = "z9hG4bK" + os.urandom(6).hex()
            self.send(self.request("ACK", body, cseq=self.cseq, branch=branch))
        else:
            self.send(self.request("ACK", cseq=self.cseq))

    def hang_up(self) -> Message:
        request = self.request("BYE")
        self.send(request)
        return self.final(method="BYE", resent=request)

    def wait_for(self, method: str, deadline: float = 20, status: str = "200 OK") -> Message:
        """The next request of the method, answered with the status. One that is sent again is answered again."""
        end = time.monotonic() + deadline * ALLOWANCE
        while message := self.receive(end - time.monotonic()):
            if message.method != method:
                continue
            self.reply(message, status)
            if (method, message.get("Via")) not in self.answered:
                self.answered.add((method, message.get("Via")))
                return message
        raise AssertionError(f"no {method} in {deadline} s")

    def reply(self, request: Message, status: str = "200 OK"):
        names = ("via", "from", "to", "call-id", "cseq")
        lines = [f"{name}: {value}" for name, value in request.headers if name.lower() in names]
        self.send("\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]))

    def credentials(self, challenge: str, user: str, password: str, *, uri: str | None = None, nc="00000001",
                    with_qop=True) -> str:
        """The Proxy-Authorization header that answers one challenge."""
        fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge.removeprefix("Digest ")))
        digest = (lambda text: hashlib.sha256(text.encode()).hexdigest()) if fields.get("algorithm") == "SHA-256" else (
            lambda text: hashlib.md5(text.encode()).hexdigest())
        uri = uri or self.uri
        first, second = digest(f"{user}:{fields['realm']}:{password}"), digest(f"INVITE:{uri}")
        parts = [f'username="{user}"', f'realm="{fields["realm"]}"', f'nonce="{fields["nonce"]}"', f'uri="{uri}"']
        if with_qop:
            response = digest(f"{first}:{fields['nonce']}:{nc}:0a4f113b:auth:{second}")
            parts += ["qop=auth", f"nc={nc}", 'cnonce="0a4f113b"']
        else:
            response = digest(f"{first}:{fields['nonce']}:{second}")
        parts += [f'response="{response}"', f"algorithm={fields.get('algorithm', 'MD5')}"]
        return "Proxy-Authorization: Digest " + ", ".join(parts)

    def send_rtp(self, destination: int, payload: bytes, sequence: int, timestamp: int, payload_type=0, ssrc=0x1234):
        header = bytes([0x80, payload_type]) + sequence.to_bytes(2, "big") + timestamp.to_bytes(4, "big")
        self.rtp.sendto(header + ssrc.to_bytes(4, "big") + payload, ("127.0.0.1", destination))

    async def talk(self, port: int, seconds: float, payload: bytes, *, sequence=1000, timestamp=5000, keep=lambda n: True):
        """Sends 20 ms packets of a second of µ-law, again and again, at their times; `keep` says which are not lost.
        Returns the next sequence number and timestamp."""
        start = time.monotonic()
        for n in range(int(seconds * 50)):
            at = n % 50 * 160
            if keep(n):
                self.send_rtp(port, payload[at : at + 160], (sequence + n) & 0xFFFF, timestamp + n * 160)
            await asyncio.sleep(max(0, start + (n + 1) * 0.02 - time.monotonic()))
        return sequence + n + 1, timestamp + (n + 1) * 160

    async def press(self, port: int, digits: str):
        """RFC 4733 events of 100 ms, as a keypad makes them."""
        for digit in digits:
            code, timestamp = "0123456789*#ABCD".index(digit), 1_000_000 + self.pressed * 8000
            self.pressed += 1
            for step in range(1, 8):
                end = step > 5
                duration = min(step, 5) * 160
                payload = bytes([code, (0x80 if end else 0) | 10]) + duration.to_bytes(2, "big")
                self.send_rtp(port, payload, 40_000 + self.pressed * 10 + step, timestamp, payload_type=101)
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.1)

    async def listen(self):
        """Keeps the RTP that arrives in `packets`, until it is cancelled."""
        self.rtp.setblocking(False)
        while True:
            self.packets.append(await asyncio.get_running_loop().sock_recv(self.rtp, 2000))
