/* Clients that mean harm or behave as if: slow ones, crowds, bombs. Others are served meanwhile,
 * and memory stays bounded. */
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

enum { MIB = 1 << 20, CROWD = 10000, CROWD_HOSTS = 20, CONNECTIONS_MAX = 8192 };

static void allow_files(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
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

static double metric(client *c, const char *name)
{
    char line[100];

    client_expect(c, 200, "GET", "/metrics", NULL);
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(c->body.at, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static double memory(client *c)
{
    return metric(c, "process_resident_memory_bytes");
}

/* What it has grown by since then: an answer is sent before what it took is given back. */
static double grown(client *c, double before, double max)
{
    double by = memory(c) - before;

    for (int left = 100; left && by >= max; left--) {
        usleep(50000);
        by = memory(c) - before;
    }
    return by;
}

static void assert_served(const server *s)
{
    client *c = client_new(s, s->admin_key);

    client_expect(c, 200, "POST", "/v1/events", "{\"user\":\"u\",\"kind\":\"view\"}");
    client_expect(c, 200, "GET", "/v1/recommend?user=u", NULL);
    client_free(c);
}

/* ---- slow ---- */

/* Sends what is left of `text` a byte at a time; -1 = closed by the server. */
typedef struct slow {
    int fd;
    const char *text;
} slow;

static int send_byte(slow *one)
{
    char byte;

    if (one->fd < 0)
        return 0;
    if (recv(one->fd, &byte, 1, MSG_DONTWAIT) == 0 ||
        send(one->fd, one->text, 1, MSG_NOSIGNAL) != 1) {
        close(one->fd);
        one->fd = -1;
        return 0;
    }
    one->text++;
    return 1;
}

static void who_sends_a_byte_a_second_is_sent_away(void **state)
{
    enum { SLOW = 200, SECONDS = 12 };
    const char *const options[] = {"--head-timeout", "2", "--body-timeout", "3", NULL};
    static const char head[] =
        "POST /v1/events HTTP/1.1\r\nHost: t\r\nContent-Length: 1000\r\n\r\n";
    static slow crowd[SLOW];
    server *s = server_new();
    int left = SLOW;

    *state = s;
    server_start_with(s, 0, options);
    for (int i = 0; i < SLOW; i++) { // half of them slow from the first byte on
        crowd[i] = (slow){.fd = connect_from(s, INADDR_LOOPBACK), .text = head};
        if (i % 2) {
            assert_int_equal(send(crowd[i].fd, head, strlen(head), MSG_NOSIGNAL), strlen(head));
            crowd[i].text = "[                                ";
        }
    }
    for (int second = 0; left && second < SECONDS; second++) {
        assert_served(s);
        sleep(1);
        left = 0;
        for (int i = 0; i < SLOW; i++)
            left += send_byte(&crowd[i]);
    }
    assert_int_equal(left, 0);
    assert_served(s);
}

/* ---- many ---- */

static void ten_thousand_idle_connections_keep_nobody_out(void **state)
{
    static int fd[CROWD];
    server *s = *state;
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    if (files.rlim_cur < CROWD + 100) {
        printf("skipped: %d connections: this process may open %lu files\n", CROWD,
               (unsigned long)files.rlim_cur);
        skip();
    }
    client *c = client_new(s, NULL);
    double before = memory(c), open = 0;
    for (int i = 0; i < CROWD; i++) {
        fd[i] = connect_from(s, INADDR_LOOPBACK + 1 + (uint32_t)(i % CROWD_HOSTS));
        if (i % 1000 == 0)
            assert_served(s);
    }
    // nearly all of them: the rest has given way
    for (int left = 200; left && open < 0.9 * CONNECTIONS_MAX; left--, usleep(50000))
        open = metric(c, "treadle_http_connections");
    print_message("%d idle connections, %.0f open, %.0f bytes each\n", CROWD, open,
                  (memory(c) - before) / open);
    assert_true(open >= 0.9 * CONNECTIONS_MAX);
    assert_true(open <= CONNECTIONS_MAX + 512);
    for (int i = 0; i < 20; i++)
        assert_served(s);
    for (int i = 0; i < CROWD; i++)
        close(fd[i]);
    client_free(c);
}

/* ---- large ---- */

/* These bytes as they are; gives the status. */
static int post_packed(const server *s, const char *path, const unsigned char *bytes, size_t n)
{
    CURL *curl = curl_easy_init();
    char url[200], key[200];
    long status = 0;

    snprintf(url, sizeof url, "%s%s", s->url, path);
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

/* A gzip stream of `blocks` times `block`: a full flush ends each packed block, so that the same
 * bytes may follow. Its end is missing; nobody gets that far. */
static size_t pack_repeated(const unsigned char *block, size_t block_n, size_t blocks,
                            unsigned char *ret, size_t ret_n)
{
    static const unsigned char head[10] = {0x1f, 0x8b, 8};
    z_stream z = {.next_in = (unsigned char *)block, .avail_in = (unsigned)block_n};

    memcpy(ret, head, sizeof head);
    z.next_out = ret + sizeof head;
    z.avail_out = (unsigned)(ret_n - sizeof head);
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FULL_FLUSH), Z_OK);
    size_t n = z.total_out;
    deflateEnd(&z);
    assert_true(sizeof head + n * blocks <= ret_n);
    for (size_t i = 1; i < blocks; i++)
        memcpy(ret + sizeof head + i * n, ret + sizeof head, n);
    return sizeof head + n * blocks;
}

static void ten_gigabytes_in_a_gzip_bomb_cost_no_memory(void **state)
{
    enum { GROWTH_MAX = 64 * MIB }; // what all bodies at once may take
    server *s = *state;
    client *c = client_new(s, NULL);
    unsigned char *block = calloc(1, MIB), *bomb = malloc(20 * MIB);
    double before = memory(c);
    size_t n = pack_repeated(block, MIB, 10 << 10, bomb, 20 * MIB);

    assert_true(n > 10000000); // the route takes twenty millions
    for (int i = 0; i < 3; i++)
        assert_int_equal(post_packed(s, "/batch/", bomb, n), 413);
    double by = grown(c, before, GROWTH_MAX);
    print_message("grown by %.1f MiB\n", by / MIB);
    assert_true(by < GROWTH_MAX);
    memset(bomb, 0, 20 * MIB); // more than this route takes as sent
    assert_int_equal(post_packed(s, "/v1/events", bomb, 20 * MIB), 413);
    assert_true(grown(c, before, GROWTH_MAX) < GROWTH_MAX);
    assert_served(s);
    client_free(c);
    free(block);
    free(bomb);
}

/* One that packs no better than bodies may: the limit of the inflated size stops it. */
static void a_modest_bomb_is_stopped_by_its_size(void **state)
{
    enum { BLOCK = 1 << 16, GROWTH_MAX = 160 * MIB }; // 64 MiB, and the copy while that grows
    server *s = *state;
    client *c = client_new(s, NULL);
    unsigned char *block = malloc(BLOCK), *bomb = malloc(8 * MIB);
    double before = memory(c);

    memset(block, ' ', BLOCK);
    for (int i = 0; i < BLOCK; i += 128)
        block[i] = (unsigned char)(' ' + i * 31 / 128 % 64);
    size_t n = pack_repeated(block, BLOCK, 4096, bomb, 8 * MIB);
    assert_true(n > 256 * MIB / 200); // else the ratio would stop it
    assert_int_equal(post_packed(s, "/batch/", bomb, n), 413);
    assert_true(grown(c, before, GROWTH_MAX) < GROWTH_MAX);
    assert_served(s);
    client_free(c);
    free(block);
    free(bomb);
}

static void a_million_levels_of_json_are_refused(void **state)
{
    enum { DEPTH = 1000000, GROWTH_MAX = 32 * MIB };
    static const char *const paths[] = {"/v1/events", "/v1/batch", "/batch/", "/flags/?v=2",
                                        "/ofrep/v1/evaluate/flags"};
    static const char *const levels[] = {"[", "{\"a\":", "{\"batch\":["};
    server *s = *state;
    client *c = client_new(s, s->admin_key);
    tdl_buf body = {0};
    double before = memory(c);

    for (size_t l = 0; l < sizeof levels / sizeof levels[0]; l++) {
        tdl_buf_clear(&body);
        for (int i = 0; i < DEPTH && body.len < 7 * MIB; i++)
            tdl_buf_text(&body, levels[l]);
        for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
            client_call(c, "POST", paths[i], body.at);
            if (c->status != 400 && c->status != 413) // so many are also too many values
                fail_msg("%s answered %d: %s", paths[i], c->status, c->body.at);
        }
    }
    assert_true(grown(c, before, GROWTH_MAX) < GROWTH_MAX);
    assert_served(s);
    tdl_buf_release(&body);
    client_free(c);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, server_set_up, server_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(who_sends_a_byte_a_second_is_sent_away, server_tear_down),
        EACH(ten_thousand_idle_connections_keep_nobody_out),
        EACH(ten_gigabytes_in_a_gzip_bomb_cost_no_memory),
        EACH(a_modest_bomb_is_stopped_by_its_size),
        EACH(a_million_levels_of_json_are_refused),
    };
    allow_files();
    return cmocka_run_group_tests_name("e2e/hostile", tests, NULL, NULL);
}
