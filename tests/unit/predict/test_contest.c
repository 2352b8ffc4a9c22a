/* The contest: replay, honesty, and what is chosen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/choose.h"
#include "made_table.h"

typedef struct ring {
    tdl_frame frame;
    tdl_predict_target target;
    tdl_folds folds;
    bool *left_out;
    uint32_t *row;
    tdl_contest_data data;
    tdl_contest contest;
} ring;

static void start(ring *r, size_t rows, const char *columns, const char *target,
                  const tdl_predict_options *options)
{
    tdl_report why;

    r->frame = made_frame(rows, columns);
    r->target = made_target(&r->frame, target, options->target.task);
    r->row = made_rows(rows);
    r->left_out = calloc(r->frame.columns_n, sizeof *r->left_out);
    assert_non_null(r->left_out);
    r->left_out[r->target.column_index] = true;
    if (tdl_folds_make(&r->frame, &r->target, r->row, rows, options, &r->folds, &why))
        fail_msg("%s", why.message);
    r->data = (tdl_contest_data){.frame = &r->frame,
                                 .left_out = r->left_out,
                                 .target = &r->target,
                                 .row = r->row,
                                 .rows_n = rows,
                                 .fold = r->folds.fold,
                                 .folds_n = r->folds.folds_n,
                                 .by_time = r->folds.by_time,
                                 .metric = tdl_metric_default(tdl_metric_task_of(r->target.task)),
                                 .seed = 3};
}

static void hold(ring *r, const char *models, unsigned threads)
{
    tdl_report why;

    tdl_contest_release(&r->contest);
    r->data.pool = threads ? tdl_pool_new(threads) : NULL;
    if (tdl_contest_hold(&r->data, models, &r->contest, &why))
        fail_msg("%s", why.message);
    tdl_pool_free(r->data.pool);
    r->data.pool = NULL;
}

static void end(ring *r)
{
    tdl_contest_release(&r->contest);
    tdl_folds_release(&r->folds);
    tdl_predict_target_release(&r->target);
    tdl_frame_release(&r->frame);
    free(r->left_out);
    free(r->row);
}

static tdl_entry *entry_of(ring *r, const char *name)
{
    for (size_t i = 0; i < r->contest.entries_n; i++)
        if (!strcmp(r->contest.entry[i].ops->name, name))
            return &r->contest.entry[i];
    fail_msg("no %s took part", name);
    return NULL;
}

static const char several[] = "logistic,spline,tree,additive";

static void one_thread_and_two_give_the_same_scores(void **state)
{
    ring one = {0}, two = {0};
    const tdl_predict_options options = {.folds = 4};

    (void)state;
    start(&one, 400, "xzcy", "y", &options);
    start(&two, 400, "xzcy", "y", &options);
    hold(&one, several, 1);
    hold(&two, several, 2);
    assert_int_equal(one.contest.entries_n, two.contest.entries_n);
    for (size_t i = 0; i < one.contest.entries_n; i++) {
        const tdl_entry *a = &one.contest.entry[i], *b = &two.contest.entry[i];

        assert_ptr_equal(a->ops, b->ops);
        assert_int_equal(a->settings_tried, b->settings_tried);
        if (!a->score)
            continue;
        assert_true(json_equal(a->setting, b->setting));
        assert_memory_equal(a->score, b->score, 400 * sizeof *a->score);
        assert_memory_equal(a->fold_metric, b->fold_metric, 4 * sizeof *a->fold_metric);
    }
    end(&one);
    end(&two);
}

/* 1,500 rows: the standard error of an AUC of .5 is .015. */
static void nothing_is_learnt_from_a_coin(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 1500, "xzct", "coin", &(tdl_predict_options){.folds = 4});
    hold(&r, "logistic,lasso,spline,tree,additive,trees,mlp", 0);
    for (size_t i = 0; i < r.contest.entries_n; i++) {
        const tdl_entry *e = &r.contest.entry[i];

        if (!e->score)
            print_message("%s is left out: %s\n", e->ops->name, e->left_out.message);
        else if (fabs(e->metric - 0.5) > 0.05)
            fail_msg("%s has an AUC of %.4f", e->ops->name, e->metric);
    }
    end(&r);
}

/* A column of as many levels as half the rows: a target encoding that saw its own row tells the
 * coin almost surely (sklearn's AUC of such means, smoothed by 10: .865). */
static void a_column_of_many_levels_does_not_leak_through_its_encoding(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 1500, "xgt", "coin", &(tdl_predict_options){.folds = 4});
    hold(&r, "logistic,tree,additive,trees", 0);
    for (size_t i = 0; i < r.contest.entries_n; i++) {
        const tdl_entry *e = &r.contest.entry[i];

        if (e->score && fabs(e->metric - 0.5) > 0.05)
            fail_msg("%s has an AUC of %.4f", e->ops->name, e->metric);
    }
    end(&r);
}

static void what_tells_is_learnt(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 600, "xzcy", "y", &(tdl_predict_options){.folds = 4});
    hold(&r, several, 0);
    assert_true(entry_of(&r, "constant")->metric == 0.5);
    assert_true(entry_of(&r, "logistic")->metric > 0.8);
    assert_true(entry_of(&r, "tree")->metric > 0.7);
    for (size_t i = 0; i < 600; i++)
        assert_true(isfinite(entry_of(&r, "tree")->score[i]));
    end(&r);
}

static void by_time_the_first_block_is_never_tested(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 400, "xzcy", "y", &(tdl_predict_options){.folds = 3, .time = "z"});
    hold(&r, "logistic", 0);
    const tdl_entry *e = entry_of(&r, "logistic");
    for (size_t i = 0; i < 400; i++)
        assert_int_equal(isnan(e->score[i]), r.folds.fold[i] == 0);
    assert_true(isnan(e->fold_metric[0]) && !isnan(e->fold_metric[1]));
    size_t n = 0;
    for (size_t i = 0; i < 400; i++)
        n += r.folds.fold[i] > 0;
    assert_int_equal(tdl_contest_tested(&r.data, NULL), n);
    end(&r);
}

static void the_floor_takes_part_whoever_was_asked_for(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 200, "xzcy", "y", &(tdl_predict_options){.folds = 4});
    hold(&r, "tree", 0);
    entry_of(&r, "constant");
    entry_of(&r, "nearest");
    end(&r);
}

static void what_does_not_suit_is_left_out_with_its_reason_or_refused_by_name(void **state)
{
    ring r = {0};
    tdl_contest none = {0};
    tdl_report why = {0};

    (void)state;
    start(&r, 200, "xzv", "v", &(tdl_predict_options){.folds = 4});
    hold(&r, "auto", 0);
    const tdl_entry *e = entry_of(&r, "logistic");
    assert_null(e->score);
    assert_true(e->left_out.message[0]);
    assert_int_equal(tdl_contest_hold(&r.data, "logistic", &none, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "logistic"));
    assert_int_equal(tdl_contest_hold(&r.data, "oracle", &none, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "there is no model \"oracle\""));
    assert_int_equal(tdl_contest_hold(&r.data, "tree,", &none, &why), TDL_E_INVALID);
    assert_int_equal(tdl_contest_hold(&r.data, "", &none, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_contest_hold(&r.data, "logistic", &none, NULL), TDL_E_INVALID);
    end(&r);
}

/* nearest takes at most 20,000 rows (learn/nearest.c): not those of a fold, but those of the last
 * fit count. */
static void a_learner_must_suit_the_rows_of_the_last_fit_too(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 200, "xzv", "v", &(tdl_predict_options){.folds = 4});
    r.data.all_n = 20001;
    hold(&r, "linear", 0);
    assert_null(entry_of(&r, "nearest")->score);
    end(&r);
}

static bool stop(void *context, const char *stage, double done, const char *detail)
{
    (void)context;
    (void)stage;
    (void)done;
    (void)detail;
    return false;
}

static void it_stops_on_request(void **state)
{
    ring r = {0};
    tdl_contest none = {0};
    tdl_report why = {0};

    (void)state;
    start(&r, 200, "xzv", "v", &(tdl_predict_options){.folds = 4});
    r.data.progress = stop;
    assert_int_equal(tdl_contest_hold(&r.data, "linear", &none, &why), TDL_E_STOPPED);
    end(&r);
}

/* ---- choosing ---- */

static void what_serves_is_a_blend_or_the_best(void **state)
{
    ring r = {0};
    tdl_choice c;
    tdl_report why;
    double sum = 0, metric = 0, of_fold;

    (void)state;
    start(&r, 600, "xzcy", "y", &(tdl_predict_options){.folds = 4});
    hold(&r, several, 0);
    assert_int_equal(tdl_choose(&r.data, &r.contest, false, true, &c, &why), TDL_OK);
    assert_true(c.has_blend);
    assert_string_equal(r.contest.entry[c.linear].ops->name, "logistic");
    for (size_t i = 0; i < r.contest.entries_n; i++) // none is better than the best
        if (r.contest.entry[i].score)
            assert_true(r.contest.entry[i].metric <= r.contest.entry[c.best].metric);
    for (size_t i = 0; i < c.entries_n; i++) {
        assert_true(c.weight[i] >= 0 && c.temperature[i] > 0);
        sum += c.weight[i];
    }
    assert_true(fabs(sum - 1) < 1e-9);
    for (size_t f = 0; f < 4; f++) {
        assert_int_equal(tdl_contest_measure(&r.data, c.score, 1, f, &of_fold, &why), TDL_OK);
        metric += of_fold / 4;
    }
    if (c.blend)
        assert_true(fabs(metric - c.metric) < 1e-12);
    else
        assert_true(fabs(metric - r.contest.entry[c.best].metric) < 1e-12);
    tdl_choice_release(&c);

    assert_int_equal(tdl_choose(&r.data, &r.contest, false, false, &c, &why), TDL_OK);
    assert_false(c.blend);
    assert_int_equal(c.entries_n, 1);
    assert_int_equal(c.entry[0], c.best);
    assert_memory_equal(c.score, r.contest.entry[c.best].score, 600 * sizeof *c.score);
    tdl_choice_release(&c);
    end(&r);
}

/* Breiman et al., 1984: the least complex within one standard error of the best. */
static void the_simplest_is_within_one_standard_error(void **state)
{
    ring r = {0};
    tdl_choice c;
    tdl_report why;

    (void)state;
    start(&r, 600, "xzcy", "y", &(tdl_predict_options){.folds = 4});
    hold(&r, several, 0);
    assert_int_equal(tdl_choose(&r.data, &r.contest, true, true, &c, &why), TDL_OK);
    const tdl_entry *best = &r.contest.entry[c.best], *chosen = &r.contest.entry[c.entry[0]];
    assert_int_equal(c.entries_n, 1);
    assert_true(best->metric - chosen->metric <= best->standard_error);
    for (size_t i = 0; i < r.contest.entries_n; i++) {
        const tdl_entry *e = &r.contest.entry[i];
        if (e->score && e->ops->rank < chosen->ops->rank)
            assert_true(best->metric - e->metric > best->standard_error);
    }
    tdl_choice_release(&c);
    end(&r);
}

/* [1 2 4]: mean 7/3, sample deviation sqrt(7/3), over sqrt(3). */
static void the_mean_passes_over_folds_that_were_not_tested(void **state)
{
    const double folds[] = {1, NAN, 2, 4}, none[] = {NAN, NAN};
    double mean, error;

    (void)state;
    tdl_contest_mean(folds, 4, &mean, &error);
    assert_true(fabs(mean - 7.0 / 3) < 1e-12);
    assert_true(fabs(error - sqrt(7.0 / 3) / sqrt(3)) < 1e-12);
    tdl_contest_mean(none, 2, &mean, &error);
    assert_true(isnan(mean) && isnan(error));
}

/* The plan is made of rows and features, so a busy machine has the same; what is asked for by name
 * has no budget. */
static void a_budget_leaves_out_what_is_estimated_to_take_longer(void **state)
{
    ring r = {0};

    (void)state;
    start(&r, 300, "xzcy", "y", &(tdl_predict_options){.folds = 3});
    r.data.budget = 0.02;
    hold(&r, "auto", 0);
    assert_non_null(entry_of(&r, "logistic")->score);
    assert_non_null(entry_of(&r, "nearest")->score);
    const tdl_entry *out = entry_of(&r, "mlp");
    assert_null(out->score);
    assert_true(out->cut_off);
    assert_non_null(strstr(out->left_out.message, "s are left of the budget: give --budget"));
    assert_false(entry_of(&r, "linear")->cut_off); // does not suit: no matter of time
    assert_false(entry_of(&r, "vit")->cut_off);
    assert_true(r.contest.estimated > 0 && r.contest.estimated <= 0.02);
    hold(&r, "tree", 0);
    assert_non_null(entry_of(&r, "tree")->score);
    end(&r);
}

static void what_a_model_gives_to_read_is_counted(void **state)
{
    ring r = {0};
    int64_t leaves;

    (void)state;
    start(&r, 300, "xzcy", "y", &(tdl_predict_options){.folds = 3});
    hold(&r, "logistic,tree", 2);
    assert_int_equal(entry_of(&r, "logistic")->terms, 5); // x, z, three levels of c
    const tdl_entry *tree = entry_of(&r, "tree");
    assert_true(tdl_json_get_int(tree->note, "leaves", &leaves) && leaves > 1);
    assert_int_equal(tree->terms, leaves);
    end(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_leaves_out_what_is_estimated_to_take_longer),
        cmocka_unit_test(what_a_model_gives_to_read_is_counted),
        cmocka_unit_test(one_thread_and_two_give_the_same_scores),
        cmocka_unit_test(nothing_is_learnt_from_a_coin),
        cmocka_unit_test(a_column_of_many_levels_does_not_leak_through_its_encoding),
        cmocka_unit_test(what_tells_is_learnt),
        cmocka_unit_test(by_time_the_first_block_is_never_tested),
        cmocka_unit_test(the_floor_takes_part_whoever_was_asked_for),
        cmocka_unit_test(what_does_not_suit_is_left_out_with_its_reason_or_refused_by_name),
        cmocka_unit_test(a_learner_must_suit_the_rows_of_the_last_fit_too),
        cmocka_unit_test(it_stops_on_request),
        cmocka_unit_test(what_serves_is_a_blend_or_the_best),
        cmocka_unit_test(the_simplest_is_within_one_standard_error),
        cmocka_unit_test(the_mean_passes_over_folds_that_were_not_tested),
    };
    return cmocka_run_group_tests_name("predict/contest", tests, NULL, NULL);
}
