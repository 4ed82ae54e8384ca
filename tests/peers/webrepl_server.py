"""A board's WebREPL, as MicroPython's webrepl.py, modwebrepl.c and modwebsocket.c do it, before a serial port. Its
arguments: the port and the password. It prints the number of the TCP port first.

What it keeps of the original: it reads no fragments and no frames over 65535 bytes, ignores pings, takes what a text
frame holds as it is, does a file operation for a binary one (here it gives up), reads ten characters of a password, says
each piece of output in a text frame wherever a character ends, and shows a second client out after its handshake."""

import base64
import hashlib
import socket
import sys
import threading
import time

import serial

TEXT, BINARY, CLOSE = 1, 2, 8


def shake_hands(connected):
    request = connected.makefile("rb", 0)
    request.readline()
    key = None
    upgrade = websocket = False
    while (line := request.readline()) != b"\r\n":
        if not line:
            return False
        name, value = (part.strip() for part in line.split(b":", 1))
        if name == b"Sec-WebSocket-Key":
            key = value
        elif name == b"Connection" and b"Upgrade" in value:
            upgrade = True
        elif name == b"Upgrade" and value == b"websocket":
            websocket = True
    if not (key and upgrade and websocket):
        return False
    proof = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
    connected.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + base64.b64encode(proof) + b"\r\n\r\n"
    )
    return True


def exactly(connected, count):
    data = b""
    while len(data) < count:
        more = connected.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def frames(connected):
    """What the client types."""
    while True:
        first, length = exactly(connected, 2)
        assert first & 0x80, "a fragment"
        masked, length = length & 0x80, length & 0x7F
        assert length != 127, "a length of eight bytes"
        if length == 126:
            length = int.from_bytes(exactly(connected, 2), "big")
        mask = exactly(connected, 4) if masked else bytes(4)
        payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(exactly(connected, length)))
        kind = first & 0x0F
        if kind == CLOSE:
            send(connected, b"", CLOSE)
            return
        assert kind != BINARY, "a file operation"
        if kind == TEXT:
            yield payload


def send(connected, payload, kind=TEXT):
    length = len(payload)
    header = bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")
    connected.sendall(bytes([0x80 | kind]) + header + payload)


def log_in(connected, typed, password):
    send(connected, b"Password: ")
    said = b""
    for piece in typed:
        for at, byte in enumerate(piece):
            if byte in b"\r\n":
                if said != password.encode():
                    send(connected, b"\r\nAccess denied\r\n")
                    return None
                send(connected, b"\r\nWebREPL connected\r\n>>> ")
                return piece[at + 1 :]
            if len(said) < 10:
                said += bytes([byte])
    return None


def serve(connected, name, password):
    typed = frames(connected)
    try:
        rest = log_in(connected, typed, password)
        if rest is None:
            return
        with serial.Serial(name, 115200, timeout=0.1) as port:
            relay(connected, port, typed, rest)
        # The simulated board empties the line when its last client has gone, which it has to see before the next comes.
        time.sleep(0.1)
    except (EOFError, OSError):
        pass
    finally:
        connected.close()


def relay(connected, port, typed, rest):
    alive = True

    def from_board():
        while alive:
            # As a board prints: in pieces that end anywhere.
            if data := port.read(min(port.in_waiting or 1, 37)):
                try:
                    send(connected, data)
                except OSError:
                    return

    reader = threading.Thread(target=from_board)
    reader.start()
    try:
        port.write(rest)
        for piece in typed:
            port.write(piece)
    finally:
        alive = False
        reader.join()


def main():
    name, password = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    serving = None
    while True:
        connected = listener.accept()[0]
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        shaken = shake_hands(connected)
        if not shaken or (serving and serving.is_alive()):
            connected.close()
            continue
        serving = threading.Thread(target=serve, args=(connected, name, password), daemon=True)
        serving.start()


main()
