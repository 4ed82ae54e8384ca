from .helper import x
from machine import Pin


class Driver:
    def __init__(self):
        self.pin = pin(3)
