UNIT = "°C"


def to_celsius(raw):
    return raw / 2
