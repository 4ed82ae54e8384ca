# The board's counter of microseconds, and what it was when a body gave a value: sent when a program first wants to know.
import time

try:
    from time import ticks_us, ticks_add

    # After how many it begins again.
    period = ticks_add(0, -1) + 1
except ImportError:
    from time import monotonic_ns

    period = 0

    def ticks_us():
        return monotonic_ns() // 1000


def now():
    return ticks_us(), period


def stamping(packed):
    # Packs results as before, and those that are wanted with their moment.
    def stamped(value, result):
        if result != "@":
            return packed(value, result)
        head = b"%d %d:" % (ticks_us(), period)
        inner = packed(value, "E")
        if inner:
            return b"@", head + b"p" + inner[0] + inner[1]
        return b"@", head + b"r%r" % (value,)

    return stamped


# Sets the clock when the counter is this. Says by how many microseconds it was too late for that.
def set_rtc(now, ticks):
    try:
        from machine import RTC
    except ImportError:
        from rtc import RTC
    year, month, day, weekday, hour, minute, second = now
    clock = RTC()
    if not callable(clock.datetime):
        value = time.struct_time((year, month, day, hour, minute, second, weekday, -1, -1))
    while 1:
        late = ticks_us() - ticks
        if period:
            late = (late + period // 2) % period - period // 2
        if late >= 0:
            break
    if callable(clock.datetime):
        clock.datetime((year, month, day, weekday, hour, minute, second, 0))
    else:
        clock.datetime = value
    return late
