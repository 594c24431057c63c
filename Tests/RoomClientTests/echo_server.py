"""A WebSocket over TLS that says every message back; prints its port, and how each client behaves that says goodbye.

Argument: a PEM file of certificate and key."""

import base64
import hashlib
import socket
import ssl
import sys
import threading

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
# An HTTP/2 server would answer a WebSocket's client in HTTP/2 if it let itself be asked.
context.set_alpn_protocols(["h2", "http/1.1"])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def exactly(stream, count):
    data = b""
    while len(data) < count:
        piece = stream.recv(count - len(data))
        if not piece:
            raise ConnectionError
        data += piece
    return data


def await_answer(stream):
    """Before the answer to a close frame: whether the client waits for it."""
    stream.settimeout(0.3)
    try:
        has_ended = not stream.recv(1)
    except TimeoutError:
        has_ended = False
    print("the client is gone" if has_ended else "the client waits", flush=True)


def serve(connection):
    try:
        with context.wrap_socket(connection, server_side=True) as stream:
            request = b""
            while b"\r\n\r\n" not in request:
                request += exactly(stream, 1)
            fields = dict(line.split(": ", 1) for line in request.decode().split("\r\n")[1:] if ": " in line)
            key = {name.lower(): value for name, value in fields.items()}["sec-websocket-key"]
            accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest())
            stream.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
            while True:
                head = exactly(stream, 2)
                count = head[1] & 127
                if count > 125:
                    count = int.from_bytes(exactly(stream, 2 if count == 126 else 8), "big")
                mask, body = exactly(stream, 4), bytearray(exactly(stream, count))
                body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(body))
                if head[0] & 15 == 8:
                    await_answer(stream)
                size = bytes([count]) if count < 126 else b"\x7e" + count.to_bytes(2, "big")
                stream.sendall(bytes([head[0]]) + size + body)
                if head[0] & 15 == 8:
                    return
    except (OSError, ConnectionError):
        pass


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
