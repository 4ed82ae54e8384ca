// The board's serial port: a terminal that is written through a transmit buffer, and read as the input
// of this kind of board says. Also what waits, and the clock.

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <termios.h>

#include "py/mphal.h"
#include "py/mpthread.h"
#include "py/runtime.h"
#include "py/stream.h"

static pthread_t main_thread;
// Readable when an interrupt or a scheduled callback is due, so that no wait of the main thread
// sleeps through one that came just before it.
static int wake_fd;
struct termios board_terminal;

static pthread_mutex_t tx_lock = PTHREAD_MUTEX_INITIALIZER;
static char tx[1024];
volatile unsigned board_tx_waiting;

static bool on_main_thread(void) {
    return pthread_equal(pthread_self(), main_thread);
}

void board_wake(void) {
    uint64_t one = 1;
    ssize_t ignored = write(wake_fd, &one, sizeof(one));
    (void)ignored;
}

static void on_interrupt(int signal_number) {
    int saved = errno;
    if (on_main_thread()) {
        board_schedule_interrupt();
        board_wake();
    } else {
        pthread_kill(main_thread, signal_number);
    }
    errno = saved;
}

void board_terminal_init(int pending_fd) {
    main_thread = pthread_self();
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    // Whoever started this under nohup has handed down that hang-ups are ignored; but a board whose
    // other side is gone has to end, whatever it is doing.
    signal(SIGHUP, SIG_DFL);

    if (tcgetattr(STDIN_FILENO, &board_terminal) == 0) {
        cfmakeraw(&board_terminal);
        // A read returns what there is, or nothing; waiting is poll's business.
        board_terminal.c_cc[VMIN] = 0;
        board_terminal.c_cc[VTIME] = 0;
        board_terminal.c_cc[VQUIT] = _POSIX_VDISABLE;
        board_terminal.c_cc[VSUSP] = _POSIX_VDISABLE;
        tcsetattr(STDIN_FILENO, TCSANOW, &board_terminal);
    }
    board_input_init(pending_fd);
}

void board_interrupt(void) {
    pthread_kill(main_thread, SIGINT);
}

// Waits for input (if asked to), a wake-up or the time-out, whichever comes first; may return early.
static void wait_for_event(bool input, const struct timespec *timeout) {
    board_flush();
    bool main = on_main_thread();
    struct pollfd fds[2] = {{.fd = main ? wake_fd : -1, .events = POLLIN}, {.fd = input ? board_input_fd() : -1, .events = POLLIN}};
    if (ppoll(fds, 2, timeout, NULL) <= 0) {
        return;
    }
    if (fds[0].revents) {
        uint64_t count;
        ssize_t ignored = read(wake_fd, &count, sizeof(count));
        (void)ignored;
    }
    if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) {
        _exit(0);
    }
}

int mp_hal_stdin_rx_chr(void) {
    for (;;) {
        int c = board_input_take();
        if (c >= 0) {
            return c;
        }
        mp_handle_pending(true);
        wait_for_event(true, NULL);
        board_input_ready();
    }
}

uintptr_t mp_hal_stdio_poll(uintptr_t flags) {
    uintptr_t ready = flags & MP_STREAM_POLL_WR;
    if ((flags & MP_STREAM_POLL_RD) && board_input_ready()) {
        ready |= MP_STREAM_POLL_RD;
    }
    return ready;
}

static void write_all(const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, bytes, len);
        if (n >= 0) {
            bytes += n;
            len -= n;
        } else if (errno != EINTR && errno != EAGAIN) {
            _exit(0);
        }
    }
}

static void tx_flush(void) {
    size_t len = board_tx_waiting;
    board_tx_waiting = 0;
    write_all(tx, len);
}

void board_flush(void) {
    if (board_tx_waiting) {
        pthread_mutex_lock(&tx_lock);
        tx_flush();
        pthread_mutex_unlock(&tx_lock);
    }
}

// Runs at backward jumps and returns while output waits: a program that prints and then computes
// is heard without a system call for each line.
void board_tx_tick(void) {
    static unsigned ticks;
    if (++ticks % 32 == 0) {
        board_flush();
    }
}

mp_uint_t mp_hal_stdout_tx_strn(const char *bytes, size_t len) {
    pthread_mutex_lock(&tx_lock);
    if (board_tx_waiting + len > sizeof(tx)) {
        tx_flush();
    }
    if (len > sizeof(tx)) {
        write_all(bytes, len);
    } else {
        memcpy(tx + board_tx_waiting, bytes, len);
        board_tx_waiting += len;
    }
    if (!on_main_thread()) {
        tx_flush();
    }
    pthread_mutex_unlock(&tx_lock);
    return len;
}

#if MICROPY_PY_THREAD
int unix_mutex_lock(mp_thread_mutex_t *mutex, int wait);

int mp_thread_mutex_lock(mp_thread_mutex_t *mutex, int wait) {
    int locked = unix_mutex_lock(mutex, 0);
    if (locked == 0 && wait) {
        board_flush();
        locked = unix_mutex_lock(mutex, 1);
    }
    return locked;
}

// A Ctrl-C is a signal, and ends a wait. Garbage that is collected while another thread still tells of its stack is in use.
int board_sem_wait(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0 && errno == EINTR) {
    }
    return 0;
}
#endif

// What the select module and asyncio wait with: input ends it, too.
void board_wait_ms(int timeout_ms) {
    struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
    wait_for_event(!board_input_waits(), timeout_ms < 0 ? NULL : &timeout);
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void delay_ns(uint64_t ns) {
    board_flush();
    uint64_t end = now_ns(CLOCK_MONOTONIC) + ns;
    for (;;) {
        mp_handle_pending(true);
        uint64_t now = now_ns(CLOCK_MONOTONIC);
        if (now >= end) {
            return;
        }
        uint64_t left = end - now;
        struct timespec timeout = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        wait_for_event(false, &timeout);
    }
}

void mp_hal_delay_ms(mp_uint_t ms) {
    delay_ns(ms * 1000000ULL);
}

void mp_hal_delay_us(mp_uint_t us) {
    delay_ns(us * 1000ULL);
}

mp_uint_t mp_hal_ticks_ms(void) {
    return now_ns(CLOCK_MONOTONIC) / 1000000;
}

mp_uint_t mp_hal_ticks_us(void) {
    return now_ns(CLOCK_MONOTONIC) / 1000;
}

uint64_t mp_hal_time_ns(void) {
    return now_ns(CLOCK_REALTIME);
}

void mp_hal_get_random(size_t n, void *buf) {
    for (size_t done = 0; done < n;) {
        ssize_t got = getrandom((char *)buf + done, n - done, 0);
        done += got > 0 ? got : 0;
    }
}

unsigned long board_random_seed(void) {
    unsigned long seed;
    mp_hal_get_random(sizeof(seed), &seed);
    return seed;
}
