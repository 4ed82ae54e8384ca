// The `unix` board's settings, with those of a board that has a network.

#include "../mpconfigport.h"

#undef MICROPY_PY_OS_INCLUDEFILE
#define MICROPY_PY_OS_INCLUDEFILE "webrepl/board_os.c"
#define MICROPY_PY_OS_DUPTERM (1)
#define MICROPY_PY_OS_DUPTERM_NOTIFY (1)
#define MICROPY_PY_SOCKET (1)
#define MICROPY_PY_SOCKET_LISTEN_BACKLOG_DEFAULT (2)
#define MICROPY_PY_WEBREPL (1)
#define MICROPY_PY_WEBSOCKET (1)
