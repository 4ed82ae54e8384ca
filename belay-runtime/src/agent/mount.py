# Folders of the host as file systems of the board; sent when the first one is mounted. The functions `host_…` ask the
# host. A negative answer is an error: the negated number of the `OSError`.
import sys, gc

from binascii import b2a_base64
from io import IOBase

FOLDER = 0x4000
# By mount point: the folder that was the current one before.
mounted = {}
# By thread: the files with unsaved data. Nothing is called when a body drops a file without closing it, so the data is
# written before the thread opens its next file, and before the folder is unmounted.
unsaved = {}
# The Unix time, in seconds, at which the board's clock is 0.
epoch = 0
try:
    import time

    if time.gmtime(0)[0] == 2000:
        epoch = 946684800
except (ImportError, AttributeError):
    pass
try:
    from _thread import get_ident as thread
except ImportError:

    def thread():
        pass


def said(answer):
    if type(answer) is int and answer < 0:
        raise OSError(-answer)
    return answer


def save(files):
    failed = None
    while files:
        try:
            files[0].flush()
        except OSError as error:
            failed = error
    if failed:
        raise failed


# A file is read ahead in pieces, and written data is kept until it fills one. `where` is the position: of the reader,
# or of the writer, behind the data that is kept.
class File(IOBase):
    def __init__(self, root, path, mode, piece):
        self.unsaved = unsaved.setdefault(thread(), [])
        save(self.unsaved)
        self.text = "b" not in mode
        self.piece = piece
        answer = said(host_open(root, path, mode, piece))
        # The handle is 0 if the answer has the whole file, which the host has closed then.
        self.handle = int.from_bytes(answer[:4], "little")
        self.closed = False
        self.ahead = answer[4:]
        self.start = self.where = 0
        self.kept = b""

    def fill(self):
        # Gives the reader's index in `ahead`, and reads the next piece if necessary. At the end of the file nothing is
        # left in `ahead` from that index on.
        at = self.where - self.start
        if self.closed:
            raise OSError(9)
        if 0 <= at < len(self.ahead):
            return at
        if not self.handle:
            return len(self.ahead)
        self.flush()
        self.ahead = said(host_read(self.handle, self.where, self.piece))
        self.start = self.where
        return 0

    def take(self, size, line):
        # Takes `size` bytes, or everything if `size` is negative; with `line` no more than to the end of the line.
        if not line and self.handle and not self.closed and not 0 <= size <= self.piece:
            # Allocated at once, since pieces would fragment the memory.
            self.flush()
            rest = max(said(host_size(self.handle)) - self.where, 0)
            if rest:
                data = bytearray(rest if size < 0 else min(size, rest))
                rest = self.readinto(data)
                return bytes(memoryview(data)[:rest])
        parts = []
        while size:
            at = self.fill()
            end = len(self.ahead)
            if at >= end:
                break
            if 0 < size < end - at:
                end = at + size
            found = line and self.ahead.find(b"\n", at, end) + 1
            end = found or end
            parts.append(self.ahead[at:end])
            self.where += end - at
            if size > 0:
                size -= end - at
            if found:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def give(self, size, line):
        data = self.take(size, line)
        if not self.text:
            return data
        missing = size
        while missing > 0:
            # `size` counts characters, so the first byte of each character is counted; then the bytes are read that the
            # last character lacks.
            missing = size
            last = 0
            for at in range(len(data)):
                if data[at] & 0xC0 != 0x80:
                    missing -= 1
                    last = at
            if missing <= 0:
                first = data[last] if data else 0
                missing = 0 if first < 0xC0 else (first > 0xDF) + (first > 0xEF) + 2 - len(data) + last
            if missing <= 0 or line and data.endswith(b"\n"):
                break
            more = self.take(missing, line)
            if not more:
                break
            data += more
        return str(data, "utf8")

    def read(self, size=-1):
        return self.give(-1 if size is None else size, 0)

    def readline(self, size=-1):
        return self.give(size, 1)

    def readlines(self):
        return list(self)

    def readinto(self, buffer):
        buffer = memoryview(buffer)
        size = len(buffer)
        done = 0
        while done < size:
            at = self.fill()
            some = min(len(self.ahead) - at, size - done)
            if some <= 0:
                break
            buffer[done : done + some] = memoryview(self.ahead)[at : at + some]
            done += some
            self.where += some
        return done

    def write(self, data):
        if self.closed or not self.handle:
            raise OSError(9)
        size = len(data)
        if isinstance(data, str):
            data = data.encode()
        self.ahead = b""
        if self not in self.unsaved:
            self.unsaved.append(self)
        self.kept += data
        self.where += len(data)
        if len(self.kept) >= self.piece:
            self.flush()
        return size

    def flush(self):
        data = self.kept
        # The data is not written again, even if writing it fails.
        self.kept = b""
        if self in self.unsaved:
            self.unsaved.remove(self)
        at = self.where - len(data)
        for i in range(0, len(data), self.piece):
            piece = data[i : i + self.piece]
            self.where = said(host_write(self.handle, at + i, b2a_base64(piece).decode()))

    def seek(self, offset, whence=0):
        self.flush()
        if whence == 1:
            offset += self.where
        elif whence == 2:
            offset += said(host_size(self.handle)) if self.handle else len(self.ahead)
        if offset < 0:
            raise OSError(22)
        self.where = offset
        return offset

    def tell(self):
        return self.where

    def close(self):
        if self.closed:
            return
        try:
            self.flush()
        finally:
            self.closed = True
            if self.handle:
                said(host_close(self.handle))

    def ioctl(self, request, argument):
        if request == 4:
            self.close()
        elif request == 1:
            self.flush()
        elif request == 11:
            # How much an import reads at once.
            return self.piece
        else:
            return -22
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __iter__(self):
        return self

    def __next__(self):
        line = self.readline()
        if not line:
            raise StopIteration
        return line


class Folder:
    def __init__(self, root):
        self.root = root
        self.here = ""
        free = getattr(gc, "mem_free", int)()
        self.piece = min(max(free // 24, 128), 4096)

    def path(self, path):
        # Makes a path relative to the root of the mounted folder, also one that is relative to the current folder.
        parts = []
        for part in (path if path.startswith("/") else self.here + "/" + path).split("/"):
            if part == "..":
                parts = parts[:-1]
            elif part and part != ".":
                parts.append(part)
        return "/".join(parts)

    def mount(self, *_):
        pass

    umount = mount

    def chdir(self, path):
        path = self.path(path)
        if said(host_stat(self.root, path))[0] != FOLDER:
            raise OSError(20)
        self.here = path

    def getcwd(self):
        return "/" + self.here

    def stat(self, path):
        kind, size, changed = said(host_stat(self.root, self.path(path)))
        changed -= epoch
        return kind, 0, 0, 0, 0, 0, size, changed, changed, changed

    def ilistdir(self, path):
        path = self.path(path)
        return self.entries(path, said(host_list(self.root, path, "")))

    def entries(self, path, found):
        while found:
            for name, kind, size in found:
                yield name, kind, 0, size
            found = said(host_list(self.root, path, name))

    def open(self, path, mode="r", *_):
        return File(self.root, self.path(path), mode, self.piece)

    def mkdir(self, path):
        said(host_mkdir(self.root, self.path(path)))

    def rmdir(self, path):
        said(host_rmdir(self.root, self.path(path)))

    def remove(self, path):
        said(host_remove(self.root, self.path(path)))

    def rename(self, old, new):
        said(host_rename(self.root, self.path(old), self.path(new)))


def mounter():
    # Gives the module that mounts file systems written in Python, if the board has one.
    for name in "vfs", "os", "storage":
        try:
            module = __import__(name)
            module.mount, module.umount
            return module
        except (ImportError, AttributeError):
            pass


def forget(at):
    # Modules that were imported from there are imported anew next time: the folder has changed, or is being unmounted.
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None) or getattr(module, "__path__", None)
        if isinstance(place, str) and (place + "/").startswith(at + "/"):
            del sys.modules[name]


# Mounts a folder, after unmounting one that is at the same place. Gives whether the board can mount folders.
def mount(root, at, enter):
    import os

    module = mounter()
    if not module:
        return False
    unmount(at)
    try:
        module.mount(Folder(root), at)
    except (TypeError, AttributeError, ValueError):
        return False
    mounted[at] = os.getcwd()
    sys.path.insert(0, at)
    forget(at)
    if enter:
        os.chdir(at)
    return True


def unmount(at):
    import os

    if at not in mounted:
        return
    before = mounted.pop(at)
    if (os.getcwd() + "/").startswith(at + "/"):
        os.chdir(before)
    if at in sys.path:
        sys.path.remove(at)
    mounter().umount(at)
    forget(at)
    for files in unsaved.values():
        save(files)
