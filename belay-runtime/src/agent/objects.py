# Objects that stay on the board while the host has handles of them; sent when the host first wants one. Each object has
# a number that is unique in this run of the interpreter. It also belongs to an answer, which the host has numbered, so
# that the host can release the objects of an answer that it never received.
plain = [int, str, bytes, bytearray, bool, type(None)]
rows = [list, tuple]
try:
    rows += [set, frozenset]
    plain += [float, complex]
except NameError:
    pass
try:
    from array import array
    plain.append(array)
except ImportError:
    pass

# By the object's number: the answer that it came with, and the object.
table = {}
count = 0
# The program that the objects are kept for, and the function that packs all other results, in front of which `begin`
# puts `packed`.
owner = others = None
begun = False

# Stands for an object in an answer.
class Handle:
    def __init__(self, number):
        self.number = number

    def __repr__(self):
        return "H(%d)" % self.number

# Gives the object that a handle stands for.
def held(number):
    if number not in table:
        raise RuntimeError("the board has no object of the number %d any more" % number)
    return table[number][1]

def begin(names, who):
    global owner, others, begun
    if owner != who:
        # No handles of an earlier program are in use any more.
        owner = who
        table.clear()
    if not begun:
        begun = True
        others = names.get("P")
        names.update(P=packed, H=held, O=act, Y=release)

def release(numbers, answers):
    for number in numbers:
        table.pop(number, None)
    # All objects of an answer, from a number on.
    for answer, first in answers:
        forget(answer, first)

def forget(answer, first):
    for number in [number for number in table if number >= first and table[number][0] == answer]:
        del table[number]

# Packs a result for a host that wants handles: the first number, how many objects there are, and the `repr` with the
# handles in it. The code's letter says what stays on the board: `o` the value itself, `l` the items of a list, `w`
# whatever in the value has no literal. A capital letter asks for floats with all their bits.
def packed(value, result):
    global count
    if result[0] != "O":
        return others and others(value, result)
    how = result[1].lower()
    answer = int(result[2:])
    first = count

    def keep(value):
        global count
        if value is None:
            return value
        number = count
        table[number] = answer, value
        count = number + 1
        return Handle(number)

    def walk(value):
        kind = type(value)
        if kind in plain:
            return value
        if kind in rows:
            return kind(map(walk, value))
        if isinstance(value, tuple):
            return kind(*map(walk, value))
        if isinstance(value, dict):
            return {walk(key): walk(item) for key, item in value.items()}
        return keep(value)

    try:
        if how == "o":
            value = keep(value)
        elif how == "l" and type(value) in rows:
            value = list(map(keep, value))
        else:
            value = walk(value)
        head = b"%d %d " % (first, count - first)
        exact = others and result[1] != how and others(value, "E")
        if exact:
            return b"O", head + exact[0] + exact[1]
        return b"O", head + b"v%r" % (value,)
    except BaseException:
        forget(answer, first)
        raise

def call(value, name, *words):
    return getattr(value, name)(*words)

def invoke(value, *words):
    return value(*words)

def item(value, key):
    return value[key]

def put(value, key, item):
    value[key] = item

def remove(value, key):
    del value[key]

def contains(value, item):
    return item in value

def itself(value):
    return value

acts = {"c": call, "f": invoke, "g": getattr, "s": setattr, "i": item, "p": put, "d": remove, "n": contains, "l": len, "r": repr, "t": iter, "v": itself}

# Performs an operation on an object.
def act(what, number, *words):
    return acts[what](held(number), *words)
