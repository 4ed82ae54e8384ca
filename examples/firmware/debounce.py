"""A button without its bounces. The program's own firmware: boards have it among their modules or files."""


class Button:
    """A button on anything that has a `value()`: what it says counts once it has said it so many times in a row."""

    def __init__(self, pin, samples=3):
        if samples < 1:
            raise ValueError("a button needs a sample")
        self.pin = pin
        self.samples = samples
        self.pressed = False
        self._alike = 0

    def sample(self):
        """Reads the pin once, and says whether the button was pressed just now."""
        if bool(self.pin.value()) == self.pressed:
            self._alike = 0
            return False
        self._alike += 1
        if self._alike < self.samples:
            return False
        self._alike = 0
        self.pressed = not self.pressed
        return self.pressed
