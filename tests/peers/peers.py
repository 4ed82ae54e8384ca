"""Calls a board in two other ways, from a computer: Belay for Python, and mpremote's transport.

    peers.py belay-python|mpremote|mpremote-serial PORT [CALLS|count]

`cargo xtask bench` runs this beside its own measurement. Each row is printed when it is done, as one JSON object
in seconds of wall clock, so that a peer that fails half-way has still shown what it managed. With `count` nothing is
timed: it says before and after each row that it begins and has ended, and waits for a line each time, so that somebody
else can count meanwhile. The packages are those of requirements.txt.
"""

import json
import statistics
import sys
import time

BOARD = """
ready_list = list(range(2000))
ready_floats = [n / 64 for n in range(500)]
ready_dicts = {"sensor%d" % n: {"name": "input %d" % n, "values": [n, n + 1, n + 2], "scale": n * 0.5} for n in range(20)}
ready_strings = ["string number %d" % n for n in range(100)]
ready_bytes = bytes(n & 255 for n in range(16384))
def bench_call(a, b):
    return a + b
def bench_mixed(number, text):
    return len(text) + number
def bench_print(a):
    print("line", a)
def bench_list():
    return ready_list
def bench_floats():
    return ready_floats
def bench_dicts():
    return ready_dicts
def bench_strings():
    return ready_strings
def bench_bytes():
    return ready_bytes
def bench_len(data):
    return len(data)
def bench_stream(n):
    for i in range(n):
        yield i
"""
LIST = list(range(2000))
FLOATS = [n / 64 for n in range(500)]
DICTS = {f"sensor{n}": {"name": f"input {n}", "values": [n, n + 1, n + 2], "scale": n * 0.5} for n in range(20)}
STRINGS = [f"string number {n}" for n in range(100)]
DATA = bytes(n & 255 for n in range(16384))
ARG_TEXT = "Belay 15" * 256
ARG_LIST = list(range(500, 1000))
ITEMS = 200


class Rows:
    """Times pieces of work for one peer, and checks that each did what it is timed for."""

    def __init__(self, who, calls):
        self.who = who
        self.light = calls
        self.large = max(3, calls // 20)
        self.few = 3

    def connects(self, work):
        self.row("connect", 3, work, 2)

    def row(self, what, count, work, wanted=None):
        times = []
        for n in range(count):
            began = time.perf_counter()
            given = work(n)
            times.append(time.perf_counter() - began)
            self.check(what, given, wanted, n)
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

    def stream(self, begin, item):
        begin()
        self.row("stream", ITEMS, item, lambda n: n)

    @staticmethod
    def check(what, given, wanted, n):
        if given != (wanted(n) if callable(wanted) else wanted):
            sys.exit(f"{what} gave {given!r:.80}")


class Counted(Rows):
    """The same, for somebody who counts."""

    def __init__(self, who):
        super().__init__(who, 16)
        self.large = 3

    def connects(self, work):
        self.counted("connect_first", 1, work, 2)
        self.counted("connect", 2, work, 2)

    def row(self, what, count, work, wanted=None):
        # The first time is another matter.
        self.check(what, work(500), wanted, 500)
        self.counted(what, count, lambda n: work(501 + n), lambda n: wanted(501 + n) if callable(wanted) else wanted)

    def stream(self, begin, item):
        def items(_):
            begin()
            return [item(n) for n in range(ITEMS)]

        self.row("stream", 1, items, list(range(ITEMS)))

    def counted(self, what, count, work, wanted):
        self.wait_after("begin")
        for n in range(count):
            self.check(what, work(n), wanted, n)
        self.wait_after({"end": [what, count]})

    @staticmethod
    def wait_after(says):
        print(json.dumps(says), flush=True)
        sys.stdin.readline()


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

    rows.connects(connect_and_close)
    device = connect()

    def call(function, *arguments, **options):
        # What its own decorators send for a call.
        return device(f"{function}(*{arguments!r}, **{{}})", **options)

    try:
        device(BOARD)
        rows.row("call", rows.light, lambda n: call("bench_call", n, 2), lambda n: n + 2)
        rows.row("mixed", rows.light, lambda n: call("bench_mixed", 1.5, "abc"), 4.5)
        rows.row("print", rows.light, lambda n: call("bench_print", n, stream_out=None))
        rows.row("list", rows.large, lambda _: call("bench_list"), LIST)
        rows.row("floats", rows.large, lambda _: call("bench_floats"), FLOATS)
        rows.row("dicts", rows.large, lambda _: call("bench_dicts"), DICTS)
        rows.row("strings", rows.large, lambda _: call("bench_strings"), STRINGS)
        rows.row("arg_text", rows.large, lambda _: call("bench_len", ARG_TEXT, minify=False), len(ARG_TEXT))
        rows.row("arg_list", rows.large, lambda _: call("bench_len", ARG_LIST, minify=False), len(ARG_LIST))
        rows.row("bytes_down", rows.large, lambda _: call("bench_bytes"), DATA)
        rows.row("bytes_up", rows.few, lambda _: call("bench_len", DATA, minify=False), len(DATA))
        rows.stream(
            lambda: device(f"bench_items = bench_stream({ITEMS})"),
            lambda _: device("__belay_next(bench_items, None)"),
        )
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

    rows.connects(connect_and_close)
    transport = connect()
    call = transport.eval
    try:
        transport.exec(BOARD)
        rows.row("call", rows.light, lambda n: call(f"bench_call({n},2)"), lambda n: n + 2)
        rows.row("mixed", rows.light, lambda n: call("bench_mixed(1.5,'abc')"), 4.5)
        rows.row("list", rows.large, lambda _: call("bench_list()"), LIST)
        rows.row("floats", rows.large, lambda _: call("bench_floats()"), FLOATS)
        rows.row("dicts", rows.large, lambda _: call("bench_dicts()"), DICTS)
        rows.row("strings", rows.large, lambda _: call("bench_strings()"), STRINGS)
        rows.row("arg_text", rows.large, lambda _: call(f"bench_len({ARG_TEXT!r})"), len(ARG_TEXT))
        rows.row("arg_list", rows.large, lambda _: call(f"bench_len({ARG_LIST!r})"), len(ARG_LIST))
        rows.row("bytes_down", rows.large, lambda _: call("bench_bytes()"), DATA)
        rows.row("bytes_up", rows.few, lambda _: call(f"bench_len({DATA!r})"), len(DATA))
    finally:
        close(transport)


# mpremote waits for bytes of a pseudo-terminal and looks every ten milliseconds for those of any other port. It
# tells them apart by name, so a link to the pseudo-terminal shows what it does on a board's own port.
PEERS = {"belay-python": belay_python, "mpremote": mpremote, "mpremote-serial": mpremote}

if __name__ == "__main__":
    who, port, *calls = sys.argv[1:]
    if calls == ["count"]:
        PEERS[who](Counted(who), port)
    else:
        PEERS[who](Rows(who, int(calls[0]) if calls else 300), port)
