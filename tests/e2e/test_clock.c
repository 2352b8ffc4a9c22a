/* The system's clock jumps by hours and days, forwards and backwards, while the server runs. A
 * library that is loaded before the C library's moves it (../support/clock.c). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "client.h"

static const int64_t HOUR_US = INT64_C(3600000000);
/* Hours from the real time, in turn. */
static const int hours[] = {0, 6, -6, 30, -30, 24 * 40, 0, -1, 0};
enum { JUMPS = sizeof hours / sizeof hours[0], STEP_US = 50000, PATIENCE = 200 };

typedef struct clocked {
    server *server;
    client *client;
    int64_t *moved_us; /* in memory that the server reads */
} clocked;

static void start(clocked *it, const char *const *options)
{
    char path[160];

    it->server = server_new();
    snprintf(path, sizeof path, "%s/clock", it->server->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, sizeof *it->moved_us), 0);
    it->moved_us = mmap(NULL, sizeof *it->moved_us, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(it->moved_us != MAP_FAILED);
    close(fd);
    setenv("TREADLE_TEST_CLOCK", path, 1);
    setenv("LD_PRELOAD", getenv("TREADLE_CLOCK_LIBRARY"), 1);
    server_start_with(it->server, 0, options);
    unsetenv("LD_PRELOAD");
    it->client = client_new(it->server, it->server->admin_key);
}

static void move_to(clocked *it, int hour)
{
    __atomic_store_n(it->moved_us, hour * HOUR_US, __ATOMIC_SEQ_CST);
}

static int set_up(void **state)
{
    clocked *it = calloc(1, sizeof *it);

    start(it, NULL);
    *state = it;
    return 0;
}

static int tear_down(void **state)
{
    clocked *it = *state;
    int status = server_stop(it->server);

    munmap(it->moved_us, sizeof *it->moved_us);
    client_free(it->client);
    server_free(it->server);
    free(it);
    return status;
}

/* "2026-11-24T10..." -> hours since some day, to see that the clock did move. */
static const char *server_time(clocked *it)
{
    client_expect(it->client, 200, "GET", "/v1/stats", NULL);
    return client_text(it->client, "time");
}

static void the_server_does_see_the_jumps(void **state)
{
    char before[40], after[40];

    snprintf(before, sizeof before, "%s", server_time(*state));
    move_to(*state, 24 * 40);
    snprintf(after, sizeof after, "%s", server_time(*state));
    assert_int_not_equal(strncmp(before, after, strlen("2026-11")), 0);
}

static void send_event(client *c, const char *id, int stored)
{
    char body[200];

    snprintf(body, sizeof body,
             "{\"user\":\"u\",\"kind\":\"view\",\"item\":\"i%s\",\"message_id\":\"%s\"}", id, id);
    client_expect(c, 200, "POST", "/v1/events", body);
    assert_int_equal(json_integer_value(client_at(c, "stored")), stored);
}

static void events_are_stored_once_and_listed_whatever_the_clock_says(void **state)
{
    clocked *it = *state;
    char id[20];

    for (int i = 0; i < JUMPS; i++) {
        move_to(it, hours[i]);
        snprintf(id, sizeof id, "%d", i);
        send_event(it->client, id, 1);
        for (int earlier = 0; earlier <= i; earlier++) {
            snprintf(id, sizeof id, "%d", earlier);
            send_event(it->client, id, 0);
        }
    }
    client_expect(it->client, 200, "GET", "/v1/events?user=u", NULL);
    const json_t *events = client_at(it->client, "events");
    assert_int_equal(json_array_size(events), JUMPS);
    for (size_t i = 1; i < JUMPS; i++) // newest first, by their own time
        assert_true(
            strcmp(json_string_value(json_object_get(json_array_get(events, i - 1), "time")),
                   json_string_value(json_object_get(json_array_get(events, i), "time"))) >= 0);
    server_kill(it->server); // and they are read again in any order
    server_start(it->server, 0);
    client_expect(it->client, 200, "GET", "/v1/events?user=u", NULL);
    assert_int_equal(json_array_size(client_at(it->client, "events")), JUMPS);
}

static void every_decision_has_an_id_of_its_own_and_is_logged(void **state)
{
    enum { EACH = 20 };
    static char ids[JUMPS * EACH][40];
    clocked *it = *state;
    int n = 0;

    for (int i = 0; i < JUMPS; i++) {
        move_to(it, hours[i]);
        for (int k = 0; k < EACH; k++, n++) {
            client_expect(it->client, 200, "GET", "/v1/recommend?user=u", NULL);
            snprintf(ids[n], sizeof ids[n], "%s", client_text(it->client, "decision_id"));
            for (int m = 0; m < n; m++)
                assert_string_not_equal(ids[m], ids[n]);
        }
    }
    while (n--)
        if (client_get(it->client, "/v1/decisions/%s", ids[n]) != 200)
            fail_msg("decision %s is not in the log", ids[n]);
}

/* Events a second, the last minute's; gives their sum. */
static int64_t sum_of_rates(client *c)
{
    const json_t *value;
    int64_t sum = 0;
    size_t i;

    client_expect(c, 200, "GET", "/v1/stats", NULL);
    json_array_foreach(client_at(c, "events.per_second"), i, value) sum +=
        json_integer_value(value);
    return sum;
}

static void rates_and_uptime_know_nothing_of_the_jumps(void **state)
{
    clocked *it = *state;
    char id[20];

    for (int i = 0; i < JUMPS; i++) {
        move_to(it, hours[i]);
        snprintf(id, sizeof id, "%d", i);
        send_event(it->client, id, 1);
        client_expect(it->client, 200, "GET", "/v1/stats", NULL);
        double up = json_number_value(client_at(it->client, "uptime_seconds"));
        assert_true(up >= 0 && up < 3600);
    }
    for (int left = PATIENCE; left && sum_of_rates(it->client) < JUMPS; left--)
        usleep(STEP_US); // a second counts once it is over
    assert_int_equal(sum_of_rates(it->client), JUMPS);
}

static void a_limit_of_the_rate_neither_opens_nor_shuts(void **state)
{
    const char *const options[] = {"--rate-per-key", "1", "--rate-burst", "3", NULL};
    clocked *it = calloc(1, sizeof *it);

    *state = it;
    start(it, options);
    for (int i = 0; i < JUMPS; i++) {
        int passed = 0;
        move_to(it, hours[i]);
        for (int k = 0; k < 10; k++)
            passed += client_call(it->client, "GET", "/v1/stats", NULL) == 200;
        assert_true(passed <= 6); // the burst, and what a slow machine takes its time for
    }
    for (int left = PATIENCE; left && client_call(it->client, "GET", "/v1/stats", NULL) != 200;
         left--)
        usleep(STEP_US);
    assert_int_equal(it->client->status, 200);
}

static void a_session_ends_by_the_clock(void **state)
{
    clocked *it = *state;
    char cookie[300];
    client *page = client_new(it->server, it->server->admin_key);

    client_expect(page, 200, "POST", "/v1/session", NULL);
    page->key = NULL;
    const char *at = strstr(page->head.at, "Set-Cookie: ");
    assert_non_null(at);
    snprintf(cookie, sizeof cookie, "Cookie: %.*s", (int)strcspn(at + 12, ";"), at + 12);
    page->extra[0] = cookie;
    for (int hour = -48; hour <= 48; hour += 8) {
        move_to(it, hour);
        client_expect(page, hour < 12 ? 200 : 401, "GET", "/v1/stats", NULL);
    }
    client_free(page);
}

static void what_the_disk_refused_is_tried_again_after_a_jump_back(void **state)
{
    clocked *it = *state;
    char id[40];

    client_expect(it->client, 200, "GET", "/v1/recommend?user=u", NULL); // all is warm
    server_limit_files(it->server, 1);
    client_expect(it->client, 200, "GET", "/v1/recommend?user=u", NULL);
    snprintf(id, sizeof id, "%s", client_text(it->client, "decision_id"));
    assert_int_equal(
        client_call(it->client, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}"), 503);
    move_to(it, -6);
    server_limit_files(it->server, 0);
    for (int left = PATIENCE; left && client_get(it->client, "/v1/decisions/%s", id) != 200; left--)
        usleep(STEP_US);
    assert_int_equal(it->client->status, 200);
}

static void flags_go_on(void **state)
{
    static const char definition[] =
        "{\"family\":\"posthog\",\"definition\":{\"active\":true,\"filters\":{\"groups\":"
        "[{\"properties\":[],\"rollout_percentage\":50}]}}}";
    static const char question[] = "{\"context\":{\"targetingKey\":\"u\"}}";
    clocked *it = *state;
    char stream[300], first[40] = "";

    client_expect(it->client, 200, "PUT", "/v1/flags/a", definition);
    for (int i = 0; i < JUMPS; i++) {
        move_to(it, hours[i]);
        client_expect(it->client, 200, "POST", "/ofrep/v1/evaluate/flags", question);
        const json_t *value = client_at(it->client, "flags.0.value");
        const char *said = json_is_true(value) ? "true" : "false";
        assert_true(json_is_boolean(value));
        assert_true(!first[0] || !strcmp(first, said)); // a person's answer stays
        snprintf(first, sizeof first, "%s", said);
    }
    snprintf(stream, sizeof stream, "%s",
             client_text(it->client, "eventStreams.0.endpoint.requestUri"));
    assert_true(stream[0]);
    move_to(it, 24 * 9); // its token has died
    client_expect(it->client, 401, "GET", stream, NULL);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(the_server_does_see_the_jumps),
        EACH(events_are_stored_once_and_listed_whatever_the_clock_says),
        EACH(every_decision_has_an_id_of_its_own_and_is_logged),
        EACH(rates_and_uptime_know_nothing_of_the_jumps),
        cmocka_unit_test_teardown(a_limit_of_the_rate_neither_opens_nor_shuts, tear_down),
        EACH(a_session_ends_by_the_clock),
        EACH(what_the_disk_refused_is_tried_again_after_a_jump_back),
        EACH(flags_go_on),
    };
    return cmocka_run_group_tests_name("e2e/clock", tests, NULL, NULL);
}
