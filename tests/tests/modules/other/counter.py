class Counter:
    pass
