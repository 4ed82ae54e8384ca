// The life of a CircuitPython board. Each part of it has an interpreter of its own, and the mode says which one this
// is: `hard` runs boot.py, `code` a program, `repl` and `raw` are what they say.

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "py/builtin.h"
#include "py/mphal.h"
#include "shared/readline/readline.h"
#include "shared/runtime/pyexec.h"
#include "board.h"

#define CLEAR_LINE "\x1b[2K\x1b[0G"

// What outlives an interpreter lies in the environment, and nothing but a wish for safe mode outlives a reset.
static void after_reset(void) {
    unsetenv("BOARD_WRITABLE");
    unsetenv("BOARD_SAFE_MODE");
    if (getenv("BOARD_NEXT_SAFE_MODE") != NULL) {
        setenv("BOARD_SAFE_MODE", "1", 1);
        unsetenv("BOARD_NEXT_SAFE_MODE");
    }
}

static bool is_safe_mode(void) {
    return getenv("BOARD_SAFE_MODE") != NULL;
}

// Unless boot.py has said otherwise, the drive is the host's.
bool board_is_read_only(void) {
    return getenv("BOARD_WRITABLE") == NULL;
}

static void title(const char *what) {
    mp_hal_stdout_tx_str("\x1b]0;\xf0\x9f\x90\x8d");
    mp_hal_stdout_tx_str(what);
    mp_hal_stdout_tx_str(" | " BOARD_VERSION "\x1b\\");
}

// The port is not there yet: what boot.py prints is to be found on the drive.
static void run_boot(void) {
    int port = dup(STDOUT_FILENO);
    int file = open("boot_out.txt", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    dup2(file, STDOUT_FILENO);
    mp_hal_stdout_tx_str(MICROPY_BANNER_NAME_AND_VERSION "; " MICROPY_BANNER_MACHINE "\r\nBoard ID:belay_simulated\r\n");
    setenv("BOARD_BOOTS", "1", 1);
    if (!is_safe_mode() && mp_import_stat("boot.py") == MP_IMPORT_STAT_FILE) {
        mp_hal_stdout_tx_str("boot.py output:\r\n");
        pyexec_file("boot.py");
    }
    unsetenv("BOARD_BOOTS");
    board_flush();
    dup2(port, STDOUT_FILENO);
    close(port);
    close(file);
}

static int run_program(void) {
    static const char *const names[] = {"code.txt", "code.py", "main.py", "main.txt"};
    for (size_t i = 0; i < MP_ARRAY_SIZE(names); i++) {
        if (mp_import_stat(names[i]) == MP_IMPORT_STAT_FILE) {
            title(names[i]);
            mp_hal_stdout_tx_str(CLEAR_LINE);
            mp_hal_stdout_tx_str(names[i]);
            mp_hal_stdout_tx_str(" output:\r\n");
            return pyexec_file(names[i]);
        }
    }
    return 1;
}

static NORETURN void reload(void) {
    mp_hal_stdout_tx_str("soft reboot\r\n");
    board_restart("code");
}

static NORETURN void run_code(void) {
    mp_hal_stdout_tx_str("\r\n" CLEAR_LINE "Auto-reload is on. Simply save files over USB to run them or enter REPL to disable.\r\n");
    int ended = 1;
    if (is_safe_mode()) {
        mp_hal_stdout_tx_str("Running in safe mode! Not running saved code.\r\n");
    } else {
        ended = run_program();
        title("Done");
        mp_hal_stdout_tx_str("\r\nCode done running.\r\n");
        if (ended & BOARD_RELOAD) {
            reload();
        }
    }
    if (ended & PYEXEC_FORCED_EXIT) {
        board_restart("repl");
    }
    mp_hal_stdout_tx_str("\r\nPress any key to enter the REPL. Use CTRL-D to reload.\r\n");
    for (;;) {
        // The key is swallowed.
        int key = board_input_take();
        if (key == CHAR_CTRL_D || board_drive_changed) {
            reload();
        } else if (key >= 0) {
            board_restart("repl");
        }
        board_wait_ms(-1);
    }
}

void board_run(const char *mode) {
    bool hard = strcmp(mode, "hard") == 0;
    if (hard) {
        after_reset();
        run_boot();
        board_restart("code");
    }
    bool code = strcmp(mode, "code") == 0;
    board_usb_start(code && board_is_read_only());
    if (code) {
        run_code();
    }
    int ended;
    if (strcmp(mode, "raw") == 0) {
        pyexec_mode_kind = PYEXEC_MODE_RAW_REPL;
        ended = pyexec_raw_repl();
    } else {
        title("REPL");
        mp_hal_stdout_tx_str("\r\n");
        ended = pyexec_friendly_repl();
    }
    if (ended != 0) {
        mp_hal_stdout_tx_str("soft reboot\r\n");
    }
    if (pyexec_mode_kind == PYEXEC_MODE_RAW_REPL) {
        board_restart("raw");
    }
    board_restart(ended != 0 ? "code" : "repl");
}
