// Included by extmod/modos.c: what `os.dupterm_notify` puts what has come into.

#include "../board_os.c"
#include "py/ringbuf.h"

extern ringbuf_t stdin_ringbuf;
