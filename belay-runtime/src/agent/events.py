# Events: what bodies tell the host without having been asked for it. Whatever sends takes the lock, the agent's own
# answers included, so that no frame gets into another whichever thread it is from. What is told while the same thread
# is in the middle of a frame, as by an interrupt, waits until that is at its end.
from binascii import b2a_base64

try:
    from _thread import allocate_lock, get_ident
    lock = allocate_lock()
except ImportError:
    class NoLock:
        def acquire(self):
            pass

        release = acquire

    lock = NoLock()

    def get_ident():
        return 1

try:
    from micropython import schedule
except ImportError:
    schedule = None
try:
    from micropython import heap_lock, heap_unlock
except ImportError:
    heap_lock = heap_unlock = int
# The counter of microseconds, where there is one, and after how many it begins again, or 0.
period = 0
try:
    from time import ticks_us, ticks_add

    period = ticks_add(0, -1) + 1
except ImportError:
    try:
        from time import monotonic_ns

        def ticks_us():
            return monotonic_ns() // 1000
    except ImportError:
        ticks_us = None

# Whether nothing can be allocated, which is no lack of memory.
def is_locked():
    heap_lock()
    return heap_unlock()

# The places in a record: what it is told under, or 0 while nobody listens; how many were told or lost under that; how
# many were lost where no lock can be taken; what was put off because nothing could be allocated, in a ring, and from
# where to where it is there; what the counter was for each of that, or nothing where nobody wants to know.
TOKEN, NUMBER, LOST, RING, FIRST, BEHIND, MOMENTS = range(7)
RING_ROOM = 1024

# The functions that bodies call, with their records, by namespace and name.
table = {}
waiting = []
# How many may wait.
room = 0
# The thread that sends.
holder = None
# The agent's: what makes a frame, what writes it, and what packs floats, where they are.
send = write = pack = None

# Does something while nobody else sends. An interrupt comes where the code branches: so it does not between taking the
# lock and the `try`, nor while the lock is let go.
def alone(act, *arguments):
    global holder
    me = get_ident()
    lock.acquire()
    holder = me
    try:
        return act(*arguments)
    finally:
        holder = None
        lock.release()

# Writes a frame of anybody's.
def put(text):
    if holder == get_ident():
        write(text)
    else:
        alone(write, text)
        settle()

# Sends what was told meanwhile. What fails of it is counted, and no concern of whoever has sent something.
def settle():
    try:
        while waiting and holder != get_ident():
            alone(drain)
    except MemoryError:
        pass

def drain():
    while waiting:
        told(*waiting.pop(0))

# The number of what is told next: whatever becomes of it, it is counted.
def count(record):
    number = record[NUMBER]
    record[NUMBER] = number + 1
    return number + record[LOST]

def told(token, number, text):
    if text:
        try:
            send(b"-u%d %d%s" % (token, number, text))
        except MemoryError:
            pass

def tell(record, text):
    token = record[TOKEN]
    if token:
        told(token, count(record), text)

def written(value, moment):
    try:
        packed = pack and pack(value, "E")
        if moment is not None:
            head = b"%d %d:" % (moment, period)
            head += b"p" + packed[0] + packed[1] if packed else b"r%r" % (value,)
            return b"#@" + b2a_base64(head)[:-1]
        if packed:
            return b"#%s%s" % (packed[0], b2a_base64(packed[1])[:-1])
        return b":%r" % (value,)
    except MemoryError:
        return None

def say(record, value, moment):
    if not record[TOKEN]:
        return
    text = written(value, moment)
    if holder != get_ident():
        try:
            alone(tell, record, text)
        except MemoryError:
            record[LOST] += 1
        settle()
        return
    number = count(record)
    if len(waiting) < room:
        try:
            waiting.append((record[TOKEN], number, text))
        except MemoryError:
            pass

# What a body calls. Where nothing can be allocated, as in a hard interrupt handler, it is put off, and what follows with it.
def event(record):
    def later(_):
        if is_locked() or holder == get_ident():
            again(later)
        else:
            alone(catch_up, record)
            settle()

    def event(value=None):
        if record[TOKEN]:
            # A small number: it is there where nothing can be allocated.
            moment = ticks_us() if record[MOMENTS] else None
            try:
                [value]
                put_off = record[FIRST] != record[BEHIND]
            except MemoryError:
                put_off = True
            if not put_off:
                return say(record, value, moment)
            at = record[BEHIND]
            behind = (at + 1) % len(record[RING])
            if behind == record[FIRST]:
                record[LOST] += 1
            else:
                record[RING][at] = value
                if record[MOMENTS]:
                    record[MOMENTS][at] = moment
                record[BEHIND] = behind
            again(later)

    return event

# If there is no room for it now, whatever comes next does it.
def again(later):
    try:
        schedule(later, None)
    except Exception:
        pass

# Tells what was put off.
def catch_up(record):
    while record[FIRST] != record[BEHIND]:
        at = record[FIRST]
        value = record[RING][at]
        record[RING][at] = None
        record[FIRST] = (at + 1) % len(record[RING])
        text = None
        try:
            text = written(value, record[MOMENTS] and record[MOMENTS][at])
        except Exception:
            pass
        tell(record, text)

# Puts the events of a trait into its namespace. `fresh` is for a host that is new to the board.
def claim(through, packs, most, fresh, name, space, events):
    global send, write, pack, room
    if not send:
        send, write = through(put)
    pack = packs
    room = most
    if fresh:
        quiet()
    for word in events:
        key = name, word
        if key not in table:
            # What cannot be allocated when it is needed has its room from the beginning, however much a host would have.
            record = [0, 0, 0, [None] * (min(room, RING_ROOM) + 1), 0, 0, None]
            table[key] = record, event(record)
        space[word] = table[key][1]
    return True

# From now on what is told is sent under this token, or not at all if that is 0; with its moment if that is wanted.
def listen(name, word, token, stamped=0):
    if stamped and not ticks_us:
        raise NotImplementedError("no counter of microseconds")
    alone(begin, table[name, word][0], token, stamped)

def begin(record, token, stamped):
    if stamped:
        record[MOMENTS] = record[MOMENTS] or [None] * len(record[RING])
    elif record[TOKEN] != token:
        record[MOMENTS] = None
    if record[TOKEN] != token:
        record[TOKEN] = token
        record[NUMBER] = record[LOST] = 0
        record[FIRST] = record[BEHIND]

# How many were told under each token.
def counts():
    return alone(counted)

def counted():
    for record, _ in table.values():
        catch_up(record)
    return [(record[TOKEN], record[NUMBER] + record[LOST]) for record, _ in table.values() if record[TOKEN]]

def quiet():
    for record, _ in table.values():
        record[TOKEN] = 0
