// A second terminal beside the serial port, as an ESP32 has it: what comes there goes through a ring, and what that has no
// room for is lost. On an ESP32 it holds 260 bytes; but that does nothing else, while this board may have to wait for its
// processor when what was sent bit by bit comes all at once.

#include "py/mphal.h"
#include "py/ringbuf.h"
#include "py/runtime.h"
#include "extmod/misc.h"
#include "shared/runtime/interrupt_char.h"

// The serial port's own.
bool uart_input_ready(void);
bool uart_input_waits(void);
int uart_input_take(void);
void uart_set_interrupt_char(int c);
mp_uint_t uart_tx_strn(const char *bytes, size_t len);

static uint8_t ring[4096];
ringbuf_t stdin_ringbuf = {ring, sizeof(ring), 0, 0};
int mp_interrupt_char = -1;

bool board_input_ready(void) {
    return ringbuf_avail(&stdin_ringbuf) > 0 || uart_input_ready();
}

bool board_input_waits(void) {
    return ringbuf_avail(&stdin_ringbuf) > 0 || uart_input_waits();
}

int board_input_take(void) {
    int c = ringbuf_get(&stdin_ringbuf);
    return c >= 0 ? c : uart_input_take();
}

// `os.dupterm_notify` looks for it by itself.
void mp_hal_set_interrupt_char(int c) {
    mp_interrupt_char = c;
    uart_set_interrupt_char(c);
}

mp_uint_t mp_hal_stdout_tx_strn(const char *bytes, size_t len) {
    mp_uint_t written = uart_tx_strn(bytes, len);
    int second = mp_os_dupterm_tx_strn(bytes, len);
    return second >= 0 ? MIN((mp_uint_t)second, written) : written;
}
