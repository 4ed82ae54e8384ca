# What bodies ask the host: sent when a trait first needs it. Each question has a number of its own and the place of who
# asks, of which the main thread's is the first; the host answers a question that comes again as it has before.
from binascii import b2a_base64

try:
    import time
except ImportError:
    # Where there is none there are no threads.
    time = None
try:
    from json import loads
except ImportError:
    loads = None
try:
    from _thread import allocate_lock, get_ident
except ImportError:
    get_ident = None
try:
    from micropython import schedule
except ImportError:
    schedule = None

main = get_ident and get_ident()
lock = get_ident and allocate_lock()
count = 0
# Who asks what: the number of a question, or 0, and its answer. Each is written by one thread, but for the answer.
NUMBER, ANSWER = range(2)
places = [[0, None]]
# From the agent: what reads the line, namespaces, what packs exact floats or nothing, and what expressions see.
listen = space = packed = known = None


class HostError(Exception):
    pass


# It is there before it is needed, since a handler may have no memory.
refusal = RuntimeError("an interrupt handler cannot wait for the host: tell it by an event")


def begin(listening, spaces, packing, names):
    global listen, space, packed, known
    listen = listening
    space = spaces
    packed = packing
    known = names


# Gives a namespace what its host functions are made of.
def bind(name, has_input):
    names = space(name)
    names.update({"_belay_ready": ready, "_belay_ask": ask, "HostError": HostError})
    if has_input:
        names["input"] = prompt


def prompt(text=""):
    ready()
    return ask("input", (str(text),))


# Refuses to ask for an interrupt handler. In a hard one there is no memory; while a soft one runs, no other does.
def ready():
    if main and get_ident() != main:
        return
    try:
        ran = []
        if not schedule:
            return
        for _ in range(20):
            try:
                schedule(ran.append, 1)
                break
            except RuntimeError:
                # So many wait, which run now unless this is one of them.
                pass
        for _ in range(20):
            if ran:
                return
    except MemoryError:
        pass
    raise refusal


def ask(name, words):
    global count
    exact = packed and packed(words, "E")
    text = "E" + b2a_base64(exact[1]).decode()[:-1] if exact else "v" + repr(words)
    if main and get_ident() != main:
        with lock:
            count += 1
            number = count
            place = 1
            while place < len(places) and places[place][NUMBER]:
                place += 1
            if place == len(places):
                places.append([0, None])
            record = places[place]
            record[ANSWER] = None
            record[NUMBER] = number
        waits = from_thread
    else:
        place = 0
        record = places[0]
        if lock:
            lock.acquire()
        count += 1
        number = count
        if lock:
            lock.release()
        record[ANSWER] = None
        record[NUMBER] = number
        waits = from_body
    try:
        waits(place, record, (name + ":" + text).encode())
        answer = record[ANSWER]
    finally:
        record[ANSWER] = None
        record[NUMBER] = 0
    kind = chr(answer[0])
    answer = answer[1:]
    if kind == "a" or kind == "A":
        words = known["J"](answer, known)[2]
        return words if kind == "A" else words[0]
    answer = str(answer, "utf8")
    answer = eval(answer, known) if kind == "e" or not loads else loads(answer)
    if kind == "x":
        raise HostError(answer)
    if kind == "o":
        raise EOFError(answer)
    return answer


# An answer has come, which somebody may still wait for. It can be so large that it is not copied.
def told(text):
    place, number, _ = bytes(text[:32]).split(b" ", 2)
    at = len(place) + len(number) + 2
    place = int(place)
    if place < len(places) and places[place][NUMBER] == int(number):
        places[place][ANSWER] = text[at:]


# Where threads are told to stop, they stop here as well.
def from_thread(place, record, question):
    me = get_ident()
    question = b"-?%d %d 0 " % (place, record[NUMBER]) + question
    send = listen()[7]
    wait = 1000
    while 1:
        send(question)
        sent = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), sent) < wait:
            if record[ANSWER] is not None:
                return
            points = space("_threads").get("points")
            if points and me in points:
                points[me]()
            time.sleep_ms(1)
        send = listen()[7]
        wait = min(2 * wait, 5000)


# The agent waits for this body, so the lines are read here. Requests that were written ahead are refused: the host sends
# them again. When nothing is heard of this body, the host asks for its answer, and is asked instead once more; so it is
# when nothing comes. A question says how many items came before it: the host may answer it by what they are.
def from_body(_, record, question):
    kept, block, read, readline, waiting, seed, crc, send, pong, mended, spoilt, piecemeal = listen()
    number, frames = kept[-2:] if kept else (45, ())
    question = b"%c?0 %d %d " % (number, record[NUMBER], len(frames)) + question
    # What its answer begins with.
    mine = b"0 %d " % record[NUMBER]
    size = len(mine)
    send(question)
    wait = 1000
    while record[ANSWER] is None:
        try:
            if waiting and not waiting(wait):
                send(question)
                wait = min(2 * wait, 5000)
                continue
            line = read(block) if block > 0 else readline().encode()
            if crc(line, seed):
                # A blank before it is of an interrupt.
                line = mended(line, block)
                if not line:
                    continue
            what = line[2]
            if what == ord("h"):
                line = line[4:-8]
            elif what == ord("p"):
                # The host may think that this body has ended.
                pong(line[3], line[4:-8])
                send(question)
                continue
            elif what == ord("R"):
                which = bytes(line[4:-8]).strip()
                if line[1] != number or int(which.split()[0]) < len(frames):
                    piecemeal(line[1], which)
                if line[1] == number:
                    send(question)
                continue
            elif what == ord("l"):
                what = line[4]
                line = memoryview(read(int(bytes(line[5:-8]))))
                if crc(line, seed):
                    spoilt(b"?")
                    continue
                line = line[1:-8]
            if what != ord("h"):
                spoilt(bytes(line[:64]))
            elif line[:size] == mine:
                record[ANSWER] = line[size:]
            else:
                told(line)
        except UnicodeError:
            spoilt(b"?")
    # From now on this body may not read for long.
    send(b"%c!%d" % (number, record[NUMBER]))
