#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

#include "http/acceptor.h"
#include "http/listen.h"
#include "raw.h"

enum { CLIENTS = 50 };

static atomic_int taken, blocking;

static void take(void *context, int fd, const struct sockaddr *peer, socklen_t size)
{
    (void)context;
    atomic_fetch_add(&taken, 1);
    atomic_fetch_add(&blocking, !(fcntl(fd, F_GETFL) & O_NONBLOCK));
    assert_int_equal(peer->sa_family, AF_INET);
    assert_true(size > 0);
    close(fd);
}

static tdl_acceptor *start(uint16_t *ret_port)
{
    char url[64];
    int fd = -1;

    atomic_store(&taken, 0);
    assert_int_equal(tdl_listen("127.0.0.1", 0, "http", &fd, ret_port, url, sizeof url, NULL),
                     TDL_OK);
    tdl_acceptor *acceptor = tdl_acceptor_new(fd, take, NULL);
    assert_non_null(acceptor);
    return acceptor;
}

static void who_has_connected_is_handed_over_even_at_the_end(void **state)
{
    uint16_t port;
    tdl_acceptor *acceptor = start(&port);
    int fds[CLIENTS];

    (void)state;
    for (int i = 0; i < CLIENTS; i++) {
        fds[i] = raw_connect(port);
        assert_true(fds[i] >= 0);
    }
    tdl_acceptor_free(acceptor);
    assert_int_equal(atomic_load(&taken), CLIENTS);
    assert_int_equal(atomic_load(&blocking), 0);
    assert_int_equal(raw_connect(port), -1);
    for (int i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void an_acceptor_nobody_came_to_ends_too(void **state)
{
    uint16_t port;

    (void)state;
    tdl_acceptor_free(start(&port));
    tdl_acceptor_free(NULL);
    assert_int_equal(atomic_load(&taken), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_connected_is_handed_over_even_at_the_end),
        cmocka_unit_test(an_acceptor_nobody_came_to_ends_too),
    };
    return cmocka_run_group_tests_name("http/acceptor", tests, NULL, NULL);
}
