/* SIGTERM: what is under way is finished, what is new is turned away, the exit status is 0. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

static int connect_to(const server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(s->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (!connect(fd, (struct sockaddr *)&address, sizeof address))
        return fd;
    close(fd);
    return -1;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void a_request_under_way_is_answered_and_stored(void **state)
{
    server *s = *state;
    char text[400];
    int fd = connect_to(s);

    snprintf(text, sizeof text,
             "POST /v1/events HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer %s\r\n"
             "Content-Length: 26\r\n\r\n{\"user\":\"u\",",
             s->admin_key);
    send_text(fd, text);
    usleep(100000); // it is under way
    kill(s->pid, SIGTERM);
    for (int i = 0; i < 500; i++) { // until it takes no new connection
        int other = connect_to(s);
        if (other < 0)
            break;
        close(other);
        usleep(10000);
    }
    assert_int_equal(connect_to(s), -1);
    send_text(fd, "\"kind\":\"view\"}");
    memset(text, 0, sizeof text);
    assert_true(recv(fd, text, sizeof text - 1, 0) > 0);
    assert_memory_equal(text, "HTTP/1.1 200 ", 13);
    close(fd);
    int status;
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);

    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/events?user=u", NULL);
    assert_int_equal(json_array_size(client_at(c, "events")), 1);
    client_free(c);
}

static void an_idle_server_stops_at_once_with_status_0(void **state)
{
    server *s = *state;
    client *idle = client_new(s, s->admin_key);

    client_expect(idle, 200, "GET", "/v1/stats", NULL); // its connection stays open
    assert_int_equal(server_stop(s), 0);
    client_free(idle);
}

static void two_servers_do_not_share_a_folder(void **state)
{
    const server *s = *state;
    const char *const arguments[] = {"serve", "--data", s->data, "--port", "0", "--json", NULL};
    char output[1000];

    assert_int_equal(server_command(arguments, output, sizeof output), 1);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_free(c);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(a_request_under_way_is_answered_and_stored),
        EACH(an_idle_server_stops_at_once_with_status_0),
        EACH(two_servers_do_not_share_a_folder),
    };
    return cmocka_run_group_tests_name("e2e/stop", tests, NULL, NULL);
}
