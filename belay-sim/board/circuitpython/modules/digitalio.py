"""Pins that remember their level."""


class Direction:
    INPUT = "digitalio.Direction.INPUT"
    OUTPUT = "digitalio.Direction.OUTPUT"


class DriveMode:
    PUSH_PULL = "digitalio.DriveMode.PUSH_PULL"
    OPEN_DRAIN = "digitalio.DriveMode.OPEN_DRAIN"


class Pull:
    UP = "digitalio.Pull.UP"
    DOWN = "digitalio.Pull.DOWN"


class DigitalInOut:
    def __init__(self, pin):
        self._pin = pin._claim()
        self.switch_to_input()

    def deinit(self):
        if self._pin:
            self._pin._in_use = False
            self._pin = None

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.deinit()

    def switch_to_input(self, pull=None):
        self._direction = Direction.INPUT
        self.pull = pull

    def switch_to_output(self, value=False, drive_mode=DriveMode.PUSH_PULL):
        self._direction = Direction.OUTPUT
        self.drive_mode = drive_mode
        self.value = value

    @property
    def direction(self):
        return self._direction

    @direction.setter
    def direction(self, direction):
        if direction == Direction.OUTPUT:
            self.switch_to_output()
        else:
            self.switch_to_input()

    @property
    def value(self):
        if not self._pin:
            raise ValueError("Object has been deinitialized and can no longer be used. Create a new object.")
        if self._direction == Direction.INPUT and self.pull:
            return self.pull == Pull.UP
        return self._pin._level

    @value.setter
    def value(self, value):
        if not self._pin:
            raise ValueError("Object has been deinitialized and can no longer be used. Create a new object.")
        if self._direction == Direction.INPUT:
            raise AttributeError("Cannot set value when direction is input.")
        self._pin._level = bool(value)
