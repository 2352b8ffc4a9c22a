#include "fixture.h"

#include <stdio.h>

#include "store/intern.h"

static int64_t find(const tdl_intern *in, const char *text)
{
    int64_t id = -1;
    return tdl_intern_find(in, tdl_str_of(text), &id) ? id : -1;
}

static void a_name_is_found_by_all_its_bytes(void **state)
{
    TDL_UNUSED(state);
    tdl_intern in = {0};

    tdl_intern_add(&in, TDL_STR("ab"), 1, true);
    tdl_intern_add(&in, (tdl_str){"ab\0c", 4}, 2, true);
    assert_int_equal(find(&in, "ab"), 1);
    assert_int_equal(find(&in, "a"), -1);
    assert_int_equal(find(&in, "abc"), -1);
    tdl_intern_release(&in);
    assert_int_equal(find(&in, "ab"), -1);
}

static void undoing_forgets_what_the_transaction_made_and_keeps_what_it_found(void **state)
{
    TDL_UNUSED(state);
    tdl_intern in = {0};

    tdl_intern_add(&in, TDL_STR("committed"), 1, true);
    tdl_intern_commit(&in);
    tdl_intern_add(&in, TDL_STR("made"), 2, true);
    tdl_intern_add(&in, TDL_STR("found"), 3, false);
    tdl_intern_undo(&in, 0);
    assert_int_equal(find(&in, "committed"), 1);
    assert_int_equal(find(&in, "made"), -1);
    assert_int_equal(find(&in, "found"), 3);
    assert_int_equal(in.committed_n, 1);
    assert_int_equal(in.fresh_n, 0);
    tdl_intern_release(&in);
}

static void undoing_to_a_mark_keeps_what_was_made_before_it(void **state)
{
    TDL_UNUSED(state);
    tdl_intern in = {0};

    tdl_intern_add(&in, TDL_STR("a"), 1, true);
    size_t mark = in.fresh_n;
    tdl_intern_add(&in, TDL_STR("b"), 2, true);
    tdl_intern_add(&in, TDL_STR("c"), 3, true);
    tdl_intern_undo(&in, mark);
    assert_int_equal(find(&in, "a"), 1);
    assert_int_equal(find(&in, "b"), -1);
    assert_int_equal(find(&in, "c"), -1);
    tdl_intern_add(&in, TDL_STR("d"), 2, true);
    tdl_intern_commit(&in);
    assert_int_equal(in.committed_n, 2); // a and d
    tdl_intern_release(&in);
}

static void too_many_names_are_forgotten_at_a_commit_and_still_counted(void **state)
{
    TDL_UNUSED(state);
    tdl_intern in = {0};
    char text[16];

    for (int i = 0; i <= TDL_INTERN_MAX; i++) {
        snprintf(text, sizeof text, "n%d", i);
        tdl_intern_add(&in, tdl_str_of(text), i + 1, true);
    }
    assert_int_equal(find(&in, "n0"), 1); // needed until the transaction ends
    tdl_intern_commit(&in);
    assert_int_equal(find(&in, "n0"), -1);
    assert_int_equal(in.committed_n, TDL_INTERN_MAX + 1);
    tdl_intern_add(&in, TDL_STR("n0"), 1, false);
    assert_int_equal(find(&in, "n0"), 1);
    tdl_intern_release(&in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_found_by_all_its_bytes),
        cmocka_unit_test(undoing_forgets_what_the_transaction_made_and_keeps_what_it_found),
        cmocka_unit_test(undoing_to_a_mark_keeps_what_was_made_before_it),
        cmocka_unit_test(too_many_names_are_forgotten_at_a_commit_and_still_counted),
    };
    return cmocka_run_group_tests_name("store/intern", tests, NULL, NULL);
}
