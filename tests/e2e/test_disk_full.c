/* A disk that is full: 503 and nothing lost; once there is room again, all goes on. A small tmpfs
 * is the disk, mounted where only this program and its children see it; the limit on the size of
 * files (RLIMIT_FSIZE) stands for one as well, and needs no rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "senders.h"

enum { LIMIT = 512 << 10, BATCHES_MAX = 2000 };

/* Batches until one is refused; gives how many were taken. */
static int fill_up(client *c)
{
    char body[2200], padding[2001];
    int taken = 0;

    memset(padding, 'x', 2000);
    padding[2000] = '\0';
    while (taken < BATCHES_MAX) {
        snprintf(body, sizeof body,
                 "{\"user\":\"u%d\",\"kind\":\"v\",\"message_id\":\"m%d\",\"properties\":{\"p\":\"%"
                 "s\"}}",
                 taken / 500, taken, padding);
        if (client_call(c, "POST", "/v1/events", body) != 200)
            break;
        taken++;
    }
    return taken;
}

static int count_events(client *c, int users)
{
    int n = 0;

    for (int u = 0; u < users; u++) {
        assert_int_equal(client_get(c, "/v1/events?user=u%d&limit=1000", u), 200);
        n += (int)json_array_size(client_at(c, "events"));
    }
    return n;
}

static void assert_retry_later(const client *c)
{
    assert_int_equal(c->status, 503);
    assert_true(client_has_header(c, "Retry-After: 2"));
    assert_true(client_has_header(c, "Content-Type: application/problem+json"));
    assert_true(strlen(client_text(c, "detail")) > 0);
}

static void a_full_disk_is_a_503_until_there_is_room(void **state)
{
    server *s = server_new();
    char again[100];

    (void)state;
    server_start(s, LIMIT);
    client *c = client_new(s, s->admin_key);
    int taken = fill_up(c);
    assert_true(taken > 0 && taken < BATCHES_MAX);
    assert_retry_later(c);
    for (int i = 0; i < 5; i++) { // it keeps saying so, and keeps reading
        client_call(c, "POST", "/v1/events", "{\"user\":\"late\",\"kind\":\"v\"}");
        client_expect(c, 200, "GET", "/healthz", NULL);
    }
    assert_int_equal(count_events(c, taken / 500 + 1), taken);
    server_limit_files(s, 0);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u0\",\"kind\":\"v\"}");
    snprintf(again, sizeof again, "{\"user\":\"u0\",\"kind\":\"v\",\"message_id\":\"m%d\"}", taken);
    client_expect(c, 200, "POST", "/v1/events", again); // the one that was refused
    assert_int_equal(json_integer_value(client_at(c, "stored")), 1);
    server_kill(s);
    server_start(s, 0);
    assert_int_equal(count_events(c, taken / 500 + 1), taken + 2);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

static void decisions_answered_while_the_disk_was_full_are_in_the_log_later(void **state)
{
    enum { ASKED = 200 };
    static char ids[ASKED][40];
    server *s = server_new();
    int answered = 0;

    (void)state;
    server_start(s, LIMIT);
    client *c = client_new(s, s->admin_key);
    fill_up(c);
    for (int i = 0; i < ASKED; i++) {
        if (client_call(c, "GET", "/v1/recommend?user=u0", NULL) == 200)
            snprintf(ids[answered++], sizeof ids[0], "%s", client_text(c, "decision_id"));
        else
            assert_retry_later(c);
    }
    server_limit_files(s, 0);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u0\",\"kind\":\"v\"}");
    for (int i = 0; i < answered; i++) {
        assert_int_equal(client_get(c, "/v1/decisions/%s", ids[i]), 200);
    }
    print_message("%d of %d questions were answered on a full disk\n", answered, ASKED);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    server_free(s);
}

/* ---- a disk of its own ---- */

static void write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    if (fd < 0)
        return;
    if (write(fd, text, strlen(text)) < 0)
        print_message("%s: not written\n", path);
    close(fd);
}

/* Mounts of this process from now on are its own. Without root that takes a user namespace, in
 * which this user is root. Not once there are threads. */
static bool leave_the_mounts_of_others(void)
{
    char map[40];
    unsigned user = geteuid();

    if (unshare(user ? CLONE_NEWNS | CLONE_NEWUSER : CLONE_NEWNS))
        return false;
    if (user) {
        snprintf(map, sizeof map, "0 %u 1", user);
        write_text("/proc/self/uid_map", map);
    }
    return !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static bool may_mount;

/* A file of `size` bytes, all on the disk. */
static void lay_ballast(const char *path, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(posix_fallocate(fd, 0, (off_t)size), 0);
    close(fd);
}

static void a_full_file_system_is_a_503_and_goes_on_by_itself(void **state)
{
    static senders all = {.n = 4, .max = 100000, .patient = true};
    char ballast[200];
    server *s = server_new();

    (void)state;
    snprintf(ballast, sizeof ballast, "%s/ballast", s->data);
    if (!may_mount || mkdir(s->data, 0700) ||
        mount("none", s->data, "tmpfs", 0, "size=4m,mode=0700")) {
        print_message("skipped: a full file system: this process may not mount a tmpfs\n");
        server_free(s);
        skip();
    }
    lay_ballast(ballast, 2 << 20);
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    int taken = fill_up(c);
    assert_true(taken > 0 && taken < BATCHES_MAX);
    assert_retry_later(c);
    senders_start(&all, s); // they meet the full disk, and go on by themselves
    usleep(300000);
    client_call(c, "POST", "/v1/events", "{\"user\":\"late\",\"kind\":\"v\"}");
    assert_retry_later(c);
    assert_int_equal(unlink(ballast), 0);
    for (int left = 100; left && c->status != 200; left--) {
        client_call(c, "POST", "/v1/events", "{\"user\":\"late\",\"kind\":\"v\"}");
        usleep(100000);
    }
    assert_int_equal(c->status, 200);
    senders_stop(&all);
    assert_true(senders_refused(&all) > 0);
    server_kill(s);
    server_start(s, 0);
    assert_int_equal(count_events(c, taken / 500 + 1), taken);
    assert_true(senders_check(&all, c) > 0);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    assert_int_equal(umount(s->data), 0);
    server_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_file_system_is_a_503_and_goes_on_by_itself),
        cmocka_unit_test(a_full_disk_is_a_503_until_there_is_room),
        cmocka_unit_test(decisions_answered_while_the_disk_was_full_are_in_the_log_later),
    };
    may_mount = leave_the_mounts_of_others();
    return cmocka_run_group_tests_name("e2e/disk_full", tests, NULL, NULL);
}
