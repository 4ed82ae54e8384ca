# A trait's modules in memory: in a file system of our own or, on a board that cannot mount one, as objects in
# `sys.modules`.
import sys, gc

ROOT = "/_belay"
# By path: the contents, or the pieces received so far; and the hash of contents that are complete.
contents = {}
hashes = {}
# The paths of the program that is connected. Modules of earlier programs cannot be imported.
brought = {}
# The namespaces of the modules that are objects in `sys.modules`.
spaces = {}


class Files:
    def mount(self, *_):
        pass

    umount = chdir = mount

    def stat(self, path):
        path = path.strip("/")
        if path in brought:
            return 0x8000, 0, 0, 0, 0, 0, len(contents[path]), 0, 0, 0
        path = path and path + "/"
        for name in brought:
            if name.startswith(path):
                return 0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0
        if path:
            raise OSError(2)
        return 0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0

    def ilistdir(self, path):
        path = path.strip("/")
        path = path and path + "/"
        found = {}
        for name in brought:
            if name.startswith(path):
                name = name[len(path) :].split("/")
                found[name[0]] = 0x4000 if name[1:] else 0x8000
        return iter([(name, found[name], 0, 0) for name in found])

    def open(self, path, mode="r", *_):
        path = path.strip("/")
        if path not in brought:
            raise OSError(2)
        for letter in "wax+":
            if letter in mode:
                raise OSError(30)
        data = contents[path]
        import io

        return io.BytesIO(data) if "b" in mode else io.StringIO(str(data, "utf8"))


def mounted():
    for name in "vfs", "os", "storage":
        try:
            module = __import__(name)
            try:
                # An agent of another version may have mounted its own.
                module.umount(ROOT)
            except OSError:
                pass
            module.mount(Files(), ROOT)
            return 1
        except (ImportError, AttributeError, OSError, TypeError, ValueError):
            pass


def name_of(path):
    path = path[: path.rfind(".")].split("/")
    if path[-1] == "__init__":
        path.pop()
    return path


def unload(path):
    # Whatever was imported under this name, the next import is to find the new file. A package is unloaded as a whole,
    # so that nothing of the old one stays in the new one.
    top = name_of(path)[0]
    for name in list(sys.modules):
        if name.split(".")[0] == top:
            del sys.modules[name]


def drop(path):
    for known in contents, hashes, brought:
        known.pop(path, None)
    unload(path)


def claim(fresh, wanted):
    # Gives how modules are kept, and which of these paths have to be sent. In `wanted` each path is followed by its
    # hash.
    if mount and ROOT not in sys.path:
        sys.path.insert(0, ROOT)
    words = wanted.split()
    wanted = dict(zip(words[::2], words[1::2]))
    if fresh:
        for path in list(brought):
            if mount and path not in wanted:
                unload(path)
        brought.clear()
    for path in wanted:
        if hashes.get(path) != wanted[path]:
            drop(path)
    if not mount:
        for path in wanted:
            if ".".join(name_of(path)) not in sys.modules:
                drop(path)
    for path in wanted:
        if path in hashes:
            brought[path] = 1
    return mount or 0, [path for path in wanted if path not in hashes]


def put(path, at, data, code):
    # Takes a piece of a module; the last piece comes with the hash (`code`).
    if at == 0:
        contents[path] = []
    contents[path].append(data)
    if code:
        data = contents[path]
        contents[path] = data[0] if len(data) == 1 else b"".join(data)
        hashes[path] = code
        brought[path] = 1


def checksum(path):
    from binascii import crc32

    value = 0
    try:
        with open(path, "rb") as file:
            while 1:
                data = file.read(256)
                if not data:
                    return "%x" % (value & 0xFFFFFFFF)
                value = crc32(data, value)
    except OSError:
        pass


def shadowed(path):
    # Whether there is a source beside the compiled file, which would be imported instead.
    return path[-4:] == ".mpy" and checksum(path[:-3] + "py")


def differing(folder, wanted):
    # Gives those paths whose file in the folder differs or is not the one that would be imported. In `wanted` each path
    # is followed by its checksum.
    if folder not in sys.path:
        sys.path.append(folder)
    words = wanted.split()
    wanted = dict(zip(words[::2], words[1::2]))
    at = folder + "/"
    wanted = [path for path in wanted if checksum(at + path) != wanted[path] or shadowed(at + path)]
    for path in wanted:
        unload(path)
    return wanted


def spare():
    # Frees memory: removes the modules of earlier programs, and gives how many there were.
    left = [path for path in contents if path not in brought]
    for path in left:
        drop(path)
    gc.collect()
    return len(left)


def present(name):
    whole = ".".join(name)
    names = spaces[whole]
    if "__name__" in names:
        return
    names["__name__"] = whole

    class Module:
        def __getattr__(self, name):
            if name in names:
                return names[name]
            raise AttributeError(name)

        def __setattr__(self, name, value):
            names[name] = value

    sys.modules[whole] = Module()
    if name[1:]:
        spaces[".".join(name[:-1])][name[-1]] = sys.modules[whole]


def load(paths):
    # Creates an object for each module first, since modules may import each other, and then executes their sources.
    paths = paths.split()
    for path in paths:
        names = spaces[".".join(name_of(path))] = {}
        names["__file__"] = ROOT + "/" + path
        if path.endswith("/__init__.py"):
            names["__path__"] = ROOT
    for path in paths:
        name = name_of(path)
        for end in range(1, len(name)):
            package = ".".join(name[:end])
            if package not in spaces:
                # A folder without an `__init__`.
                spaces[package] = {"__path__": ROOT}
            present(name[:end])
        present(name)
    for path in paths:
        source = str(contents[path], "utf8")
        contents[path] = b""
        try:
            source = compile(source, ROOT + "/" + path, "exec")
        except NameError:
            pass
        exec(source, spaces[".".join(name_of(path))])


mount = mounted()
