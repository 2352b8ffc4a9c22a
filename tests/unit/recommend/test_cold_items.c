/* Items that nobody had yet, on a shop made here: people take things of one kind, and of a kind
 * every thing is as likely. Then what a cold item says tells all that a warm one's history does,
 * and chance is 10 of the 20 or so of a kind that somebody has not. */
#include "cases.h"

#include "apps/recommend/cold_items.h"
#include "apps/recommend/offline.h"

enum { KINDS = 8, OF_A_KIND = 25, ITEMS = KINDS * OF_A_KIND, PEOPLE = 240, STEPS = 9 };

typedef struct shop {
    tdl_feedback *feedback;
    tdl_content_code *code; /* [ITEMS] by the log's numbers */
    tdl_pool *pool;
} shop;

static void describe(shop *s, bool truly)
{
    for (size_t i = 0; i < ITEMS; i++) {
        char kept[64];
        int number = atoi(tdl_feedback_item(s->feedback, (int32_t)i).at + 1);
        snprintf(kept, sizeof kept, "{\"$tags\": [\"kind %d\"]}",
                 (truly ? number : number * 37 % 101) % KINDS);
        tdl_content_encode((tdl_str){0}, tdl_str_of(kept), NULL, &s->code[i]);
    }
}

static int set_up(void **state)
{
    shop *s = calloc(1, sizeof *s);
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_report why = {0};

    s->feedback = tdl_feedback_new();
    s->code = calloc(ITEMS, sizeof *s->code);
    s->pool = tdl_pool_new(2);
    for (size_t u = 0; u < PEOPLE; u++)
        for (size_t k = 0; k < STEPS; k++) {
            char user[16], item[16];
            size_t one = (u % KINDS) + KINDS * (size_t)tdl_rng_below(&rng, OF_A_KIND);
            snprintf(user, sizeof user, "u%zu", u);
            snprintf(item, sizeof item, "i%zu", one);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, (int64_t)(1 + k) * 1000000};
            expect_ok(tdl_feedback_add(s->feedback, &row, &why), &why);
        }
    expect_ok(tdl_feedback_finish(s->feedback, &why), &why);
    assert_int_equal(tdl_feedback_all(s->feedback)->items_n, ITEMS);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    shop *s = *state;

    tdl_feedback_free(s->feedback);
    tdl_pool_free(s->pool);
    free(s->code);
    free(s);
    return 0;
}

static tdl_cold_items run(const shop *s, tdl_pool *pool)
{
    const tdl_rung_contest_options options = {.seed = 1, .pool = pool};
    tdl_cold_items cold;
    tdl_report why = {0};

    expect_ok(tdl_cold_items_run(s->feedback, s->code, &options, &cold, &why), &why);
    return cold;
}

static void cold_items_that_say_what_they_are_are_found(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items cold = run(s, NULL);
    assert_true(cold.reached);
    assert_int_equal(cold.described_n, ITEMS);
    assert_int_equal(cold.people_n + cold.tuned_n, PEOPLE);
    assert_true(cold.cold.mean >= .5 * cold.warm.mean);
    assert_true(cold.warm.mean > .15);
    for (size_t k = 0; k < TDL_COLD_WAYS_N; k++) {
        assert_true(cold.curve[k][0].cold == 0 && cold.curve[k][0].slots == 0);
        for (size_t at = 1; at < TDL_COLD_BOOSTS; at++) { // more boost: more cold, less warm
            assert_true(cold.curve[k][at].slots >= cold.curve[k][at - 1].slots - 1e-12);
            assert_true(cold.curve[k][at].cold >= cold.curve[k][at - 1].cold - 1e-12);
            assert_true(cold.curve[k][at].warm <= cold.curve[k][at - 1].warm + 1e-12);
        }
    }
}

static void cold_items_that_say_something_else_are_found_less(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items truly = run(s, NULL);
    describe(s, false);
    tdl_cold_items wrongly = run(s, NULL);
    size_t last = TDL_COLD_BOOSTS - 1;
    assert_true(truly.curve[TDL_COLD_MAP][last].cold > 2 * wrongly.curve[TDL_COLD_MAP][last].cold);
    assert_true(truly.explained > wrongly.explained + .05);
}

static void the_pool_changes_nothing(void **state)
{
    shop *s = *state;

    describe(s, true);
    tdl_cold_items alone = run(s, NULL), many = run(s, s->pool);
    assert_memory_equal(alone.curve, many.curve, sizeof alone.curve);
    assert_true(alone.cold.low == many.cold.low && alone.boost == many.boost);
}

static void undescribed_items_are_refused_with_what_to_do(void **state)
{
    shop *s = *state;
    const tdl_rung_contest_options run_options = {.seed = 1};
    const tdl_offline_options options = {.protocol = TDL_PROTOCOL_COLD_ITEMS, .run = run_options};
    tdl_cold_items cold;
    tdl_buf out = {0};
    double ndcg10;
    tdl_report why = {0};

    assert_int_equal(tdl_cold_items_run(s->feedback, s->code, &run_options, &cold, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "0 items"));
    assert_int_equal(tdl_offline_run(s->feedback, &options, &out, &ndcg10, &why), TDL_E_USAGE);
    assert_non_null(strstr(why.hint, "--catalogue"));
    tdl_buf_release(&out);
}

static void people_who_came_once_are_nobody_to_ask(void **state)
{
    const tdl_rung_contest_options options = {.seed = 1};
    tdl_feedback *once = tdl_feedback_new();
    tdl_content_code code[1] = {0};
    tdl_cold_items cold;
    tdl_report why = {0};
    tdl_feedback_row row = {TDL_STR("u"), TDL_STR("i"), {0}, 1};

    TDL_UNUSED(state);
    expect_ok(tdl_feedback_add(once, &row, &why), &why);
    expect_ok(tdl_feedback_finish(once, &why), &why);
    assert_int_equal(tdl_cold_items_run(once, code, &options, &cold, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "nobody came back"));
    tdl_feedback_free(once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cold_items_that_say_what_they_are_are_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(cold_items_that_say_something_else_are_found_less, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_pool_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undescribed_items_are_refused_with_what_to_do, set_up,
                                        tear_down),
        cmocka_unit_test(people_who_came_once_are_nobody_to_ask),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
