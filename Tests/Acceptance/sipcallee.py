"""A phone that is called: it takes one call of the gateway's, as a provider's server would."""

import os
import re
import time

from harness import ALLOWANCE
from sipphone import Message, SIPPhone


class SIPCallee(SIPPhone):
    """Listens on a UDP port of its own from the start; who calls first is the gateway. Blocking and bounded."""

    def __init__(self, name: str = "callee"):
        self.caller, self.tag = name, os.urandom(4).hex()
        self.open("udp")
        self.invitation: Message | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def receive(self, deadline: float = 5) -> Message | None:
        self.socket.settimeout(max(0.001, deadline))
        try:
            data, self.gateway = self.socket.recvfrom(65536)
        except TimeoutError:
            return None
        return Message(data.decode(errors="replace"))

    def is_called(self, deadline: float = 10) -> Message:
        """The next INVITE, answered with 100; the dialog is this phone's from here on."""
        invitation = self.next("INVITE", deadline)
        self.invitation, self.local = invitation, invitation.get("To")
        self.remote, self.to_tag = re.fullmatch(r"(.*);tag=([^;\s]+)", invitation.get("From")).groups()
        self.call_id = invitation.get("Call-ID")
        self.uri = re.search(r"<([^>]+)>", invitation.get("Contact")).group(1)
        self.reply(invitation, "100 Trying", tagged=False)
        return invitation

    def next(self, method: str, deadline: float = 10) -> Message:
        """The next request of the method, not answered."""
        end = time.monotonic() + deadline * ALLOWANCE
        while message := self.receive(end - time.monotonic()):
            if message.method == method and (method, message.get("Via")) not in self.answered:
                self.answered.add((method, message.get("Via")))
                return message
        raise AssertionError(f"{self.caller}: no {method} in {deadline} s")

    def reply(self, request: Message, status: str = "200 OK", headers: list[str] = (), body: str = "", *, tagged=True):
        lines = [f"SIP/2.0 {status}"]
        for name, value in request.headers:
            if name.lower() in ("via", "from", "call-id", "cseq", "record-route"):
                lines.append(f"{name}: {value}")
            elif name.lower() == "to":
                lines.append(f"To: {value}" + (f";tag={self.tag}" if tagged and ";tag=" not in value else ""))
        lines += [f"Contact: <sip:{self.caller}@{self.address}>", *headers]
        if body:
            lines.append("Content-Type: application/sdp")
        self.send("\r\n".join(lines + [f"Content-Length: {len(body)}", "", body]))

    def rings(self):
        self.reply(self.invitation, "180 Ringing")

    def answers(self, headers: list[str] = ()):
        """200 with SDP, and the ACK."""
        self.reply(self.invitation, "200 OK", headers, self.offer("0 101"))
        self.next("ACK")

    def refuses(self, status: str):
        self.reply(self.invitation, status)
        self.next("ACK")

    def turns_away(self) -> Message:
        """The next INVITE, answered with 486."""
        invitation = self.next("INVITE")
        self.reply(invitation, "486 Busy Here")
        return invitation

    def is_cancelled(self, deadline: float = 10):
        self.reply(self.next("CANCEL", deadline))
        self.refuses("487 Request Terminated")

    def takes_call(self, headers: list[str] = ()) -> Message:
        """Rings and answers the next call."""
        invitation = self.is_called()
        self.rings()
        self.answers(headers)
        return invitation

    @property
    def sound_port(self) -> int:
        """Where the caller wants its RTP."""
        return self.invitation.media_port()
