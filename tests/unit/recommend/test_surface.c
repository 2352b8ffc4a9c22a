/* Keeping the policies of surfaces: versions, the audit log, and two processes at once. */
#include "stored.h"

#include <pthread.h>

#include "apps/recommend/surface.h"
#include "store/audit.h"

enum { ROUNDS = 20 };

/* What one process has. */
typedef struct process {
    tdl_store *store;
    tdl_surfaces *surfaces;
    tdl_catalogue *catalogue;
    pthread_rwlock_t lock;
    pthread_barrier_t *together;
    const char *name, *text;
    tdl_status status; /* of its last put */
} process;

typedef struct fixture {
    stored s;
    process first, second;
} fixture;

static void begin(process *p, const char *folder)
{
    char url[96];
    tdl_report why = {0};

    snprintf(url, sizeof url, "sqlite:%s/treadle.db", folder);
    expect_ok(tdl_store_open(url, NULL, &p->store, &why), &why);
    p->surfaces = tdl_surfaces_new();
    p->catalogue = tdl_catalogue_new();
    pthread_rwlock_init(&p->lock, NULL);
}

static void end(process *p)
{
    tdl_surfaces_free(p->surfaces);
    tdl_catalogue_free(p->catalogue);
    pthread_rwlock_destroy(&p->lock);
    tdl_store_close(p->store);
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    set_up_store(&f->s);
    begin(&f->first, f->s.folder);
    begin(&f->second, f->s.folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    end(&f->first);
    end(&f->second);
    tear_down_store(&f->s);
    free(f);
    return 0;
}

static tdl_status put(process *p, const char *name, const char *text, tdl_report *why)
{
    json_t *document = json_loads(text, 0, NULL);

    assert_non_null(document);
    tdl_status st = tdl_surfaces_put(p->surfaces, p->store, tdl_str_of(name), document,
                                     p->catalogue, &p->lock, why);
    json_decref(document);
    return st;
}

static int64_t version_of(process *p, const char *name)
{
    tdl_surface *surface;
    tdl_report why = {0};

    expect_ok(tdl_surfaces_load(p->surfaces, p->store, NULL, &why), &why);
    expect_ok(tdl_surfaces_take(p->surfaces, tdl_str_of(name), &surface, &why), &why);
    int64_t version = surface->version;
    tdl_surface_drop(surface);
    return version;
}

/* Entries of the audit log that tell of a surface, newest first, as one text. */
static char *entries(process *p)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    tdl_audit_row *rows;
    size_t n;
    tdl_buf out = {0};
    tdl_report why = {0};

    expect_ok(tdl_store_audit_rows(p->store, 0, 1000, arena, &rows, &n, &why), &why);
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(&out, "%.*s\n", TDL_FMT(rows[i].record));
    tdl_buf_char(&out, '\0');
    tdl_arena_free(arena);
    return out.at;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;

    while ((text = strstr(text, part))) {
        n++;
        text += strlen(part);
    }
    return n;
}

static void a_stale_version_is_a_conflict_and_changes_nothing(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    expect_ok(put(&f->first, "home", "{\"version\":0,\"policy\":{\"seen\":\"7d\"}}", &why), &why);
    assert_int_equal(put(&f->first, "home", "{\"version\":0,\"policy\":{}}", &why), TDL_E_CONFLICT);
    assert_non_null(strstr(why.message, "at version 1, not 0"));
    // another process has not read the change yet, and is told all the same
    assert_int_equal(put(&f->second, "home", "{\"version\":0,\"policy\":{}}", &why),
                     TDL_E_CONFLICT);
    expect_ok(put(&f->second, "home", "{\"version\":1,\"policy\":{}}", &why), &why);
    assert_int_equal(version_of(&f->first, "home"), 2);
}

static void every_change_is_in_the_audit_log_and_no_refusal_is(void **state)
{
    fixture *f = *state;
    tdl_report why = {0};

    expect_ok(put(&f->first, "home", "{\"version\":0,\"policy\":{\"seen\":\"7d\"}}", &why), &why);
    expect_ok(put(&f->first, "shelf", "{\"version\":0,\"kind\":\"home\",\"policy\":{}}", &why),
              &why);
    assert_int_equal(put(&f->first, "home", "{\"version\":0,\"policy\":{}}", &why), TDL_E_CONFLICT);
    assert_int_equal(put(&f->first, "home", "{\"version\":1,\"policy\":{\"sene\":\"7d\"}}", &why),
                     TDL_E_INVALID);
    char *text = entries(&f->first);
    assert_int_equal(count_of(text, "surface.put"), 2);
    assert_non_null(strstr(text, "\"action\":\"surface.put\",\"actor\":\"server\""));
    assert_non_null(strstr(text, "\"surface\":\"home\""));
    assert_non_null(strstr(text, "\"surface\":\"shelf\""));
    free(text);
}

static void *put_together(void *context)
{
    process *p = context;

    pthread_barrier_wait(p->together);
    p->status = put(p, p->name, p->text, NULL);
    return NULL;
}

static void run_together(fixture *f, const char *text, const char *first, const char *second)
{
    pthread_barrier_t together;
    pthread_t thread[2];
    process *p[2] = {&f->first, &f->second};

    pthread_barrier_init(&together, NULL, 2);
    f->first.name = first;
    f->second.name = second;
    for (size_t i = 0; i < 2; i++) {
        p[i]->text = text;
        p[i]->together = &together;
        assert_int_equal(pthread_create(&thread[i], NULL, put_together, p[i]), 0);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    pthread_barrier_destroy(&together);
}

static void of_two_processes_that_change_one_policy_at_once_exactly_one_wins(void **state)
{
    fixture *f = *state;
    char text[96];

    for (int round = 0; round < ROUNDS; round++) {
        snprintf(text, sizeof text, "{\"version\":%d,\"policy\":{\"seen\":\"%dd\"}}", round,
                 round + 1);
        run_together(f, text, "home", "home");
        assert_true(f->first.status == TDL_OK || f->second.status == TDL_OK);
        assert_true(f->first.status == TDL_E_CONFLICT || f->second.status == TDL_E_CONFLICT);
    }
    assert_int_equal(version_of(&f->first, "home"), ROUNDS);
    char *log = entries(&f->first);
    assert_int_equal(count_of(log, "surface.put"), ROUNDS);
    free(log);
}

static void two_processes_may_change_two_surfaces_at_once(void **state)
{
    fixture *f = *state;
    char text[64];

    for (int round = 0; round < ROUNDS; round++) {
        snprintf(text, sizeof text, "{\"version\":%d,\"policy\":{}}", round);
        run_together(f, text, "home", "cart");
        assert_int_equal(f->first.status, TDL_OK);
        assert_int_equal(f->second.status, TDL_OK);
    }
    assert_int_equal(version_of(&f->first, "cart"), ROUNDS);
    assert_int_equal(version_of(&f->second, "home"), ROUNDS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_stale_version_is_a_conflict_and_changes_nothing),
        TEST(every_change_is_in_the_audit_log_and_no_refusal_is),
        TEST(of_two_processes_that_change_one_policy_at_once_exactly_one_wins),
        TEST(two_processes_may_change_two_surfaces_at_once),
    };

    return cmocka_run_group_tests_name("recommend/surface", tests, NULL, NULL);
}
