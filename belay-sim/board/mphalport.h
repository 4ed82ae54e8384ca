#include <stdbool.h>
#include <time.h>
#include <unistd.h>
#include <errno.h>

void mp_thread_unix_begin_atomic_section(void);
void mp_thread_unix_end_atomic_section(void);
#define MICROPY_BEGIN_ATOMIC_SECTION() (mp_thread_unix_begin_atomic_section(), 0xffffffff)
#define MICROPY_END_ATOMIC_SECTION(x) (void)x; mp_thread_unix_end_atomic_section()
#define MICROPY_INTERNAL_WFE(TIMEOUT_MS) board_wait_ms(TIMEOUT_MS)

#define CHAR_CTRL_C (3)

void board_terminal_init(int pending_fd);
void board_flush(void);
void board_wait_ms(int timeout_ms);
int board_save_input(void);
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
