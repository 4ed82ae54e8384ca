// What this board can do: the feature level of an RP2040 or an ESP32, with a POSIX directory for its
// file system and POSIX threads.

#include <alloca.h>
#include <limits.h>
#include <stdint.h>
#include <sched.h>
#include <stdio.h>

#define MICROPY_CONFIG_ROM_LEVEL (MICROPY_CONFIG_ROM_LEVEL_EXTRA_FEATURES)

typedef intptr_t mp_int_t;
typedef uintptr_t mp_uint_t;
typedef long mp_off_t;

#define MICROPY_HW_BOARD_NAME "Belay simulated board"
#define MICROPY_HW_MCU_NAME "unix"
#define MICROPY_PY_SYS_PLATFORM "linux"

#if defined(__x86_64__)
#define MICROPY_EMIT_X64 (1)
#endif
#if !(defined(__x86_64__) || defined(__i386__) || defined(__arm__) || (defined(__riscv) && __riscv_xlen == 64))
#define MICROPY_GCREGS_SETJMP (1)
#endif
void mp_unix_alloc_exec(size_t min_size, void **ptr, size_t *size);
void mp_unix_free_exec(void *ptr, size_t size);
#define MP_PLAT_ALLOC_EXEC(min_size, ptr, size) mp_unix_alloc_exec(min_size, ptr, size)
#define MP_PLAT_FREE_EXEC(ptr, size) mp_unix_free_exec(ptr, size)

#define MICROPY_ENABLE_GC (1)
#define MICROPY_ENABLE_FINALISER (1)
#define MICROPY_ENABLE_EMERGENCY_EXCEPTION_BUF (1)
#define MICROPY_EMERGENCY_EXCEPTION_BUF_SIZE (256)
#define MICROPY_HELPER_REPL (1)
#define MICROPY_REPL_AUTO_INDENT (1)
#ifndef MICROPY_FLOAT_IMPL
#define MICROPY_FLOAT_IMPL (MICROPY_FLOAT_IMPL_DOUBLE)
#endif
#define MICROPY_FLOAT_USE_NATIVE_FLT16 (0)
#define MICROPY_LONGINT_IMPL (MICROPY_LONGINT_IMPL_MPZ)
#define MPZ_DIG_SIZE (16)
#define MICROPY_PERSISTENT_CODE_LOAD (1)
#define MICROPY_OPT_COMPUTED_GOTO (1)
#define MICROPY_ALLOC_PATH_MAX (PATH_MAX)
#define MICROPY_USE_INTERNAL_ERRNO (0)
#define MICROPY_STREAMS_POSIX_API (1)

#define MICROPY_VFS (1)
#define MICROPY_READER_VFS (1)
#define MICROPY_VFS_POSIX (1)
#define MICROPY_EPOCH_IS_1970 (1)

#define MICROPY_PY_THREAD (1)
#define MICROPY_PY_THREAD_GIL (0)
#define MICROPY_PY_SYS_STDFILES (1)
#define MICROPY_PY_SYS_STDIO_BUFFER (1)
#define MICROPY_PY_GC_COLLECT_RETVAL (1)
#define MICROPY_PY_BINASCII_CRC32 (1)
#define MICROPY_PY_RANDOM_SEED_INIT_FUNC (board_random_seed())
unsigned long board_random_seed(void);

#define MICROPY_PY_OS_INCLUDEFILE "board_os.c"
#define MICROPY_PY_OS_UNAME (1)
#define MICROPY_PY_OS_URANDOM (1)
#define MICROPY_PY_TIME_INCLUDEFILE "board_time.c"
#define MICROPY_PY_TIME_GMTIME_LOCALTIME_MKTIME (1)
#define MICROPY_PY_TIME_TIME_TIME_NS (1)

#define MICROPY_PY_MACHINE (1)
#define MICROPY_PY_MACHINE_INCLUDEFILE "board_machine.c"
#define MICROPY_PY_MACHINE_RESET (1)
#define MICROPY_PY_MACHINE_BARE_METAL_FUNCS (1)
#define MICROPY_PY_MACHINE_MEMX (0)
#define MICROPY_PY_MACHINE_PIN_BASE (1)
#define MICROPY_PY_MACHINE_DISABLE_IRQ_ENABLE_IRQ (0)

#define MICROPY_VM_HOOK_LOOP board_vm_hook();
#define MICROPY_VM_HOOK_RETURN board_vm_hook();
#define MICROPY_SCHED_HOOK_SCHEDULED board_wake()
void board_wake(void);
extern volatile unsigned board_tx_waiting;
void board_tx_tick(void);
static inline void board_vm_hook(void) {
    if (__builtin_expect(board_tx_waiting, 0)) {
        board_tx_tick();
    }
}

#define MP_STATE_PORT MP_STATE_VM
