// Input as of a USB stack: packets of up to 64 bytes go into a ring, as long as there is room for a whole one. What
// does not fit waits on the host's side, an interrupt character included.

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>

#include "py/mphal.h"
#include "py/objexcept.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "board.h"

#define PACKET 64
// The program starts again when the drive has not been written to for so long.
#define RELOAD_DELAY_MS 750

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t room = PTHREAD_COND_INITIALIZER;
static uint8_t ring[256];
static size_t ring_pos, ring_len;
static int interrupt_char = -1;
static int drive_fd = -1;
volatile bool board_drive_changed;

static void put(const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        ring[(ring_pos + ring_len++) % sizeof(ring)] = bytes[i];
    }
}

static void receive(void) {
    uint8_t packet[PACKET];
    ssize_t n = read(STDIN_FILENO, packet, sizeof(packet));
    if (n <= 0) {
        return;
    }
    put(packet, n);
    // While code runs, Ctrl-C throws away whatever has not been read, what came behind it in its packet included.
    if (interrupt_char >= 0 && memchr(packet, interrupt_char, n) != NULL) {
        ring_len = 0;
        board_interrupt();
    }
}

static void *usb_task(void *unused) {
    bool changing = false;
    for (;;) {
        pthread_mutex_lock(&lock);
        while (sizeof(ring) - ring_len < PACKET) {
            pthread_cond_wait(&room, &lock);
        }
        pthread_mutex_unlock(&lock);
        struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = drive_fd, .events = POLLIN}};
        int ready = poll(fds, 2, changing ? RELOAD_DELAY_MS : -1);
        if (ready == 0) {
            changing = false;
            board_drive_changed = true;
            board_interrupt();
            continue;
        }
        if (fds[0].revents & (POLLHUP | POLLERR | POLLNVAL)) {
            _exit(0);
        }
        if (ready > 0 && fds[1].revents) {
            char events[4096];
            changing = read(drive_fd, events, sizeof(events)) > 0;
        }
        pthread_mutex_lock(&lock);
        receive();
        pthread_mutex_unlock(&lock);
        board_wake();
    }
    return NULL;
}

void board_input_init(int pending_fd) {
    if (pending_fd >= 0) {
        ssize_t n = read(pending_fd, ring, sizeof(ring));
        ring_len = n > 0 ? n : 0;
        close(pending_fd);
    }
}

// Nothing is received before the board knows what it starts as, and with that whether it reloads programs.
void board_usb_start(bool reloads) {
    if (reloads) {
        drive_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        inotify_add_watch(drive_fd, ".", IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
    }
    pthread_t thread;
    pthread_create(&thread, NULL, usb_task, NULL);
}

void mp_hal_set_interrupt_char(int c) {
    board_flush();
    pthread_mutex_lock(&lock);
    interrupt_char = c;
    pthread_mutex_unlock(&lock);
    // An interrupt that was sent before is delivered before this returns.
    sched_yield();
}

void board_schedule_interrupt(void) {
    if (!board_drive_changed) {
        mp_sched_keyboard_interrupt();
    } else if (interrupt_char >= 0) {
        static mp_obj_exception_t reload = {.base = {&board_type_ReloadException}};
        reload.traceback_data = NULL;
        reload.args = (mp_obj_tuple_t *)&mp_const_empty_tuple_obj;
        mp_sched_exception(MP_OBJ_FROM_PTR(&reload));
    }
}

// What was received and not read yet outlives the interpreter, in a pipe. Nothing more is received from here on.
int board_save_input(void) {
    int ends[2];
    pthread_mutex_lock(&lock);
    if (ring_len == 0 || pipe(ends) != 0) {
        return -1;
    }
    while (ring_len > 0) {
        ssize_t ignored = write(ends[1], &ring[ring_pos], 1);
        (void)ignored;
        ring_pos = (ring_pos + 1) % sizeof(ring);
        ring_len--;
    }
    close(ends[1]);
    return ends[0];
}

int board_input_fd(void) {
    return -1;
}

bool board_input_waits(void) {
    return ring_len > 0;
}

bool board_input_ready(void) {
    return ring_len > 0;
}

int board_input_take(void) {
    int c = -1;
    pthread_mutex_lock(&lock);
    if (ring_len > 0) {
        c = ring[ring_pos];
        ring_pos = (ring_pos + 1) % sizeof(ring);
        ring_len--;
        pthread_cond_signal(&room);
    }
    pthread_mutex_unlock(&lock);
    return c;
}
