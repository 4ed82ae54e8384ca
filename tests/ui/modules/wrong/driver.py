"""A driver."""


def set(value):
    if value = 3:
        return 1
