// The unix port's sockets, with what those of lwIP have that WebREPL lives by: an option without a name, whose number is 20,
// that has a function called when something has come; and no file for a socket but itself, which would close it once
// nobody has the file any more.

#include <pthread.h>
#include <sys/epoll.h>

#include "py/mphal.h"
#include "py/obj.h"

#define RAISE_ERRNO(result, error) if ((result) == -1) { mp_raise_OSError(error); }

static mp_obj_t socket_setsockopt(size_t n_args, const mp_obj_t *args);
static mp_obj_t socket_makefile(size_t n_args, const mp_obj_t *args);
// Only where they are defined does a parenthesis follow on their names.
#define socket_setsockopt(n_args, args) unix_setsockopt(n_args, args)
#define socket_makefile(n_args, args) __attribute__((unused)) unix_makefile(n_args, args)
#include "ports/unix/modsocket.c"
#undef socket_setsockopt
#undef socket_makefile

#define CALLS_BACK 20
// Files have small numbers here.
#define MOST 64

MP_REGISTER_ROOT_POINTER(mp_obj_t board_sockets[64]);
MP_REGISTER_ROOT_POINTER(mp_obj_t board_callbacks[64]);

static int epoll_fd = -1;

// lwIP calls back once for each connection and each packet. Here it is again as long as there is something, after the
// call before has come to its end.
static void look_at(int fd, int operation) {
    struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, .data.fd = fd};
    epoll_ctl(epoll_fd, operation, fd, &event);
}

static mp_obj_t call_back(mp_obj_t fd_in) {
    int fd = MP_OBJ_SMALL_INT_VALUE(fd_in);
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        if (MP_STATE_VM(board_callbacks)[fd] != MP_OBJ_NULL) {
            mp_call_function_1(MP_STATE_VM(board_callbacks)[fd], MP_STATE_VM(board_sockets)[fd]);
        }
        nlr_pop();
    } else {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
    look_at(fd, EPOLL_CTL_MOD);
    // Whoever waits for input looks again whether there is any.
    board_wake();
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(call_back_obj, call_back);

static void *watch(void *unused) {
    for (;;) {
        struct epoll_event event;
        if (epoll_wait(epoll_fd, &event, 1, -1) != 1) {
            continue;
        }
        mp_obj_t fd = MP_OBJ_NEW_SMALL_INT(event.data.fd);
        while (!mp_sched_schedule(MP_OBJ_FROM_PTR(&call_back_obj), fd)) {
            poll(NULL, 0, 1);
        }
    }
    return NULL;
}

static mp_obj_t socket_makefile(size_t n_args, const mp_obj_t *args) {
    return args[0];
}

static mp_obj_t socket_setsockopt(size_t n_args, const mp_obj_t *args) {
    if (mp_obj_get_int(args[2]) != CALLS_BACK) {
        return unix_setsockopt(n_args, args);
    }
    int fd = ((mp_obj_socket_t *)MP_OBJ_TO_PTR(args[0]))->fd;
    if (fd < 0 || fd >= MOST) {
        mp_raise_OSError(MP_ENOMEM);
    }
    MP_STATE_VM(board_sockets)[fd] = args[0];
    MP_STATE_VM(board_callbacks)[fd] = args[3] == mp_const_none ? MP_OBJ_NULL : args[3];
    // No socket outlives a reset.
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (epoll_fd < 0) {
        epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        pthread_t thread;
        pthread_create(&thread, NULL, watch, NULL);
    }
    look_at(fd, EPOLL_CTL_ADD);
    return mp_const_none;
}
