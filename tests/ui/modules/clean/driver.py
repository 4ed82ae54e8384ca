try:
    import numpy
except ImportError:
    numpy = None


def one():
    return 1
