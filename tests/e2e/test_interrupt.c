/* Ctrl-C while `treadle demo` imports or trains: it ends at once, cleans up, and to a shell it was
 * interrupted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "client.h"

enum { PROMPT_US = 10000000, PATIENCE_US = 60000000, PAUSE_US = 20000 };

/* Ratings in the columns of MovieLens: users walk along the items. */
static void write_ratings(const char *path, int users_n, int each_n)
{
    FILE *out = fopen(path, "w");

    assert_non_null(out);
    fputs("userId,movieId,rating,timestamp,title,year,genres\n", out);
    for (int u = 0; u < users_n; u++)
        for (int k = 0; k < each_n; k++)
            fprintf(out, "%d,%d,4,%d,Film %d,1999,Drama\n", u, (u + k * 7) % 500,
                    1000000000 + 1000 * k, (u + k * 7) % 500);
    assert_int_equal(fclose(out), 0);
}

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* `treadle demo` with temporary folders below s->folder; what it prints goes to s->log. */
static void start_demo(server *s, const char *ratings, const char *keep)
{
    char port[8];
    const char *arguments[] = {getenv("TREADLE_BIN"), "demo",  "--once",      "--port", port,
                               "--demo-file",         ratings, "--demo-keep", keep,     NULL};

    s->port = free_port();
    snprintf(port, sizeof port, "%u", s->port);
    snprintf(s->url, sizeof s->url, "http://127.0.0.1:%u", s->port);
    if (!keep)
        arguments[7] = NULL;
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (!s->pid) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setenv("TMPDIR", s->folder, 1);
        dup2(open(s->log, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
        execv(arguments[0], (char *const *)arguments);
        _exit(127);
    }
}

/* Ctrl-C; the demo must end by it, soon, having printed nothing. */
static void interrupt(server *s)
{
    char printed[16];
    int64_t start_us = tdl_time_monotonic();
    int status;

    kill(s->pid, SIGINT);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    s->pid = 0;
    assert_true(tdl_time_monotonic() - start_us < PROMPT_US);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
    int log = open(s->log, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(log, printed, sizeof printed), 0);
    close(log);
}

/* The only folder in `path`; false when there is none. */
static bool find_folder(const char *path, char *ret, size_t ret_n)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    bool found = false;

    while ((entry = readdir(folder)))
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') {
            found = snprintf(ret, ret_n, "%s/%s", path, entry->d_name) < (int)ret_n;
        }
    closedir(folder);
    return found;
}

/* A key in the demo's folder, once that is there. No admin key: the demo makes the first. */
static void make_key(server *s)
{
    const char *const arguments[] = {"key",    "create", "--right", "decide",
                                     "--data", s->data,  "--json",  NULL};
    char output[1000], path[200];
    json_t *json = NULL;
    tdl_str key;

    snprintf(path, sizeof path, "%s/models", s->data);
    for (int64_t until_us = tdl_time_monotonic() + PATIENCE_US;
         access(path, F_OK) || server_command(arguments, output, sizeof output); usleep(PAUSE_US))
        assert_true(tdl_time_monotonic() < until_us);
    assert_int_equal(tdl_json_parse(tdl_str_of(output), TDL_JSON_LAST_WINS, &json, NULL), TDL_OK);
    assert_true(tdl_json_get_str(json, "key", &key));
    snprintf(s->admin_key, sizeof s->admin_key, "%.*s", TDL_FMT(key));
    json_decref(json);
}

/* Until GET /v1/stats says that `path` is `wanted`, a text or any number above 0. */
static void wait_for_stats(server *s, const char *path, const char *wanted)
{
    client *c = client_new(s, s->admin_key);
    int64_t until_us = tdl_time_monotonic() + PATIENCE_US;

    for (;; usleep(PAUSE_US)) {
        assert_true(tdl_time_monotonic() < until_us);
        if (client_call(c, "GET", "/v1/stats", NULL) != 200)
            continue;
        if (wanted ? !strcmp(client_text(c, path), wanted)
                   : json_integer_value(client_at(c, path)) > 0)
            break;
    }
    client_free(c);
}

static void an_import_stops_at_once_and_leaves_no_folder(void **state)
{
    server *s = *state;
    char ratings[200];

    snprintf(ratings, sizeof ratings, "%s/ratings.csv", s->folder);
    write_ratings(ratings, 1000, 400);
    start_demo(s, ratings, NULL);
    for (int64_t until_us = tdl_time_monotonic() + PATIENCE_US;
         !find_folder(s->folder, s->data, sizeof s->data); usleep(PAUSE_US))
        assert_true(tdl_time_monotonic() < until_us);
    make_key(s);
    wait_for_stats(s, "events.total", NULL);
    interrupt(s);
    assert_false(find_folder(s->folder, s->data, sizeof s->data));
}

static void a_training_stops_at_once_and_every_event_stays(void **state)
{
    enum { USERS_N = 400, EACH_N = 60 };
    server *s = *state;
    char ratings[200];

    snprintf(ratings, sizeof ratings, "%s/ratings.csv", s->folder);
    write_ratings(ratings, USERS_N, EACH_N);
    start_demo(s, ratings, s->data);
    make_key(s);
    wait_for_stats(s, "training.state", "running");
    interrupt(s);
    server_start(s, 0);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "GET", "/v1/stats", NULL);
    assert_int_equal(json_integer_value(client_at(c, "events.total")), USERS_N * EACH_N);
    client_free(c);
}

static int set_up(void **state)
{
    *state = server_new();
    return 0;
}

static int tear_down(void **state)
{
    server_free(*state);
    return 0;
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(an_import_stops_at_once_and_leaves_no_folder),
        EACH(a_training_stops_at_once_and_every_event_stays),
    };
    return cmocka_run_group_tests_name("e2e/interrupt", tests, NULL, NULL);
}
