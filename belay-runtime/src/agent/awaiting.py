# Bodies that await: each runs in an event loop of its own, and nothing of it is left when it ends. Sent when a trait first
# needs it. A board has one loop for all of its threads, so one body awaits at a time.
try:
    import asyncio
except ImportError:
    import uasyncio as asyncio

import time

try:
    from _thread import allocate_lock, get_ident
except ImportError:
    allocate_lock = None

    def get_ident():
        return 1

core = asyncio.core
one = allocate_lock and allocate_lock()
# The thread that has the loop, and the one that runs tasks.
owner = None
main = get_ident()
# How often a thread that waits looks whether it is to stop, in milliseconds.
PAUSE = 50

# What is called of a body that awaits. In another one it is a coroutine, for that to wait for. A `watched` one is told by
# its first argument, and may not be at a stop point for as long as it waits.
def awaits(function, watched):
    def run(*words):
        global owner
        me = get_ident()
        if owner == me:
            return function(*words)
        stop = words[0] if watched else None
        if one:
            take(me, stop)
        try:
            owner = me
            return complete(function(*words), stop)
        finally:
            owner = None
            if one:
                one.release()
    return run

# A thread waits for the loop; a task does not wait for a thread, which may never end.
def take(me, stop):
    while not one.acquire(0):
        if me == main:
            raise RuntimeError("a thread awaits, and a board has one event loop")
        if stop:
            stop()
        time.sleep_ms(10)

async def watch(stop):
    while 1:
        stop()
        await asyncio.sleep_ms(PAUSE)

def complete(coroutine, stop):
    loop = asyncio.new_event_loop()
    main = asyncio.create_task(coroutine)
    if stop:
        asyncio.create_task(watch(stop))
    try:
        return loop.run_until_complete(main)
    except BaseException:
        put_back()
        end(loop, main)
        raise
    finally:
        # What it has begun and not waited for.
        task = core._task_queue.peek()
        while task:
            end(loop, task)
            if core._task_queue.peek() is task:
                break
            task = core._task_queue.peek()
        asyncio.new_event_loop()

# Whoever leaves the loop in the middle of something may do so when what ran is not in the queue yet, or is already.
def put_back():
    task = core.cur_task
    waiting = []
    while core._task_queue.peek():
        waiting.append(core._task_queue.pop())
    if task and task not in waiting and not task.done() and not task.data:
        waiting.append(task)
    for task in waiting:
        core._task_queue.push(task)

# Has a task come to its end, by way of its `finally` blocks.
def end(loop, task):
    core.cur_task = None
    try:
        if not task.done() and task.cancel():
            loop.run_until_complete(task)
    except (asyncio.CancelledError, Exception):
        pass
