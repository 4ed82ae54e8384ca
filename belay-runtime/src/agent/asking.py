# What bodies ask the host: sent when a trait first needs it. Each question has the place of who asks, of which the main
# thread's is the first, and a number of its own there; the host answers a question that comes again as it has before.
from binascii import b2a_base64

try:
    import time
except ImportError:
    # Where there is none there are no threads.
    time = None
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
# How many the main thread has asked, and how many all others.
asked = count = 0
# What threads ask, from the second place on: the number of a question, or 0, and its answer. Each is written by one thread,
# but for the answer.
NUMBER, ANSWER = range(2)
places = [None]
# From the agent: what changes of it, what each question needs, and what few do; namespaces, what packs exact floats or
# nothing, and what expressions see.
listen = tools = others = space = packed = known = None
# Of the session that begins its frames with this: the frame that says that an answer has come, the line that is read where
# those are of one length, and what stands in it.
session = heard = line = rest = None


class HostError(Exception):
    pass


# It is there before it is needed, since a handler may have no memory.
refusal = RuntimeError("an interrupt handler cannot wait for the host: tell it by an event")
ran = []
run = ran.append


def begin(agent, spaces, packing, names):
    global listen, tools, others, space, packed, known
    listen, tools, others = agent
    space = spaces
    packed = packing
    known = names


# Gives a namespace what its host functions are made of.
def bind(name, has_input):
    names = space(name)
    names.update({"_belay_ask": asker, "HostError": HostError})
    if has_input:
        names["input"] = prompt


def prompt(text=""):
    return asker()("input", (str(text),))


# What asks for who calls this, which no interrupt handler may. In a hard one there is no memory; while a soft one runs,
# no other does.
def asker():
    if main and get_ident() != main:
        return from_thread
    if not schedule:
        return from_body
    ran.clear()
    try:
        schedule(run, 1)
    except RuntimeError:
        schedule_behind_others()
    for _ in range(20):
        if ran:
            return from_body
    raise refusal


# So many wait, which run now unless this is one of them.
def schedule_behind_others():
    for _ in range(20):
        try:
            return schedule(run, 1)
        except RuntimeError:
            pass


def question(head, name, words):
    exact = packed and packed(words, "E")
    if exact:
        return b"%s%s:E%s" % (head, name, b2a_base64(exact[1])[:-1])
    return b"%s%s:v%r" % (head, name, words)


# What an answer says: its kind, and the rest.
def understood(kind, text):
    if kind == ord("a") or kind == ord("A"):
        words = known["J"](text, known)[2]
        return words if kind == ord("A") else words[0]
    if kind == ord("e"):
        return eval(str(text, "utf8"), known)
    answer = tools[2](text)
    if kind == ord("x"):
        raise HostError(answer)
    if kind == ord("o"):
        raise EOFError(answer)
    return answer


# An answer has come, which a thread may still wait for. It can be so large that it is not copied.
def told(text):
    place, number, _ = bytes(text[:32]).split(b" ", 2)
    at = len(place) + len(number) + 2
    place = int(place)
    if 0 < place < len(places) and places[place][NUMBER] == int(number):
        places[place][ANSWER] = text[at:]


# Where threads are told to stop, they stop here as well.
def from_thread(name, words):
    global count
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
    try:
        text = question(b"-?%d %d 0 " % (place, number), name, words)
        wait = 1000
        me = get_ident()
        while record[ANSWER] is None:
            tools[0](text)
            sent = time.ticks_ms()
            while record[ANSWER] is None and time.ticks_diff(time.ticks_ms(), sent) < wait:
                points = space("_threads").get("points")
                if points and me in points:
                    points[me]()
                time.sleep_ms(1)
            wait = min(2 * wait, 5000)
        answer = record[ANSWER]
    finally:
        record[ANSWER] = None
        record[NUMBER] = 0
    return understood(answer[0], answer[1:])


# Makes what is made once in a session.
def attend(block, start, seed):
    global session, heard, line, rest
    heard = start + b"-!%08x\x03" % tools[1](b"-!", seed)
    line = block > 0 and memoryview(bytearray(block))
    rest = line and line[5:-8]
    session = start


# The agent waits for this body, so the lines are read here. When nothing is heard of this body, the host asks for its
# answer, and is asked instead once more; so it is when nothing comes. A question says how many items came before it: the
# host may answer it by what they are. What is asked often is done here, without what calling for it takes.
def from_body(name, words):
    global asked
    send, crc, loads, waiting, readinto, readline = tools
    kept, block, seed, start, put = listen()
    if start is not session:
        attend(block, start, seed)
    asked += 1
    # What its answer has before its kind.
    mine = 48 + (asked & 63)
    number = 45
    items = 0
    if kept:
        items = len(kept[-1])
        number = kept[-2]
    if packed:
        asks = question(b"%c?0 %d %d " % (number, asked, items), name, words)
    else:
        asks = b"%c?0 %d %d %s:v%r" % (number, asked, items, name, words)
    # As `send` does it, without what calling that takes.
    put(start + asks + b"%08x\x03" % crc(asks, seed))
    own_line = line
    wait = 1000
    while 1:
        try:
            if waiting and not waiting(wait):
                send(asks)
                wait = min(2 * wait, 5000)
                continue
            if block > 0:
                readinto(own_line)
                if not crc(own_line, seed) and own_line[3] == mine and own_line[2] == ord("h"):
                    put(heard)
                    kind = own_line[4]
                    return loads(rest) if kind == ord("j") else understood(kind, rest)
                said = meanwhile(own_line, block, mine, asks)
            else:
                said = meanwhile(readline().encode(), block, mine, asks)
            if said:
                # From now on this body may not read for long.
                put(heard)
                return understood(said[0], said[1:])
        except UnicodeError:
            others[3](b"?")


# What to do with a line that a body reads: gives what stands in its answer. Requests that were written ahead are refused:
# the host sends them again.
def meanwhile(line, block, mine, asks):
    read, pong, mended, spoilt, piecemeal = others
    kept, block, seed, _, _ = listen()
    send, crc = tools[:2]
    if crc(line, seed):
        # A blank before it is of an interrupt.
        line = mended(line, block)
        if not line:
            return
    what = line[2]
    whose = line[3]
    text = bytes(line[4:-8])
    if what == ord("p"):
        # The host may think that this body has ended.
        pong(whose, text)
        send(asks)
    elif what == ord("R"):
        which = text.strip()
        number = asks[0]
        if line[1] != number or int(which.split()[0]) < len(kept[-1]):
            piecemeal(line[1], which)
        if line[1] == number:
            send(asks)
    else:
        if what == ord("l"):
            what = text[0]
            line = memoryview(read(int(text[1:])))
            if crc(line, seed + 1):
                return spoilt(b"?")
            line = text = line[1:-8]
        if what != ord("h"):
            spoilt(bytes(line[:64]))
        elif whose == mine:
            return text
        elif whose == ord("-"):
            told(text)
