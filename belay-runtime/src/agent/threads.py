# Threads on the board. Each has one record, which its thread alone writes, except for the request to stop and its
# time; the table of records is written by the main thread alone. So nothing is locked, which matters where threads
# run truly beside each other.
import _thread
import sys
import time

class Stop(BaseException):
    pass

# The states of a record.
RUNNING, PAUSED, STOPPED, FINISHED, FAILED = range(5)
# The places in a record.
NAME, STATE, STOPPING, RESTARTS, ELAPSED, LAST, ERROR, UNTIL, BEGUN = range(9)

table = {}
# The stop points of the threads that run, for what waits in one.
points = {}
# Who wants the threads to wait at their stop points. Whoever begins and whoever ends a pause names it, because
# an interrupt can have kept it from ever beginning.
pauses = {}

def elapsed(record):
    return record[ELAPSED] + time.ticks_diff(time.ticks_ms(), record[LAST])

def elapse(record):
    # Added up in small steps, because the clock of a board wraps around.
    now = time.ticks_ms()
    record[ELAPSED] += time.ticks_diff(now, record[LAST])
    record[LAST] = now
    return record[ELAPSED]

# Has a thread stop. Its clean-up is left alone for so long.
def request(record, patience):
    record[UNTIL] = time.ticks_add(time.ticks_ms(), patience)
    record[STOPPING] = True

def body(send, describe, ident, record, function, arguments, restarts, longest, patience):
    told = False

    # A stop point. A stop is raised once, and not where the body cleans up anyway, so that clean-up comes to its
    # end. When its time is over, each stop point raises: perhaps the body has swallowed the first.
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
            # It may have been told to stop before it came to begin.
            stop()
            function(stop, *arguments)
            state = STOPPED if told else FINISHED
            break
        except Stop:
            state = STOPPED
            break
        except SystemExit:
            # In a thread it ends the thread, as it does without us.
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

# One that was told to stop before it has begun never does anything.
def ended(record):
    return record[STATE] >= STOPPED or record[STOPPING] and not record[BEGUN]

# What is told of all threads, after those in `seen` have been forgotten, which the host knows to have ended.
def report(seen):
    for ident in seen:
        table.pop(ident, None)
    reports = []
    for ident, record in table.items():
        time = record[ELAPSED] if ended(record) else elapsed(record)
        state = max(record[STATE], STOPPED) if ended(record) else record[STATE]
        reports.append((ident, record[NAME], state, record[STOPPING], record[RESTARTS], time, record[ERROR]))
    return reports

# Says whether the thread was started: not when one of this name runs already and only one may; nor when the board has
# no room for another one, and then what it raised.
# `send` and `describe` are the agent's.
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
        # Whether it runs by now nobody can tell, and nobody is to wonder who it is.
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

# Holds all threads at their stop points, and gives the names of those that did not get there in time.
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

# A host that is new to the board lets go of the threads that an earlier one was holding when it died.
def adopt():
    pauses.clear()
    return True
