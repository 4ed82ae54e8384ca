// A board's start. Usage: board [HEAP_KB [MODE [PENDING_FD]]], where MODE says which reset this start follows.
// The current directory is the board's file system.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>

#include "py/builtin.h"
#include "py/cstack.h"
#include "py/gc.h"
#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/pystack.h"
#include "py/runtime.h"
#include "extmod/vfs.h"
#include "extmod/vfs_posix.h"
#include "genhdr/mpversion.h"

static const char *heap_kb = "512";
static char root[PATH_MAX];

// A reset replaces the process's program by a fresh one: the terminal stays, and threads end.
void board_restart(const char *how) {
    char pending[16] = "-1";
    board_flush();
    mp_hal_set_interrupt_char(-1);
    if (root[0] != 0 && chdir(root) != 0) {
        _exit(1);
    }
    if (strcmp(how, "hard") == 0) {
        tcflush(STDIN_FILENO, TCIFLUSH);
    } else {
        snprintf(pending, sizeof(pending), "%d", board_save_input());
    }
    // Under a program that counts what this one does, the link leads to that one, but says the right thing.
    char program[PATH_MAX] = "";
    ssize_t ignored = readlink("/proc/self/exe", program, sizeof(program) - 1);
    (void)ignored;
    execl(program, "board", heap_kb, how, pending, (char *)NULL);
    execl("/proc/self/exe", "board", heap_kb, how, pending, (char *)NULL);
    _exit(1);
}

char *board_getcwd(char *path, size_t size) {
    char *cwd = getcwd(path, size);
    if (cwd != NULL && strcmp(cwd, root) == 0 && strlen(cwd) + 1 < size) {
        strcat(cwd, "/");
    }
    return cwd;
}

// A rename has two paths, and MicroPython 1.26 makes both in one buffer, so that the second takes the place of the first.
char *board_path(vstr_t *made) {
    static __thread char paths[2][PATH_MAX];
    static __thread unsigned turn;
    char *path = vstr_null_terminated_str(made);
    if (made->len >= PATH_MAX) {
        return path;
    }
    turn ^= 1;
    return strcpy(paths[turn], path);
}

static void mount_file_system(void) {
    if (getcwd(root, sizeof(root)) == NULL) {
        _exit(1);
    }
    mp_obj_t path = mp_obj_new_str_from_cstr(root);
    mp_obj_t args[2] = {
        MP_OBJ_TYPE_GET_SLOT(&mp_type_vfs_posix, make_new)(&mp_type_vfs_posix, 1, 0, &path),
        MP_OBJ_NEW_QSTR(MP_QSTR__slash_),
    };
    mp_map_elem_t readonly = {MP_OBJ_NEW_QSTR(MP_QSTR_readonly), mp_obj_new_bool(board_is_read_only())};
    mp_map_t keywords;
    mp_map_init_fixed_table(&keywords, 1, (mp_obj_t *)&readonly);
    mp_vfs_mount(2, args, &keywords);
    MP_STATE_VM(vfs_cur) = MP_STATE_VM(vfs_mount_table);
    mp_obj_list_append(mp_sys_path, mp_obj_new_str_from_cstr("/lib"));
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        puts(MICROPY_BANNER_NAME_AND_VERSION "; " MICROPY_BANNER_MACHINE);
        return 0;
    }
    #if MICROPY_PY_THREAD
    mp_thread_init();
    #endif
    mp_cstack_init_with_sp_here(40000 * (sizeof(void *) / 4));
    if (argc > 1) {
        heap_kb = argv[1];
    }
    board_terminal_init(argc > 3 ? atoi(argv[3]) : -1);

    size_t heap_size = strtoul(heap_kb, NULL, 10) * 1024;
    char *heap = malloc(heap_size);
    if (heap_size < 8 * 1024 || heap == NULL) {
        fprintf(stderr, "board: a heap of %s KB is not possible\n", heap_kb);
        return 2;
    }
    gc_init(heap, heap + heap_size);
    #if MICROPY_ENABLE_PYSTACK
    static size_t pystack[BOARD_PYSTACK_WORDS];
    mp_pystack_init(pystack, pystack + BOARD_PYSTACK_WORDS);
    #endif
    mp_init();
    mount_file_system();
    board_run(argc > 2 ? argv[2] : "hard");
}

void nlr_jump_fail(void *val) {
    fprintf(stderr, "FATAL: uncaught exception %p\r\n", val);
    exit(1);
}
