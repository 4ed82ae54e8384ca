// What the parts of the CircuitPython-like board share.

#include "py/obj.h"

// What ends a program so that it, or the REPL, begins anew.
extern const mp_obj_type_t board_type_ReloadException;
// What `pyexec` adds to its result when it was that.
#define BOARD_RELOAD (1 << 9)

// Receives from now on; with `reloads`, a change on the drive ends the program that runs.
void board_usb_start(bool reloads);
extern volatile bool board_drive_changed;

// Floats of 30 bits, whose `repr` has six digits.
float board_float(float value);
void board_print_float(const mp_print_t *print, float value);
