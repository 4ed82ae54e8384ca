# Threads on the board. Each has a record that only the thread itself writes, except for the stop request and its
# deadline; only the main thread writes the table of records. So no locks are needed, which matters on boards where
# threads run truly in parallel.
import _thread
import sys
import time

class Stop(BaseException):
    pass

# The states of a record.
RUNNING, PAUSED, STOPPED, FINISHED, FAILED = range(5)
# The fields of a record.
NAME, STATE, STOPPING, RESTARTS, ELAPSED, LAST, ERROR, UNTIL, BEGUN = range(9)

table = {}
# By thread: the stop point, for functions that wait within a thread.
points = {}
# The pauses that hold the threads at their stop points. Each has a name, by which it is begun and ended, because an
# interrupt may have prevented it from beginning at all.
pauses = {}

def elapsed(record):
    return record[ELAPSED] + time.ticks_diff(time.ticks_ms(), record[LAST])

def elapse(record):
    # Added up in small steps, because the clock of a board wraps around.
    now = time.ticks_ms()
    record[ELAPSED] += time.ticks_diff(now, record[LAST])
    record[LAST] = now
    return record[ELAPSED]

# Asks a thread to stop. For `patience` milliseconds its clean-up is not interrupted.
def request(record, patience):
    record[UNTIL] = time.ticks_add(time.ticks_ms(), patience)
    record[STOPPING] = True

def body(send, describe, ident, record, function, arguments, restarts, longest, patience):
    told = False

    # A stop point. It raises `Stop` once, and not where the body is cleaning up, so that clean-up is completed. After
    # the deadline each stop point raises, since the body may have swallowed the first `Stop`.
    def stop(cleaning=False):
        nonlocal told
        while 1:
            if longest and not record[STOPPING] and elapse(record) >= longest:
                request(record, patience)
            if record[STOPPING]:
                if not (told or cleaning) or time.ticks_diff(time.ticks_ms(), record[UNTIL]) > 0:
                    told = True
                    raise Stop
                return
            if not pauses:
                return
            record[STATE] = PAUSED
            while pauses and not record[STOPPING]:
                time.sleep_ms(1)
            record[STATE] = RUNNING

    record[BEGUN] = True
    me = _thread.get_ident()
    points[me] = stop
    wait = 100
    while 1:
        try:
            # The thread may have been asked to stop before it began.
            stop()
            function(stop, *arguments)
            state = STOPPED if told else FINISHED
            break
        except Stop:
            state = STOPPED
            break
        except SystemExit:
            # In a thread, `SystemExit` ends only the thread, as it does without this library.
            state = STOPPED if told else FINISHED
            break
        except BaseException as error:
            state = FAILED
            record[ERROR] = describe(error)
        if told or record[RESTARTS] >= restarts:
            break
        try:
            for _ in range(wait // 10):
                stop()
                time.sleep_ms(10)
        except Stop:
            state = STOPPED
            break
        wait = min(wait * 2, 5000)
        record[RESTARTS] += 1
        send(("thread", ident))
    points.pop(me, None)
    elapse(record)
    record[STATE] = state
    send(("thread", ident))

# Whether a thread has ended. One that was asked to stop before it began counts as ended, since it never runs its body.
def ended(record):
    return record[STATE] >= STOPPED or record[STOPPING] and not record[BEGUN]

# Reports on all threads, after it has forgotten those in `seen`, which the host knows to have ended.
def report(seen):
    for ident in seen:
        table.pop(ident, None)
    reports = []
    for ident, record in table.items():
        time = record[ELAPSED] if ended(record) else elapsed(record)
        state = max(record[STATE], STOPPED) if ended(record) else record[STATE]
        reports.append((ident, record[NAME], state, record[STOPPING], record[RESTARTS], time, record[ERROR]))
    return reports

# Starts a thread, unless `single` is set and a thread of this name is running. Gives whether it was started, and a
# description of the exception if the board had no room for another thread. `send` and `describe` are the agent's.
def start(send, describe, ident, name, single, function, arguments, restarts, longest, patience):
    if single:
        for record in table.values():
            if record[NAME] == name and not ended(record):
                return (False, None)
    record = [name, RUNNING, False, 0, 0, time.ticks_ms(), None, 0, False]
    table[ident] = record
    try:
        _thread.start_new_thread(body, (send, describe, ident, record, function, arguments, restarts, longest, patience))
    except KeyboardInterrupt:
        # Nobody can tell whether the thread has been started. If so it stops, since the host would not know it.
        request(record, patience)
        raise
    except BaseException as error:
        del table[ident]
        if isinstance(error, (OSError, RuntimeError)):
            return (False, describe(error))
        raise
    return (True, None)

def stop(idents, patience):
    for ident in idents:
        if ident in table:
            request(table[ident], patience)

# Holds all threads at their stop points, and gives the names of those that did not reach one in time.
def pause(name, milliseconds):
    pauses[name] = 1
    began = time.ticks_ms()
    while 1:
        late = [record[NAME] for record in table.values() if record[STATE] == RUNNING and not ended(record)]
        if not late or time.ticks_diff(time.ticks_ms(), began) > milliseconds:
            return late
        time.sleep_ms(1)

def resume(name):
    pauses.pop(name, None)

# Called for a host that is new to the board: ends the pauses of an earlier host, which may have died during one.
def adopt():
    pauses.clear()
    return True
