/* Networks with other losses, and with periodic embeddings: what can be reached is known. */
#include "network_case.h"

#include "learn/network.h"

enum { TRAIN = 2000, TEST = 1000, LIST = 8 };
static const char QUICK[] = "{\"members\": 1, \"width\": 64, \"dropout\": 0.05}";

/* ---- lists ---- */

/* Relevance 0 to 4 by 2 + a + b c / 2, each list with a level of its own that is added to none. */
static made make_lists(size_t rows, int32_t *list, uint64_t seed)
{
    made m = make_rows(rows, 3, 0, 0, seed);

    for (size_t i = 0; i < rows; i++) {
        const float *x = m.x.x + 3 * i;

        m.y[i] = fminf(fmaxf(rintf(2 + x[0] + x[1] * x[2] / 2), 0), 4);
        list[i] = (int32_t)(i / LIST);
    }
    return m;
}

/* Of pairs of one list that differ, the share in order. */
static double pairs_in_order(const double *score, const float *y, const int32_t *list, size_t n)
{
    double right = 0, pairs = 0;

    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (list[i] == list[j] && y[i] > y[j]) {
                pairs++;
                right += score[i] > score[j];
            }
    return right / pairs;
}

static void networks_learn_to_rank_lists(void **state)
{
    static const char *const name[] = {"mlp", "ft_transformer"};
    static int32_t list[TRAIN], test_list[TEST];
    made train = make_lists(TRAIN, list, 1), test = make_lists(TEST, test_list, 2);
    const tdl_problem problem = {
        .task = TDL_TASK_RANKING, .x = matrix_of(&train), .y = train.y, .group = list, .seed = 1};

    TDL_UNUSED(state);
    for (size_t k = 0; k < 2; k++) {
        tdl_learner *l = fit_as(name[k], &problem, k ? "{\"width\": 16, \"epochs\": 25}" : QUICK);
        double *score = score_all(l, matrix_of(&test), NULL);
        double share = pairs_in_order(score, test.y, test_list, TEST);

        if (share < 0.85) // 1/2 by chance; relevance is a without noise but for rounding
            fail_msg("%s: %g of the pairs are in order", name[k], share);
        free(score);
        tdl_learner_free(l);
    }
    made_release(&train);
    made_release(&test);
}

/* ---- numbers with outliers ---- */

/* y = 3 a + sin(2 b) + noise; of the training rows one in 15 is 200 too high. */
static double error_with_outliers(tdl_aim aim)
{
    made train = make_rows(TRAIN, 2, 0, 0, 1), test = make_rows(TEST, 2, 0, 0, 2);
    tdl_rng rng = tdl_rng_make(1, 3);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .aim = aim, .x = matrix_of(&train), .y = train.y, .seed = 1};
    double sum = 0;

    for (size_t i = 0; i < TRAIN; i++)
        train.y[i] = 3 * train.x.x[2 * i] + sinf(2 * train.x.x[2 * i + 1]) +
                     (float)(0.3 * tdl_rng_normal(&rng)) + (i % 15 ? 0 : 200);
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, matrix_of(&test), NULL);
    for (size_t i = 0; i < TEST; i++)
        sum +=
            fabs(score[i] - (double)(3 * test.x.x[2 * i] + sinf(2 * test.x.x[2 * i + 1]))) / TEST;
    free(score);
    tdl_learner_free(l);
    made_release(&train);
    made_release(&test);
    return sum;
}

static void outliers_move_squares_and_not_the_robust_losses(void **state)
{
    TDL_UNUSED(state);
    double squares = error_with_outliers(TDL_AIM_USUAL);
    double huber = error_with_outliers(TDL_AIM_HUBER);
    double absolute = error_with_outliers(TDL_AIM_ABSOLUTE);

    if (!(squares > 3 && huber < 0.7 && absolute < 0.5))
        fail_msg("mean errors: squares %g, huber %g, absolute %g", squares, huber, absolute);
}

/* ---- amounts ---- */

/* Nothing with probability 1 - p, else an exponential amount: the log of the mean is known. */
static void amounts_give_the_log_of_their_mean(void **state)
{
    made m = make_rows(2 * TRAIN, 2, 0, 0, 1);
    tdl_rng rng = tdl_rng_make(1, 1);
    const tdl_problem problem = {.task = TDL_TASK_COUNT,
                                 .aim = TDL_AIM_TWEEDIE,
                                 .power = 1.5,
                                 .x = matrix_of(&m),
                                 .y = m.y,
                                 .seed = 1};
    double off = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < m.x.rows; i++)
        if (tdl_rng_uniform(&rng) < 0.6)
            m.y[i] = (float)(-log(1 - tdl_rng_uniform(&rng)) * exp(1 + (double)m.x.x[2 * i] / 2));
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, &m.x, NULL);
    for (size_t i = 0; i < m.x.rows; i++)
        off += fabs(score[i] - (log(0.6) + 1 + (double)m.x.x[2 * i] / 2)) / (double)m.x.rows;
    if (off > 0.15)
        fail_msg("logs of means are off by %g", off);
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

/* ---- periodic embeddings ---- */

/* y = sin(6 a) + b: too fast a wave for a small network of plain numbers. */
static double error_of_waves(const char *setting, bool reload)
{
    made train = make_rows(TRAIN, 2, 0, 0, 1), test = make_rows(TEST, 2, 0, 0, 2);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&train), .y = train.y, .seed = 1};
    double sum = 0;

    for (size_t i = 0; i < TRAIN; i++)
        train.y[i] = sinf(6 * train.x.x[2 * i]) + train.x.x[2 * i + 1];
    tdl_learner *l = fit_as("mlp", &problem, setting);
    double *score = score_all(l, matrix_of(&test), NULL);
    for (size_t i = 0; i < TEST; i++)
        sum += fabs(score[i] - (double)(sinf(6 * test.x.x[2 * i]) + test.x.x[2 * i + 1])) / TEST;
    if (reload) {
        tdl_buf bytes = {0};
        tdl_st_file *file = NULL;
        json_t *about = NULL;
        tdl_learner *again = save_and_load(l, &test.x, &bytes, &file, &about), *bad = NULL;
        double *same = score_all(again, &test.x, NULL);
        tdl_report why = {0};

        assert_memory_equal(score, same, TEST * sizeof *score);
        json_array_set_new(json_object_get(about, "numbers"), 1, json_integer(2));
        assert_int_equal(tdl_learner_load(about, file, "model.", &test.x, &bad, &why),
                         TDL_E_CORRUPT);
        assert_non_null(strstr(why.message, "number 1 is column 2 of 2"));
        tdl_learner_free(again);
        free(same);
        tdl_st_free(file);
        tdl_buf_release(&bytes);
        json_decref(about);
    }
    free(score);
    tdl_learner_free(l);
    made_release(&train);
    made_release(&test);
    return sum;
}

static void waves_learn_what_plain_numbers_do_not(void **state)
{
    TDL_UNUSED(state);
    double plain = error_of_waves("{\"members\": 1, \"width\": 32, \"dropout\": 0}", false);
    double waves =
        error_of_waves("{\"members\": 1, \"width\": 32, \"dropout\": 0, \"periodic\": 16}", true);

    if (!(waves < 0.6 * plain))
        fail_msg("mean errors: plain %g, periodic %g", plain, waves);
}

/* A number, its two bins, a flag, and another number. */
static void waves_are_of_the_first_feature_of_each_column_of_numbers(void **state)
{
    static const tdl_feature feature[] = {
        {"age", 0}, {"age in (1, 2]", 0}, {"age in (2, 3]", 0}, {"city=Paris", 1}, {"income", 2}};
    float x[] = {1, .1F, .2F, 0, 5, 2, .3F, .1F, 1, 6, 3, .2F, .3F, 0, 7};
    const tdl_matrix m = {.rows = 3, .cols = 5, .x = x, .feature = feature};
    uint32_t number[5];
    size_t n;

    TDL_UNUSED(state);
    tdl_network_find_numbers(&m, number, &n);
    assert_int_equal(n, 2);
    assert_true(number[0] == 0 && number[1] == 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_learn_to_rank_lists),
        cmocka_unit_test(outliers_move_squares_and_not_the_robust_losses),
        cmocka_unit_test(amounts_give_the_log_of_their_mean),
        cmocka_unit_test(waves_learn_what_plain_numbers_do_not),
        cmocka_unit_test(waves_are_of_the_first_feature_of_each_column_of_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
