/* The learner "trees". Skips, loudly, where libxgboost is not installed. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <setjmp.h>

#include <cmocka.h>
#include <pthread.h>

#include "learn/xgboost_worker.h"
#include "made.h"
#include "sheet_table.h"

static made data;

static void need_library(void)
{
    tdl_report why = {0};

    if (tdl_xgboost_available(&why) == TDL_OK)
        return;
    printf("skipped: %s (%s)\n", why.message, why.hint);
    skip();
}

static tdl_learner *fitted(tdl_task task, const char *setting)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    if (made_fit(&p, "trees", setting, &l, &why))
        fail_msg("%s", why.message);
    return l;
}

static const tdl_task tasks[] = {TDL_TASK_BINARY,     TDL_TASK_CLASSES, TDL_TASK_ORDINAL,
                                 TDL_TASK_REGRESSION, TDL_TASK_COUNT,   TDL_TASK_RANKING};
enum { TASKS = sizeof tasks / sizeof tasks[0] };

static void what_was_saved_scores_the_same_bits(void **state)
{
    TDL_UNUSED(state);
    need_library();
    for (size_t t = 0; t < TASKS; t++) {
        tdl_learner *l = fitted(tasks[t], t == 0 ? "{\"rounds\": 20, \"seeds\": 3}" : "");
        tdl_report why = {0};
        tdl_learner *again = made_again(l, &data.x, NULL, &why);

        if (!again)
            fail_msg("%s", why.message);
        assert_true(made_same_scores(l, again, &data.x));
        tdl_learner_free(l);
        tdl_learner_free(again);
    }
}

static void attributions_add_up_to_the_score(void **state)
{
    TDL_UNUSED(state);
    need_library();
    for (size_t t = 0; t < TASKS; t++) {
        tdl_learner *l = fitted(tasks[t], "");

        for (size_t which = 0; which < l->scores_n; which++)
            assert_true(made_attribution_error(l, &data.x, NULL, which) < 5e-6);
        tdl_learner_free(l);
    }
}

static void the_same_seed_gives_the_same_bits(void **state)
{
    tdl_learner *a, *b, *c;
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);

    TDL_UNUSED(state);
    need_library();
    a = fitted(TDL_TASK_BINARY, "");
    b = fitted(TDL_TASK_BINARY, "");
    p.seed = 8;
    assert_int_equal(made_fit(&p, "trees", "", &c, NULL), TDL_OK);
    assert_true(made_same_scores(a, b, &data.x));
    assert_false(made_same_scores(a, c, &data.x));
    tdl_learner_free(a);
    tdl_learner_free(b);
    tdl_learner_free(c);
}

typedef struct fit_job {
    pthread_t thread;
    tdl_learner *learner;
    tdl_status st;
} fit_job;

static void *fit_it(void *context)
{
    fit_job *j = context;
    tdl_problem p = made_problem(&data, TDL_TASK_CLASSES);

    j->st = made_fit(&p, "trees", "{\"rounds\": 40}", &j->learner, NULL);
    return NULL;
}

static void fits_at_once_are_those_of_one_alone(void **state)
{
    fit_job job[3] = {0};
    tdl_learner *alone;

    TDL_UNUSED(state);
    need_library();
    alone = fitted(TDL_TASK_CLASSES, "{\"rounds\": 40}");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&job[i].thread, NULL, fit_it, &job[i]), 0);
    for (size_t i = 0; i < 3; i++) {
        pthread_join(job[i].thread, NULL);
        assert_int_equal(job[i].st, TDL_OK);
        assert_true(made_same_scores(alone, job[i].learner, &data.x));
        tdl_learner_free(job[i].learner);
    }
    tdl_learner_free(alone);
}

static void infinite_values_are_missing_ones(void **state)
{
    static made spoilt, gaps;
    tdl_problem p;
    tdl_learner *a, *b;

    TDL_UNUSED(state);
    need_library();
    make(&spoilt);
    make(&gaps);
    for (size_t i = 0; i < MADE_ROWS * MADE_COLS; i += 5) {
        spoilt.x_of[i] = i % 2 ? INFINITY : -INFINITY;
        gaps.x_of[i] = NAN;
    }
    p = made_problem(&spoilt, TDL_TASK_BINARY);
    assert_int_equal(made_fit(&p, "trees", "{\"rounds\": 40}", &a, NULL), TDL_OK);
    p = made_problem(&gaps, TDL_TASK_BINARY);
    assert_int_equal(made_fit(&p, "trees", "{\"rounds\": 40}", &b, NULL), TDL_OK);
    assert_true(made_same_scores(a, b, &gaps.x));
    assert_true(made_same_scores(a, b, &spoilt.x));
    tdl_learner_free(a);
    tdl_learner_free(b);
}

/* A row of weight 3 is three rows, to the last leaf, when rows and columns are not sampled. */
static void a_weight_counts_as_rows(void **state)
{
    static float x[3 * MADE_ROWS * MADE_COLS], y[3 * MADE_ROWS], weight[MADE_ROWS];
    static const char setting[] =
        "{\"rounds\": 30, \"subsample\": 1, \"colsample\": 1, \"min_child\": 5}";
    tdl_matrix wide = data.x;
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);
    double of_a[MADE_ROWS], of_b[MADE_ROWS];
    tdl_learner *a, *b;
    size_t n = 0;

    TDL_UNUSED(state);
    need_library();
    for (size_t i = 0; i < MADE_ROWS; i++) {
        weight[i] = i % 4 ? 1 : 3;
        for (int copy = 0; copy < (i % 4 ? 1 : 3); copy++) {
            memcpy(x + n * MADE_COLS, data.x_of + i * MADE_COLS, MADE_COLS * sizeof *x);
            y[n++] = p.y[i];
        }
    }
    p.weight = weight;
    assert_int_equal(made_fit(&p, "trees", setting, &a, NULL), TDL_OK);
    wide.rows = n;
    wide.x = x;
    p.x = &wide;
    p.y = y;
    p.weight = NULL;
    assert_int_equal(made_fit(&p, "trees", setting, &b, NULL), TDL_OK);
    assert_int_equal(tdl_learner_score(a, &data.x, NULL, of_a, NULL), TDL_OK);
    assert_int_equal(tdl_learner_score(b, &data.x, NULL, of_b, NULL), TDL_OK);
    for (size_t i = 0; i < MADE_ROWS; i++)
        assert_true(fabs(of_a[i] - of_b[i]) < 1e-4);
    tdl_learner_free(a);
    tdl_learner_free(b);
}

static void a_table_of_few_rows_is_learnt_from(void **state)
{
    TDL_UNUSED(state);
    need_library();
    for (size_t rows = 1; rows < 40; rows += 9)
        for (size_t t = 0; t < TASKS; t++) {
            tdl_problem p = made_problem(&data, tasks[t]);
            tdl_matrix x = data.x;
            tdl_learner *l = NULL;
            tdl_report why = {0};

            x.rows = rows;
            p.x = &x;
            if (made_fit(&p, "trees", "{\"rounds_max\": 30}", &l, &why))
                fail_msg("%zu rows: %s", rows, why.message);
            tdl_learner_free(l);
        }
}

static void out_of_time_gives_a_model_of_fewer_rounds(void **state)
{
    tdl_problem p = made_problem(&data, TDL_TASK_REGRESSION);
    json_t *setting = json_pack("{s:i,s:i}", "rounds", 10000, "depth", 10), *note = NULL;
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    need_library();
    p.seconds = .2;
    assert_int_equal(
        tdl_learner_fit(tdl_learner_find(TDL_STR("trees")), &p, setting, &l, &note, NULL), TDL_OK);
    assert_in_range(json_integer_value(json_object_get(note, "rounds")), 1, 9999);
    json_decref(setting);
    json_decref(note);
    tdl_learner_free(l);
}

static void a_stopped_fit_says_so(void **state)
{
    static atomic_bool stop = true;
    tdl_problem p = made_problem(&data, TDL_TASK_REGRESSION);
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    need_library();
    p.stop = &stop;
    assert_int_equal(made_fit(&p, "trees", "", &l, NULL), TDL_E_STOPPED);
}

/* Along x0 scores may only fall, whatever the data say. */
static void a_monotone_setting_holds(void **state)
{
    tdl_learner *l;
    float row[2][MADE_COLS];
    double score[2];

    TDL_UNUSED(state);
    need_library();
    l = fitted(TDL_TASK_REGRESSION, "{\"rounds\": 50, \"monotone\": \"x0:-\"}");
    for (size_t i = 0; i < MADE_ROWS; i++) {
        tdl_matrix x = {.rows = 2, .cols = MADE_COLS, .x = row[0]};

        memcpy(row[0], data.x_of + i * MADE_COLS, sizeof row[0]);
        memcpy(row[1], row[0], sizeof row[1]);
        row[1][0] += .5F;
        assert_int_equal(tdl_learner_score(l, &x, NULL, score, NULL), TDL_OK);
        assert_true(score[1] <= score[0]);
    }
    tdl_learner_free(l);
}

/* Additive in x0 and the rest: the effect of x0 is the same whatever the rest. */
static void features_of_different_groups_do_not_interact(void **state)
{
    tdl_learner *l;
    float row[4][MADE_COLS] = {0};
    double score[4];
    tdl_matrix x = {.rows = 4, .cols = MADE_COLS, .x = row[0]};

    TDL_UNUSED(state);
    need_library();
    l = fitted(TDL_TASK_REGRESSION, "{\"rounds\": 50, \"interactions\": \"x0; x1, x2, x3\"}");
    for (size_t i = 0; i + 1 < MADE_ROWS; i++) {
        for (size_t k = 0; k < 4; k++) {
            memcpy(row[k], data.x_of + (i + (k & 1)) * MADE_COLS, sizeof row[k]);
            row[k][0] = data.x_of[(i + (k >> 1)) * MADE_COLS];
        }
        assert_int_equal(tdl_learner_score(l, &x, NULL, score, NULL), TDL_OK);
        assert_true(fabs(score[0] + score[3] - score[1] - score[2]) < 1e-4);
    }
    tdl_learner_free(l);
}

static void every_setting_worth_trying_is_accepted(void **state)
{
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);
    json_t *list, *setting;
    size_t i;

    TDL_UNUSED(state);
    need_library();
    list = tdl_learner_find(TDL_STR("trees"))->settings(&p);
    assert_in_range(json_array_size(list), 1, 24);
    json_array_foreach(list, i, setting)
    {
        tdl_learner *l = NULL;
        json_t *note = NULL;

        json_object_set_new(setting, "rounds_max", json_integer(60));
        assert_int_equal(
            tdl_learner_fit(tdl_learner_find(TDL_STR("trees")), &p, setting, &l, &note, NULL),
            TDL_OK);
        assert_true(json_integer_value(json_object_get(note, "rounds")) > 0);
        json_decref(note);
        tdl_learner_free(l);
    }
    json_decref(list);
}

static void bad_settings_are_refused_by_name(void **state)
{
    static const char *const bad[][2] = {
        {"{\"dept\": 3}", "dept"},
        {"{\"depth\": 3.5}", "depth"},
        {"{\"eta\": 0}", "eta"},
        {"{\"seeds\": 1000}", "seeds"},
        {"{\"monotone\": \"x0\"}", "NAME:+"},
        {"{\"monotone\": \"x9:+\"}", "x9"},
        {"{\"monotone\": 1}", "monotone"},
        {"{\"interactions\": \"x0,y\"}", "\"y\""},
        {"{\"loss\": \"absolute\"}", "loss"},
    };
    tdl_problem p = made_problem(&data, TDL_TASK_BINARY);
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    need_library();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};

        assert_int_equal(made_fit(&p, "trees", bad[i][0], &l, &why), TDL_E_INVALID);
        if (!strstr(why.message, bad[i][1]))
            fail_msg("%s: %s", bad[i][0], why.message);
    }
    p = made_problem(&data, TDL_TASK_QUANTILE);
    assert_int_equal(made_fit(&p, "trees", "{\"loss\": \"squared\"}", &l, NULL), TDL_E_INVALID);
}

static void truncate_it(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    bytes->len -= 40;
}

static void claim_many_scores(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(bytes);
    json_object_set_new(about, "scores", json_integer(7));
}

static void hostile_files_are_refused(void **state)
{
    made_spoil *const spoil[] = {truncate_it, claim_many_scores};
    tdl_matrix narrow = data.x;
    tdl_learner *l;

    TDL_UNUSED(state);
    need_library();
    l = fitted(TDL_TASK_CLASSES, "{\"rounds\": 5}");
    narrow.cols = 1;
    for (size_t i = 0; i < sizeof spoil / sizeof spoil[0]; i++) {
        tdl_report why = {0};

        assert_null(made_again(l, &data.x, spoil[i], &why));
        assert_true(why.message[0]);
    }
    assert_null(made_again(l, &narrow, NULL, NULL));
    tdl_learner_free(l);
}

/* Table 4.1, column xgboost: version 1.7.4, eta .05, depth 4, subsample .8, colsample .8, hist, 200
 * rounds, seed 0, one thread. */
static void the_fixed_setting_reproduces_the_sheets_five_folds(void **state)
{
    static const struct {
        const char *name, *target, *positive, *left_out;
        double auc;
    } set[] = {
        {"wa_churn", "churn", "Yes", NULL, .8457},
        {"mlc_churn", "churn", "yes", NULL, .9237},
        {"credit_data", "Status", "bad", NULL, .8435},
        {"GermanCredit", "Class", "Bad", NULL, .7912},
        {"HMDA", "deny", "yes", NULL, .8190},
        {"BreastCancer", "Class", "malignant", "Id", .9921},
    };

    TDL_UNUSED(state);
    need_library();
    for (size_t k = 0; k < sizeof set / sizeof set[0]; k++) {
        sheet_table t;
        double auc, loss;

        if (!sheet_open(set[k].name, set[k].target, set[k].positive, set[k].left_out, false, &t))
            continue;
        assert_int_equal(sheet_run(&t, "trees", "{\"rounds\": 200}", false, NULL, &auc, &loss),
                         TDL_OK);
        printf("%-12s AUC %.5f, log-loss %.5f\n", set[k].name, auc, loss);
        if (fabs(auc - set[k].auc) > .003)
            fail_msg("%s: not %.4f", set[k].name, set[k].auc);
        sheet_release(&t);
    }
}

/* xgboost 1.7.4 by its Python binding, the same parameters, 30 rounds: margins of rows 0 to 5. Each
 * row weighs 1, lists are of eight rows, relevance is the value's whole part within 0 and 4.
 * Huber's slope is 1.345 times half the median deviation / .6745 of the target. */
static void other_losses_give_the_librarys_margins(void **state)
{
    static const struct {
        tdl_task task;
        tdl_aim aim;
        const char *loss;
        double expected[6];
    } cases[] = {
        {TDL_TASK_RANKING,
         TDL_AIM_USUAL,
         "ndcg",
         {.553314805, -.252669692, -.408395529, -.237826124, .166981936, -.391694069}},
        {TDL_TASK_RANKING,
         TDL_AIM_USUAL,
         "pairwise",
         {1.18359232, .573944688, -.568899632, .450152934, -.156043977, -.431561381}},
        {TDL_TASK_REGRESSION,
         TDL_AIM_HUBER,
         "huber",
         {2.36056423, 1.17430222, -1.25435197, .883664072, 1.39691126, -.488081247}},
        {TDL_TASK_REGRESSION,
         TDL_AIM_ABSOLUTE,
         "absolute",
         {2.50649381, 1.17538226, -1.77390242, -.688397765, .775950015, -1.10459661}},
        {TDL_TASK_COUNT,
         TDL_AIM_TWEEDIE,
         NULL,
         {.46587652, -.174266905, -1.2503016, -.348920465, -1.09325838, -1.22447634}},
    };
    float relevance[MADE_ROWS];
    int32_t list[MADE_ROWS];
    double score[MADE_ROWS];

    TDL_UNUSED(state);
    need_library();
    for (size_t i = 0; i < MADE_ROWS; i++) {
        relevance[i] = fminf(fmaxf(floorf(data.value[i]), 0), 4);
        list[i] = (int32_t)(i / 8);
    }
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        tdl_problem p = made_problem(&data, cases[k].task);
        tdl_learner *l = NULL;
        tdl_report why = {0};
        char setting[128];

        snprintf(setting, sizeof setting,
                 "{\"rounds\": 30, \"subsample\": 1, \"colsample\": 1%s%s%s}",
                 cases[k].loss ? ", \"loss\": \"" : "", cases[k].loss ? cases[k].loss : "",
                 cases[k].loss ? "\"" : "");
        p.aim = cases[k].aim;
        p.power = 1.5;
        if (p.task == TDL_TASK_RANKING) {
            p.y = relevance;
            p.group = list;
        }
        if (made_fit(&p, "trees", setting, &l, &why))
            fail_msg("%s", why.message);
        assert_int_equal(tdl_learner_score(l, &data.x, NULL, score, NULL), TDL_OK);
        for (size_t i = 0; i < 6; i++)
            if (!(fabs(score[i] - cases[k].expected[i]) < 2e-6))
                fail_msg("case %zu, row %zu: %.9g, not %.9g", k, i, score[i], cases[k].expected[i]);
        tdl_learner_free(l);
    }
}

/* Leaves by NumPy (the value that a share q of the rows does not exceed) in trees of xgboost's
 * Python binding, 30 rounds: rows 0 to 2. */
static void quantiles_are_those_of_leaves_refitted_by_numpy(void **state)
{
    static const double expected[3][3] = {{1.02281067, 2.39028285, 3.59848369},
                                          {-.0140908994, 1.15989004, 2.11055424},
                                          {-2.16154219, -.745735597, .76365234}};
    double score[MADE_ROWS][3];
    tdl_learner *l;

    TDL_UNUSED(state);
    need_library();
    l = fitted(TDL_TASK_QUANTILE, "{\"rounds\": 30, \"subsample\": 1, \"colsample\": 1}");
    assert_int_equal(tdl_learner_score(l, &data.x, NULL, score[0], NULL), TDL_OK);
    for (size_t i = 0; i < 3; i++)
        for (size_t q = 0; q < 3; q++)
            if (!(fabs(score[i][q] - expected[i][q]) < 2e-6))
                fail_msg("row %zu: %.9g, not %.9g", i, score[i][q], expected[i][q]);
    for (size_t i = 0; i < MADE_ROWS; i++)
        assert_true(score[i][0] <= score[i][1] && score[i][1] <= score[i][2]);
    tdl_learner_free(l);
}

/* Rows held out: the file's first 40 are never seen. */
static void rounds_are_found_for_quantiles_and_lists(void **state)
{
    tdl_matrix train = data.x;
    double score[MADE_ROWS * 3], loss = 0, floor = 0, middle[] = {-1.6, 1, 4.5};
    float relevance[MADE_ROWS];
    int32_t list[MADE_ROWS];

    TDL_UNUSED(state);
    need_library();
    train.rows -= 40;
    train.x += 40 * MADE_COLS;
    for (size_t i = 0; i < MADE_ROWS; i++) {
        relevance[i] = fminf(fmaxf(floorf(data.value[i]), 0), 4);
        list[i] = (int32_t)(i / 8);
    }
    for (int ranks = 0; ranks < 2; ranks++) {
        tdl_problem p = made_problem(&data, ranks ? TDL_TASK_RANKING : TDL_TASK_QUANTILE);
        tdl_learner *l = NULL;
        tdl_report why = {0};

        p.x = &train;
        p.y = (ranks ? relevance : data.value) + 40;
        p.group = list + 40;
        if (made_fit(&p, "trees", "{\"rounds_max\": 200}", &l, &why))
            fail_msg("%s", why.message);
        assert_int_equal(tdl_learner_score(l, &data.x, NULL, score, NULL), TDL_OK);
        if (ranks) { // the more there is, the higher it stands
            size_t right = 0, pairs = 0;

            for (size_t i = 0; i < 40; i++)
                for (size_t k = 0; k < 40; k++)
                    if (relevance[i] > relevance[k]) {
                        pairs++;
                        right += score[i] > score[k];
                    }
            if (right * 10 < pairs * 7)
                fail_msg("%zu of %zu pairs stand right", right, pairs);
        }
        for (size_t i = 0; i < 40 && !ranks; i++)
            for (size_t q = 0; q < 3; q++) {
                double e = (double)data.value[i] - score[i * 3 + q];
                double e0 = (double)data.value[i] - middle[q];

                loss += fmax(p.quantile[q] * e, (p.quantile[q] - 1) * e);
                floor += fmax(p.quantile[q] * e0, (p.quantile[q] - 1) * e0);
            }
        tdl_learner_free(l);
    }
    if (!(loss < .6 * floor))
        fail_msg("pinball %g, of the quantiles of all %g", loss / 120, floor / 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_saved_scores_the_same_bits),
        cmocka_unit_test(attributions_add_up_to_the_score),
        cmocka_unit_test(the_same_seed_gives_the_same_bits),
        cmocka_unit_test(fits_at_once_are_those_of_one_alone),
        cmocka_unit_test(infinite_values_are_missing_ones),
        cmocka_unit_test(a_weight_counts_as_rows),
        cmocka_unit_test(a_table_of_few_rows_is_learnt_from),
        cmocka_unit_test(out_of_time_gives_a_model_of_fewer_rounds),
        cmocka_unit_test(a_stopped_fit_says_so),
        cmocka_unit_test(a_monotone_setting_holds),
        cmocka_unit_test(features_of_different_groups_do_not_interact),
        cmocka_unit_test(every_setting_worth_trying_is_accepted),
        cmocka_unit_test(bad_settings_are_refused_by_name),
        cmocka_unit_test(hostile_files_are_refused),
        cmocka_unit_test(other_losses_give_the_librarys_margins),
        cmocka_unit_test(quantiles_are_those_of_leaves_refitted_by_numpy),
        cmocka_unit_test(rounds_are_found_for_quantiles_and_lists),
        cmocka_unit_test(the_fixed_setting_reproduces_the_sheets_five_folds),
    };

    make(&data);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
