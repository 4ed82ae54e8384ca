# Serves the REPL through MicroPython's own `_webrepl` and `websocket`, to one user at a time. Boards with a network have a
# module of this name that does the same (https://docs.micropython.org/en/latest/esp8266/tutorial/repl.html).
import os
import socket
import websocket
import _webrepl
from binascii import b2a_base64
from hashlib import sha1

# What a server adds to the user's key (RFC 6455, section 4.2.2).
KEY_OF_THE_SERVER = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# The option of a socket that has a function called when there is something to read or to accept.
CALL = 20

server = None


def start(port, password):
    global server
    _webrepl.password(password)
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(socket.getaddrinfo("0.0.0.0", port)[0][-1])
    server.listen(1)
    server.setsockopt(socket.SOL_SOCKET, CALL, accept)


def accept(server):
    user = server.accept()[0]
    key = key_of(user.makefile("rb", 0))
    if key is None:
        return user.close()
    accepted = b2a_base64(sha1(key + KEY_OF_THE_SERVER).digest())
    user.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    user.send(b"Sec-WebSocket-Accept: %s\r\n\r\n" % accepted[:-1])
    other = os.dupterm(None)
    if other:
        os.dupterm(other)
        return user.close()
    terminal = _webrepl._webrepl(websocket.websocket(user, True))
    user.setblocking(False)
    user.setsockopt(socket.SOL_SOCKET, CALL, os.dupterm_notify)
    os.dupterm(terminal)


# The key in what a browser asks for, if it asks for a WebSocket.
def key_of(request):
    key = None
    while True:
        line = request.readline()
        if line in (b"", b"\r\n"):
            return key
        name, _, value = line.partition(b":")
        if name.lower() == b"sec-websocket-key":
            key = value.strip()
