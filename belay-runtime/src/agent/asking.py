# Library for what bodies ask the host: host functions and `input`. Sent when a trait first needs it. A question carries
# the slot (`place`) of the thread that asks, which is 0 for the main thread, and a number that is unique in that slot.
# If the host gets a question again, it repeats the answer that it has given before.
from binascii import b2a_base64

try:
    import time
except ImportError:
    # Only threads need it, and a board without `time` has none.
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
# How many questions the main thread has asked, and how many all other threads have.
asked = count = 0
# The slots of the threads that ask, from slot 1 on: the number of the thread's question, or 0 if the slot is free, and
# the answer. Only the thread that has the slot writes there, except for the answer, which the main thread writes.
NUMBER, ANSWER = range(2)
places = [None]
# From the agent: the function that gives those of its values that change, the functions that each question needs, and
# those that few questions need; the function that gives a namespace; the one that packs exact floats, or None; and the
# globals of the expressions that the agent evaluates.
listen = tools = others = space = packed = known = None
# `session` is what the frames of this session begin with. Made once for each session: the frame that acknowledges an
# answer, the buffer for a line where lines have a fixed length, and the view of the payload in that buffer.
session = heard = line = rest = None


class HostError(Exception):
    pass


# Created in advance, since an interrupt handler may be unable to allocate memory.
refusal = RuntimeError("an interrupt handler cannot wait for the host: tell it by an event")
ran = []
run = ran.append


def begin(agent, spaces, packing, names):
    global listen, tools, others, space, packed, known
    listen, tools, others = agent
    space = spaces
    packed = packing
    known = names


# Puts into a namespace what its host functions need, and `input` if the host answers it.
def bind(name, has_input):
    names = space(name)
    names.update({"_belay_ask": asker, "HostError": HostError})
    if has_input:
        names["input"] = prompt


def prompt(text=""):
    return asker()("input", (str(text),))


# Gives the function that asks for the thread that calls this. Raises in an interrupt handler, which cannot wait for the
# host: a hard handler cannot allocate memory, and while a soft one runs, the board does not call `run`.
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


# Here the queue of `schedule` is full. The board calls the queued functions between these attempts, unless it is
# calling one now.
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


# Decodes an answer, or raises the exception that it stands for. `kind` says how the rest is encoded.
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


# Takes an answer for a thread, if that is still waiting for it. The answer is not copied, since it can be large.
def told(text):
    place, number, _ = bytes(text[:32]).split(b" ", 2)
    at = len(place) + len(number) + 2
    place = int(place)
    if 0 < place < len(places) and places[place][NUMBER] == int(number):
        places[place][ANSWER] = text[at:]


# Asks for a thread. While it waits it calls the thread's stop point, so that a stop request ends the wait as well.
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


# Makes what is made once for each session.
def attend(block, start, seed):
    global session, heard, line, rest
    heard = start + b"-!%08x\x03" % tools[1](b"-!", seed)
    line = block > 0 and memoryview(bytearray(block))
    rest = line and line[5:-8]
    session = start


# Asks for the body that the agent is running: the agent cannot read the line meanwhile, so it is read here. If the host
# hears nothing from this body, it asks for the reply to its request, and gets the question again instead; the question
# is also sent again when no line comes in time. A question says how many items the body has yielded before it, since
# the host's answer may depend on them. What is done for each question is written out here, to save the cost of calls.
def from_body(name, words):
    global asked
    send, crc, loads, waiting, readinto, readline = tools
    kept, block, seed, start, put = listen()
    if start is not session:
        attend(block, start, seed)
    asked += 1
    # The character before the kind in the answer to this question.
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
    # What `send` does, without the cost of calling it.
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
                # Acknowledged at once, since it can take long until this body reads the line again.
                put(heard)
                return understood(said[0], said[1:])
        except UnicodeError:
            others[3](b"?")


# Handles a line that came while a body waits for its answer; gives the payload if the line is that answer. Requests
# that the host has written ahead are refused, and the host sends them again.
def meanwhile(line, block, mine, asks):
    read, pong, mended, spoilt, piecemeal = others
    kept, block, seed, _, _ = listen()
    send, crc = tools[:2]
    if crc(line, seed):
        # Something may stand before an intact line, such as the blank that comes with an interrupt.
        line = mended(line, block)
        if not line:
            return
    what = line[2]
    whose = line[3]
    text = bytes(line[4:-8])
    if what == ord("p"):
        # The host may believe that this body has ended, so the question follows the pong.
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
