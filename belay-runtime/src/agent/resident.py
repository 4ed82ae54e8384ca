# The agent: what stays on the board and answers one line with one or more frames.
#
# Everything lives in the closure of one function, so that the board compiles it while it arrives, without
# room for its source, and so that `__main__` sees one name more and no others. What is MicroPython's own it takes
# from `builtins` by itself: `build.rs` writes that. Nothing that `main.py` calls `len` gets in between.
def _belay(version, boot, before):
    import sys, gc

    from binascii import crc32
    from binascii import a2b_base64, b2a_base64

    try:
        from json import loads
    except:
        loads = None
    try:
        from builtins import compile as compiler
    except:
        compiler = None
    crc = crc32
    try:
        crc("")
    except:
        # CircuitPython wants bytes.
        def crc(data, *begun):
            return crc32(data.encode() if type(data) is str else data, *begun)

    trace_to = getattr(sys, "print_exception", None)
    if not trace_to:
        from traceback import print_exception as trace_to_file

        def trace_to(error, buffer):
            trace_to_file(error, file=buffer)

    try:
        from micropython import heap_lock as lock, heap_unlock as unlock
    except:
        lock = None
    try:
        from array import array as packed
    except:
        packed = None
    try:
        from io import StringIO as Text
    except:
        Text = None
    try:
        from io import IOBase as Stream
    except:
        Stream = object
    try:
        from select import poll as waiting

        waiting = waiting()
        waiting.register(sys.stdin, 1)
        waiting = waiting.poll
    except:
        waiting = None
    put = sys.stdout.write
    read = getattr(sys, "stdin", None)
    readline = getattr(read, "readline", None)
    # What is attached is read without making text of it.
    readinto = getattr(getattr(read, "buffer", None), "readinto", None)
    read = getattr(read, "read", None)
    # The builtins that somebody has replaced for everybody: expressions and namespaces get the real ones.
    from builtins import __dict__ as known

    words = [name for name in known if not name.startswith("_")]
    found = zip(words, eval("[%s]" % ",".join(words), {}))
    real = {name: known[name] for name, value in found if value is not known[name]}
    # What expressions see, function id -> alias, namespaces, open streams. What values are written with stays what it
    # is, whatever a body replaces from now on.
    names = dict(real)
    for word in ("bytearray", "float", "frozenset", "set", "str"):
        if word in known:
            names[word] = known[word]
    words = found = None
    aliases = {}
    spaces = {}
    streams = {}
    # Of this session: the checksums' seed, the frames' start, the next number, what was answered.
    seed = 0
    start = ""
    expected = "0"
    kept = []
    count = 0
    # The last ping, and what was thrown away since because it was no line: the host sees whether somebody else reads.
    asked = 0
    odd = ""
    # What came over the raw REPL for the line behind it, or the length that there is no room for.
    brought = ""
    # Room to say something in when there is no other; where words have 64 bits everything takes twice as much.
    enough = 3072 if getattr(sys, "maxsize", 0) >> 32 else 1536
    spare = bytearray(enough)
    raw = (bytes, bytearray, memoryview)

    def send(text):
        put("%s%s%08x\x03" % (start, text, crc(text, seed)))

    def base64(data):
        return b2a_base64(data.encode() if type(data) is str else data).decode()[:-1]

    def piecewise(wanted, i, text):
        # Sends a frame of an answer, or only what is wanted of it: from which frame and which character of that, up to
        # which, or 0 for all that follows, in pieces of how many. They are base64, as a frame can have characters
        # that none may contain.
        if not wanted:
            return send(text)
        first, at, to, size = wanted
        if i < first or to and i > first:
            return
        if i > first:
            at = 0
        total = len(text)
        for at in range(at, min(to or total, total), size):
            send("%sf%d %d %d:%s" % (text[0], i, at, total, base64(text[at : at + size])))

    def part(wanted, number, i, data):
        # As `send`, but without ever making text of what is long: that takes twice as long.
        head = ("%s+%d:" % (number, i)).encode()
        data = b2a_base64(data)[:-1]
        if wanted:
            return piecewise(wanted, i, (head + data).decode())
        put(b"".join((start.encode(), head, data, b"%08x\x03" % crc(data, crc(head, seed)))))

    class Parts(Stream):
        # Where `print` writes a value to that is too large to be made a string of.
        def __init__(self, value):
            self.whole = value

        def write(self, data):
            rest = self.left + bytes(data)
            if self.first:
                self.first = 0
                rest = rest[1:]
            while len(rest) >= 194:
                part(self.pieces, self.asked, self.sent, rest[:192])
                self.sent += 1
                rest = rest[192:]
            self.left = rest
            return len(data)

        def answer(self, number, wanted):
            self.asked = number
            self.pieces = wanted
            self.sent = 0
            self.first = 1
            self.left = b""
            # In a tuple everything is printed as its repr; the tuple's own characters are left out.
            print((self.whole,), file=self, end="")
            part(wanted, number, self.sent, self.left[:-2])
            self.sent += 1
            piecewise(wanted, self.sent, "%sw%d" % (number, self.sent))

    def parts(number, value, wanted):
        # Sends bytes, which may be large, in parts of their own. A `memoryview` counts as `bytes`. What was packed comes
        # with what it was packed as.
        i = 0
        end = "a" if type(value) is bytearray else "b"
        if type(value) is tuple:
            end, value = value
            end = "W" + end
        size = len(value)
        for at in range(0, size, 1536):
            part(wanted, number, i, value[at : at + 1536])
            i += 1
        piecewise(wanted, i, "%s%s%d" % (number, end, i))

    def say(frames, text):
        frames.append(text)
        try:
            send(text)
        except MemoryError:
            # What was never sent must not be waited for.
            frames.pop()
            raise

    def through(writer):
        # From now on this writes all frames. Gives what makes a frame, and what has written them so far.
        nonlocal put
        before = put
        put = writer
        return send, before

    def restore():
        # Keeps room to spare again, where there is any.
        nonlocal spare
        if not spare:
            try:
                spare = bytearray(enough)
            except MemoryError:
                pass

    def free_heap():
        # A body can have left the heap locked, and then nothing can be said. The answer is how often it still is
        # locked, and no sensible number where it was not.
        while lock:
            left = unlock()
            if left == 0:
                break
            if left is None or left < 0 or left > 999:
                lock()
                break

    def attempt(function, *arguments):
        try:
            return function(*arguments)
        except BaseException:
            pass

    def describe(error):
        # What an exception of a user's own class says of itself may raise anything.
        code = trace = None
        arguments = attempt(getattr, error, "args")
        if isinstance(error, OSError) and arguments and type(arguments[0]) is int:
            code = arguments[0]
        buffer = Text and attempt(Text)
        if buffer:
            attempt(trace_to, error, buffer)
            trace = attempt(buffer.getvalue)
        return type(error).__name__, attempt(str, error) or "", attempt(repr, arguments), code, trace or ""

    def fail(frames, number, error, fate):
        nonlocal spare
        many = len(frames)
        if isinstance(error, KeyboardInterrupt):
            say(frames, "%si%d" % (number, many))
            return
        # What is said of it, and the next request, have the spare room.
        spare = None
        gc.collect()
        try:
            say(frames, number + "e" + repr((many, fate) + describe(error)))
        except Exception:
            gc.collect()
            say(frames, "%se(%d,%d,'%s','',None,None,'')" % (number, many, fate, type(error).__name__))

    def batch(frames, number, stream, credit):
        items, result = streams[stream]
        size = i = 0
        end = "p"
        try:
            while i < credit and size < 2048:
                item = next(items)
                kind = type(item)
                packed = result and names["P"](item, result)
                if packed:
                    text = "%sY%d:%s%s" % (number, i, packed[0], base64(packed[1]))
                elif kind in raw and len(item) > 40:
                    text = "%s%s%d:%s" % (number, "k" if kind is bytearray else "z", i, base64(item))
                else:
                    text = "%sy%d:%s" % (number, i, repr(bytes(item) if kind is memoryview else item))
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
        items, _ = streams.pop(stream, (None, None))
        if hasattr(items, "close"):
            items.close()

    def serve(line, text):
        # Does what a line asks that is intact and the next one. The text is the rest behind the line's head, which
        # can be so large that there is no room for it twice.
        nonlocal expected, kept, spare
        number = line[1]
        kind = line[2]
        following = chr(48 + (ord(number) - 47 & 63))
        if line[3] == "0":
            kept = []
        else:
            kept = kept[-int(line[3]) :]
        frames = []
        kept.append((number, frames))
        # Where there was no room for this much, nothing has been done, and the line may be sent again.
        expected = following
        # Whether what was asked for has begun.
        fate = 0
        # What the result is to be packed as.
        result = ""
        try:
            if kind in "cw":
                words = loads(text) if loads else eval(text, names)
                if kind == "w":
                    result = words.pop(0)
                value = names[words.pop(0)]
                fate = 1
                value = value(*words)
            elif kind == "j":
                result, value, words = names["J"](text, names)
                value = names[value]
                fate = 1
                value = value(*words)
            elif kind in "aA":
                value, *words = eval(text, names)
                if kind == "A":
                    result = value
                    value = words.pop(0)
                fate = 1
                value = value(*words)
            elif kind == "m":
                raise MemoryError
            elif kind == "e":
                fate = 1
                value = eval(text, names)
            elif kind == "x":
                value = close(text.strip())
            else:
                fate = 1
                stream, credit, text = text.split(" ", 2)
                if kind in "sS":
                    if kind == "S":
                        result, text = text.split(" ", 1)
                    streams[stream] = iter(eval(text, names)), result
                elif stream not in streams:
                    # A Ctrl-C has ended it behind the end of a batch.
                    return say(frames, number + "i0")
                try:
                    return batch(frames, number, stream, int(credit))
                except BaseException:
                    close(stream)
                    raise
            packed = result and names["P"](value, result)
            if packed:
                if len(packed[1]) > 40:
                    kept[-1] = (number, packed)
                    return parts(number, packed, None)
                return say(frames, number + "C" + packed[0] + base64(packed[1]))
            if type(value) in raw:
                if len(value) > 40:
                    kept[-1] = (number, value)
                    return parts(number, value, None)
                if type(value) is memoryview:
                    value = bytes(value)
            try:
                return say(frames, number + "v" + repr(value))
            except MemoryError:
                # What was kept to say that there is no room serves for what there is to say, too.
                free_heap()
                spare = None
                gc.collect()
            kept[-1] = (number, Parts(value))
            try:
                kept[-1][1].answer(number, None)
            except BaseException as error:
                kept[-1] = (number, frames)
                # A board whose `print` writes to no object of ours.
                raise MemoryError if isinstance(error, OSError) else error
        except SystemExit:
            # It resets the board, as it does without us.
            raise
        except BaseException as error:
            free_heap()
            if not fate and isinstance(error, (KeyError, NameError)):
                # There is no such function: it may have been removed for another program's.
                fate = 2
            fail(frames, number, error, fate)
            if isinstance(error, KeyboardInterrupt):
                raise

    def again(number, wanted):
        # Sends once more what was answered, or what is wanted of it; false if that is not known.
        for known, frames in kept:
            if known == number:
                if type(frames) is Parts:
                    frames.answer(number, wanted)
                elif type(frames) is not list:
                    parts(number, frames, wanted)
                else:
                    for i in range(len(frames)):
                        piecewise(wanted, i, frames[i])
                return 1

    def piecemeal(number, which):
        # Answers again in pieces. When large ones do not get through, threads are held at their stop points: on some
        # boards what they print gets in between.
        wanted = list(map(int, which.split()))
        hold = wanted[3] < 100 and "pause" in spaces.get("_threads", "")
        try:
            if hold:
                spaces["_threads"]["pause"]("", 20)
            send(number + ("t%d" % wanted[1] if again(number, wanted) else "g"))
        finally:
            if hold:
                spaces["_threads"]["resume"]("")

    def demand(head, text):
        # As `serve`; after a failure what was spare is this request's to use.
        missing = not spare
        serve(head, text)
        if missing:
            restore()

    def other(line, size):
        # Does what a line asks that is not an intact next call; true if the agent is to leave.
        nonlocal asked, odd
        while 1:
            while line and line[0] <= " ":
                line = line[1:] + (read(1) if size > 0 else "")
            if not line:
                return
            if not crc(line, seed):
                break
            # It is damaged. If a line ends in it, another one begins behind that.
            at = line.find("~") + 1
            odd = (odd + line[: at or None])[:64]
            if size <= 0 or at == 0 or at == len(line):
                return send(expected + "n")
            line = line[at:] + read(at)
        number = line[1]
        kind = line[2]
        if kind == "p":
            restore()
            number = line[4:-8].strip()
            for _ in range(int(line[3]) + 1):
                send("%so%s %s %s" % (expected, number, asked, base64(odd)))
            asked = number
            odd = ""
        elif kind == "q":
            finish()
            send(expected + "q")
            return 1
        elif kind == "R":
            piecemeal(number, line[4:-8].strip())
        elif kind == "l":
            head = "#" + line[1] + line[4] + line[3]
            rest = int(line[5:-8])
            try:
                if line[4] == "j" and size and readinto:
                    line = memoryview(bytearray(rest))
                    readinto(line)
                else:
                    line = read(rest) if size else take(rest)
                rest = 0
                if crc(line, seed):
                    odd = "?"
                    return send(expected + "n")
                line = line[1:-8]
            except MemoryError:
                # There is no room for it: it is skipped, and answered in its turn.
                head = head[:2] + "m" + head[3]
                line = None
                gc.collect()
                while rest > 0 and size:
                    rest -= len(read(min(rest, 32)))
            if number == expected:
                demand(head, line)
            elif not again(number, None):
                send(expected + "n")
        elif number == expected:
            demand(line, line[4:-8])
        elif not again(number, None):
            send(expected + "n")

    def repair():
        # Goes on after something was lost on the board itself: a call's answer, or else a line.
        nonlocal spare, odd
        spare = None
        odd = "?"
        gc.collect()
        if kept and not kept[-1][1]:
            fail(kept[-1][1], kept[-1][0], MemoryError(), 1)
        else:
            send(expected + "n")

    def run(size):
        # Reads lines of `size` characters, or of any length where that is -1, until it is to leave.
        interrupted = lost = 0
        new = 1
        while 1:
            try:
                if new:
                    hello()
                    new = 0
                if lost:
                    repair()
                    lost = 0
                while 1:
                    if size < 0 and not interrupted:
                        line = readline()
                    else:
                        # Another tool's Ctrl-C may be among characters that came with it: a line end before it,
                        # and its Ctrl-A behind it, which is for the raw REPL. So no more is read here than what
                        # tells that it is a line of ours.
                        line = read(1)
                        if interrupted and line < " ":
                            # A blank follows a Ctrl-C of ours, or part of a line that was on its way; another
                            # tool's is followed by a line end, which is why blocks do not end in one.
                            return
                        interrupted = 0
                        if line <= " ":
                            continue
                        line += readline() if size < 0 else read(size - 1)
                    if crc(line, seed) or line[1] != expected or line[2] not in "cw":
                        if other(line, size):
                            return
                    else:
                        serve(line, line[4:-8])
            except KeyboardInterrupt:
                interrupted = 1
            except UnicodeError:
                lost = 1
            except MemoryError:
                free_heap()
                # If there is no room even to say so, the host asks.
                lost = not lost
                new = 0

    def space(name):
        if name not in spaces:
            spaces[name] = dict(real)
            spaces[name].update({"__name__": name, "S": tell, "input": refuse})
        return spaces[name]

    def execute(name, source, path=None):
        if path and compiler:
            source = compiler(source, path, "exec")
        exec(source, space(name))

    def evaluate(name, source):
        return eval(source, space(name))

    def deploy(key, name, function, source, path=None):
        nonlocal count
        execute(name, source, path)
        alias = aliases.get(key)
        if not alias:
            alias = "f%d" % count
            count += 1
        names[alias] = space(name)[function]
        aliases[key] = alias
        return alias

    def evict(key):
        if key not in aliases:
            return
        function = names.pop(aliases.pop(key))
        for where in spaces.values():
            for name in list(where):
                if where[name] is function:
                    del where[name]

    def tell(value):
        send("-s" + repr(value))

    def refuse(*_):
        raise OSError("there is no input: the line is the host's")

    def hello():
        gc.collect()
        free = getattr(gc, "mem_free", int)()
        implementation = getattr(sys, "implementation", ("micropython",))
        # The platform can have blanks.
        send("-h%d %d %d %s %s" % (free, boot, before, implementation[0], sys.platform))

    def finish():
        # Closes what is under way.
        for stream in list(streams):
            try:
                close(stream)
            except Exception:
                pass

    def begin(nonce, value, size):
        # Begins a session: nothing is left of what an earlier one was in the middle of.
        nonlocal seed, start, expected, kept, asked, odd
        seed = value
        start = "\x02" + nonce
        expected = "0"
        kept = []
        asked = 0
        odd = ""
        finish()
        # A board that has no room for anything says so at once.
        gc.collect()
        bytearray(enough)
        resume(size)

    def resume(size):
        if size:
            run(size)
        else:
            hello()

    def bring(at, size, text):
        # A piece of something long that comes over the raw REPL before the line that announces it.
        nonlocal brought
        try:
            if at == 0:
                brought = ""
                gc.collect()
                # Room for the text that is made of it, and for the expression in that.
                bytearray(2 * size)
                brought = bytearray(size)
            if type(brought) is bytearray and len(brought) == size:
                brought[at : at + len(text)] = text
        except MemoryError:
            brought = size
        send("-r")

    def take(size):
        nonlocal brought
        text = brought
        brought = ""
        if text == size:
            raise MemoryError
        return str(text, "utf8") if text else ""

    def handle(line):
        # One line that came over the raw REPL.
        try:
            other(line, 0)
        except KeyboardInterrupt:
            pass
        except (MemoryError, UnicodeError):
            repair()

    if not loads:
        # JSON is read as Python then.
        names.update(true=True, false=False, null=None)
    names.update(A=packed, F=aliases, N=space, X=execute, V=evaluate, D=deploy, U=evict, B=a2b_base64, S=tell, E=describe, W=through)
    served = {version: begin, "r": resume, "h": handle, "b": bring}
    # Should somebody delete it from `__main__`.
    getattr(sys, "modules", {})["_belay"] = served
    return served
