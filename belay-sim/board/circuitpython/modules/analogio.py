"""Converters whose values drift as slow waves, each at its own pace."""

import math
import time


class AnalogIn:
    reference_voltage = 3.3

    def __init__(self, pin):
        self._pin = pin._claim()

    def deinit(self):
        if self._pin:
            self._pin._in_use = False
            self._pin = None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.deinit()

    @property
    def value(self):
        return int(32768 + 20000 * math.sin(time.monotonic() / (10 + len(self._pin._name))))
