#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/additive_model.h"
#include "made.h"
#include "sheet_table.h"

static made data;

static tdl_learner *fitted(tdl_task task, const char *setting, tdl_pool *pool)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    p.pool = pool;
    if (made_fit(&p, "additive", setting, &l, &why))
        fail_msg("%s", why.message);
    return l;
}

/* The value is 1 + 2 x0 - x1 + x2^2 / 2 + noise in [-1, 1], and nothing of x3 (made.h). */
static void curves_follow_the_functions_that_made_the_data(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_REGRESSION, "{\"pairs\": 0}", NULL);
    const tdl_additive_model *m = (const tdl_additive_model *)l;
    tdl_additive_curve curve;
    double most = 0;

    TDL_UNUSED(state);
    for (float x = -1.5F; x <= 1.5F; x += 0.5F) {
        assert_true(fabs(tdl_additive_effect(m, 0, 0, x) - 2 * (double)x) < 0.7);
        assert_true(fabs(tdl_additive_effect(m, 1, 0, x) + (double)x) < 0.7);
    }
    assert_true(tdl_additive_effect(m, 2, 0, -1.9F) > tdl_additive_effect(m, 2, 0, 0) + 0.5);
    assert_true(tdl_additive_effect(m, 2, 0, 1.9F) > tdl_additive_effect(m, 2, 0, 0) + 0.5);
    assert_true(tdl_additive_curve_of(l, 3, 0, &curve));
    assert_int_equal(curve.n, 64);
    for (size_t s = 0; s < curve.n; s++) {
        most += curve.value[s] * curve.value[s] / (double)curve.n;
        assert_true(s < 2 || curve.edge[s - 1] > curve.edge[s - 2]);
    }
    assert_true(sqrt(most) < 0.2); // in quadratic mean; x0's is about 2.3
    assert_false(tdl_additive_curve_of(l, 4, 0, &curve));
    tdl_learner_free(l);
}

static void curves_are_centred_on_the_training_rows(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_REGRESSION, "", NULL);
    const tdl_additive_model *m = (const tdl_additive_model *)l;
    double score[MADE_ROWS], mean = 0;

    TDL_UNUSED(state);
    assert_int_equal(tdl_learner_score(l, &data.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++)
        mean += score[i] / MADE_ROWS;
    assert_true(fabs(mean - m->intercept[0]) < 1e-9);
    tdl_learner_free(l);
}

/* y = sign(x0) sign(x1): no curve can tell anything, the pair tells all. */
static void a_pair_without_curves_is_found(void **state)
{
    static made crossed;
    tdl_problem p;
    tdl_learner *l = NULL;
    double score[MADE_ROWS], squares = 0;
    size_t a, b;

    TDL_UNUSED(state);
    make(&crossed);
    for (size_t i = 0; i < MADE_ROWS; i++)
        crossed.value[i] = crossed.x_of[4 * i] * crossed.x_of[4 * i + 1] > 0 ? 1 : -1;
    p = made_problem(&crossed, TDL_TASK_REGRESSION);
    assert_int_equal(made_fit(&p, "additive", "{\"pairs\": 1}", &l, NULL), TDL_OK);
    assert_int_equal(tdl_additive_pairs_n(l), 1);
    tdl_additive_pair_of(l, 0, &a, &b);
    assert_true(a == 0 && b == 1);
    assert_int_equal(tdl_learner_score(l, &crossed.x, NULL, score, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++)
        squares += pow(score[i] - (double)crossed.value[i], 2) / MADE_ROWS;
    assert_true(squares < 0.3);
    tdl_learner_free(l);
}

static void what_was_saved_scores_the_same_bits(void **state)
{
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_CLASSES, TDL_TASK_COUNT,
                             TDL_TASK_REGRESSION};
    tdl_pool *pool = tdl_pool_new(3);
    tdl_matrix baseline = {.rows = 1, .cols = MADE_COLS, .x = data.x_of};

    TDL_UNUSED(state);
    for (size_t t = 0; t < 4; t++) {
        tdl_learner *l = fitted(task[t], "{\"bags\": 4}", NULL);
        tdl_learner *threads = fitted(task[t], "{\"bags\": 4}", pool);
        tdl_report why = {0};
        tdl_learner *again = made_again(l, &data.x, NULL, &why);

        if (!again)
            fail_msg("%s", why.message);
        assert_true(made_same_scores(l, again, &data.x));
        assert_true(made_same_scores(l, threads, &data.x));
        for (size_t which = 0; which < l->scores_n; which++) {
            assert_true(made_attribution_error(l, &data.x, &baseline, which) < 1e-12);
            assert_true(made_attribution_error(l, &data.x, NULL, which) < 1e-12);
        }
        tdl_learner_free(l);
        tdl_learner_free(threads);
        tdl_learner_free(again);
    }
    tdl_pool_free(pool);
}

/* Any eight bytes of the tensors turned to all ones: NaN, or -1. */
static size_t spoilt_at;
static void spoil_somewhere(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    memset(bytes->at + bytes->len - spoilt_at, 0xff, 8);
}

static void claim_pairs(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(bytes);
    json_object_set_new(about, "pairs", json_integer(9));
}

static void hostile_files_are_refused(void **state)
{
    tdl_learner *l = fitted(TDL_TASK_BINARY, "{\"bags\": 1, \"pairs\": 2}", NULL);
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_null(made_again(l, &data.x, claim_pairs, &why));
    for (spoilt_at = 8; spoilt_at < 9000; spoilt_at += 1000)
        assert_null(made_again(l, &data.x, spoil_somewhere, &why));
    tdl_learner_free(l);
}

static void a_missing_number_has_a_bin_of_its_own(void **state)
{
    static made gaps;
    tdl_problem p;
    tdl_learner *l = NULL;
    tdl_additive_curve curve;

    TDL_UNUSED(state);
    make(&gaps);
    for (size_t i = 0; i < MADE_ROWS; i += 4) {
        gaps.x_of[i * MADE_COLS + 3] = NAN;
        gaps.value[i] += 5;
    }
    p = made_problem(&gaps, TDL_TASK_REGRESSION);
    assert_int_equal(made_fit(&p, "additive", "", &l, NULL), TDL_OK);
    assert_true(tdl_additive_curve_of(l, 3, 0, &curve));
    assert_true(curve.missing > 2);
    tdl_learner_free(l);
}

/* InterpretML's README puts additive models level with boosting; sheet 4.1: xgboost .8457. */
static void wa_churn_is_level_with_boosting(void **state)
{
    tdl_pool *pool = tdl_pool_new(0);
    sheet_table t;
    double auc, loss;

    TDL_UNUSED(state);
    if (!sheet_open("wa_churn", "churn", "Yes", NULL, true, &t)) {
        tdl_pool_free(pool);
        skip();
    }
    assert_int_equal(sheet_run(&t, "additive", "", false, pool, &auc, &loss), TDL_OK);
    printf("wa_churn: AUC %.5f, log-loss %.5f\n", auc, loss);
    assert_true(auc >= 0.847);
    sheet_release(&t);
    tdl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curves_follow_the_functions_that_made_the_data),
        cmocka_unit_test(curves_are_centred_on_the_training_rows),
        cmocka_unit_test(a_pair_without_curves_is_found),
        cmocka_unit_test(what_was_saved_scores_the_same_bits),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(a_missing_number_has_a_bin_of_its_own),
        cmocka_unit_test(wa_churn_is_level_with_boosting),
    };

    make(&data);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
