/* The blend of rungs. Reference: the minimum of the loss that rung_blend.h names, found by SciPy's
 * L-BFGS-B with bounds [0, inf) on features computed in NumPy from the formula at its head. */
#include "cases.h"

#include "apps/recommend/rung_blend.h"

enum { QUESTIONS = 4, ITEMS = 4 };

typedef struct table {
    float score[QUESTIONS][ITEMS];
} table;

static const table first = {{{9, 4, 2, 1}, {1, 8, 3, 2}, {2, 1, 4, 8}, {5, 3, 2, 1}}};
static const table second = {{{1, 2, 3, 4}, {4, 1, 2, 3}, {3, 4, 1, 2}, {1, 1, 5, 2}}};

/* The number of the question is the length of its history less one. */
static tdl_status score_table(const void *model, const tdl_history *history, tdl_arena *scratch,
                              float *scores)
{
    TDL_UNUSED(scratch);
    memcpy(scores, ((const table *)model)->score[history->n - 1], ITEMS * sizeof *scores);
    return TDL_OK;
}

static tdl_status score_nothing(const void *model, const tdl_history *history, tdl_arena *scratch,
                                float *scores)
{
    TDL_UNUSED(model);
    TDL_UNUSED(history);
    TDL_UNUSED(scratch);
    memset(scores, 0, ITEMS * sizeof *scores);
    return TDL_OK;
}

static const tdl_rung_ops table_rung = {.name = "table", .score = score_table, .repeats = true};
static const tdl_rung_ops silent_rung = {.name = "silent", .score = score_nothing};

typedef struct answers {
    size_t n[QUESTIONS];
    int32_t target[QUESTIONS][2];
} answers;

static tdl_holdout make(const answers *a)
{
    static const int32_t history[] = {0, 0, 0, 0};
    static const int64_t time_us[] = {1, 2, 3, 4};
    tdl_holdout h;
    tdl_report why = {0};

    expect_ok(tdl_holdout_init(&h, ITEMS, 100, &why), &why);
    expect_ok(tdl_holdout_train(&h, history, time_us, 1, &why), &why);
    expect_ok(tdl_holdout_seal(&h, &why), &why);
    for (size_t i = 0; i < QUESTIONS; i++) {
        tdl_question q = {
            .history = {history, time_us, i + 1}, .target = a->target[i], .relevant_n = a->n[i]};
        expect_ok(tdl_holdout_ask(&h, &q, &why), &why);
    }
    return h;
}

/* costly: which of the two is; 2 = none. */
static void expect_costly_weights(const answers *a, size_t costly, double w0, double w1)
{
    tdl_holdout h = make(a);
    tdl_rung_blend b = {.n = 2,
                        .part = {{&table_rung, (void *)&first}, {&table_rung, (void *)&second}},
                        .costly = {costly == 0, costly == 1}};
    tdl_report why = {0};

    expect_ok(tdl_rung_blend_fit(&b, &h, &why), &why);
    expect_near(b.weight[0], w0, 1e-3);
    expect_near(b.weight[1], w1, 1e-3);
    tdl_holdout_release(&h);
}

static void expect_weights(const answers *a, double w0, double w1)
{
    expect_costly_weights(a, 2, w0, w1);
}

static void weights_are_those_of_the_reference_and_never_negative(void **state)
{
    TDL_UNUSED(state);
    expect_weights(&(answers){{1, 1, 2, 1}, {{0}, {2}, {3, 2}, {1}}}, 1.15946408, 0);
    expect_weights(&(answers){{1, 1, 1, 1}, {{0}, {1}, {3}, {0}}}, 6.93716032, 0);
    expect_weights(&(answers){{1, 1, 1, 1}, {{0}, {1}, {2}, {2}}}, 1.49289096, 0.27515071);
    expect_weights(&(answers){{1, 1, 2, 1}, {{0}, {1}, {0, 3}, {2}}}, 3.15944888, 2.59828757);
}

/* Is the second missed? Losses of the four lists without it, less those with it: sum .0164, twice
 * its standard error .656. In the other log the first is: 5.50 and .050. */
static void a_costly_part_that_helps_no_more_than_chance_weighs_nothing(void **state)
{
    const answers second_helps_little = {{1, 1, 1, 1}, {{0}, {1}, {2}, {2}}};
    const answers first_helps = {{1, 1, 1, 1}, {{0}, {1}, {3}, {0}}};

    TDL_UNUSED(state);
    expect_costly_weights(&second_helps_little, 1, 1.33154833, 0);
    expect_costly_weights(&first_helps, 0, 6.93716032, 0);
}

/* Of question 0 part one says 9, 4, 2, 1; its tenth, here the least, is 1 and e .1. */
static void scores_are_weighted_logarithms_above_zero(void **state)
{
    tdl_rung_blend b = {
        .n = 2, .part = {{&table_rung, (void *)&first}, {&silent_rung, NULL}}, .weight = {2, 5}};
    static const int32_t item[] = {0};
    static const int64_t time_us[] = {1};
    tdl_question q = {.items_n = ITEMS, .history = {item, time_us, 1}};
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    float scores[ITEMS];

    TDL_UNUSED(state);
    assert_int_equal(tdl_rung_blend_score(&b, &q, scratch, scores), TDL_OK);
    for (size_t i = 0; i < ITEMS; i++) // the least is 1, and a silent part says nothing
        expect_near((double)scores[i], 1 + 2 * log(((double)first.score[0][i] + .1) / 1.1), 1e-5);
    tdl_arena_free(scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_those_of_the_reference_and_never_negative),
        cmocka_unit_test(a_costly_part_that_helps_no_more_than_chance_weighs_nothing),
        cmocka_unit_test(scores_are_weighted_logarithms_above_zero),
    };
    return cmocka_run_group_tests_name("recommend/rung_blend", tests, NULL, NULL);
}
