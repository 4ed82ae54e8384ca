#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>

#if MICROPY_PY_THREAD
void mp_thread_unix_begin_atomic_section(void);
void mp_thread_unix_end_atomic_section(void);
#define MICROPY_BEGIN_ATOMIC_SECTION() (mp_thread_unix_begin_atomic_section(), 0xffffffff)
#define MICROPY_END_ATOMIC_SECTION(x) (void)x; mp_thread_unix_end_atomic_section()
#endif
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) board_wait_ms(TIMEOUT_MS)

#define CHAR_CTRL_C (3)

extern struct termios board_terminal;
void board_terminal_init(int pending_fd);
void board_flush(void);
void board_wait_ms(int timeout_ms);
void board_wake(void);
// Interrupts the main thread, from any other one.
void board_interrupt(void);

// What each kind of board has its own of. Unless there is a file to wait with, `board_wake` says that input came.
void board_input_init(int pending_fd);
int board_input_fd(void);
// Whether there is input, and whether any has been taken from the terminal.
bool board_input_ready(void);
bool board_input_waits(void);
int board_input_take(void);
int board_save_input(void);
// Has the program end at its next step, in a signal handler on the main thread.
void board_schedule_interrupt(void);
bool board_is_read_only(void);
// Runs, and restarts the board in the end.
void board_run(const char *mode) __attribute__((noreturn));

void board_restart(const char *how) __attribute__((noreturn));
void mp_hal_set_interrupt_char(int c);
void mp_hal_get_random(size_t n, void *buf);

#define mp_hal_ticks_cpu() mp_hal_ticks_us()

// Calls the system again when a signal interrupted it, as the POSIX file system expects.
#define MP_HAL_RETRY_SYSCALL(ret, syscall, raise) { \
        for (;;) { \
            ret = syscall; \
            if (ret == -1) { \
                int err = errno; \
                if (err == EINTR) { \
                    mp_handle_pending(true); \
                    continue; \
                } \
                raise; \
            } \
            break; \
        } \
}
