#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "stats/counterfactual.h"

enum { COLUMNS = 4, VALUES = 11 };

/* weights x + a product of the first two; the last column is a category with an effect per level */
typedef struct model {
    double weight[COLUMNS], both, level[VALUES];
} model;

static tdl_status score_of(void *context, const double *cells, size_t n, double *ret,
                           tdl_report *why)
{
    const model *m = context;

    TDL_UNUSED(why);
    for (size_t i = 0; i < n; i++) {
        const double *x = cells + i * COLUMNS;

        ret[i] = m->both * x[0] * x[1] + m->level[(size_t)x[3]];
        for (size_t c = 0; c < 3; c++)
            ret[i] += m->weight[c] * x[c];
    }
    return TDL_OK;
}

static const double values[VALUES] = {-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5};
static const double levels[5] = {0, 1, 2, 3, 4};

/* Whole numbers from -5 to 5, and five levels. */
static void describe(tdl_cf_column *column)
{
    for (size_t c = 0; c < COLUMNS; c++)
        column[c] = (tdl_cf_column){.name = &"abcd"[c],
                                    .candidate = values,
                                    .candidates_n = VALUES,
                                    .scale = (double)(c + 1),
                                    .step = 1};
    column[3] = (tdl_cf_column){
        .name = "d", .category = true, .candidate = levels, .candidates_n = 5, .scale = 1};
}

static model draw(tdl_rng *rng)
{
    model m = {.both = 0.3 * tdl_rng_normal(rng)};

    for (size_t c = 0; c < COLUMNS; c++)
        m.weight[c] = tdl_rng_normal(rng);
    for (size_t l = 0; l < 5; l++)
        m.level[l] = 2 * tdl_rng_normal(rng);
    return m;
}

static double distance_of(const double *row, const double *cells)
{
    double sum = row[3] != cells[3];

    for (size_t c = 0; c < 3; c++)
        sum += fabs(cells[c] - row[c]) / (double)(c + 1);
    return sum;
}

/* Every change of at most two columns, by brute force; INFINITY: there is none. */
static double nearest_by_force(model *m, const double *row, double wanted)
{
    double nearest = INFINITY;

    for (size_t a = 0; a < COLUMNS; a++)
        for (size_t b = a; b < COLUMNS; b++)
            for (size_t i = 0; i < (a == 3 ? 5 : VALUES); i++)
                for (size_t j = 0; j < (b == 3 ? 5 : VALUES); j++) {
                    double x[COLUMNS], score;

                    memcpy(x, row, sizeof x);
                    x[a] = a == 3 ? levels[i] : values[i];
                    x[b] = b == 3 ? levels[j] : values[j];
                    score_of(m, x, 1, &score, NULL);
                    if (score >= wanted)
                        nearest = fmin(nearest, distance_of(row, x));
                }
    return nearest;
}

static void of_two_changes_the_nearest_is_found(void **state)
{
    tdl_rng rng = tdl_rng_make(1, 0);
    tdl_cf_column column[COLUMNS];
    size_t found = 0, none = 0;

    TDL_UNUSED(state);
    describe(column);
    for (size_t t = 0; t < 200; t++) {
        model m = draw(&rng);
        double row[COLUMNS] = {0, 0, 0, 0}, before, expected;
        tdl_cf_options options = {
            .wanted_low = 6, .wanted_high = INFINITY, .changed_max = 2, .seconds = 100};
        tdl_cf_set set;

        for (size_t c = 0; c < 3; c++)
            row[c] = (double)tdl_rng_below(&rng, 11) - 5;
        row[3] = (double)tdl_rng_below(&rng, 5);
        score_of(&m, row, 1, &before, NULL);
        if (before >= 6)
            continue;
        expected = nearest_by_force(&m, row, 6);
        assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                         TDL_OK);
        assert_int_equal(set.n > 0, isfinite(expected));
        assert_true(set.score == before && !set.timed_out);
        found += set.n > 0;
        none += set.n == 0;
        if (set.n)
            assert_true(fabs(set.item[0].distance - expected) < 1e-12);
        for (size_t i = 0; i < set.n; i++) {
            double score;

            score_of(&m, set.item[i].cells, 1, &score, NULL);
            assert_true(score >= 6 && score == set.item[i].score);
            assert_true(set.item[i].changed_n <= 2);
            assert_true(fabs(distance_of(row, set.item[i].cells) - set.item[i].distance) < 1e-12);
            assert_true(!i || set.item[i].distance >= set.item[i - 1].distance);
            for (size_t k = 0; k < i; k++) { /* another set of columns */
                bool same = true;

                for (size_t c = 0; c < COLUMNS; c++)
                    same = same &&
                           (set.item[i].cells[c] != row[c]) == (set.item[k].cells[c] != row[c]);
                assert_false(same);
            }
        }
        tdl_cf_set_release(&set);
    }
    assert_true(found > 100 && none > 0);
}

static void limits_are_kept(void **state)
{
    static const bool allowed[] = {false, true, false, true};
    tdl_rng rng = tdl_rng_make(2, 0);
    tdl_cf_column column[COLUMNS];
    size_t found = 0;

    TDL_UNUSED(state);
    describe(column);
    column[0].immutable = true;
    column[1].direction = TDL_CF_RISES;
    column[2].direction = TDL_CF_FALLS;
    column[2].bounded = true;
    column[2].low = -3;
    column[2].high = 2;
    column[3].allowed = allowed;
    column[3].levels_n = 4;
    for (size_t t = 0; t < 200; t++) {
        model m = draw(&rng);
        double row[COLUMNS] = {1, -2, 1, 0};
        tdl_cf_options options = {.wanted_low = 5, .wanted_high = 50, .seconds = 100};
        tdl_cf_set set;

        assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                         TDL_OK);
        found += set.n;
        for (size_t i = 0; i < set.n && set.item[0].changed_n; i++) {
            const double *x = set.item[i].cells;

            assert_true(x[0] == 1 && x[1] >= -2 && x[2] <= 1 && x[2] >= -3);
            assert_true(x[3] == 0 || x[3] == 1 || x[3] == 3);
            assert_true(set.item[i].score >= 5 && set.item[i].score <= 50);
        }
        tdl_cf_set_release(&set);
    }
    assert_true(found > 50);
}

/* 3 x_0 >= 10 from 0: the candidate is 5, the nearest value 10 / 3. */
static void a_number_is_shrunk_to_where_the_answer_turns(void **state)
{
    model m = {.weight = {3, 0, 0}};
    double row[COLUMNS] = {0, 0, 0, 0};
    tdl_cf_options options = {.wanted_low = 10, .wanted_high = INFINITY, .seconds = 100};
    tdl_cf_column column[COLUMNS];
    tdl_cf_set set;

    TDL_UNUSED(state);
    describe(column);
    column[0].step = 0;
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.n, 1); /* nothing else helps */
    assert_true(set.item[0].cells[0] >= 10.0 / 3 && set.item[0].cells[0] < 10.0 / 3 + 1e-5);
    tdl_cf_set_release(&set);
}

static void three_changes_are_found_where_two_do_not_do(void **state)
{
    model m = {.weight = {1, 1, 1}};
    double row[COLUMNS] = {0, 0, 0, 0};
    tdl_cf_options options = {.wanted_low = 13, .wanted_high = INFINITY, .seconds = 100};
    tdl_cf_column column[COLUMNS];
    tdl_cf_set set;

    TDL_UNUSED(state);
    describe(column);
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.item[0].changed_n, 3);
    assert_true(set.item[0].score == 13);
    tdl_cf_set_release(&set);
    options.changed_max = 2;
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.n, 0); /* none within the limits is an answer */
}

static void a_row_that_is_wanted_already_is_its_own_answer(void **state)
{
    model m = {.weight = {1, 1, 1}};
    double row[COLUMNS] = {1, 0, 0, 0};
    tdl_cf_options options = {.wanted_low = 1, .wanted_high = 1};
    tdl_cf_column column[COLUMNS];
    tdl_cf_set set;

    TDL_UNUSED(state);
    describe(column);
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_OK);
    assert_int_equal(set.n, 1);
    assert_int_equal(set.item[0].changed_n, 0);
    assert_memory_equal(set.item[0].cells, row, sizeof row);
    tdl_cf_set_release(&set);
}

static void time_that_runs_out_is_told(void **state)
{
    model m = {.weight = {1, 1, 1}};
    double row[COLUMNS] = {0, 0, 0, 0};
    tdl_cf_options options = {.wanted_low = 14, .wanted_high = INFINITY, .seconds = 1e-9};
    tdl_cf_column column[COLUMNS];
    tdl_cf_set set;

    TDL_UNUSED(state);
    describe(column);
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_OK);
    assert_true(set.timed_out);
    assert_int_equal(set.n, 0);
}

static tdl_status broken(void *context, const double *cells, size_t n, double *ret, tdl_report *why)
{
    TDL_UNUSED(context);
    TDL_UNUSED(why);
    for (size_t i = 0; i < n; i++)
        ret[i] = cells[i * COLUMNS] != 0 ? NAN : 0;
    return TDL_OK;
}

static void limits_that_contradict_each_other_are_named(void **state)
{
    static const tdl_cf_column bad[] = {
        {.name = "x", .scale = 1, .immutable = true, .bounded = true, .low = 3, .high = 5},
        {.name = "x",
         .scale = 1,
         .direction = TDL_CF_RISES,
         .bounded = true,
         .low = -9,
         .high = -5},
        {.name = "x", .scale = 1, .direction = TDL_CF_FALLS, .bounded = true, .low = 5, .high = 9},
        {.name = "x", .scale = 1, .bounded = true, .low = 5, .high = 3},
        {.name = "x", .scale = 1, .step = -1},
        {.name = "x", .scale = 0},
        {.name = "x", .category = true, .direction = TDL_CF_RISES},
    };
    model m = {0};
    double row[COLUMNS] = {0};
    tdl_cf_options options = {.wanted_low = 14, .wanted_high = INFINITY};
    tdl_cf_column column[COLUMNS];
    tdl_cf_set set = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        tdl_report why = {0};

        describe(column);
        column[2] = bad[i];
        assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, &why),
                         TDL_E_INVALID);
        assert_non_null(strstr(why.message, "column x"));
    }
    describe(column);
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, broken, NULL, &set, NULL),
                     TDL_E_INVALID);
    options.wanted_low = NAN;
    assert_int_equal(tdl_cf_search(column, COLUMNS, row, &options, score_of, &m, &set, NULL),
                     TDL_E_INVALID);
    assert_int_equal(set.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_two_changes_the_nearest_is_found),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(a_number_is_shrunk_to_where_the_answer_turns),
        cmocka_unit_test(three_changes_are_found_where_two_do_not_do),
        cmocka_unit_test(a_row_that_is_wanted_already_is_its_own_answer),
        cmocka_unit_test(time_that_runs_out_is_told),
        cmocka_unit_test(limits_that_contradict_each_other_are_named),
    };

    return cmocka_run_group_tests_name("stats/counterfactual", tests, NULL, NULL);
}
