// Included by extmod/modmachine.c. Pins and the rest are Python: modules/machine.py.

#include "py/mphal.h"

NORETURN static void mp_machine_reset(void) {
    board_restart("hard");
}

static mp_int_t mp_machine_reset_cause(void) {
    return 1;
}

static void mp_machine_idle(void) {
    mp_event_wait_ms(1);
}

static mp_obj_t mp_machine_unique_id(void) {
    uint32_t id = getpid();
    return mp_obj_new_bytes((const byte *)&id, sizeof(id));
}

static mp_obj_t mp_machine_get_freq(void) {
    return MP_OBJ_NEW_SMALL_INT(125000000);
}

static void mp_machine_set_freq(size_t n_args, const mp_obj_t *args) {
}

static void mp_machine_lightsleep(size_t n_args, const mp_obj_t *args) {
    if (n_args == 0) {
        for (;;) {
            mp_event_wait_indefinite();
        }
    }
    mp_hal_delay_ms(mp_obj_get_int(args[0]));
}

NORETURN static void mp_machine_deepsleep(size_t n_args, const mp_obj_t *args) {
    mp_machine_lightsleep(n_args, args);
    mp_machine_reset();
}
