# What the board can do. This has to run on the oldest firmware and in the smallest heap, and a missing module or
# function must not end it.
import sys

def attempt(code):
    try:
        return eval(code)
    except Exception:
        return None

def emitter(name):
    try:
        exec("@micropython." + name + "\ndef f():pass", {})
        return True
    except Exception:
        return False

def file_system():
    try:
        open("belay-is-looking").close()
    except OSError as error:
        # Without a file system the error is EPERM (1) or ENODEV (19).
        return error.args[0] not in (1, 19)
    except Exception:
        return False
    return True

report = (
    ".".join([str(part) for part in sys.implementation[1][:3]]),
    attempt("str(sys.implementation._machine)"),
    attempt("sys.implementation._mpy") or attempt("sys.implementation.mpy"),
    attempt("2 if float('1e-9')+1!=1 else 1 if float('2.4e-7')+1!=1 else 3") or 0,
    [name for name in ("native", "viper", "asm_thumb", "asm_xtensa", "asm_rv32") if emitter(name)],
    attempt("__import__('_thread').start_new_thread") is not None,
    file_system(),
    attempt("compile") is not None,
    attempt("__import__('binascii').crc32") is not None,
    attempt("sys.stdin.readline") is not None,
    attempt("__import__('storage').getmount('/').readonly") or False,
)
