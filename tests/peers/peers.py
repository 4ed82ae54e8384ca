"""Times two other ways to call a board from a computer: Belay for Python, and mpremote's transport.

    peers.py belay-python|mpremote|mpremote-serial PORT [CALLS]

`cargo xtask bench` runs this beside its own measurement. Each row is printed when it is done, as one JSON object
in seconds of wall clock, so that a peer that fails half-way has still shown what it managed. The packages are
those of requirements.txt.
"""

import json
import statistics
import sys
import time

BOARD = """
def bench_call(a, b):
    return a + b
def bench_print(a):
    print("line", a)
def bench_list(n):
    return list(range(n))
def bench_bytes(n):
    return bytes(i & 255 for i in range(n))
def bench_len(data):
    return len(data)
def bench_stream(n):
    for i in range(n):
        yield i
"""
SIZE = 16384
PAYLOAD = bytes(i & 255 for i in range(SIZE))
NUMBERS = 2000


class Rows:
    """Times pieces of work for one peer, and checks that each did what it is timed for."""

    def __init__(self, who, calls):
        self.who = who
        self.calls = calls
        self.few = max(3, calls // 20)

    def row(self, what, count, work, wanted=lambda n: None):
        times = []
        for n in range(count):
            began = time.perf_counter()
            given = work(n)
            times.append(time.perf_counter() - began)
            if given != wanted(n):
                sys.exit(f"{what} gave {given!r:.80}")
        times.sort()
        row = {
            "who": self.who,
            "what": what,
            "median": statistics.median(times),
            "min": times[0],
            "p99": times[max(0, len(times) * 99 // 100 - 1)],
            "n": count,
        }
        print(json.dumps(row), flush=True)


def belay_python(rows, port):
    import belay

    def connect():
        return belay.Device(port, startup="", auto_sync_time=True)

    def connect_and_close(_):
        device = connect()
        try:
            return device("1+1")
        finally:
            device.close()

    rows.row("connect", 3, connect_and_close, lambda _: 2)
    device = connect()
    try:
        device(BOARD)
        # What its own decorators send for a call.
        rows.row("call", rows.calls, lambda n: device(f"bench_call(*({n}, 2), **{{}})"), lambda n: n + 2)
        rows.row("print", rows.calls, lambda n: device(f"bench_print(*({n},), **{{}})", stream_out=None))
        rows.row("list", rows.few, lambda _: len(device(f"bench_list({NUMBERS})")), lambda _: NUMBERS)
        rows.row("bytes_down", rows.few, lambda _: len(device(f"bench_bytes({SIZE})")), lambda _: SIZE)
        rows.row("bytes_up", 3, lambda _: device(f"bench_len({PAYLOAD!r})", minify=False), lambda _: SIZE)
        device("bench_items = bench_stream(200)")
        rows.row("stream", 200, lambda _: device("__belay_next(bench_items, None)"), lambda n: n)
    finally:
        device.close()


def mpremote(rows, port):
    from mpremote.transport_serial import SerialTransport

    def connect():
        transport = SerialTransport(port)
        transport.enter_raw_repl(soft_reset=False)
        return transport

    def close(transport):
        transport.exit_raw_repl()
        transport.close()

    def connect_and_close(_):
        transport = connect()
        value = transport.eval("1+1")
        close(transport)
        return value

    rows.row("connect", 3, connect_and_close, lambda _: 2)
    transport = connect()
    try:
        transport.exec(BOARD)
        rows.row("call", rows.calls, lambda n: transport.eval(f"bench_call({n},2)"), lambda n: n + 2)
        rows.row("list", rows.few, lambda _: len(transport.eval(f"bench_list({NUMBERS})")), lambda _: NUMBERS)
        rows.row("bytes_down", rows.few, lambda _: len(transport.eval(f"bench_bytes({SIZE})")), lambda _: SIZE)
        rows.row("bytes_up", 3, lambda _: transport.eval(f"bench_len({PAYLOAD!r})"), lambda _: SIZE)
    finally:
        close(transport)


# mpremote waits for bytes of a pseudo-terminal and looks every ten milliseconds for those of any other port. It
# tells them apart by name, so a link to the pseudo-terminal shows what it does on a board's own port.
PEERS = {"belay-python": belay_python, "mpremote": mpremote, "mpremote-serial": mpremote}

if __name__ == "__main__":
    who, port, *calls = sys.argv[1:]
    PEERS[who](Rows(who, int(calls[0]) if calls else 300), port)
