// The built-in modules that CircuitPython has instead of MicroPython's, and what those in Python are made of.

#include <stdlib.h>
#include <time.h>

#include "py/mphal.h"
#include "py/objexcept.h"
#include "py/runtime.h"
#include "py/stream.h"
#include "board.h"

// micropython: nothing but `const`.

static const mp_rom_map_elem_t micropython_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_micropython) },
    { MP_ROM_QSTR(MP_QSTR_const), MP_ROM_PTR(&mp_identity_obj) },
};
static MP_DEFINE_CONST_DICT(micropython_globals, micropython_table);
const mp_obj_module_t board_module_micropython = {{&mp_type_module}, (mp_obj_dict_t *)&micropython_globals};
MP_REGISTER_MODULE(MP_QSTR_micropython, board_module_micropython);

// time

static uint64_t monotonic_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static mp_obj_t time_monotonic(void) {
    return mp_obj_new_float(monotonic_ns() / 1000000 / 1000.0);
}
static MP_DEFINE_CONST_FUN_OBJ_0(time_monotonic_obj, time_monotonic);

static mp_obj_t time_monotonic_ns(void) {
    return mp_obj_new_int_from_ull(monotonic_ns());
}
static MP_DEFINE_CONST_FUN_OBJ_0(time_monotonic_ns_obj, time_monotonic_ns);

static mp_obj_t time_sleep(mp_obj_t seconds) {
    mp_float_t length = mp_obj_get_float(seconds);
    if (length < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("sleep length must be non-negative"));
    }
    mp_hal_delay_ms(length * 1000);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(time_sleep_obj, time_sleep);

static mp_obj_t time_time(void) {
    return mp_obj_new_int(time(NULL));
}
static MP_DEFINE_CONST_FUN_OBJ_0(time_time_obj, time_time);

static const mp_rom_map_elem_t time_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_time) },
    { MP_ROM_QSTR(MP_QSTR_monotonic), MP_ROM_PTR(&time_monotonic_obj) },
    { MP_ROM_QSTR(MP_QSTR_monotonic_ns), MP_ROM_PTR(&time_monotonic_ns_obj) },
    { MP_ROM_QSTR(MP_QSTR_sleep), MP_ROM_PTR(&time_sleep_obj) },
    { MP_ROM_QSTR(MP_QSTR_time), MP_ROM_PTR(&time_time_obj) },
};
static MP_DEFINE_CONST_DICT(time_globals, time_table);
const mp_obj_module_t board_module_time = {{&mp_type_module}, (mp_obj_dict_t *)&time_globals};
MP_REGISTER_MODULE(MP_QSTR_time, board_module_time);

// traceback: `print_exception(error, file=None)`, and with the three arguments that CPython has had first.

static mp_obj_t traceback_print_exception(size_t n_args, const mp_obj_t *args, mp_map_t *keywords) {
    mp_obj_t error = n_args > 1 && !mp_obj_is_exception_instance(args[0]) ? args[1] : args[0];
    if (!mp_obj_is_exception_instance(error)) {
        mp_raise_TypeError(MP_ERROR_TEXT("invalid exception"));
    }
    mp_print_t print = mp_plat_print;
    mp_map_elem_t *file = mp_map_lookup(keywords, MP_OBJ_NEW_QSTR(MP_QSTR_file), MP_MAP_LOOKUP);
    if (file != NULL && file->value != mp_const_none) {
        mp_get_stream_raise(file->value, MP_STREAM_OP_WRITE);
        print.data = MP_OBJ_TO_PTR(file->value);
        print.print_strn = mp_stream_write_adaptor;
    }
    mp_obj_print_exception(&print, error);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_KW(traceback_print_exception_obj, 1, traceback_print_exception);

static mp_obj_t traceback_format_exception(size_t n_args, const mp_obj_t *args) {
    vstr_t text;
    mp_print_t print;
    vstr_init_print(&text, 64, &print);
    mp_obj_print_exception(&print, args[n_args > 1 ? 1 : 0]);
    mp_obj_t whole = mp_obj_new_str_from_vstr(&text);
    return mp_obj_new_list(1, &whole);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(traceback_format_exception_obj, 1, 3, traceback_format_exception);

static const mp_rom_map_elem_t traceback_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_traceback) },
    { MP_ROM_QSTR(MP_QSTR_print_exception), MP_ROM_PTR(&traceback_print_exception_obj) },
    { MP_ROM_QSTR(MP_QSTR_format_exception), MP_ROM_PTR(&traceback_format_exception_obj) },
};
static MP_DEFINE_CONST_DICT(traceback_globals, traceback_table);
const mp_obj_module_t board_module_traceback = {{&mp_type_module}, (mp_obj_dict_t *)&traceback_globals};
MP_REGISTER_MODULE(MP_QSTR_traceback, board_module_traceback);

// _board: what supervisor, microcontroller and storage are made of.

MP_DEFINE_CONST_OBJ_TYPE(
    board_type_ReloadException,
    MP_QSTR_ReloadException,
    MP_TYPE_FLAG_NONE,
    make_new, mp_obj_exception_make_new,
    print, mp_obj_exception_print,
    attr, mp_obj_exception_attr,
    parent, &mp_type_BaseException
    );

static mp_obj_t board_reload(void) {
    mp_raise_type(&board_type_ReloadException);
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_reload_obj, board_reload);

static mp_obj_t board_reset(void) {
    board_restart("hard");
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_reset_obj, board_reset);

// Sets what outlives the interpreter, or tells whether it is set.
static mp_obj_t board_flag(size_t n_args, const mp_obj_t *args) {
    const char *name = mp_obj_str_get_str(args[0]);
    if (n_args == 1) {
        return mp_obj_new_bool(getenv(name) != NULL);
    }
    mp_obj_is_true(args[1]) ? setenv(name, "1", 1) : unsetenv(name);
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(board_flag_obj, 1, 2, board_flag);

static mp_obj_t board_input(void) {
    return mp_obj_new_bool(board_input_ready());
}
static MP_DEFINE_CONST_FUN_OBJ_0(board_input_obj, board_input);

static const mp_rom_map_elem_t board_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR__board) },
    { MP_ROM_QSTR(MP_QSTR_flag), MP_ROM_PTR(&board_flag_obj) },
    { MP_ROM_QSTR(MP_QSTR_input), MP_ROM_PTR(&board_input_obj) },
    { MP_ROM_QSTR(MP_QSTR_reload), MP_ROM_PTR(&board_reload_obj) },
    { MP_ROM_QSTR(MP_QSTR_reset), MP_ROM_PTR(&board_reset_obj) },
};
static MP_DEFINE_CONST_DICT(board_globals, board_table);
const mp_obj_module_t board_module_board = {{&mp_type_module}, (mp_obj_dict_t *)&board_globals};
MP_REGISTER_MODULE(MP_QSTR__board, board_module_board);
