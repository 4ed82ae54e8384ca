"""Whose the drive is: the host's, unless boot.py gives it to the board."""

import _board


def _in_boot(what):
    if not _board.flag("BOARD_BOOTS"):
        raise RuntimeError(what)


def disable_usb_drive():
    _in_boot("Cannot change USB devices now")
    _board.flag("BOARD_WRITABLE", True)


def enable_usb_drive():
    _in_boot("Cannot change USB devices now")
    _board.flag("BOARD_WRITABLE", False)


def remount(mount_path, readonly=False, *, disable_concurrent_write_protection=False):
    _in_boot("Cannot remount path when visible via USB.")
    _board.flag("BOARD_WRITABLE", not readonly)


class _Drive:
    label = "CIRCUITPY"

    @property
    def readonly(self):
        return not _board.flag("BOARD_WRITABLE")


def getmount(mount_path):
    return _Drive()
