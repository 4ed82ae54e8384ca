"""A serial port behind RFC 2217, as pyserial's own example of a server does it, for a port that has no modem lines: what
they are set to is printed instead. Its arguments: the port. It prints the number of the TCP port first."""

import socket
import sys
import threading
import time

import serial
import serial.rfc2217


def tell(*words):
    print(*words, flush=True)


class Port(serial.Serial):
    """A pseudo-terminal."""

    # Not while it is being opened.
    tells = False

    def _update_dtr_state(self):
        if self.tells:
            tell("dtr", "on" if self._dtr_state else "off")

    def _update_rts_state(self):
        if self.tells:
            tell("rts", "on" if self._rts_state else "off")

    def _update_break_state(self):
        pass

    def _none(self):
        return False

    cts = property(_none)
    dsr = property(_none)
    ri = property(_none)
    cd = property(_none)


class Connection:
    """What the manager of the port writes to."""

    def __init__(self, connected):
        self.connected = connected
        self.lock = threading.Lock()

    def write(self, data):
        with self.lock:
            self.connected.sendall(data)


def serve(connected, name):
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    port = Port(name, timeout=0.1)
    connection = Connection(connected)
    manager = serial.rfc2217.PortManager(port, connection)
    port.tells = True
    alive = True

    def from_board():
        while alive:
            data = port.read(port.in_waiting or 1)
            if data:
                connection.write(b"".join(manager.escape(data)))

    reader = threading.Thread(target=from_board)
    reader.start()
    try:
        while data := connected.recv(1024):
            port.write(b"".join(manager.filter(data)))
        tell("speed", port.baudrate)
    except OSError:
        pass
    finally:
        alive = False
        reader.join()
        port.close()
        # The simulated board empties the line when its last client has gone, which it has to see before the next comes.
        time.sleep(0.1)
        connected.close()


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    tell(listener.getsockname()[1])
    while True:
        serve(listener.accept()[0], sys.argv[1])


main()
