#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_restart(fixture *f, tdl_server_options options)
{
    tdl_report why = {0};

    tdl_server_stop(f->server);
    f->server = NULL;
    if (tdl_server_start(f->loop, &options, &f->server, &why))
        fail_msg("%s", why.message);
    f->port = tdl_server_port(f->server);
}

static void make_key(fixture *f, tdl_right right, char ret[TDL_KEY_TEXT_MAX])
{
    tdl_report why = {0};

    if (tdl_store_create_key(tdl_loop_store(f->loop), right, TDL_STR("test"), ret, &why))
        fail_msg("%s", why.message);
}

int fixture_set_up(void **state)
{
    const char *tmp = getenv("TMPDIR");
    fixture *f = calloc(1, sizeof *f);
    tdl_report why = {0};

    snprintf(f->dir, sizeof f->dir, "%.40s/treadle-http-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    tdl_loop_options options = {.data_dir = f->dir, .exclusive = true, .threads = 1};
    if (tdl_loop_open(&options, &f->loop, NULL, &why))
        fail_msg("%s", why.message);
    make_key(f, TDL_RIGHT_WRITE, f->write_key);
    make_key(f, TDL_RIGHT_DECIDE, f->decide_key);
    make_key(f, TDL_RIGHT_ADMIN, f->admin_key);
    fixture_restart(f, (tdl_server_options){.threads = 2});
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *at)
{
    (void)status, (void)kind, (void)at;
    return remove(path);
}

int fixture_tear_down(void **state)
{
    fixture *f = *state;

    tdl_server_stop(f->server);
    tdl_loop_close(f->loop);
    nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

void fixture_request(char *ret, size_t ret_n, const char *method, const char *target,
                     const char *key, const char *body)
{
    int n = snprintf(ret, ret_n, "%s %s HTTP/1.1\r\nHost: test\r\n", method, target);

    if (key)
        n += snprintf(ret + n, ret_n - (size_t)n, "Authorization: Bearer %s\r\n", key);
    if (body)
        n += snprintf(ret + n, ret_n - (size_t)n, "Content-Length: %zu\r\n", strlen(body));
    n += snprintf(ret + n, ret_n - (size_t)n, "\r\n%s", body ? body : "");
    assert_true((size_t)n < ret_n);
}

int fixture_call(fixture *f, const char *method, const char *target, const char *key,
                 const char *body)
{
    size_t n = 1024 + strlen(target) + (body ? strlen(body) : 0);
    char *request = malloc(n);

    fixture_request(request, n, method, target, key, body);
    raw_exchange(f->port, request, &f->answer);
    free(request);
    return f->answer.status;
}
