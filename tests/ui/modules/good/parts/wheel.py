from micropython import const

_SPOKES = const(8)


class Wheel:
    pass
