#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/crossed_model.h"
#include "made.h"
#include "sheet_table.h"

enum { ROWS = 600, CATEGORIES = 3 };

/* Categories of 12, 3 and 3 levels: y = the first's effect + 2 where the others are equal. */
typedef struct problem {
    float x[ROWS], y[ROWS];
    int32_t category[ROWS * CATEGORIES];
    size_t levels_n[CATEGORIES];
    tdl_feature feature[CATEGORIES];
    tdl_matrix m;
} problem;

static void make_crossed(problem *p, bool linear)
{
    static const char *const names[] = {"shop", "day", "weather"};
    static const size_t levels[] = {12, 3, 3};

    for (size_t c = 0; c < CATEGORIES; c++) {
        p->levels_n[c] = levels[c] + 1;
        p->feature[c] = (tdl_feature){names[c], c};
        for (size_t i = 0; i < ROWS; i++)
            p->category[i * CATEGORIES + c] =
                1 + (int32_t)((double)levels[c] * made_uniform(5 + c, i));
    }
    for (size_t i = 0; i < ROWS; i++) {
        const int32_t *level = p->category + i * CATEGORIES;
        double effect = 2 * made_uniform(8, (uint64_t)level[0]) - 1;

        p->x[i] = (float)(2 * made_uniform(9, i) - 1);
        p->y[i] = (float)(3 + effect + 2 * (level[1] == level[2]) + (linear ? (double)p->x[i] : 0) +
                          2 * made_uniform(10, i) - 1);
    }
    p->m = (tdl_matrix){.rows = ROWS,
                        .cols = linear,
                        .x = p->x,
                        .categories_n = CATEGORIES,
                        .category = p->category,
                        .levels_n = p->levels_n,
                        .category_feature = p->feature};
}

static tdl_crossed_model *fitted(const problem *p, tdl_task task, const float *y,
                                 const char *setting)
{
    tdl_problem of = {.task = task, .x = &p->m, .y = y, .seed = 1};
    tdl_learner *l = NULL;
    tdl_report why = {0};

    of.classes_n = task == TDL_TASK_BINARY ? 2 : 0;
    if (made_fit(&of, "crossed", setting, &l, &why))
        fail_msg("%s", why.message);
    return (tdl_crossed_model *)l;
}

/* statsmodels MixedLM(y, ones, groups=shop).fit(reml=False): BLUPs of the first category alone */
static void one_category_has_the_effects_of_a_mixed_model(void **state)
{
    static problem p;
    static const double expected[] = {0.0777483,  0.3992851, 0.1020273,  -0.7462719,
                                      -0.3540538, 0.9787858, -0.0905450, -0.6353602,
                                      -0.0508453, 0.3270184, 0.3870670,  -0.3948557};
    tdl_crossed_model *m;

    TDL_UNUSED(state);
    make_crossed(&p, false);
    p.m.categories_n = 1;
    for (size_t i = 0; i < ROWS; i++)
        p.category[i] = p.category[i * CATEGORIES];
    m = fitted(&p, TDL_TASK_REGRESSION, p.y, "");
    assert_true(fabs(m->w[0] - 3.5610739350857328) < 2e-3);
    assert_int_equal(m->term[0].groups_n, 12);
    for (size_t g = 0; g < 12; g++)
        if (fabs(m->term[0].effect[g] - expected[g]) > 2e-3)
            fail_msg("effect %zu is %.6f, not %.6f", g, m->term[0].effect[g], expected[g]);
    tdl_learner_free(&m->learner);
}

static void the_interaction_there_is_is_found(void **state)
{
    static problem p;
    tdl_crossed_model *m;
    bool found = false;

    TDL_UNUSED(state);
    make_crossed(&p, true);
    m = fitted(&p, TDL_TASK_REGRESSION, p.y, "");
    for (size_t t = CATEGORIES; t < m->terms_n; t++)
        found = found || (m->term[t].members_n == 2 && m->term[t].member[0] == 1);
    assert_true(found);
    assert_true(fabs(m->w[0] - 1) < 0.1);
    tdl_learner_free(&m->learner);
    m = fitted(&p, TDL_TASK_REGRESSION, p.y, "{\"interactions\": 0}");
    assert_int_equal(m->terms_n, CATEGORIES);
    tdl_learner_free(&m->learner);
}

static void classes_and_counts_are_fitted_by_reweighting(void **state)
{
    static problem p;
    const tdl_task task[] = {TDL_TASK_BINARY, TDL_TASK_COUNT};
    float y[ROWS];
    double score[ROWS];

    TDL_UNUSED(state);
    make_crossed(&p, true);
    for (size_t t = 0; t < 2; t++) {
        tdl_crossed_model *m;
        double sum = 0, mean = 0;

        for (size_t i = 0; i < ROWS; i++)
            mean += y[i] = t ? floorf(fmaxf(p.y[i], 0)) : p.y[i] > 3.5F;
        m = fitted(&p, task[t], y, "");
        assert_int_equal(tdl_learner_score(&m->learner, &p.m, NULL, score, NULL), TDL_OK);
        for (size_t i = 0; i < ROWS; i++)
            sum += t ? exp(score[i]) : 1 / (1 + exp(-score[i]));
        // the intercept is free: means agree at the optimum
        if (!(fabs(sum - mean) < 1e-3 * mean))
            fail_msg("%s: a mean of %g, not %g", tdl_task_name(task[t]), sum, mean);
        tdl_learner_free(&m->learner);
    }
}

static void spoil_keys(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(about);
    memset(bytes->at + 16 + bytes->len / 2, 0xee, bytes->len / 4);
}

static void claim_terms(json_t *about, tdl_buf *bytes)
{
    TDL_UNUSED(bytes);
    json_object_set_new(about, "terms", json_integer(60));
}

static void what_was_saved_scores_the_same_bits_and_hostile_files_do_not_load(void **state)
{
    static problem p;
    tdl_crossed_model *m;
    tdl_learner *again;
    tdl_report why = {0};

    TDL_UNUSED(state);
    make_crossed(&p, true);
    m = fitted(&p, TDL_TASK_REGRESSION, p.y, "");
    again = made_again(&m->learner, &p.m, NULL, &why);
    if (!again)
        fail_msg("%s", why.message);
    assert_true(made_same_scores(&m->learner, again, &p.m));
    assert_null(made_again(&m->learner, &p.m, spoil_keys, &why));
    assert_null(made_again(&m->learner, &p.m, claim_terms, &why));
    p.m.categories_n = 2;
    assert_null(made_again(&m->learner, &p.m, NULL, &why));
    p.m.categories_n = 3;
    assert_true(made_attribution_error(again, &p.m, NULL, 0) < 1e-12);
    tdl_learner_free(again);
    tdl_learner_free(&m->learner);
}

static void levels_never_seen_have_no_effect(void **state)
{
    static problem p;
    int32_t unseen[] = {0, 0, 0, 99, -5, 4};
    float zero[] = {0, 0};
    double score[2];
    tdl_crossed_model *m;
    tdl_matrix two;

    TDL_UNUSED(state);
    make_crossed(&p, true);
    m = fitted(&p, TDL_TASK_REGRESSION, p.y, "");
    two = p.m;
    two.rows = 2;
    two.x = zero;
    two.category = unseen;
    assert_int_equal(tdl_learner_score(&m->learner, &two, NULL, score, NULL), TDL_OK);
    assert_true(score[0] == m->w[1] && score[1] == m->w[1]);
    tdl_learner_free(&m->learner);
}

/* Sheet 4.3: 1.1988; the bar is 1.199. Test = fold 0 of 5, unstratified. */
static void inst_eval_is_within_the_sheets_bar(void **state)
{
    tdl_str header[16];
    sheet_cells c;
    sheet_ranked *order;
    size_t levels_n[6], n[2] = {0};
    float *y[2];
    int32_t *category[2];
    double *score, squares = 0;
    tdl_learner *l = NULL;
    tdl_pool *pool = tdl_pool_new(0);
    json_t *note = NULL;

    TDL_UNUSED(state);
    if (!sheet_read("InstEval", &c, header))
        skip();
    order = malloc(c.rows * sizeof *order);
    for (size_t i = 0; i < c.rows; i++)
        order[i] = (sheet_ranked){made_key(0, i), i};
    qsort(order, c.rows, sizeof *order, sheet_by_key);
    for (int k = 0; k < 2; k++) {
        y[k] = malloc(c.rows * sizeof **y);
        category[k] = malloc(c.rows * 6 * sizeof **category);
    }
    for (size_t j = 0; j < 6; j++) {
        n[0] = n[1] = 0;
        levels_n[j] = 1;
        for (size_t i = 0; i < c.rows; i++) { // levels are those of the training rows
            size_t value = (size_t)atoi(c.cell[i * c.cols + j]) + 1;

            levels_n[j] = value >= levels_n[j] ? value + 1 : levels_n[j];
        }
        for (size_t r = 0; r < c.rows; r++) {
            char(*row)[SHEET_TEXT_MAX] = &c.cell[order[r].row * c.cols];
            int k = r % 5 == 0;

            y[k][n[k]] = strtof(row[6], NULL);
            category[k][n[k]++ * 6 + j] = atoi(row[j]) + 1;
        }
    }
    tdl_feature feature[6];
    for (size_t j = 0; j < 6; j++)
        feature[j] = (tdl_feature){header[j].at, j};
    tdl_matrix x = {.rows = n[0],
                    .categories_n = 6,
                    .category = category[0],
                    .levels_n = levels_n,
                    .category_feature = feature};
    tdl_matrix test = x;
    tdl_problem p = {.task = TDL_TASK_REGRESSION, .x = &x, .y = y[0], .pool = pool};
    test.rows = n[1];
    test.category = category[1];
    assert_int_equal(n[1], 14685);
    assert_int_equal(
        tdl_learner_fit(tdl_learner_find(TDL_STR("crossed")), &p, NULL, &l, &note, NULL), TDL_OK);
    score = malloc(n[1] * sizeof *score);
    assert_int_equal(tdl_learner_score(l, &test, pool, score, NULL), TDL_OK);
    for (size_t i = 0; i < n[1]; i++)
        squares += ((double)y[1][i] - score[i]) * ((double)y[1][i] - score[i]);
    char *text = json_dumps(note, 0);
    printf("InstEval: RMSE %.5f, %s\n", sqrt(squares / (double)n[1]), text);
    free(text);
    assert_true(sqrt(squares / (double)n[1]) <= 1.199);
    json_decref(note);
    tdl_learner_free(l);
    tdl_pool_free(pool);
    for (int k = 0; k < 2; k++) {
        free(y[k]);
        free(category[k]);
    }
    for (size_t j = 0; j < c.cols; j++)
        free((char *)header[j].at);
    free(c.cell);
    free(order);
    free(score);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_category_has_the_effects_of_a_mixed_model),
        cmocka_unit_test(the_interaction_there_is_is_found),
        cmocka_unit_test(classes_and_counts_are_fitted_by_reweighting),
        cmocka_unit_test(what_was_saved_scores_the_same_bits_and_hostile_files_do_not_load),
        cmocka_unit_test(levels_never_seen_have_no_effect),
        cmocka_unit_test(inst_eval_is_within_the_sheets_bar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
