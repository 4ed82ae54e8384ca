# Streams of the host's as bodies have them, beside what asks the host: sent when a task is first given one. The host says
# with each batch whether there is more.
def feed(number):
    more = 1
    while more:
        items = None
        more, *items = asker()("<", (number,))
        yield from items


# What calls are attached to finds it there.
known["<"] = feed
