/* Columns that a learner needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/column_selection.h"
#include "learn/kinds.h"
#include "made_table.h"

enum { ROWS = 3000, COLUMNS = 5 }; /* x z c coin v */

typedef struct asked {
    tdl_frame frame;
    tdl_predict_target target;
    tdl_target of;
    tdl_problem problem;
    tdl_prepare_options options;
    uint32_t *row;
    bool left_out[COLUMNS];
    tdl_column_selection selection;
} asked;

static void start(asked *a)
{
    *a = (asked){.frame = made_frame(ROWS, "xzctv"), .row = made_rows(ROWS)};
    a->target = made_target(&a->frame, "v", "regression");
    a->of = (tdl_target){.y = a->target.y};
    a->problem.task = TDL_TASK_REGRESSION;
    a->options = tdl_learner_linear.prepare;
    a->left_out[4] = true;
    a->selection = (tdl_column_selection){
        .frame = &a->frame,
        .left_out = a->left_out,
        .row = a->row,
        .rows_n = ROWS,
        .target = &a->of,
        .options = &a->options,
        .ops = &tdl_learner_linear,
        .problem = &a->problem,
        .seed = 6}; // of five seeds one keeps the coin: that is what one standard error means
}

static void end(asked *a)
{
    tdl_predict_target_release(&a->target);
    tdl_frame_release(&a->frame);
    free(a->row);
}

static void ask(const asked *a, double *worse, double *error)
{
    tdl_report why;

    if (tdl_permutation_importance(&a->selection, worse, error, &why))
        fail_msg("%s", why.message);
}

/* v = x + z / 2 + (c is a) + e. Of a sum, shuffling a term of variance s^2 adds 2 s^2 to the mean
 * square: that of e is 4/3, of x 4/3, of z / 2 1/3, of (c is a) 2/9. */
static void importance_is_what_theory_says_of_a_sum(void **state)
{
    const double base = sqrt(4.0 / 3);
    const double expected[] = {sqrt(4.0 / 3 + 8.0 / 3) - base, sqrt(4.0 / 3 + 2.0 / 3) - base,
                               sqrt(4.0 / 3 + 4.0 / 9) - base, 0, 0};
    static const double within[] = {0.05, 0.03, 0.03, 0.005, 0};
    double worse[COLUMNS], error[COLUMNS];
    asked a;

    (void)state;
    start(&a);
    ask(&a, worse, error);
    for (size_t c = 0; c < COLUMNS; c++)
        if (fabs(worse[c] - expected[c]) > within[c])
            fail_msg("column %zu: %g, not %g", c, worse[c], expected[c]);
    end(&a);
}

static void columns_that_are_not_needed_are_left_out(void **state)
{
    bool left_out[COLUMNS];
    tdl_report why;
    asked a;

    (void)state;
    start(&a);
    assert_int_equal(tdl_permutation_select(&a.selection, 0, (tdl_str){0}, left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){false, false, false, true, true}), COLUMNS);
    assert_int_equal(tdl_permutation_select(&a.selection, 1, (tdl_str){0}, left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){false, true, true, true, true}), COLUMNS);
    assert_int_equal(tdl_permutation_select(&a.selection, 1, TDL_STR("coin"), left_out, &why),
                     TDL_OK);
    assert_memory_equal(left_out, ((bool[]){false, true, true, false, true}), COLUMNS);
    a.left_out[0] = a.left_out[1] = a.left_out[2] = true; // one column stays, needed or not
    assert_int_equal(tdl_permutation_select(&a.selection, 0, (tdl_str){0}, left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){true, true, true, false, true}), COLUMNS);
    end(&a);
}

/* Of a sum its terms have weights, and the coin has none. With no term left the mean predicts best,
 * all weights are 0, and nothing is left out. */
static void the_lasso_keeps_the_terms_of_a_sum(void **state)
{
    bool left_out[COLUMNS];
    tdl_report why;
    asked a;

    (void)state;
    start(&a);
    assert_int_equal(tdl_lasso_select(&a.selection, (tdl_str){0}, left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){false, false, false, true, true}), COLUMNS);
    assert_int_equal(tdl_lasso_select(&a.selection, TDL_STR("coin"), left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){false, false, false, false, true}), COLUMNS);
    a.left_out[0] = a.left_out[1] = a.left_out[2] = true;
    assert_int_equal(tdl_lasso_select(&a.selection, (tdl_str){0}, left_out, &why), TDL_OK);
    assert_memory_equal(left_out, ((bool[]){true, true, true, false, true}), COLUMNS);
    a.problem.task = TDL_TASK_COUNT;
    assert_int_equal(tdl_lasso_select(&a.selection, (tdl_str){0}, left_out, &why), TDL_E_INVALID);
    end(&a);
}

static void any_number_of_threads_finds_the_same_bits(void **state)
{
    double alone[COLUMNS], together[COLUMNS], error[COLUMNS];
    asked a;

    (void)state;
    start(&a);
    ask(&a, alone, error);
    a.problem.pool = tdl_pool_new(3);
    ask(&a, together, error);
    tdl_pool_free(a.problem.pool);
    assert_memory_equal(alone, together, sizeof alone);
    end(&a);
}

static void rows_that_were_not_given_are_not_looked_at(void **state)
{
    double before[COLUMNS], after[COLUMNS], error[COLUMNS];
    asked a;

    (void)state;
    start(&a);
    a.selection.rows_n = ROWS / 2;
    ask(&a, before, error);
    for (size_t i = ROWS / 2; i < ROWS; i++) {
        a.frame.column[0].number[i] = 1e6;
        a.target.y[i] = -1e6F;
    }
    ask(&a, after, error);
    assert_memory_equal(before, after, sizeof before);
    end(&a);
}

/* The choice is made in the fold and kept with the model: a coin changes no answer. */
static void a_model_that_selects_answers_by_what_it_kept(void **state)
{
    static const tdl_predict_options options = {.prepare = "select=permutation", .bare = true};
    tdl_frame frame = made_frame(ROWS, "xzcty");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic", &options);
    double *before = made_answers(p, &frame, NULL), *after;
    size_t coin;

    (void)state;
    assert_true(tdl_frame_find(&frame, TDL_STR("coin"), &coin));
    for (size_t i = 0; i < ROWS; i++)
        frame.column[coin].level[i] = 0;
    after = made_answers(p, &frame, NULL);
    assert_memory_equal(before, after, ROWS * sizeof *before);
    free(before);
    free(after);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void a_ranking_is_not_selected_for(void **state)
{
    tdl_wish wish;
    tdl_report why;
    const tdl_frame frame = {0};

    (void)state;
    assert_int_equal(tdl_wish_read("select=permutation:9", NULL, &wish, &why), TDL_OK);
    assert_true(wish.permutes && wish.columns_max == 9 && !wish.select_max);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_RANKING, &frame, NULL, &why), TDL_E_INVALID);
    assert_int_equal(tdl_wish_check(&wish, TDL_TASK_COUNT, &frame, NULL, &why), TDL_OK);
    assert_int_equal(tdl_wish_read("select=permutation:0", NULL, &wish, &why), TDL_E_INVALID);
    assert_int_equal(tdl_wish_read("select=permutations", NULL, &wish, &why), TDL_E_INVALID);
    assert_int_equal(tdl_wish_read("correlated=2", NULL, &wish, &why), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(importance_is_what_theory_says_of_a_sum),
        cmocka_unit_test(columns_that_are_not_needed_are_left_out),
        cmocka_unit_test(the_lasso_keeps_the_terms_of_a_sum),
        cmocka_unit_test(any_number_of_threads_finds_the_same_bits),
        cmocka_unit_test(rows_that_were_not_given_are_not_looked_at),
        cmocka_unit_test(a_model_that_selects_answers_by_what_it_kept),
        cmocka_unit_test(a_ranking_is_not_selected_for),
    };
    return cmocka_run_group_tests_name("predict/permutation", tests, NULL, NULL);
}
