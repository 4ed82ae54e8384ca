// The life of a MicroPython board from one reset to the next: boot.py, main.py and the REPL. The mode is `hard`,
// `soft` or `soft-raw`: which reset this start follows.

#include <string.h>

#include "py/mphal.h"
#include "shared/runtime/pyexec.h"

bool board_is_read_only(void) {
    return false;
}

static void run(const char *mode) {
    if (strcmp(mode, "soft-raw") == 0) {
        pyexec_mode_kind = PYEXEC_MODE_RAW_REPL;
    }
    if (pyexec_file_if_exists("boot.py") & PYEXEC_FORCED_EXIT) {
        return;
    }
    if (pyexec_mode_kind == PYEXEC_MODE_FRIENDLY_REPL && (pyexec_file_if_exists("main.py") & PYEXEC_FORCED_EXIT)) {
        return;
    }
    for (;;) {
        int ended = pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? pyexec_raw_repl() : pyexec_friendly_repl();
        if (ended != 0) {
            return;
        }
    }
}

void board_run(const char *mode) {
    run(mode);
    mp_hal_stdout_tx_str("MPY: soft reboot\r\n");
    board_restart(pyexec_mode_kind == PYEXEC_MODE_RAW_REPL ? "soft-raw" : "soft");
}
