"""Times two other ways to get files to a board and back: Belay for Python, and mpremote.

    files.py belay-python|mpremote PORT BOARD_DIRECTORY FOLDER COUNT

FOLDER has the files `16k`, `256k` and `text`, and a folder `tree`; BOARD_DIRECTORY is the board's file system on this
machine, where what arrived is checked and the tree is removed before it is copied anew. `cargo xtask bench --files`
runs this beside its own measurement. Each row is printed when it is done, as one JSON object in seconds of wall clock.
"""

import contextlib
import io
import json
import shutil
import statistics
import sys
import time
from pathlib import Path


class BelayPython:
    def __init__(self, port):
        import belay

        self.device = belay.Device(port, startup="", auto_sync_time=False)

    def put(self, local, remote):
        self.device._board.fs_put(str(local), remote)

    def get(self, remote, local):
        self.device._board.fs_get(remote, str(local))

    def sync(self, folder):
        self.device.sync(folder, "/tree", minify=False)

    def close(self):
        self.device.close()


class Mpremote:
    def __init__(self, port):
        from mpremote import commands
        from mpremote.transport_serial import SerialTransport

        self.commands = commands
        self.transport = SerialTransport(port)
        self.transport.enter_raw_repl(soft_reset=False)

    def put(self, local, remote):
        self.transport.fs_writefile(remote, local.read_bytes())

    def get(self, remote, local):
        local.write_bytes(self.transport.fs_readfile(remote))

    def sync(self, folder):
        # What `mpremote cp -r folder :` does; the root is named in a way that this board knows, too.
        with contextlib.redirect_stdout(io.StringIO()):
            self.commands.do_filesystem_recursive_cp(self, str(folder), ":/.", False, True)

    def close(self):
        self.transport.exit_raw_repl()
        self.transport.close()


def main(who, port, board, folder, count):
    board, folder = Path(board), Path(folder)
    peer = {"belay-python": BelayPython, "mpremote": Mpremote}[who](port)

    def row(what, work, check, before=lambda n: None):
        times = []
        for n in range(int(count)):
            before(n)
            began = time.perf_counter()
            work()
            times.append(time.perf_counter() - began)
            if not check():
                sys.exit(f"{what} did not do what it is timed for")
        times.sort()
        row = {"who": who, "what": what, "median": statistics.median(times), "min": times[0], "p99": times[-1], "n": len(times)}
        print(json.dumps(row), flush=True)

    try:
        for name in ("16k", "256k", "text"):
            local, back = folder / name, folder / "back"
            contents = local.read_bytes()
            row(f"{name}_up", lambda: peer.put(local, "/" + name), lambda: (board / name).read_bytes() == contents)
            row(f"{name}_down", lambda: peer.get("/" + name, back), lambda: back.read_bytes() == contents)
        tree = folder / "tree"
        files = sorted(path.relative_to(tree) for path in tree.rglob("*.py"))

        def is_there():
            return all((board / "tree" / path).read_bytes() == (tree / path).read_bytes() for path in files)

        def change(n):
            path = tree / files[n % len(files)]
            path.write_bytes(b"#" + bytes([65 + n]) + path.read_bytes()[2:])

        def sync():
            peer.sync(tree)

        row("tree_new", sync, is_there, lambda n: shutil.rmtree(board / "tree", ignore_errors=True))
        row("tree_same", sync, is_there)
        row("tree_one", sync, is_there, change)
    finally:
        peer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
