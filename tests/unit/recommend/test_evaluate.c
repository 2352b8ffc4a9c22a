#include "cases.h"

#include "apps/recommend/evaluate.h"
#include "apps/recommend/report.h"

enum { USERS = 40, EACH = 6, ITEMS = 60 };

/* User u takes items u, u + 1, ..., u + 5: what comes next is the number after. */
typedef struct chain {
    size_t offsets[USERS + 2];
    int32_t item[USERS * EACH + 2];
    int64_t time_us[USERS * EACH + 2];
    tdl_interactions all;
} chain;

static chain *make_chain(void)
{
    chain *c = calloc(1, sizeof *c);

    for (size_t u = 0; u < USERS; u++)
        for (size_t i = 0; i < EACH; i++) {
            c->item[u * EACH + i] = (int32_t)(u + i);
            c->time_us[u * EACH + i] = (int64_t)i;
        }
    for (size_t u = 0; u <= USERS; u++)
        c->offsets[u] = u * EACH;
    /* one more user with two items: learned from, never measured */
    c->item[USERS * EACH] = 1;
    c->item[USERS * EACH + 1] = 2;
    c->time_us[USERS * EACH + 1] = 1;
    c->offsets[USERS + 1] = USERS * EACH + 2;
    c->all = (tdl_interactions){USERS + 1, ITEMS, c->offsets, c->item, c->time_us};
    return c;
}

/* ---- rungs that know what they were shown ---- */

static const tdl_interactions *shown_all; /* set by each fit */
static size_t shown_end[USERS + 1];
static unsigned fits_n, epochs_given[8];
static bool validated[8];

static tdl_status fit_spy(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                          tdl_report *why)
{
    TDL_UNUSED(why);
    assert_true(fits_n < COUNT(epochs_given));
    shown_all = data->all;
    memcpy(shown_end, data->end, sizeof shown_end);
    epochs_given[fits_n] = options->epochs;
    validated[fits_n] = options->validate != NULL;
    fits_n++;
    options->ret_epochs = 7;
    *ret_model = &fits_n;
    return TDL_OK;
}

static void free_nothing(void *model)
{
    TDL_UNUSED(model);
}

/* Scores one item only: the newest of the history + the number in `step`. */
static tdl_status score_step(const tdl_history *history, int32_t step, float *scores)
{
    memset(scores, 0, ITEMS * sizeof *scores);
    scores[history->item[history->n - 1] + step] = 1;
    return TDL_OK;
}

static tdl_status score_next(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *scores)
{
    TDL_UNUSED(model);
    TDL_UNUSED(scratch);
    return score_step(history, 1, scores);
}

static tdl_status score_wrong(const void *model, const tdl_history *history, tdl_arena *scratch,
                              float *scores)
{
    TDL_UNUSED(model);
    TDL_UNUSED(scratch);
    return score_step(history, 2, scores);
}

static size_t one_byte(const void *model)
{
    TDL_UNUSED(model);
    return 1;
}

static const tdl_rung_ops right = {
    .name = "right", .fit = fit_spy, .free = free_nothing, .score = score_next, .bytes = one_byte};
static const tdl_rung_ops wrong = {
    .name = "wrong", .fit = fit_spy, .free = free_nothing, .score = score_wrong, .bytes = one_byte};

static tdl_status evaluate(const tdl_interactions *all, const tdl_rung_ops *const *rungs, size_t n,
                           const tdl_train_options *options, tdl_evaluation *ret, tdl_report *why)
{
    tdl_stages stages = {.options = options, .total = 2 * (double)n};

    fits_n = 0;
    return tdl_evaluate(all, rungs, n, 1, NULL, &stages, ret, why);
}

/* ---- protocol ---- */

static void the_last_item_is_the_test_and_the_one_before_it_validation(void **state)
{
    const tdl_rung_ops *const rungs[] = {&right};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(evaluate(&c->all, rungs, 1, &options, &e, &why), &why);
    assert_int_equal(e.users_n, USERS + 1);
    assert_int_equal(e.evaluated_n, USERS);
    assert_int_equal(e.interactions_n, USERS * EACH + 2);
    assert_true(e.rung[0].hr10.mean == 1 && e.rung[0].ndcg10.mean == 1 && e.rung[0].mrr == 1);
    assert_true(e.rung[0].validation_hr10 == 1 && e.rung[0].validation_ndcg10 == 1);
    /* the last fit was the test's: all but the last item, and all of the short history */
    for (size_t u = 0; u < USERS; u++)
        assert_int_equal(shown_end[u], (u + 1) * EACH - 1);
    assert_int_equal(shown_end[USERS], USERS * EACH + 2);
    free(c);
}

static void the_validation_fit_finds_the_epochs_of_the_test_fit(void **state)
{
    const tdl_rung_ops *const rungs[] = {&right};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(evaluate(&c->all, rungs, 1, &options, &e, &why), &why);
    assert_int_equal(fits_n, 2);
    assert_true(validated[0] && !validated[1]);
    assert_int_equal(epochs_given[0], 0);
    assert_int_equal(epochs_given[1], 7);
    assert_int_equal(e.rung[0].epochs, 7);
    free(c);
}

static void too_few_users_are_refused_with_how_many_are_needed(void **state)
{
    const tdl_rung_ops *const rungs[] = {&right};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_interactions nine = {9, ITEMS, c->offsets, c->item, c->time_us};
    tdl_interactions nobody = {0, 0, c->offsets, c->item, c->time_us};
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(evaluate(&nine, rungs, 1, &options, &e, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "9 have 3 items"));
    assert_true(why.hint[0] != 0);
    assert_int_equal(evaluate(&nobody, rungs, 1, &options, &e, &why), TDL_E_INVALID);
    free(c);
}

static bool stop_at_test(void *context, const char *stage, double done, const char *detail)
{
    unsigned *calls = context;

    TDL_UNUSED(detail);
    (*calls)++;
    assert_true(done >= 0 && done <= 1);
    return strcmp(stage, "right: test") != 0;
}

static void progress_may_stop_it(void **state)
{
    const tdl_rung_ops *const rungs[] = {&right};
    unsigned calls = 0;
    const tdl_train_options options = {
        .seed = 1, .progress = stop_at_test, .progress_context = &calls};
    chain *c = make_chain();
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(evaluate(&c->all, rungs, 1, &options, &e, &why), TDL_E_STOPPED);
    assert_int_equal(calls, 2);
    assert_int_equal(fits_n, 1);
    free(c);
}

static void the_same_seed_gives_the_same_evaluation(void **state)
{
    const tdl_rung_ops *const rungs[] = {&tdl_rung_popularity, &tdl_rung_item_knn, &tdl_rung_markov,
                                         &tdl_rung_directed};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_evaluation one, two;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(evaluate(&c->all, rungs, 4, &options, &one, &why), &why);
    expect_ok(evaluate(&c->all, rungs, 4, &options, &two, &why), &why);
    assert_int_equal(one.promoted, two.promoted);
    for (size_t r = 0; r < 4; r++) {
        assert_memory_equal(&one.rung[r].ndcg10, &two.rung[r].ndcg10, sizeof one.rung[r].ndcg10);
        assert_string_equal(one.rung[r].gate, two.rung[r].gate);
    }
    assert_true(one.rung[2].hr10.mean > one.rung[0].hr10.mean); /* a chain has an order */
    free(c);
}

/* ---- gate ---- */

static void the_best_on_validation_is_promoted(void **state)
{
    const tdl_rung_ops *const rungs[] = {&wrong, &right};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(evaluate(&c->all, rungs, 2, &options, &e, &why), &why);
    assert_int_equal(e.promoted, 1);
    assert_non_null(strstr(e.rung[1].gate, "against wrong: serves, proven better"));
    free(c);
}

static void of_two_equal_rungs_the_simpler_one_is_promoted(void **state)
{
    const tdl_rung_ops *const rungs[] = {&right, &right, &wrong};
    const tdl_train_options options = {.seed = 1};
    chain *c = make_chain();
    tdl_evaluation e;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(evaluate(&c->all, rungs, 3, &options, &e, &why), &why);
    assert_int_equal(e.promoted, 0);
    assert_non_null(strstr(e.rung[0].gate, "serves"));
    assert_non_null(strstr(e.rung[1].gate, "not better"));
    free(c);
}

/* Two users better and one worse, of forty: the interval reaches below 0. Twenty better: it does
 * not. Both are promoted; the text tells them apart. */
static void the_text_says_whether_the_difference_is_proven(void **state)
{
    double before[USERS] = {0}, lucky[USERS] = {0}, better[USERS] = {0};
    double *const two[] = {before, lucky}, *const three[] = {before, better};
    tdl_evaluation e = {.rungs_n = 2, .rung = {{.name = "before"}, {.name = "after"}}};
    tdl_report why = {0};

    TDL_UNUSED(state);
    lucky[0] = 1, lucky[1] = 1, before[2] = 1;
    expect_ok(tdl_gate(&e, two, USERS, 1, &why), &why);
    assert_int_equal(e.promoted, 1);
    assert_non_null(strstr(e.rung[1].gate, "+0.0250 [-"));
    assert_non_null(strstr(e.rung[1].gate, "not proven better"));
    for (size_t i = 0; i < USERS; i++)
        better[i] = i % 2 == 0;
    expect_ok(tdl_gate(&e, three, USERS, 1, &why), &why);
    assert_int_equal(e.promoted, 1);
    assert_non_null(strstr(e.rung[1].gate, "serves, proven better"));
}

/* What answers by a fit of yesterday serves only where it is proven better. */
static void who_must_prove_it_serves_by_an_interval_above_0_only(void **state)
{
    double before[USERS] = {0}, lucky[USERS] = {0}, better[USERS] = {0};
    double *const two[] = {before, lucky}, *const three[] = {before, better};
    tdl_evaluation e = {.rungs_n = 2,
                        .rung = {{.name = "before"}, {.name = "after", .must_prove = true}}};
    tdl_report why = {0};

    TDL_UNUSED(state);
    lucky[0] = 1, lucky[1] = 1, before[2] = 1;
    expect_ok(tdl_gate(&e, two, USERS, 1, &why), &why);
    assert_int_equal(e.promoted, 0);
    assert_non_null(strstr(e.rung[1].gate, "better, but not proven"));
    assert_string_equal(e.rung[1].verdict, "not_proven");
    assert_string_equal(e.rung[0].verdict, "floor_serves");
    for (size_t i = 0; i < USERS; i++)
        better[i] = i % 2 == 0;
    expect_ok(tdl_gate(&e, three, USERS, 1, &why), &why);
    assert_int_equal(e.promoted, 1);
}

/* Not with the floor: a rung between the two is no step up. */
static void a_rung_is_compared_with_the_best_simpler_one(void **state)
{
    double none[USERS] = {0}, best[USERS], middling[USERS];
    double *const ndcg[] = {none, middling, best, middling};
    tdl_evaluation e = {
        .rungs_n = 4,
        .rung = {{.name = "none"}, {.name = "middling"}, {.name = "best"}, {.name = "later"}}};
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < USERS; i++) {
        best[i] = 1;
        middling[i] = .5;
    }
    expect_ok(tdl_gate(&e, ndcg, USERS, 1, &why), &why);
    assert_int_equal(e.promoted, 2);
    assert_non_null(
        strstr(e.rung[1].gate, "against none: better, but a later one is better still"));
    assert_non_null(strstr(e.rung[2].gate, "+0.5000"));
    assert_non_null(strstr(e.rung[2].gate, "against middling"));
    assert_non_null(strstr(e.rung[3].gate, "-0.5000"));
    assert_non_null(strstr(e.rung[3].gate, "against best: not better"));
    /* the same as codes, for pages in any language */
    assert_string_equal(e.rung[0].verdict, "floor");
    assert_string_equal(e.rung[1].verdict, "overtaken");
    assert_string_equal(e.rung[2].verdict, "serves_proven");
    assert_string_equal(e.rung[3].verdict, "not_better");
    assert_int_equal(e.rung[2].against, 1);
    assert_true(e.rung[2].difference.mean == .5);
}

/* ---- report ---- */

static void the_report_is_json_with_one_promoted_rung(void **state)
{
    tdl_evaluation e = {.users_n = 3,
                        .items_n = 4,
                        .interactions_n = 5,
                        .rungs_n = 2,
                        .promoted = 1,
                        .rung = {{.name = "popularity", .gate = "the floor"},
                                 {.name = "markov", .hr10 = {.25, .125, .5}, .epochs = 3}}};
    tdl_buf out = {0};
    tdl_report why = {0};
    json_t *report = NULL;

    TDL_UNUSED(state);
    const tdl_recommend_training training = {.evaluation = &e, .seed = 9, .seconds = 1.5};
    tdl_recommend_report(&out, &training);
    expect_ok(tdl_json_parse(tdl_buf_view(&out), TDL_JSON_REFUSE_DUPLICATES, &report, &why), &why);
    assert_string_equal(json_string_value(json_object_get(report, "promoted")), "markov");
    assert_int_equal(json_integer_value(json_object_get(report, "seed")), 9);
    const json_t *rungs = json_object_get(report, "evaluation");
    assert_int_equal(json_array_size(rungs), 2);
    assert_true(json_is_false(json_object_get(json_array_get(rungs, 0), "promoted")));
    assert_true(json_is_true(json_object_get(json_array_get(rungs, 1), "promoted")));
    assert_true(json_number_value(json_object_get(json_array_get(rungs, 1), "hr10_high")) == .5);
    json_decref(report);
    tdl_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_item_is_the_test_and_the_one_before_it_validation),
        cmocka_unit_test(the_validation_fit_finds_the_epochs_of_the_test_fit),
        cmocka_unit_test(too_few_users_are_refused_with_how_many_are_needed),
        cmocka_unit_test(progress_may_stop_it),
        cmocka_unit_test(the_same_seed_gives_the_same_evaluation),
        cmocka_unit_test(the_best_on_validation_is_promoted),
        cmocka_unit_test(of_two_equal_rungs_the_simpler_one_is_promoted),
        cmocka_unit_test(the_text_says_whether_the_difference_is_proven),
        cmocka_unit_test(who_must_prove_it_serves_by_an_interval_above_0_only),
        cmocka_unit_test(a_rung_is_compared_with_the_best_simpler_one),
        cmocka_unit_test(the_report_is_json_with_one_promoted_rung),
    };
    return cmocka_run_group_tests_name("recommend/evaluate", tests, NULL, NULL);
}
