"""A counter, with words in front of it that are not sent."""

# Nor is this.
GREETING = "grüße"


class Counter:

    def __init__(self, step):
        self.step = step
        self.value = 0

    def advance(self):
        # One step further.
        self.value += self.step

        return self.value


def divide(a, b):

    # The line below is where it goes wrong.
    return a // b
