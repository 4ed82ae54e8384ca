// Input as of a UART whose interrupt fills a receive buffer: the terminal is read in blocks, and turns the
// interrupt character into a signal by itself.

#include <pthread.h>
#include <stdlib.h>
#include <termios.h>

#include "py/mphal.h"
#include "py/runtime.h"

static pthread_mutex_t rx_lock = PTHREAD_MUTEX_INITIALIZER;
static uint8_t rx[512];
static size_t rx_pos, rx_len;

void board_input_init(int pending_fd) {
    if (pending_fd >= 0) {
        ssize_t n = read(pending_fd, rx, sizeof(rx));
        rx_len = n > 0 ? n : 0;
        close(pending_fd);
    }
}

// Only while code runs does the terminal turn the interrupt character into a signal. NOFLSH keeps
// what was received before it, and TCSANOW what is on its way.
void mp_hal_set_interrupt_char(int c) {
    static int current = -1;
    board_flush();
    if (c != current) {
        current = c;
        board_terminal.c_lflag = c < 0 ? 0 : ISIG | NOFLSH;
        board_terminal.c_cc[VINTR] = c < 0 ? _POSIX_VDISABLE : c;
        tcsetattr(STDIN_FILENO, TCSANOW, &board_terminal);
    }
}

void board_schedule_interrupt(void) {
    mp_sched_keyboard_interrupt();
}

// What was received and not read yet goes through a soft reset in a pipe.
int board_save_input(void) {
    int ends[2];
    if (rx_pos == rx_len || pipe(ends) != 0) {
        return -1;
    }
    ssize_t ignored = write(ends[1], rx + rx_pos, rx_len - rx_pos);
    (void)ignored;
    close(ends[1]);
    return ends[0];
}

static bool rx_fill(void) {
    if (rx_pos == rx_len) {
        ssize_t n = read(STDIN_FILENO, rx, sizeof(rx));
        rx_pos = 0;
        rx_len = n > 0 ? n : 0;
    }
    return rx_pos < rx_len;
}

int board_input_fd(void) {
    return STDIN_FILENO;
}

bool board_input_waits(void) {
    return rx_pos < rx_len;
}

bool board_input_ready(void) {
    pthread_mutex_lock(&rx_lock);
    bool ready = rx_fill();
    pthread_mutex_unlock(&rx_lock);
    return ready;
}

int board_input_take(void) {
    pthread_mutex_lock(&rx_lock);
    int c = rx_pos < rx_len ? rx[rx_pos++] : -1;
    pthread_mutex_unlock(&rx_lock);
    return c;
}
