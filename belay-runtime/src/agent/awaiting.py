# Bodies that await: each runs in its own event loop, of which nothing is left when the body ends. Sent when a trait
# first needs it. A board has one event loop for all its threads, so only one body can await at a time.
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
# The thread that has the event loop, and the main thread, which runs tasks.
owner = None
main = get_ident()
# How often a waiting thread checks whether it is to stop, in milliseconds.
PAUSE = 50

# Wraps a body that awaits as an ordinary function. Called from a body that awaits, it gives the coroutine, for that
# body to await. The first argument of a `watched` body is its stop point; it is called regularly while the body awaits,
# since the body may not call it for long.
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

# Takes the event loop. A thread waits until it is free; a task does not wait for a thread, which may never end.
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
        # Ends the tasks that the body has created and not awaited.
        task = core._task_queue.peek()
        while task:
            end(loop, task)
            if core._task_queue.peek() is task:
                break
            task = core._task_queue.peek()
        asyncio.new_event_loop()

# An exception can leave the loop while the current task is not in the queue, or when it is in there again already. Puts
# the task back if it is missing.
def put_back():
    task = core.cur_task
    waiting = []
    while core._task_queue.peek():
        waiting.append(core._task_queue.pop())
    if task and task not in waiting and not task.done() and not task.data:
        waiting.append(task)
    for task in waiting:
        core._task_queue.push(task)

# Cancels a task, and runs it to its end, so that its `finally` blocks are executed.
def end(loop, task):
    core.cur_task = None
    try:
        if not task.done() and task.cancel():
            loop.run_until_complete(task)
    except (asyncio.CancelledError, Exception):
        pass
