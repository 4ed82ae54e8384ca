# The agent: what stays on the board and answers one line with one or more frames.
#
# Everything lives in the closure of one function, so that the board compiles it while it arrives, without
# room for its source, and so that `__main__` sees one name more and no others.
def _belay(version, boot, before):
    import sys, gc

    try:
        from binascii import crc32 as crc
    except ImportError:
        crc = None
    from binascii import a2b_base64, b2a_base64

    try:
        from array import array
    except ImportError:
        array = None
    try:
        from io import StringIO
    except ImportError:
        StringIO = None
    try:
        from select import poll

        waiting = poll()
        waiting.register(sys.stdin, 1)
        waiting = waiting.poll
    except Exception:
        waiting = None
    if not crc:
        # Without a checksum on the board every line counts as intact.
        crc = lambda text, seed: 0
    write = sys.stdout.write
    stdin = getattr(sys, "stdin", None)
    read = getattr(stdin, "read", None)
    readline = getattr(stdin, "readline", None)
    # What expressions see, function id -> alias, namespaces, open streams.
    names = {}
    aliases = {}
    spaces = {}
    streams = {}
    # Of this session: the checksums' seed, the frames' start, the next number, what was answered.
    seed = 0
    start = ""
    expected = "0"
    kept = []
    count = 0
    raw = (bytes, bytearray, memoryview)

    def send(text):
        write("%s%s%08x\x03" % (start, text, crc(text, seed)))

    def base64(data):
        return b2a_base64(data).decode()[:-1]

    class Parts:
        # Where `print` writes a value to that is too large to be made a string of.
        def __init__(self, number):
            self.number = number
            self.count = 0
            self.rest = b""

        def write(self, data):
            self.rest += bytes(data)
            while len(self.rest) >= 768:
                self.part(768)

        def part(self, size):
            send("%s+%d:%s" % (self.number, self.count, base64(self.rest[:size])))
            self.count += 1
            self.rest = self.rest[size:]

    def parts(number, value):
        # Sends bytes, which may be large, in parts of their own.
        i = 0
        size = len(value)
        for at in range(0, size, 1536):
            send("%s+%d:%s" % (number, i, base64(value[at : at + 1536])))
            i += 1
        send("%sb%d" % (number, i))

    def say(frames, text):
        frames.append(text)
        send(text)

    def fail(frames, number, error):
        many = len(frames)
        if isinstance(error, KeyboardInterrupt):
            say(frames, "%si%d" % (number, many))
            return
        gc.collect()
        name = type(error).__name__
        trace = message = ""
        arguments = code = None
        try:
            message = str(error)
            arguments = repr(error.args)
            if isinstance(error, OSError) and error.args and type(error.args[0]) is int:
                code = error.args[0]
            buffer = StringIO()
            sys.print_exception(error, buffer)
            trace = buffer.getvalue()
        except Exception:
            pass
        try:
            text = repr((many, name, message, arguments, code, trace))
        except Exception:
            text = "(%d,'%s','',None,None,'')" % (many, name)
        say(frames, number + "e" + text)

    def batch(frames, number, stream, credit):
        items = streams[stream]
        size = i = 0
        end = "p"
        try:
            while i < credit and size < 2048:
                item = next(items)
                if type(item) in raw and len(item) > 40:
                    text = "%sz%d:%s" % (number, i, base64(item))
                else:
                    text = "%sy%d:%s" % (number, i, repr(item))
                say(frames, text)
                i += 1
                size += len(text)
                if waiting and waiting(0):
                    break
        except StopIteration:
            end = "d"
            del streams[stream]
        say(frames, "%s%s%d" % (number, end, i))

    def close(stream):
        items = streams.pop(stream, None)
        if hasattr(items, "close"):
            items.close()

    def serve(line):
        # Does what a line asks that is intact and the next one.
        nonlocal expected, kept
        number = line[1]
        kind = line[2]
        expected = chr(48 + (ord(number) - 47 & 63))
        if line[3] == "0":
            kept = []
        else:
            kept = kept[-int(line[3]) :]
        frames = []
        kept.append((number, frames))
        try:
            if kind == "c":
                words = line[4:-8].split()
                value = names[words[0]](*map(int, words[1:]))
            elif kind == "e":
                value = eval(line[4:-8], names)
            elif kind == "x":
                value = close(line[4:-8].strip())
            else:
                stream, credit, line = line[4:-8].split(" ", 2)
                if kind == "s":
                    streams[stream] = iter(eval(line, names))
                try:
                    return batch(frames, number, stream, int(credit))
                except BaseException:
                    close(stream)
                    raise
            if type(value) in raw and len(value) > 40:
                kept[-1] = (number, value)
                return parts(number, value)
            try:
                text = number + "v" + repr(value)
            except MemoryError:
                gc.collect()
                return large(frames, number, value)
            say(frames, text)
        except BaseException as error:
            fail(frames, number, error)
            if isinstance(error, KeyboardInterrupt):
                raise

    def large(frames, number, value):
        print("not yet")

    def again(number, as_base64):
        # Sends once more what was answered; false if that is not known.
        for known, frames in kept:
            if known == number:
                if type(frames) is not list:
                    parts(number, frames)
                    return 1
                for text in frames:
                    if as_base64 and text[1] in "vey":
                        text = number + text[1].upper() + base64(text[2:])
                    send(text)
                return 1

    def other(line, size):
        # Does what a line asks that is not an intact next call; true if the agent is to leave.
        while 1:
            while line and line[0] <= " ":
                line = line[1:] + (read(1) if size > 0 else "")
            if not line:
                return
            if not crc(line, seed):
                break
            # It is damaged. If a line ends in it, another one begins behind that.
            at = line.find("~") + 1
            if size < 0 or at == 0 or at == len(line):
                return send(expected + "n")
            line = line[at:] + read(at)
        number = line[1]
        kind = line[2]
        if kind == "p":
            send(expected + "o" + line[4:-8].strip())
        elif kind == "q":
            finish()
            send(expected + "q")
            return 1
        elif kind in "rR":
            if not again(number, kind == "R"):
                send(number + "g")
        elif kind == "l":
            head = line[1] + line[4] + line[3]
            line = read(int(line[5:-8]))
            if crc(line, seed):
                send(expected + "n")
            elif number == expected:
                serve("#" + head + line[1:])
            elif not again(number, 0):
                send(expected + "n")
        elif number == expected:
            serve(line)
        elif not again(number, 0):
            send(expected + "n")

    def run(size):
        # Reads lines of `size` characters, or of any length where that is -1, until it is to leave.
        get = readline if size < 0 else read
        interrupted = 0
        new = 1
        while 1:
            try:
                if new:
                    hello()
                    new = 0
                while 1:
                    if interrupted:
                        # A blank follows a Ctrl-C of ours, or part of a line that was on its way; another
                        # tool's is followed by a line end, which is why blocks do not end in one.
                        line = read(1)
                        if line < " ":
                            return
                        interrupted = 0
                        if line == " ":
                            continue
                        line += get(size - 1 if size > 0 else size)
                    else:
                        line = get(size)
                    if crc(line, seed) or line[1] != expected or line[2] != "c":
                        if other(line, size):
                            return
                    else:
                        serve(line)
            except KeyboardInterrupt:
                interrupted = 1
            except UnicodeError:
                send(expected + "n")

    def space(name):
        if name not in spaces:
            spaces[name] = {"__name__": name, "S": tell}
        return spaces[name]

    def execute(name, source, file=None):
        if file:
            try:
                source = compile(source, file, "exec")
            except NameError:
                pass
        exec(source, space(name))

    def evaluate(name, source):
        return eval(source, space(name))

    def deploy(key, name, function, source, file=None):
        nonlocal count
        execute(name, source, file)
        alias = aliases.get(key)
        if not alias:
            alias = "f%d" % count
            count += 1
        names[alias] = space(name)[function]
        aliases[key] = alias
        return alias

    def evict(key):
        function = names.pop(aliases.pop(key, None), None)
        for where in spaces.values():
            for name in list(where):
                if where[name] is function:
                    del where[name]

    def tell(value):
        send("-s" + repr(value))

    def hello():
        gc.collect()
        free = getattr(gc, "mem_free", int)()
        implementation = getattr(sys, "implementation", ("micropython",))
        send("-h%d %s %s %d %d" % (boot, implementation[0], sys.platform, before, free))

    def finish():
        # Closes what is under way.
        for stream in list(streams):
            try:
                close(stream)
            except Exception:
                pass

    def begin(nonce, value, size):
        # Begins a session: nothing is left of what an earlier one was in the middle of.
        nonlocal seed, start, expected, kept
        seed = value
        start = "\x02" + nonce
        expected = "0"
        kept = []
        finish()
        resume(size)

    def resume(size):
        if size:
            run(size)
        else:
            hello()

    def handle(line):
        # One line that came over the raw REPL.
        try:
            other(line, -1)
        except KeyboardInterrupt:
            pass

    names.update(A=array, F=aliases, N=space, X=execute, V=evaluate, D=deploy, U=evict, B=a2b_base64, S=tell)
    return {version: begin, "r": resume, "h": handle}
