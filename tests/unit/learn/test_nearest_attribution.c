/* Shapley values of nearest neighbours against brute force over all coalitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"
#include "made.h"
#include "stats/shapley.h"

/* Columns: five numbers on a grid of eighths, so that distances are exact in float too, and one
 * column of three levels as three features. */
enum { ROWS = 300, COLS = 8, COLUMNS = 6, ASKED = 12 };

static const size_t column_of[COLS] = {0, 1, 2, 3, 4, 5, 5, 5};

typedef struct grid {
    tdl_feature feature[COLS];
    float x[ROWS * COLS], middle[COLS], y[ROWS];
    tdl_matrix all, asked, baseline;
} grid;

static void make_grid(grid *g)
{
    for (size_t j = 0; j < COLS; j++)
        g->feature[j] = (tdl_feature){.name = "x", .column = column_of[j]};
    for (size_t i = 0; i < ROWS; i++) {
        float *x = g->x + i * COLS;
        size_t level = made_key(9, i) % 3;

        for (size_t j = 0; j < 5; j++)
            x[j] = (float)(made_key(1 + j, i) % 17) / 8 - 1;
        for (size_t j = 5; j < COLS; j++)
            x[j] = j - 5 == level;
        g->y[i] = x[0] + x[1] * x[2] + (float)(level == 1) > 0.2F;
    }
    memcpy(g->middle, g->x + 7 * COLS, sizeof g->middle);
    g->all = (tdl_matrix){.rows = ROWS, .cols = COLS, .x = g->x, .feature = g->feature};
    g->asked = g->all;
    g->asked.rows = ASKED;
    g->baseline = g->all;
    g->baseline.rows = 1;
    g->baseline.x = g->middle;
}

static tdl_learner *fitted(const grid *g, tdl_task task, const char *setting)
{
    const tdl_problem problem = {.task = task,
                                 .classes_n = task == TDL_TASK_REGRESSION ? 0 : 2,
                                 .x = &g->all,
                                 .y = g->y,
                                 .seed = 1};
    json_t *wish = json_loads(setting, 0, NULL);
    tdl_learner *learner = NULL;
    tdl_report why;

    if (tdl_learner_fit(tdl_learner_find(TDL_STR("nearest")), &problem, wish, &learner, NULL, &why))
        fail_msg("%s", why.message);
    json_decref(wish);
    return learner;
}

/* ---- brute force: a row is mixed and scored anew for each coalition ---- */

typedef struct asking {
    const grid *g;
    const tdl_learner *learner;
    size_t row, which;
} asking;

static tdl_status value(void *context, const bool *take, size_t n, double *ret, tdl_report *why)
{
    const asking *a = context;
    tdl_matrix x = a->g->baseline;
    float mixed[COLS];
    double score[2];
    tdl_status st = TDL_OK;

    x.x = mixed;
    for (size_t i = 0; i < n && !st; i++) {
        for (size_t j = 0; j < COLS; j++)
            mixed[j] =
                take[i * COLUMNS + column_of[j]] ? a->g->x[a->row * COLS + j] : a->g->middle[j];
        st = tdl_learner_score(a->learner, &x, NULL, score, why);
        ret[i] = score[a->which];
    }
    return st;
}

static void agree(const grid *g, const tdl_learner *learner, size_t which)
{
    double shares[ASKED * COLS], base[ASKED];
    tdl_attribution got = {.x = shares, .base = base};
    tdl_report why;

    if (tdl_learner_attribute(learner, &g->asked, &g->baseline, which, NULL, &got, &why))
        fail_msg("%s", why.message);
    for (size_t r = 0; r < ASKED; r++) {
        asking a = {g, learner, r, which};
        const tdl_game game = {.groups_n = COLUMNS, .context = &a, .value = value};
        double expected[COLUMNS];
        tdl_shapley outcome;

        assert_int_equal(tdl_shapley_exact(&game, expected, &outcome, &why), TDL_OK);
        assert_true(fabs(base[r] - outcome.base) < 1e-12);
        for (size_t c = 0; c < COLUMNS; c++)
            if (!(fabs(shares[r * COLS + c] - expected[c]) < 1e-9))
                fail_msg("row %zu, column %zu: %.12g instead of %.12g", r, c, shares[r * COLS + c],
                         expected[c]);
        assert_true(shares[r * COLS + 6] == 0 && shares[r * COLS + 7] == 0); // at its first only
    }
}

static void values_are_those_of_brute_force(void **state)
{
    static grid g;

    (void)state;
    make_grid(&g);
    for (int i = 0; i < 4; i++) {
        tdl_task task = i == 0 ? TDL_TASK_REGRESSION : i == 3 ? TDL_TASK_CLASSES : TDL_TASK_BINARY;
        tdl_learner *learner = fitted(&g, task, i == 1 ? "{\"k\": 1}" : "{\"k\": 15}");

        agree(&g, learner, i == 3);
        tdl_learner_free(learner);
    }
}

/* Wider than what is counted out: sampled, the same for any threads and place, adding up. */
static void many_columns_add_up_for_any_threads(void **state)
{
    enum { WIDE = 14 };
    static float x[ROWS * WIDE], y[ROWS];
    tdl_matrix all = {.rows = ROWS, .cols = WIDE, .x = x}, asked = all, last = all;
    double one[4 * WIDE], two[4 * WIDE], single[WIDE], base[4], score[4];
    tdl_attribution a = {.x = one, .base = base}, b = {.x = two, .base = base},
                    c = {.x = single, .base = base};
    tdl_pool *pool = tdl_pool_new(2);
    tdl_learner *learner = NULL;
    tdl_report why;

    (void)state;
    for (size_t i = 0; i < ROWS * WIDE; i++)
        x[i] = (float)(2 * made_uniform(3, i) - 1);
    x[3 * WIDE] = NAN; // what is missing counts as 0
    for (size_t i = 0; i < ROWS; i++)
        y[i] = i ? x[i * WIDE] + x[i * WIDE + 1] : 1;
    y[3] = 0;
    const tdl_problem problem = {.task = TDL_TASK_REGRESSION, .x = &all, .y = y};
    assert_int_equal(
        tdl_learner_fit(tdl_learner_find(TDL_STR("nearest")), &problem, NULL, &learner, NULL, &why),
        TDL_OK);
    asked.rows = 4;
    last.rows = 1;
    last.x = x + 3 * WIDE;
    assert_int_equal(tdl_learner_attribute(learner, &asked, NULL, 0, NULL, &a, &why), TDL_OK);
    assert_int_equal(tdl_learner_attribute(learner, &asked, NULL, 0, pool, &b, &why), TDL_OK);
    assert_int_equal(tdl_learner_attribute(learner, &last, NULL, 0, pool, &c, &why), TDL_OK);
    assert_memory_equal(one, two, sizeof one);
    assert_memory_equal(one + 3 * WIDE, single, sizeof single);
    assert_int_equal(tdl_learner_score(learner, &asked, NULL, score, &why), TDL_OK);
    for (size_t r = 0; r < 4; r++) {
        double sum = base[0];

        for (size_t j = 0; j < WIDE; j++)
            sum += one[r * WIDE + j];
        assert_true(fabs(sum - score[r]) < 1e-9);
    }
    assert_true(one[3 * WIDE] == 0); // missing, and so is the baseline there
    tdl_learner_free(learner);
    tdl_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_those_of_brute_force),
        cmocka_unit_test(many_columns_add_up_for_any_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
