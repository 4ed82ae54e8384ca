import pong


def hit(n):
    return [] if n == 0 else ["ping"] + pong.hit(n - 1)
