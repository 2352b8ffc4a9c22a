/* What whoever runs the server relies on: settings, the access log, crowds, bombs, one store for
 * one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "client.h"

/* ---- settings ---- */

static json_t *shown(const char *const *arguments)
{
    char output[8000];
    json_t *json = NULL;

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    if (tdl_json_parse(tdl_str_trim(tdl_str_of(output)), TDL_JSON_REFUSE_DUPLICATES, &json, NULL))
        fail_msg("config show said %s", output);
    return json;
}

static void assert_setting(json_t *json, const char *name, const char *value, const char *origin)
{
    json_t *setting = json_object_get(json, name), *found = json_object_get(setting, "value");
    char text[100] = "";

    if (json_is_integer(found))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(found));
    else if (json_is_boolean(found))
        snprintf(text, sizeof text, "%s", json_is_true(found) ? "true" : "false");
    else if (json_is_string(found))
        snprintf(text, sizeof text, "%s", json_string_value(found));
    assert_string_equal(text, value);
    assert_string_equal(json_string_value(json_object_get(setting, "origin")), origin);
}

static void settings_are_shown_with_where_they_come_from(void **state)
{
    const char *const arguments[] = {
        "config", "show", "--json", "--threads", "3", "--data", "pg://me:hidden@host/db", NULL};

    (void)state;
    setenv("TREADLE_PORT", "9000", 1);
    setenv("TREADLE_THREADS", "7", 1); // the command line wins
    setenv("TREADLE_ACCESS_LOG", "1", 1);
    json_t *json = shown(arguments);
    unsetenv("TREADLE_PORT");
    unsetenv("TREADLE_THREADS");
    unsetenv("TREADLE_ACCESS_LOG");
    assert_setting(json, "port", "9000", "TREADLE_PORT");
    assert_setting(json, "threads", "3", "--threads");
    assert_setting(json, "access-log", "true", "TREADLE_ACCESS_LOG");
    assert_setting(json, "address", "127.0.0.1", "default");
    assert_setting(json, "rate-per-key", "0", "default");
    assert_setting(json, "data", "pg://me:***@host/db", "--data");
    assert_null(json_object_get(json, "help"));
    json_decref(json);
}

static void every_option_of_serve_is_a_setting(void **state)
{
    const char *const help[] = {"serve", "--help", NULL};
    const char *const show[] = {"config", "show", "--origin", NULL};
    char options[8000], settings[8000], line[100];
    int found = 0;

    (void)state;
    assert_int_equal(server_command(help, options, sizeof options), 0);
    assert_int_equal(server_command(show, settings, sizeof settings), 0);
    for (const char *at = options; (at = strstr(at, "\n  --")); at++) {
        char name[60];
        assert_int_equal(sscanf(at + 5, "%59[a-z-]", name), 1);
        if (!strcmp(name, "json") || !strcmp(name, "quiet") || !strcmp(name, "help"))
            continue;
        snprintf(line, sizeof line, "%s ", name);
        const char *row = strstr(settings, line);
        if (!row || (row != settings && row[-1] != '\n'))
            fail_msg("config show says nothing of --%s", name);
        found++;
    }
    assert_true(found > 10);
}

/* ---- the access log ---- */

static void read_log(const server *s, char *ret, size_t ret_n)
{
    FILE *file = fopen(s->log, "r");
    size_t n = fread(ret, 1, ret_n - 1, file);

    ret[n] = '\0';
    fclose(file);
}

static void the_access_log_names_the_key_and_never_shows_it(void **state)
{
    server *s = server_new();
    const char *const options[] = {"--access-log", "--log-json", NULL};
    static char log[20000];

    *state = s;
    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"secret-user\",\"kind\":\"view\"}");
    client_expect(c, 200, "GET", "/v1/events?user=secret-user", NULL);
    size_t bytes = c->body.len;
    client_expect(c, 404, "GET", "/nothing/secret-user", NULL);
    client_free(c);
    const char *const list[] = {"key", "list", "--json", "--data", s->data, NULL};
    char keys[2000], id[17], want[200];
    assert_int_equal(server_command(list, keys, sizeof keys), 0);
    assert_int_equal(sscanf(keys, "{\"keys\":[{\"id\":\"%16[0-9a-f]", id), 1);
    assert_int_equal(server_stop(s), 0);
    read_log(s, log, sizeof log);
    snprintf(want, sizeof want,
             "\"method\":\"GET\",\"route\":\"user_events\",\"status\":200,"
             "\"bytes\":%zu,\"us\":",
             bytes);
    assert_non_null(strstr(log, want));
    assert_non_null(strstr(log, "\"method\":\"GET\",\"route\":\"none\",\"status\":404,"));
    snprintf(want, sizeof want, "\"key\":\"%s\"}", id);
    if (!strstr(log, want))
        fail_msg("no %s in %s", want, log);
    assert_null(strstr(log, s->admin_key));
    assert_null(strstr(log, "secret-user"));
}

static void without_it_requests_are_not_logged(void **state)
{
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    static char log[20000];

    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_free(c);
    assert_int_equal(server_stop(s), 0);
    read_log(s, log, sizeof log);
    assert_non_null(strstr(log, "INFO listening"));
    assert_null(strstr(log, "route=stats"));
}

/* ---- limits ---- */

static int connect_from(const server *s, uint32_t host);

static void the_options_of_the_limits_reach_the_server(void **state)
{
    server *s = server_new();
    const char *const options[] = {"--rate-per-key",
                                   "1",
                                   "--rate-burst",
                                   "2",
                                   "--head-timeout",
                                   "1",
                                   "--idle-timeout",
                                   "2",
                                   NULL};
    char byte;

    *state = s;
    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_expect(c, 429, "GET", "/v1/stats", NULL);
    assert_true(client_has_header(c, "Retry-After: 1"));
    sleep(1); // as it was told
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    client_free(c);
    int fd = connect_from(s, INADDR_LOOPBACK);
    for (int i = 0; i < 8; i++) { // one byte a second, in the end into nothing
        if (send(fd, &"GET /readyz HTTP"[i], 1, MSG_NOSIGNAL) != 1)
            break;
        sleep(1);
        if (recv(fd, &byte, 1, MSG_DONTWAIT) == 0)
            break;
        assert_true(i < 7);
    }
    close(fd);
}

/* ---- faults ---- */

static void a_second_process_on_the_same_store_is_refused_and_says_why(void **state)
{
    server *s = *state;
    const char *const arguments[] = {"serve", "--data", s->data, "--port", "0", NULL};
    char errors[1000], holder[100];

    assert_int_equal(server_command_errors(arguments, errors, sizeof errors), 1);
    snprintf(holder, sizeof holder, "is in use by another treadle (process %d)", (int)s->pid);
    assert_non_null(strstr(errors, holder));
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    client_free(c);
}

static double metric(client *c, const char *name)
{
    char line[100];

    client_expect(c, 200, "GET", "/metrics", NULL);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(c->body.at, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

/* POST /v1/events with these bytes as they are. */
static int post_packed(const server *s, const unsigned char *bytes, size_t n)
{
    CURL *curl = curl_easy_init();
    char url[200], key[200];
    long status = 0;

    snprintf(url, sizeof url, "%s/v1/events", s->url);
    snprintf(key, sizeof key, "Authorization: Bearer %s", s->admin_key);
    struct curl_slist *headers = curl_slist_append(NULL, key);
    headers = curl_slist_append(headers, "Content-Encoding: gzip");
    headers = curl_slist_append(headers, "Expect:");
    FILE *nowhere = fopen("/dev/null", "w");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, nowhere);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    assert_int_equal(curl_easy_perform(curl), CURLE_OK);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    fclose(nowhere);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return (int)status;
}

/* `size` zero bytes, packed into ret. */
static size_t pack_zeros(size_t size, unsigned char *ret, size_t ret_n)
{
    static unsigned char zeros[1 << 20];
    z_stream z = {.next_out = ret, .avail_out = (unsigned)ret_n};

    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    for (size_t at = 0; at < size; at += sizeof zeros) {
        z.next_in = zeros;
        z.avail_in = sizeof zeros;
        deflate(&z, at + sizeof zeros >= size ? Z_FINISH : Z_NO_FLUSH);
    }
    size_t n = z.total_out;
    deflateEnd(&z);
    return n;
}

static void a_gzip_bomb_is_refused_in_bounded_memory(void **state)
{
    enum { MIB = 1 << 20, SENT = 20 * MIB };
    server *s = *state;
    client *c = client_new(s, NULL);
    unsigned char *bomb = calloc(1, SENT);

    double before = metric(c, "process_resident_memory_bytes");
    size_t n = pack_zeros((size_t)512 * MIB, bomb, SENT); // 2.3 MB, within the limit as sent
    assert_in_range(n, 100000, 8 * MIB);
    for (int i = 0; i < 3; i++)
        assert_int_equal(post_packed(s, bomb, n), 413);
    assert_int_equal(post_packed(s, bomb, SENT), 413); // 20 MB as sent
    double grown = metric(c, "process_resident_memory_bytes") - before;
    if (grown > 160.0 * MIB) // a body, 64 MiB inflated, and the copy while that grows
        fail_msg("grown by %.0f MiB", grown / MIB);
    client_free(c);
    free(bomb);
}

static int connect_from(const server *s, uint32_t host)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host)};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

/* 10,000 with TREADLE_TEST_CROWD=10000, from twenty addresses; else 1,500 from one. */
static void idle_connections_keep_nobody_out(void **state)
{
    const char *asked = getenv("TREADLE_TEST_CROWD");
    size_t crowd = asked ? strtoul(asked, NULL, 10) : 1500, hosts = crowd > 2000 ? 20 : 1;
    struct rlimit files;
    server *s = *state;
    int *fd = calloc(crowd, sizeof *fd);

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < crowd + 100) {
        printf("skipped: %zu connections: this process may open %lu files\n", crowd,
               (unsigned long)files.rlim_cur);
        free(fd);
        skip();
    }
    client *c = client_new(s, s->admin_key);
    for (size_t i = 0; i < crowd; i++) {
        fd[i] = connect_from(s, INADDR_LOOPBACK + 1 + (uint32_t)(i % hosts));
        if (i % 500 == 0)
            client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    }
    double open_enough = (crowd < 1024 ? (double)crowd : 1024) * 0.9, connections = 0;
    for (int left = 100; left && connections <= open_enough; left--) { // they are taken in turn
        usleep(50000);
        connections = metric(c, "treadle_http_connections");
    }
    print_message("%zu idle connections asked for, %.0f open\n", crowd, connections);
    assert_true(connections > open_enough);
    assert_true(connections <= 8192 + 512);
    for (int i = 0; i < 20; i++) {
        client *fresh = client_new(s, s->admin_key);
        client_expect(fresh, 200, "GET", "/v1/stats", NULL);
        client_free(fresh);
    }
    for (size_t i = 0; i < crowd; i++)
        close(fd[i]);
    client_free(c);
    free(fd);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_shown_with_where_they_come_from),
        cmocka_unit_test(every_option_of_serve_is_a_setting),
        cmocka_unit_test_teardown(the_access_log_names_the_key_and_never_shows_it,
                                  server_tear_down),
        EACH(without_it_requests_are_not_logged),
        cmocka_unit_test_teardown(the_options_of_the_limits_reach_the_server, server_tear_down),
        EACH(a_second_process_on_the_same_store_is_refused_and_says_why),
        EACH(a_gzip_bomb_is_refused_in_bounded_memory),
        EACH(idle_connections_keep_nobody_out),
    };
    return cmocka_run_group_tests_name("e2e/operation", tests, NULL, NULL);
}
