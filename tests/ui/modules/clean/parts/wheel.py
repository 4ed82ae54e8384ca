class Wheel:
    pass
