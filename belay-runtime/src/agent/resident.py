# The agent: what stays on the board and answers one line with one or more frames.
#
# Everything lives in the closure of one function, so that the board compiles it while it arrives, without
# room for its source, and so that `__main__` sees one name more and no others. What is MicroPython's own it takes
# from `builtins` by itself: `build.rs` writes that. Nothing that `main.py` calls `len` gets in between.
def _belay(version, boot, before):
    import sys, gc

    from binascii import crc32 as crc
    from binascii import a2b_base64, b2a_base64

    try:
        from json import loads as json

        json(memoryview(b"0"))
    except:
        json = None

    def loads(text):
        # JSON as Python, which it is with three names more.
        return eval(bytes(text), names)

    loads = json or loads
    try:
        from builtins import compile as compiler
    except:
        compiler = None
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
        # The same without a list.
        glance = getattr(waiting, "ipoll", waiting.poll)
        waiting = waiting.poll
    except:
        waiting = None
        glance = bytes
    # What comes and goes are bytes: each new text would be looked up among all names that there are, which takes longer
    # than a call.
    put = sys.stdout
    # A text's line ends would be looked for in all of it.
    put = getattr(put, "buffer", put).write
    readinto = getattr(sys, "stdin", None)
    readline = getattr(readinto, "readline", None)
    readinto = getattr(readinto, "readinto", None)
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
    start = b""
    expected = ord("0")
    # Each number, and behind it the frames of its answer, or what they are made of.
    kept = []
    count = 0
    # The last ping, and what was thrown away since because it was no line: the host sees whether somebody else reads.
    asked = odd = b""
    # Whether a Ctrl-C has ended a call, which is told by its answer.
    stopped = 0
    # What came over the raw REPL for the line behind it, or the length that there is no room for; and what came for the line
    # that is being handled.
    brought = came = b""
    # How many characters are read at once, as `run` has it.
    block = 0
    # Room to say something in when there is no other; where words have 64 bits everything takes twice as much.
    enough = 3072 if getattr(sys, "maxsize", 0) >> 32 else 1536
    spare = bytearray(enough)
    raw = (bytes, bytearray, memoryview)

    def send(text):
        put(start + text + b"%08x\x03" % crc(text, seed))

    def base64(data):
        return b2a_base64(data, newline=False)

    try:
        base64(b"")
    except:
        # Older boards make a line of it.
        def base64(data):
            return b2a_base64(data)[:-1]

    def read(size):
        line = bytearray(size)
        readinto(line)
        return line

    def piecewise(wanted, i, text):
        # Sends a frame of an answer, or only what is wanted of it: from which frame and which byte of that, up to
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
            send(b"%cf%d %d %d:%s" % (text[0], i, at, total, base64(text[at : at + size])))

    def part(wanted, number, i, data):
        # As `send`, but what is long is copied as seldom as can be.
        head = b"%c+%d:" % (number, i)
        data = base64(data)
        if wanted:
            return piecewise(wanted, i, head + data)
        # Of new `bytes` a board works out a hash, which takes longer than to copy them.
        frame = bytearray(start + head)
        frame += data
        frame += b"%08x\x03" % crc(data, crc(head, seed))
        put(frame)

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
            piecewise(wanted, self.sent, b"%cw%d" % (number, self.sent))

    def parts(number, value, wanted):
        # Sends bytes, which may be large, in parts of their own. A `memoryview` counts as `bytes`. What was packed comes
        # with what it was packed as.
        i = 0
        end = b"a" if type(value) is bytearray else b"b"
        if type(value) is tuple:
            end, value = value
            end = b"W" + end
        size = len(value)
        value = memoryview(value)
        for at in range(0, size, 1536):
            part(wanted, number, i, value[at : at + 1536])
            i += 1
        piecewise(wanted, i, b"%c%s%d" % (number, end, i))

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

    def look_at_heap():
        # On a locked heap nothing can be called that takes as much as to answer does. To unlock one that is not locked is
        # nothing to be done for each call: a Ctrl-C could come in the middle.
        try:
            bytearray(1)
        except MemoryError:
            free_heap()

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
        nonlocal spare, stopped
        many = len(frames)
        if isinstance(error, KeyboardInterrupt):
            say(frames, b"%ci%d" % (number, many))
            stopped = 1
            return
        # What is said of it, and the next request, have the spare room.
        spare = None
        gc.collect()
        try:
            say(frames, b"%ce%r" % (number, (many, fate) + describe(error)))
        except Exception:
            gc.collect()
            say(frames, b"%ce(%d,%d,'%s','',None,None,'')" % (number, many, fate, type(error).__name__))

    def steps(items):
        # A generator of what this gives, which is its own iterator; `for` could have another one begin anew.
        try:
            while 1:
                yield next(items)
        except StopIteration:
            pass

    generator = type(steps(0))

    def batch(frames, number, stream, credit):
        items, result = streams[stream]
        size = i = 0
        end = b"d"
        # Most items are numbers, and many come at once: what `say` and the packing do is done here, as calling them
        # takes as long.
        real = result and result in ".fE" and packed("f" if 1e-9 + 1 == 1 else "d", (0.0,))
        exact = float if real else None
        # An item with the moment at which the board had it is packed with that.
        whole = None if result == "@" else int
        head = b"%cy%%d:%%d" % number
        for item in items if type(items) is generator else steps(items):
            kind = type(item)
            if kind is whole:
                text = head % (i, item)
            elif kind is exact:
                real[0] = item
                text = b"%cY%d:.%s" % (number, i, base64(real))
            else:
                text = item_as(number, i, item, result)
            frame = start + text + b"%08x\x03" % crc(text, seed)
            frames.append(text)
            put(frame)
            i += 1
            size += len(text)
            if i == credit or size > 2047 or any(glance(0)):
                end = b"p"
                break
        else:
            del streams[stream]
        say(frames, b"%c%s%d" % (number, end, i))

    def item_as(number, i, item, result):
        # The frame of an item.
        packed = result and names["P"](item, result)
        if packed:
            return b"%cY%d:%s" % (number, i, packed[0] + base64(packed[1]))
        if isinstance(item, raw) and type(item) in raw:
            if len(item) > 40:
                text = b"%ck%d:%s" if type(item) is bytearray else b"%cz%d:%s"
                return text % (number, i, base64(item))
            if type(item) is memoryview:
                item = bytes(item)
        return b"%cy%d:%r" % (number, i, item)

    def close(stream):
        items, _ = streams.pop(stream, (None, None))
        if hasattr(items, "close"):
            items.close()

    def begun(keep):
        # Begins the answer to what is expected: its frames. How many before it are to be kept is said as a character.
        nonlocal expected, kept
        frames = []
        if keep == ord("0"):
            kept = [expected, frames]
        else:
            kept = kept[2 * (ord("0") - keep) :] + [expected, frames]
        # Where there was no room for this much, nothing has been done, and the line may be sent again.
        expected = ord("0") + (expected - 47 & 63)
        return frames

    def failed(frames, number, error, fate):
        if not fate and isinstance(error, (KeyError, NameError)):
            # There is no such function: it may have been removed for another program's.
            fate = 2
        fail(frames, number, error, fate)
        if isinstance(error, KeyboardInterrupt):
            raise error

    def in_pieces(frames, number, value):
        # Answers with a value that there is no room for as text. What was kept to say that there is no room serves for
        # what there is to say, too.
        gc.collect()
        kept[-1] = Parts(value)
        try:
            kept[-1].answer(number, None)
        except BaseException as error:
            kept[-1] = frames
            # A board whose `print` writes to no object of ours.
            raise MemoryError if isinstance(error, OSError) else error

    def respond(frames, number, value, result):
        # Answers with a value, packed if that is asked for.
        nonlocal spare
        packed = result and names["P"](value, result)
        if packed:
            if len(packed[1]) > 40:
                kept[-1] = packed
                return parts(number, packed, None)
            return say(frames, b"%cC%s" % (number, packed[0] + base64(packed[1])))
        if type(value) in raw:
            if len(value) > 40:
                kept[-1] = value
                return parts(number, value, None)
            if type(value) is memoryview:
                value = bytes(value)
        try:
            say(frames, b"%cv%r" % (number, value))
        except MemoryError:
            spare = None
            in_pieces(frames, number, value)

    def serve(kind, keep, text):
        # Does what a line asks that is intact and the next one. The text is what stands in it: it can be so large that
        # there is no room for it twice, and is gone when the next line is read.
        number = expected
        frames = begun(keep)
        # Whether what was asked for has begun, and what the result is to be packed as.
        fate = 0
        result = None
        try:
            if kind == ord("c") or kind == ord("w"):
                words = loads(text)
                if kind == ord("w"):
                    result = words.pop(0)
                value = names[words.pop(0)]
                fate = 1
                value = value(*words)
            elif kind == ord("j"):
                result, value, words = names["J"](text, names)
                value = names[value]
                fate = 1
                value = value(*words)
            elif kind == ord("a") or kind == ord("A"):
                value, *words = eval(bytes(text), names)
                if kind == ord("A"):
                    result = value
                    value = words.pop(0)
                fate = 1
                value = value(*words)
            elif kind == ord("m"):
                raise MemoryError
            elif kind == ord("e"):
                fate = 1
                value = eval(bytes(text), names)
            elif kind == ord("x"):
                value = close(bytes(text).strip())
            else:
                fate = 1
                stream, credit, text = bytes(text).split(b" ", 2)
                if kind == ord("s") or kind == ord("S"):
                    if kind == ord("S"):
                        result, text = text.split(b" ", 1)
                        result = result.decode()
                    streams[stream] = iter(eval(text, names)), result
                elif stream not in streams:
                    # A Ctrl-C has ended it behind the end of a batch.
                    return say(frames, b"%ci0" % number)
                try:
                    return batch(frames, number, stream, int(credit))
                except BaseException:
                    close(stream)
                    raise
            look_at_heap()
            respond(frames, number, value, result)
        except SystemExit:
            # It resets the board, as it does without us.
            raise
        except BaseException as error:
            free_heap()
            failed(frames, number, error, fate)

    def again(number, wanted):
        # Sends once more what was answered, or what is wanted of it; false if that is not known.
        for at in range(0, len(kept), 2):
            if kept[at] == number:
                frames = kept[at + 1]
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
            send(b"%ct%d" % (number, wanted[1]) if again(number, wanted) else b"%cg" % number)
        finally:
            if hold:
                spaces["_threads"]["resume"]("")

    def demand(kind, keep, text):
        # As `serve`; after a failure what was spare is this request's to use.
        missing = not spare
        serve(kind, keep, text)
        if missing:
            restore()

    def pong(keep, text):
        nonlocal asked, odd
        restore()
        number = bytes(text).strip()
        for _ in range(keep - 47):
            send(b"%co%s %s %s" % (expected, number, asked, base64(odd)))
        asked = number
        odd = b""

    def spoilt(text):
        # What is thrown away is told with the next pong, and what came is to be sent again.
        nonlocal odd
        odd = (odd + text)[:64]
        send(b"%cn" % expected)

    def listen():
        # What changes of what a body needs that waits for the host. With one variable more calling this would take memory.
        return kept, block, seed, start, put

    def mended(line, size):
        # The intact line behind what is damaged, if it is there; otherwise what is there is refused.
        nonlocal odd
        line = bytes(line)
        while 1:
            while line and line[0] <= ord(" "):
                line = line[1:] + (read(1) if size > 0 else b"")
            if not line or not crc(line, seed):
                return line
            # If a line ends in it, another one begins behind that.
            at = line.find(b"~") + 1
            odd = (odd + line[: at or None])[:64]
            if size <= 0 or at == 0 or at == len(line):
                return send(b"%cn" % expected)
            line = line[at:] + read(at)

    def other(line, size):
        # Does what an intact line asks, or gives what is to be served; no text if the agent is to leave.
        nonlocal odd
        number = line[1]
        kind = line[2]
        keep = line[3]
        text = line[4:-8]
        if kind == ord("p"):
            pong(keep, text)
        elif kind == ord("q"):
            finish()
            send(b"%cq" % expected)
            return 0, 0, None
        elif kind == ord("R"):
            piecemeal(number, bytes(text).strip())
        elif kind == ord("l"):
            kind = text[0]
            rest = int(bytes(text[1:]))
            try:
                line = memoryview(read(rest) if size else take())
                rest = 0
                # A body is no line: what looks like one must not be taken for it when that before it was lost.
                if crc(line, seed + 1):
                    odd = b"?"
                    return send(b"%cn" % expected)
                text = line[1:-8]
            except MemoryError:
                # There is no room for it: it is skipped, and answered in its turn.
                kind = ord("m")
                line = None
                text = b""
                gc.collect()
                while rest > 0 and size:
                    rest -= len(read(min(rest, 32)))
            if number == expected:
                return kind, keep, text
            elif not again(number, None):
                send(b"%cn" % expected)
        elif number == expected:
            return kind, keep, text
        elif not again(number, None):
            send(b"%cn" % expected)

    def repair():
        # Goes on after something was lost on the board itself: a call's answer, or else a line.
        nonlocal spare, odd
        spare = None
        odd = b"?"
        gc.collect()
        if kept and not kept[-1]:
            fail(kept[-1], kept[-2], MemoryError(), 1)
        else:
            send(b"%cn" % expected)

    def run(size):
        # Reads lines of `size` characters, or of any length where that is -1, until it is to leave.
        nonlocal odd, spare, stopped
        interrupted = lost = 0
        new = 1
        # The line, what stands in it, and its first character: a Ctrl-C of another tool's may be among characters that came
        # with it, a line end before it, and its Ctrl-A behind it, which is for the raw REPL. So no more is read at once
        # than what tells that it is a line of ours.
        line = memoryview(bytearray(max(size, 1)))
        first = line[:1]
        rest = line[1:]
        text = line[4:-8]
        while 1:
            try:
                if new:
                    hello()
                    new = 0
                if lost:
                    repair()
                    lost = 0
                while 1:
                    if interrupted or size > 0:
                        readinto(first)
                        if first[0] <= ord(" "):
                            if interrupted and first[0] < ord(" "):
                                # A blank follows a Ctrl-C of ours, or part of a line that was on its way; another
                                # tool's is followed by a line end, which is why blocks do not end in one.
                                return
                            interrupted = 0
                            continue
                    if size > 0:
                        readinto(rest)
                    else:
                        line = (bytes(first) if interrupted else b"") + readline().encode()
                        text = line[4:-8]
                    interrupted = 0
                    task = ()
                    if crc(line, seed):
                        known = mended(line, size)
                        if known:
                            task = other(known, size)
                        known = None
                    elif line[1] != expected or line[2] != ord("c") and line[2] != ord("w"):
                        task = other(line, size)
                    else:
                        # Most of what is asked, as `serve` and `send` do it, without what calling them takes.
                        number = expected
                        frames = begun(line[3])
                        fate = 0
                        result = None
                        try:
                            try:
                                words = loads(text)
                            except MemoryError:
                                # What makes room may be asked for.
                                spare = None
                                gc.collect()
                                words = loads(text)
                            if line[2] == ord("w"):
                                result = words.pop(0)
                            value = names[words.pop(0)]
                            fate = 1
                            value = value(*words)
                            if result or isinstance(value, raw):
                                look_at_heap()
                                respond(frames, number, value, result)
                            else:
                                try:
                                    reply = b"%cv%r" % (number, value)
                                    frames.append(reply)
                                    check = b"%08x\x03" % crc(reply, seed)
                                    # What is long is copied once, which takes longer for what is short.
                                    put(start + reply + check if len(reply) < 100 else b"".join((start, reply, check)))
                                except MemoryError:
                                    # Even calling that takes room, and a heap that is not locked.
                                    free_heap()
                                    # What was never sent must not be waited for.
                                    frames.clear()
                                    spare = None
                                    in_pieces(frames, number, value)
                        except SystemExit:
                            raise
                        except BaseException as error:
                            free_heap()
                            failed(frames, number, error, fate)
                        frames = words = value = reply = None
                    if task:
                        if task[2] is None:
                            return
                        # Not in there: what it takes to get to this much is not there any more.
                        demand(*task)
                        task = None
            except KeyboardInterrupt:
                interrupted = 1
                if not stopped:
                    # Whatever was read of a line is gone with it, and that nobody else has taken it is to be seen.
                    odd = b"?"
                stopped = 0
            except UnicodeError:
                lost = 1
            except MemoryError:
                # What goes on needs room itself.
                free_heap()
                spare = None
                gc.collect()
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
        # Under its number, too, so that no call has to make the name.
        names[alias] = names[int(alias[1:])] = space(name)[function]
        aliases[key] = alias
        return alias

    def evict(key):
        if key not in aliases:
            return
        alias = aliases.pop(key)
        function = names.pop(alias)
        del names[int(alias[1:])]
        for where in spaces.values():
            for name in list(where):
                if where[name] is function:
                    del where[name]

    def tell(value):
        send(b"-s%r" % (value,))

    def refuse(*_):
        raise EOFError("nobody answers `input`: DeviceBuilder::input says who does")

    def hello():
        gc.collect()
        free = getattr(gc, "mem_free", int)()
        implementation = getattr(sys, "implementation", ("micropython",))
        # The platform can have blanks.
        send(b"-h%d %d %d %s %s" % (free, boot, before, implementation[0], sys.platform))

    def finish():
        # Closes what is under way.
        for stream in list(streams):
            try:
                close(stream)
            except Exception:
                pass

    def look_for_room():
        # A function of its own: whoever made this would keep it for as long as it runs.
        bytearray(enough)

    def begin(nonce, value, size):
        # Begins a session: nothing is left of what an earlier one was in the middle of.
        nonlocal seed, start, expected, kept, asked, odd, stopped
        seed = value
        start = b"\x02" + nonce.encode()
        expected = ord("0")
        kept = []
        asked = b"0"
        odd = b""
        stopped = 0
        finish()
        # A board that has no room for anything says so at once.
        gc.collect()
        look_for_room()
        resume(size)

    def resume(size):
        nonlocal block
        block = size
        if size:
            run(size)
        else:
            hello()

    def bring(at, size, text):
        # A piece of something long that comes over the raw REPL before the line that announces it.
        nonlocal brought
        try:
            if at == 0:
                brought = b""
                gc.collect()
                # Room for the text that is made of it, and for the expression in that.
                bytearray(2 * size)
                brought = bytearray(size)
            if type(brought) is bytearray and len(brought) == size:
                brought[at : at + len(text)] = text
        except MemoryError:
            brought = size
        send(b"-r")

    def take():
        nonlocal came
        line = came
        came = b""
        if type(line) is int:
            raise MemoryError
        return line

    def handle(line):
        # One line that came over the raw REPL. What was brought is for this one or for none: a request that takes over the
        # number of one that was lost is not sent before an answer has come, and none is given before this.
        nonlocal brought, came
        came = brought
        brought = b""
        try:
            line = line.encode()
            if crc(line, seed):
                line = mended(line, 0)
            task = line and other(line, 0)
            if task and task[2] is not None:
                demand(*task)
        except KeyboardInterrupt:
            pass
        except MemoryError:
            repair()

    if not json:
        names.update(true=True, false=False, null=None)
    names.update(A=packed, F=aliases, N=space, X=execute, V=evaluate, D=deploy, U=evict, B=a2b_base64, S=tell, E=describe, W=through)
    names["L"] = listen, (send, crc, loads, waiting, readinto, readline), (read, pong, mended, spoilt, piecemeal)
    served = {version: begin, "r": resume, "h": handle, "b": bring}
    # Should somebody delete it from `__main__`.
    getattr(sys, "modules", {})["_belay"] = served
    return served
