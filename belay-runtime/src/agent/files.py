# Files on the board. New contents are first written to a temporary file, in the top-level folder of the target's path.
# That file is renamed to the target when it is complete and has been verified. Where this takes more than one step, a
# note is written before, which says what is to be done, so that it can be completed after a loss of power.
import gc
import os

try:
    from binascii import crc32
except ImportError:
    crc32 = None
try:
    from hashlib import sha256
except ImportError:
    sha256 = None
try:
    from deflate import RAW, DeflateIO
    from io import BytesIO
    inflate = 1
except ImportError:
    try:
        from zlib import decompress as inflate
    except ImportError:
        inflate = None
    DeflateIO = None

# Names that every file system accepts, even one with eight characters and an extension of three.
NEW = "/belay~.new"
NOTE = "/belay~.to"
NOTHING, FILE, FOLDER = range(3)

buffer = bytearray(512)
view = memoryview(buffer)
# The file that is being read or written, and how many bytes of it have been.
file = None
done = 0
# For a file that is being written: the folder of the temporary file, and the path of the target.
place = None
target = None

def kind(path):
    try:
        mode = os.stat(path or "/")[0]
    except OSError as error:
        if error.args[0] in (2, 20):
            return NOTHING
        raise
    return FOLDER if mode & 0x4000 else FILE

def metadata(path):
    about = os.stat(path or "/")
    return -1 if about[0] & 0x4000 else about[6]

# Yields the names in a folder with their sizes; the size of a folder is negative.
def entries(folder):
    if hasattr(os, "ilistdir"):
        for entry in os.ilistdir(folder or "/"):
            size = -1
            if entry[1] & 0x4000 == 0:
                size = entry[3] if len(entry) > 3 else size_of(folder + "/" + entry[0])
            yield entry[0], size
    else:
        for name in os.listdir(folder or "/"):
            yield name, size_of(folder + "/" + name)

def size_of(path):
    try:
        return metadata(path)
    except OSError:
        return 0

# How many bytes are free in the file system of a path, and how many it has in all; None where the board cannot tell.
def space(path):
    while 1:
        try:
            about = os.statvfs(path or "/")
            return about[1] * about[4], about[1] * about[2]
        except AttributeError:
            return None
        except OSError:
            if not path:
                return None
            path = path[: path.rfind("/")]

def memory():
    gc.collect()
    return gc.mem_free() if hasattr(gc, "mem_free") else -1

# Creates the folders that a path is in; without `make` it only says whether one is missing.
def parents(path, make):
    made = []
    at = path.find("/", 1)
    try:
        while at > 0:
            folder = path[:at]
            found = kind(folder)
            if found == FILE:
                raise OSError(20)
            if not found:
                if not make:
                    return True
                os.mkdir(folder)
                made.append(folder)
            at = path.find("/", at + 1)
    except OSError:
        for folder in reversed(made):
            os.rmdir(folder)
        raise

def shut():
    global file
    if file:
        closing = file
        file = None
        closing.close()

# Does what the note in a folder says, if there is one, and removes the note and the temporary file. Gives the exception
# if the file cannot be put in its place.
def settle(folder):
    failure = None
    new = folder + NEW
    said = b""
    if kind(folder + NOTE):
        note = open(folder + NOTE, "rb")
        said = note.read()
        note.close()
    if said[-1:] == b"\n" and kind(new):
        path = str(said[:-1], "utf8")
        try:
            parents(path, True)
            if kind(path) == FOLDER:
                raise OSError(21)
        except OSError as error:
            failure = error
        if not failure:
            if kind(path):
                os.remove(path)
            os.rename(new, path)
    for name in (NEW, NOTE):
        if kind(folder + name):
            os.remove(folder + name)
    return failure

# Closes the file, and removes what was written of it if it is not complete.
def abort():
    global place
    try:
        shut()
    finally:
        if place is not None:
            settle(place)
            place = None

# Called for a host that is new to the board: cleans up what an earlier host has left, and gives the facts that the host
# needs.
def adopt():
    global place
    place = None
    shut()
    folders = [""]
    folders.extend(["/" + name for name, size in entries("") if size < 0])
    for folder in folders:
        try:
            settle(folder)
        except OSError:
            # Where nothing can be written there is nothing to clean up.
            pass
    return memory(), bool(inflate)

# Begins to write a file. Gives 0, or how many more bytes would have to be free.
def begin(path, length):
    global file, done, place, target
    abort()
    if kind(path) == FOLDER:
        raise OSError(21)
    at = path.find("/", 1)
    folder = path[:at] if at > 0 and kind(path[:at]) == FOLDER else ""
    parents(path, False)
    free = space(folder)
    done = 0
    target = path
    place = folder
    # Opened before the free space is looked at: if nothing can be written at all, that is the error to report.
    file = open(folder + NEW, "wb")
    if free and free[0] < length:
        abort()
        return length - free[0]
    return 0

def write(data):
    global done
    if file.write(data) != len(data):
        raise OSError(28)
    done += len(data)

# Writes the next piece. If `window` is not 0 the piece is compressed, with a window of two to that power bytes.
def put(at, data, window):
    if file is None or place is None or at != done:
        raise OSError(5)
    try:
        if not window:
            write(data)
        elif DeflateIO:
            packed = DeflateIO(BytesIO(data), RAW, window)
            while 1:
                many = packed.readinto(buffer)
                if not many:
                    break
                write(view[:many])
        else:
            write(inflate(data, -window))
    except BaseException:
        abort()
        raise

# Whether a file has this length and this checksum.
def same(path, length, checksum):
    if kind(path) != FILE or metadata(path) != length:
        return False
    value = 0
    if crc32:
        file = open(path, "rb")
        while 1:
            many = file.readinto(buffer)
            if not many:
                break
            value = crc32(view[:many], value)
        file.close()
        return value == checksum
    return True

def commit(length, checksum):
    global place
    try:
        if file is None or place is None:
            raise OSError(5)
        shut()
        new = place + NEW
        if not same(new, length, checksum):
            abort()
            return -1
        # A file system that ignores case is FAT. Its rename takes two steps, as it first removes the file that has the
        # name.
        steps = parents(target, False) or kind(target) and kind(place + NEW.upper())
        if not steps:
            try:
                os.rename(new, target)
            except OSError:
                if not kind(target):
                    raise
                steps = True
        if steps:
            note = open(place + NOTE, "wb")
            note.write((target + "\n").encode())
            note.close()
            failure = settle(place)
            if failure:
                raise failure
        place = None
    except BaseException:
        abort()
        raise
    return 0

# Writes a small file in one call.
def store(path, length, checksum, data, window):
    return begin(path, length) or put(0, data, window) or commit(length, checksum)

# Opens a file to be read, and gives its size.
def look(path):
    global file, done
    abort()
    size = metadata(path)
    if size < 0:
        raise OSError(21)
    file = open(path, "rb")
    done = 0
    return size

# Gives the next piece. If `shown` is set and the piece's `repr` is shorter than base64, the piece is put alone into a
# tuple, and so is sent as its `repr`.
def get(at, many, shown):
    global done
    if file is None or at != done:
        raise OSError(5)
    data = file.read(many)
    done += len(data)
    if shown and 3 * len(repr(data)) < 4 * len(data):
        return data,
    return data

# Yields the digest of a file at last; before that, None for each 128 KiB, so that the host hears from the board.
def digest(path):
    value = sha256() if sha256 else 0
    count = 0
    if metadata(path) < 0:
        raise OSError(21)
    file = open(path, "rb")
    try:
        while 1:
            many = file.readinto(buffer)
            if not many:
                break
            if sha256:
                value.update(view[:many])
            elif crc32:
                value = crc32(view[:many], value)
            count += many
            if not count & 0x1FFFF:
                yield None
    finally:
        file.close()
    if sha256:
        yield "".join(["%02x" % byte for byte in value.digest()])
    elif crc32:
        yield "%08x" % value

# Yields what is in a folder, in lists of a path, a size and, where the size is one of `sizes`, the file's digest.
def survey(root, deep, sizes, most):
    if metadata(root) >= 0:
        raise OSError(20)
    some = []
    folders = [""]
    while folders:
        folder = folders.pop()
        for name, size in entries(root + folder):
            path = folder + "/" + name
            if size < 0 and deep:
                folders.append(path)
            mark = None
            if size in sizes:
                for mark in digest(root + path):
                    if mark is None:
                        yield []
            some.append((path, size, mark and mark[:32]))
            if len(some) >= most:
                yield some
                some = []
    yield some

def make(path):
    parents(path + "/", True)

def remove(path):
    abort()
    (os.rmdir if kind(path) == FOLDER else os.remove)(path)

# Removes a folder and everything in it; yields after each removal.
def clear(path):
    abort()
    if metadata(path) >= 0:
        os.remove(path)
        return
    folders = [path]
    while folders:
        path = folders[-1]
        below = []
        for name, size in list(entries(path)):
            if size < 0:
                below.append(path + "/" + name)
            else:
                os.remove(path + "/" + name)
                yield None
        folders.extend(below)
        if not below:
            folders.pop()
            os.rmdir(path)
            yield None

def rename(old, new):
    abort()
    try:
        os.rename(old, new)
    except OSError as error:
        if error.args[0] != 17 or kind(old) != FILE or kind(new) != FILE:
            raise
        os.remove(new)
        os.rename(old, new)
