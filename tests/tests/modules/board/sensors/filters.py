from .scale import to_celsius


def mean(values):
    return to_celsius(sum(values) / len(values))
