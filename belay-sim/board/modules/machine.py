"""Simulated hardware: pins that remember, converters that drift, timers that fire."""

from umachine import *
import _thread
import math
import micropython
import time

_levels = {}


class Pin(PinBase):
    """A pin whose level is what was last written to it, or what its pull resistor makes it."""

    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    ALT = 3
    ANALOG = 4
    PULL_UP = 1
    PULL_DOWN = 2
    IRQ_RISING = 8
    IRQ_FALLING = 4

    _handlers = {}

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=0, alt=-1):
        self._id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None, drive=0, alt=-1):
        self._mode = mode
        if self._id not in _levels:
            _levels[self._id] = 1 if pull == Pin.PULL_UP else 0
        if value is not None:
            self.value(value)

    def value(self, x=None):
        if x is None:
            return _levels[self._id]
        old = _levels[self._id]
        new = 1 if x else 0
        _levels[self._id] = new
        handler, trigger = Pin._handlers.get(self._id, (None, 0))
        if handler and trigger & (Pin.IRQ_RISING if new > old else Pin.IRQ_FALLING if new < old else 0):
            micropython.schedule(handler, self)

    __call__ = value

    def on(self):
        self.value(1)

    high = on

    def off(self):
        self.value(0)

    low = off

    def toggle(self):
        self.value(1 - _levels[self._id])

    def mode(self, mode=None):
        if mode is None:
            return self._mode
        self._mode = mode

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING, **kwargs):
        Pin._handlers[self._id] = (handler, trigger)
        return self

    def __repr__(self):
        return "Pin(%r, mode=%s)" % (self._id, "OUT" if self._mode == Pin.OUT else "IN")


class ADC:
    """A 16-bit converter. Channel 4 is an RP2040's temperature sensor in a warm room; the others are
    slow sine waves, each at its own pace."""

    CORE_TEMP = 4

    def __init__(self, channel, **kwargs):
        if isinstance(channel, Pin):
            channel = channel._id
            # An RP2040's analogue pins.
            if isinstance(channel, int) and 26 <= channel <= 29:
                channel -= 26
        self._channel = channel

    def read_u16(self):
        seconds = time.ticks_ms() / 1000
        if self._channel == 4:
            celsius = 22.5 + math.sin(seconds / 20)
            volts = 0.706 - (celsius - 27) * 0.001721
            return int(volts * 65535 / 3.3)
        number = self._channel if isinstance(self._channel, int) else sum(str(self._channel).encode())
        return int(32768 + 20000 * math.sin(seconds / (10 + number % 16)))

    def read_uv(self):
        return self.read_u16() * 3_300_000 // 65535

    def __repr__(self):
        return "ADC(%r)" % (self._channel,)


class PWM:
    """Remembers its frequency and its duty."""

    def __init__(self, dest, *, freq=0, duty_u16=0, duty_ns=0, invert=False):
        self._dest = dest
        self._freq = freq
        self._duty = duty_u16
        if duty_ns:
            self.duty_ns(duty_ns)

    def init(self, *, freq=None, duty_u16=None, duty_ns=None, invert=False):
        if freq is not None:
            self._freq = freq
        if duty_u16 is not None:
            self._duty = duty_u16
        if duty_ns is not None:
            self.duty_ns(duty_ns)

    def deinit(self):
        self._duty = 0

    def freq(self, value=None):
        if value is None:
            return self._freq
        if value <= 0:
            raise ValueError("invalid freq")
        self._freq = value

    def duty_u16(self, value=None):
        if value is None:
            return self._duty
        self._duty = min(max(value, 0), 65535)

    def duty_ns(self, value=None):
        if value is None:
            return self._duty * 1_000_000_000 // (65535 * self._freq) if self._freq else 0
        self._duty = min(value * 65535 * self._freq // 1_000_000_000, 65535)

    def __repr__(self):
        return "PWM(%r, freq=%d, duty_u16=%d)" % (self._dest, self._freq, self._duty)


class Timer:
    """Calls back on the main thread, once or periodically, from a thread that keeps the time."""

    ONE_SHOT = 0
    PERIODIC = 1

    def __init__(self, id=-1, **kwargs):
        self._id = id
        self._generation = 0
        if kwargs:
            self.init(**kwargs)

    def init(self, *, mode=PERIODIC, period=-1, freq=-1, callback=None, **kwargs):
        self.deinit()
        if freq > 0:
            period = 1000 / freq
        if period <= 0:
            raise ValueError("period or freq must be positive")
        if callback is not None:
            _thread.start_new_thread(self._run, (self._generation, mode, int(period * 1000), callback))

    def deinit(self):
        self._generation += 1

    def _run(self, generation, mode, period_us, callback):
        due = time.ticks_us()
        while True:
            due = time.ticks_add(due, period_us)
            time.sleep_us(max(0, time.ticks_diff(due, time.ticks_us())))
            if self._generation != generation:
                return
            try:
                micropython.schedule(callback, self)
            except RuntimeError:
                # The queue is full: this tick is lost, as on a board.
                pass
            if mode == Timer.ONE_SHOT:
                return

    def __repr__(self):
        return "Timer(%r)" % (self._id,)
