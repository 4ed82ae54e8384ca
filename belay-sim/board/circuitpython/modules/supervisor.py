"""What watches over the program that runs."""

import _board
import time


class RunReason:
    STARTUP = "supervisor.RunReason.STARTUP"


class _Runtime:
    usb_connected = True
    serial_connected = True
    autoreload = True
    run_reason = RunReason.STARTUP

    @property
    def serial_bytes_available(self):
        return _board.input()

    @property
    def safe_mode_reason(self):
        return _board.flag("BOARD_SAFE_MODE")


runtime = _Runtime()


def reload():
    _board.reload()


def ticks_ms():
    return time.monotonic_ns() // 1_000_000 & 0x1FFFFFFF
