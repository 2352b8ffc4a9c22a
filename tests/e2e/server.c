#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"

enum { PATIENCE_MS = 60000 };

static const char *program(void)
{
    const char *path = getenv("TREADLE_BIN");

    if (!path)
        fail_msg("TREADLE_BIN must name the treadle program");
    return path;
}

static void show_log(const server *s)
{
    char line[400];
    FILE *log = fopen(s->log, "r");

    while (log && fgets(line, sizeof line, log))
        print_message("  %s", line);
    if (log)
        fclose(log);
}

/* ---- in the child ---- */

static void limit_files(pid_t pid, uint64_t file_max)
{
    struct rlimit limit = {.rlim_cur = file_max ? file_max : RLIM_INFINITY,
                           .rlim_max = RLIM_INFINITY};
    prlimit(pid, RLIMIT_FSIZE, &limit, NULL);
}

static _Noreturn void become(char *const *arguments, int out, int err)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); // a test that dies takes its server along
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

/* ---- */

/* The first line of its output, or what there was until it ended. */
static void read_line(int fd, char *ret, size_t ret_n)
{
    size_t n = 0;
    struct pollfd readable = {.fd = fd, .events = POLLIN};

    while (n + 1 < ret_n && poll(&readable, 1, PATIENCE_MS) > 0 && read(fd, ret + n, 1) == 1 &&
           ret[n] != '\n')
        n++;
    ret[n] = '\0';
}

static void read_announcement(server *s, int fd)
{
    char line[1000];
    json_t *json = NULL;
    tdl_str url, key;
    int64_t port = 0;

    read_line(fd, line, sizeof line);
    tdl_json_parse(tdl_str_of(line), TDL_JSON_REFUSE_DUPLICATES, &json, NULL);
    if (!tdl_json_get_str(json, "url", &url) || !tdl_json_get_int(json, "port", &port)) {
        show_log(s);
        fail_msg("treadle serve said \"%s\"", line);
    }
    snprintf(s->url, sizeof s->url, "%.*s", TDL_FMT(url));
    s->port = (uint16_t)port;
    if (tdl_json_get_str(json, "admin_key", &key))
        snprintf(s->admin_key, sizeof s->admin_key, "%.*s", TDL_FMT(key));
    json_decref(json);
}

server *server_new(void)
{
    const char *tmp = getenv("TMPDIR");
    server *s = calloc(1, sizeof *s);

    snprintf(s->folder, sizeof s->folder, "%.80s/treadle-e2e-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->data, sizeof s->data, "%s/data", s->folder);
    snprintf(s->log, sizeof s->log, "%s/log", s->folder);
    return s;
}

void server_start(server *s, uint64_t file_max)
{
    server_start_with(s, file_max, NULL);
}

void server_start_with(server *s, uint64_t file_max, const char *const *options)
{
    char *arguments[32] = {(char *)program(), "serve", "--data", s->data, "--port", "0", "--json"};
    size_t n = 7;

    if (s->store[0]) {
        arguments[n++] = "--store";
        arguments[n++] = s->store;
    }
    int out[2], err = open(s->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    for (; options && *options && n < 31; n++)
        arguments[n] = (char *)*options++;
    assert_true(err >= 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (!s->pid) {
        signal(SIGXFSZ, SIG_IGN); // writes past the limit fail, as on a full disk
        if (file_max)
            limit_files(0, file_max);
        become(arguments, out[1], err);
    }
    close(out[1]);
    close(err);
    read_announcement(s, out[0]);
    close(out[0]);
}

void server_limit_files(const server *s, uint64_t file_max)
{
    limit_files(s->pid, file_max);
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int server_stop(server *s)
{
    kill(s->pid, SIGTERM);
    int status = wait_for(s->pid);
    s->pid = 0;
    return status;
}

void server_kill(server *s)
{
    kill(s->pid, SIGKILL);
    wait_for(s->pid);
    s->pid = 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

void server_free(server *s)
{
    if (!s)
        return;
    if (s->pid)
        server_kill(s);
    nftw(s->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
}

static int run_command(const char *const *arguments, bool errors, char *ret_output, size_t ret_n)
{
    char *all[20] = {(char *)program()};
    int out[2];
    size_t n = 0;
    ssize_t got;

    for (size_t i = 0; arguments[i] && i < 18; i++)
        all[i + 1] = (char *)arguments[i];
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid)
        become(all, errors ? STDOUT_FILENO : out[1], errors ? out[1] : STDERR_FILENO);
    close(out[1]);
    while (n + 1 < ret_n && (got = read(out[0], ret_output + n, ret_n - n - 1)) > 0)
        n += (size_t)got;
    ret_output[n] = '\0';
    close(out[0]);
    return wait_for(pid);
}

void server_share_key(const char *folder)
{
    char key[300];

    snprintf(key, sizeof key, "%s/master.key", folder);
    setenv("TREADLE_MASTER_KEY_FILE", key, 1);
}

int server_command(const char *const *arguments, char *ret_output, size_t ret_n)
{
    return run_command(arguments, false, ret_output, ret_n);
}

int server_command_errors(const char *const *arguments, char *ret_output, size_t ret_n)
{
    return run_command(arguments, true, ret_output, ret_n);
}

int server_set_up(void **state)
{
    server *s = server_new();

    server_start(s, 0);
    *state = s;
    return 0;
}

int server_tear_down(void **state)
{
    server *s = *state;
    int status = s->pid ? server_stop(s) : 0;

    if (status)
        show_log(s);
    server_free(s);
    return status;
}
