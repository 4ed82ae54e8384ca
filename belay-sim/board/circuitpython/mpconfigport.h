// The `unix` board's settings, with those in which CircuitPython differs.

#include "../mpconfigport.h"

#undef MICROPY_HW_BOARD_NAME
#define MICROPY_HW_BOARD_NAME "Belay CircuitPython-like board"
#define MICROPY_BANNER_NAME_AND_VERSION "Adafruit CircuitPython " BOARD_VERSION " on 2026-01-01"
#define BOARD_VERSION "10.2.1"
// Platforms can have blanks in CircuitPython.
#undef MICROPY_PY_SYS_PLATFORM
#define MICROPY_PY_SYS_PLATFORM "Belay simulator"

// The same number of words as CIRCUITPY_PYSTACK_SIZE is on a microcontroller.
#define MICROPY_ENABLE_PYSTACK (1)
#define BOARD_PYSTACK_WORDS (1536 / 4)

#undef MICROPY_FLOAT_IMPL
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_FLOAT)
#undef MICROPY_EMIT_X64
#define MICROPY_EMIT_X64 (0)
#undef MICROPY_PY_THREAD
#define MICROPY_PY_THREAD (0)
#undef MICROPY_PY_MACHINE
#define MICROPY_PY_MACHINE (0)
#undef MICROPY_PY_SYS_STDIO_BUFFER
#define MICROPY_PY_SYS_STDIO_BUFFER (0)
#undef MICROPY_PY_GC_COLLECT_RETVAL
#define MICROPY_PY_GC_COLLECT_RETVAL (0)
#define MICROPY_GC_ALLOC_THRESHOLD (0)
// What there is of these instead is in modules.c.
#define MICROPY_PY_MICROPYTHON (0)
#define MICROPY_PY_TIME (0)

#define MICROPY_PY_ASYNCIO (0)
#define MICROPY_PY_CMATH (0)
#define MICROPY_PY_FRAMEBUF (0)
#define MICROPY_PY_HEAPQ (0)
#define MICROPY_PY_PLATFORM (0)
#define MICROPY_PY_UCTYPES (0)
#define MICROPY_PY_VFS (0)
