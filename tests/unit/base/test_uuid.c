#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/uuid.h"

/* RFC 9562, section 5.7: version nibble 7, variant bits 10. */
static void a_new_id_is_a_version_7_uuid_of_now(void **state)
{
    int64_t before_ms = tdl_time_now() / 1000, ms;
    char id[37], digits[13] = {0};

    TDL_UNUSED(state);
    tdl_uuid7(id);
    assert_int_equal(strlen(id), 36);
    assert_true(tdl_uuid_valid(tdl_str_of(id)));
    assert_int_equal(id[14], '7');
    assert_non_null(strchr("89ab", id[19]));
    memcpy(digits, id, 8);
    memcpy(digits + 8, id + 9, 4);
    ms = strtoll(digits, NULL, 16);
    assert_true(ms >= before_ms && ms <= tdl_time_now() / 1000);
}

static void ids_of_one_thread_sort_by_creation(void **state)
{
    char before[37], now[37];

    TDL_UNUSED(state);
    tdl_uuid7(before);
    for (int i = 0; i < 20000; i++) { /* many within each millisecond */
        tdl_uuid7(now);
        assert_true(strcmp(before, now) < 0);
        memcpy(before, now, sizeof now);
    }
}

enum { EACH = 5000, THREADS = 4 };

static void *make_ids(void *argument)
{
    char(*ids)[37] = argument;

    for (int i = 0; i < EACH; i++)
        tdl_uuid7(ids[i]);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void ids_of_several_threads_never_repeat(void **state)
{
    static char ids[THREADS * EACH][37];
    pthread_t thread[THREADS];

    TDL_UNUSED(state);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, make_ids, ids[i * EACH]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    qsort(ids, THREADS * EACH, sizeof ids[0], by_text);
    for (int i = 1; i < THREADS * EACH; i++)
        assert_string_not_equal(ids[i - 1], ids[i]);
}

/* The example of RFC 9562, appendix A.6, and near misses of it. */
static void only_the_textual_form_is_valid(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_uuid_valid(TDL_STR("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")));
    assert_true(tdl_uuid_valid(TDL_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")));
    assert_false(tdl_uuid_valid(TDL_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398")));
    assert_false(tdl_uuid_valid(TDL_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398ff")));
    assert_false(tdl_uuid_valid(TDL_STR("017f22e2-79b0-7cc3-98c4-dc0c0c07398g")));
    assert_false(tdl_uuid_valid(TDL_STR("017f22e2079b0-7cc3-98c4-dc0c0c07398f")));
    assert_false(tdl_uuid_valid(TDL_STR("017f22e-279b0-7cc3-98c4-dc0c0c07398f")));
    assert_false(tdl_uuid_valid(TDL_STR("")));
    assert_false(tdl_uuid_valid((tdl_str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_id_is_a_version_7_uuid_of_now),
        cmocka_unit_test(ids_of_one_thread_sort_by_creation),
        cmocka_unit_test(ids_of_several_threads_never_repeat),
        cmocka_unit_test(only_the_textual_form_is_valid),
    };

    return cmocka_run_group_tests_name("base/uuid", tests, NULL, NULL);
}
