/* The project's reference values of prediction and trust, read from the folder given. Without it
 * every test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/classify.h"
#include "stats/conformal.h"
#include "stats/fairness.h"
#include "stats/mitigate.h"
#include "stats/regress.h"

static const char *folder;

/* The caller's; skips the test when the file is not there. */
static json_t *reference(const char *name)
{
    char path[4096];
    json_t *ret = NULL;

    if (folder) {
        snprintf(path, sizeof path, "%s/%s", folder, name);
        ret = json_load_file(path, JSON_DECODE_INT_AS_REAL, NULL); // keys pass 2^63
    }
    if (!ret) {
        print_message("SKIP: %s is not there\n", name);
        skip();
    }
    return ret;
}

static size_t numbers(const json_t *array, double *ret, size_t max)
{
    size_t n = json_array_size(array);

    assert_true(n <= max);
    for (size_t i = 0; i < n; i++)
        ret[i] = json_number_value(json_array_get(array, i));
    return n;
}

static void near(double got, const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_number(value));
    if (!(fabs(got - json_number_value(value)) < 1e-9))
        fail_msg("%s: %.12g instead of %.12g", key, got, json_number_value(value));
}

static void twenty_rows_of_two_classes(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "binary");
    double y[64], p[64];
    uint32_t order[64];
    size_t n;

    TDL_UNUSED(state);
    n = numbers(json_object_get(own, "y"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "score"), p, 64), n);
    assert_int_equal(tdl_order_rows(p, 1, n, order, NULL), TDL_OK);
    near(tdl_auc(y, p, NULL, order, n), own, "auc");
    near(tdl_average_precision(y, p, NULL, order, n), own, "average_precision");
    near(tdl_log_loss(y, p, NULL, n), own, "logloss");
    near(tdl_brier(y, p, NULL, n), own, "brier");
    near(tdl_ece(y, p, NULL, n), own, "ece10");
    json_decref(all);
}

static void five_values(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "regression");
    double y[64], f[64];
    size_t n;

    TDL_UNUSED(state);
    n = numbers(json_object_get(own, "y"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "pred"), f, 64), n);
    near(tdl_rmse(y, f, NULL, n), own, "rmse");
    near(tdl_mae(y, f, NULL, n), own, "mae");
    near(tdl_r2(y, f, NULL, n), own, "r2");
    near(tdl_pinball(y, f, 1, NULL, n, 0.1), own, "pinball_0_1");
    near(tdl_pinball(y, f, 1, NULL, n, 0.9), own, "pinball_0_9");
    json_decref(all);
}

static void a_series_of_twelve_and_its_forecast(void **state)
{
    json_t *all = reference("predict/vectors.json");
    const json_t *own = json_object_get(all, "forecast");
    double past[64], y[64], f[64], error;
    size_t past_n, n;

    TDL_UNUSED(state);
    past_n = numbers(json_object_get(own, "insample"), past, 64);
    n = numbers(json_object_get(own, "actual"), y, 64);
    assert_int_equal(numbers(json_object_get(own, "forecast"), f, 64), n);
    error =
        tdl_seasonal_error(past, past_n, (size_t)json_number_value(json_object_get(own, "season")));
    near(tdl_smape(y, f, n), own, "smape");
    near(tdl_mase(y, f, n, error), own, "mase");
    near(tdl_wape(y, f, n), own, "wape");
    json_decref(all);
}

static void nine_residuals_and_the_intervals_they_allow(void **state)
{
    json_t *all = reference("predict/vectors.json");
    json_t *own = json_object_get(all, "split_conformal"), *value;
    double residual[64];
    tdl_conformal c;
    const char *miss;
    size_t n;

    TDL_UNUSED(state);
    n = numbers(json_object_get(own, "abs_residuals"), residual, 64);
    assert_int_equal(tdl_conformal_init(&c, residual, n, NULL), TDL_OK);
    json_object_foreach(json_object_get(own, "q"), miss, value)
    {
        double q = tdl_conformal_quantile(&c, atof(miss));

        if (json_is_string(value))
            assert_true(isinf(q) && q > 0);
        else
            near(q, json_object_get(own, "q"), miss);
    }
    tdl_conformal_release(&c);
    json_decref(all);
}

/* ---- fairness ---- */

enum { PEOPLE_MAX = 128 };

typedef struct people {
    size_t n;
    double y[PEOPLE_MAX], decision[PEOPLE_MAX], score[PEOPLE_MAX], weight[PEOPLE_MAX];
    int32_t g1[PEOPLE_MAX], g2[PEOPLE_MAX], both[PEOPLE_MAX];
} people;

static void read_people(const json_t *rows, people *p)
{
    p->n = json_array_size(rows);
    assert_in_range(p->n, 1, PEOPLE_MAX);
    for (size_t i = 0; i < p->n; i++) {
        const json_t *row = json_array_get(rows, i);

        p->y[i] = json_number_value(json_object_get(row, "y"));
        p->decision[i] = json_number_value(json_object_get(row, "yhat"));
        p->score[i] = json_number_value(json_object_get(row, "score"));
        p->weight[i] = json_number_value(json_object_get(row, "w"));
        p->g1[i] = json_string_value(json_object_get(row, "g1"))[0] - 'A';
        p->g2[i] = json_string_value(json_object_get(row, "g2"))[0] - 'x';
    }
    tdl_fair_cross(p->g1, p->g2, 2, p->n, p->both);
}

static void audit_is(const people *p, const int32_t *group, const char *const *name,
                     size_t groups_n, const double *weight, const json_t *expected,
                     tdl_fairness *ret)
{
    tdl_fair_rows rows = {p->n, p->y, p->decision, p->score, weight, NULL};
    tdl_fair_options options = {.rows_min = 1, .resamples = 10};
    tdl_rng rng = tdl_rng_make(0, 0);

    assert_int_equal(tdl_fairness_audit(&rows, group, groups_n, &options, &rng, ret, NULL), TDL_OK);
    for (size_t g = 0; g < groups_n; g++) {
        const json_t *own = json_object_get(json_object_get(expected, "groups"), name[g]);

        near((double)ret->group[g].n, own, "n");
        near(ret->group[g].rate[TDL_FAIR_SELECTION], own, "selection_rate");
        near(ret->group[g].rate[TDL_FAIR_TPR], own, "tpr");
        near(ret->group[g].rate[TDL_FAIR_FPR], own, "fpr");
        near(ret->group[g].rate[TDL_FAIR_PPV], own, "ppv");
        near(ret->group[g].rate[TDL_FAIR_ACCURACY], own, "accuracy");
    }
    near(ret->dpd, expected, "dpd");
    near(ret->dpr, expected, "dpr");
    near(ret->tpr_difference, expected, "equal_opportunity_difference");
    near(ret->eod, expected, "equalized_odds_difference");
    near(ret->eor, expected, "equalized_odds_ratio");
    near(ret->ppv_difference, expected, "predictive_parity_difference");
}

static void sixty_people_in_two_groups_and_their_crossings(void **state)
{
    static const char *const one[] = {"A", "B"}, *const two[] = {"Ax", "Ay", "Bx", "By"};
    json_t *all = reference("trust/fairness.json");
    const json_t *auc = json_object_get(all, "auc_by_g1");
    const json_t *factors = json_object_get(all, "reweighing_g1");
    double factor[PEOPLE_MAX];
    tdl_fairness f;
    people p;

    TDL_UNUSED(state);
    read_people(json_object_get(all, "rows"), &p);
    audit_is(&p, p.g1, one, 2, NULL, json_object_get(all, "g1"), &f);
    near(f.group[0].auc, auc, "A");
    near(f.group[1].auc, auc, "B");
    near(f.entropy, all, "generalized_entropy_2");
    near(f.theil, all, "theil");
    tdl_fairness_release(&f);
    audit_is(&p, p.g1, one, 2, p.weight, json_object_get(all, "g1_weighted"), &f);
    tdl_fairness_release(&f);
    audit_is(&p, p.both, two, 4, NULL, json_object_get(all, "intersection"), &f);
    tdl_fairness_release(&f);
    assert_int_equal(tdl_reweigh(p.y, 2, p.g1, 2, NULL, p.n, factor, NULL), TDL_OK);
    for (size_t i = 0; i < p.n; i++) {
        char key[] = {(char)('A' + p.g1[i]), ',', (char)('0' + (int)p.y[i]), 0};

        near(factor[i], factors, key);
    }
    json_decref(all);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_rows_of_two_classes),
        cmocka_unit_test(five_values),
        cmocka_unit_test(a_series_of_twelve_and_its_forecast),
        cmocka_unit_test(nine_residuals_and_the_intervals_they_allow),
        cmocka_unit_test(sixty_people_in_two_groups_and_their_crossings),
    };

    folder = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("stats/reference", tests, NULL, NULL);
}
