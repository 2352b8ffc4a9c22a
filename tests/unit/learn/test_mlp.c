/* The learner mlp. Expected: what the law that made the rows allows (its own scores, its noise),
 * and the axiom of completeness of integrated gradients. */
#include "network_case.h"

enum { TRAIN = 3000, TEST = 1500 };
static const char QUICK[] = "{\"members\": 1, \"width\": 48, \"dropout\": 0, \"decay\": 0.01}";

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* ---- tasks ---- */

/* No line parts the classes: the logit is a product. */
static made make_binary(size_t rows, uint64_t seed)
{
    tdl_rng rng = tdl_rng_make(seed, 1);
    made m = make_rows(rows, 3, 0, 0, seed);

    for (size_t i = 0; i < rows; i++)
        m.y[i] =
            tdl_rng_uniform(&rng) < sigmoid(3 * (double)m.x.x[3 * i] * (double)m.x.x[3 * i + 1]);
    return m;
}

static void binary_scores_come_near_the_law_s_own(void **state)
{
    made train = make_binary(TRAIN, 1), test = make_binary(TEST, 2);
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&train), .y = train.y, .seed = 1};
    double *law = calloc(TEST, sizeof *law), off = 0;

    TDL_UNUSED(state);
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, matrix_of(&test), NULL);
    for (size_t i = 0; i < TEST; i++) {
        law[i] = 3 * (double)test.x.x[3 * i] * (double)test.x.x[3 * i + 1];
        off += fabs(sigmoid(score[i]) - sigmoid(law[i])) / TEST;
    }
    assert_true(auc_of(score, test.y, TEST) > auc_of(law, test.y, TEST) - 0.02);
    assert_true(off < 0.06); // probabilities, not only an order
    free(law);
    free(score);
    tdl_learner_free(l);
    made_release(&train);
    made_release(&test);
}

/* y = 100 + 50 (sin(2 a) + b^2) + noise of deviation 10: a target far from 0 and wide. */
static made make_regression(size_t rows, uint64_t seed)
{
    tdl_rng rng = tdl_rng_make(seed, 1);
    made m = make_rows(rows, 3, 0, 0, seed);

    for (size_t i = 0; i < rows; i++) {
        double a = (double)m.x.x[3 * i], b = (double)m.x.x[3 * i + 1];
        m.y[i] = (float)(100 + 50 * (sin(2 * a) + b * b) + 10 * tdl_rng_normal(&rng));
    }
    return m;
}

static void regression_comes_near_the_noise(void **state)
{
    made train = make_regression(TRAIN, 1), test = make_regression(TEST, 2);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&train), .y = train.y, .seed = 1};
    double square = 0;

    TDL_UNUSED(state);
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, matrix_of(&test), NULL);
    for (size_t i = 0; i < TEST; i++)
        square += (score[i] - (double)test.y[i]) * (score[i] - (double)test.y[i]) / TEST;
    assert_true(sqrt(square) < 20); // the target itself has a deviation of 82
    free(score);
    tdl_learner_free(l);
    made_release(&train);
    made_release(&test);
}

/* Quantiles of y = a + (1 + |a|) u, u uniform in (-1, 1): the share below each is its level. */
static void quantiles_hold_their_share_and_never_cross(void **state)
{
    made m = make_rows(TRAIN, 2, 0, 0, 1);
    tdl_rng rng = tdl_rng_make(1, 1);
    tdl_problem problem = {.task = TDL_TASK_QUANTILE,
                           .quantile = {0.1, 0.5, 0.9},
                           .quantiles_n = 3,
                           .x = matrix_of(&m),
                           .y = m.y,
                           .seed = 1};
    size_t below[3] = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < TRAIN; i++) {
        double a = (double)m.x.x[2 * i];
        m.y[i] = (float)(a + (1 + fabs(a)) * (2 * tdl_rng_uniform(&rng) - 1));
    }
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, &m.x, NULL);
    for (size_t i = 0; i < TRAIN; i++) {
        assert_true(score[3 * i] <= score[3 * i + 1] && score[3 * i + 1] <= score[3 * i + 2]);
        for (int q = 0; q < 3; q++)
            below[q] += (double)m.y[i] < score[3 * i + (size_t)q];
    }
    for (int q = 0; q < 3; q++)
        assert_true(fabs((double)below[q] / TRAIN - problem.quantile[q]) < 0.04);
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

/* Log of the mean 1 + a/2: Poisson counts by inversion. */
static void counts_give_the_log_of_their_mean(void **state)
{
    made m = make_rows(TRAIN, 2, 0, 0, 1);
    tdl_rng rng = tdl_rng_make(1, 1);
    const tdl_problem problem = {.task = TDL_TASK_COUNT, .x = matrix_of(&m), .y = m.y, .seed = 1};
    double off = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < TRAIN; i++) {
        double mean = exp(1 + (double)m.x.x[2 * i] / 2), p = exp(-mean), u = tdl_rng_uniform(&rng);

        for (; u > p && m.y[i] < 100; p *= mean / (double)m.y[i]) {
            u -= p;
            m.y[i]++;
        }
    }
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, &m.x, NULL);
    for (size_t i = 0; i < TRAIN; i++)
        off += fabs(score[i] - (1 + (double)m.x.x[2 * i] / 2)) / TRAIN;
    assert_true(off < 0.08);
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

/* Classes drawn from softmax of (2 a b, 2 a, 0). */
static void class_scores_come_near_the_law_s_own(void **state)
{
    made m = make_rows(2 * TRAIN, 2, 0, 0, 1);
    tdl_rng rng = tdl_rng_make(1, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = 3, .x = matrix_of(&m), .y = m.y, .seed = 1};
    double loss = 0, least = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 2 * TRAIN; i++) {
        double a = (double)m.x.x[2 * i], b = (double)m.x.x[2 * i + 1];
        double e[3] = {exp(2 * a * b), exp(2 * a), 1}, sum = e[0] + e[1] + e[2];
        double u = tdl_rng_uniform(&rng) * sum;

        m.y[i] = u < e[0] ? 0 : u < e[0] + e[1] ? 1 : 2;
        least -= log(e[(size_t)m.y[i]] / sum) / (2 * TRAIN);
    }
    tdl_learner *l = fit_as("mlp", &problem, QUICK);
    double *score = score_all(l, &m.x, NULL);
    for (size_t i = 0; i < 2 * TRAIN; i++) {
        const double *z = score + 3 * i;

        loss += (log(exp(z[0]) + exp(z[1]) + exp(z[2])) - z[(size_t)m.y[i]]) / (2 * TRAIN);
    }
    assert_true(loss < least + 0.02);
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

/* ---- categories ---- */

/* y = effect of one of 40 levels + a: the effects can only come from the embedding. */
static made make_categories(size_t rows, uint64_t seed)
{
    made m = make_rows(rows, 1, 2, 41, seed);

    for (size_t i = 0; i < rows; i++)
        m.y[i] = (float)sin((double)m.x.category[2 * i]) * 2 + m.x.x[i];
    return m;
}

static void categories_are_learnt_and_attributed(void **state)
{
    enum { ASKED = 40 };
    made m = make_categories(TRAIN, 1);
    tdl_problem problem = {.task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y, .seed = 1};
    double x[ASKED], category[2 * ASKED], base[ASKED], square = 0, other = 0;
    tdl_attribution got = {.x = x, .category = category, .base = base};
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_learner *l = fit_as("mlp", &problem, "{\"members\": 2, \"dropout\": 0, \"decay\": 0.01}");
    double *score = score_all(l, &m.x, NULL);
    for (size_t i = 0; i < TRAIN; i++)
        square += pow(score[i] - (double)m.y[i], 2) / TRAIN;
    assert_true(sqrt(square) < 0.2);

    tdl_matrix asked = m.x, baseline = m.x;
    asked.rows = ASKED;
    baseline.rows = 1;
    if (tdl_learner_attribute(l, &asked, &baseline, 0, NULL, &got, &why))
        fail_msg("%s", why.message);
    assert_true(got.error < 0.02);
    for (size_t i = 0; i < ASKED; i++) {
        double effect = 2 * (sin((double)m.x.category[2 * i]) - sin((double)m.x.category[0]));

        assert_true(fabs(base[i] - score[0]) < 1e-4);
        assert_true(fabs(x[i] + category[2 * i] + category[2 * i + 1] + base[i] - score[i]) <
                    0.02 * fmax(1, fabs(score[i] - base[i])));
        assert_true(fabs(x[i] - (double)(m.x.x[i] - m.x.x[0])) < 0.4);
        assert_true(fabs(category[2 * i] - effect) < 0.6);
        other += fabs(category[2 * i + 1]) / ASKED;
    }
    assert_true(other < 0.15); // the second column means nothing
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

static void a_category_out_of_its_levels_is_refused(void **state)
{
    made m = make_categories(300, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y, .seed = 1};
    tdl_learner *l = fit_as("mlp", &problem, "{\"members\": 1, \"epochs\": 1}");
    double score[300];
    tdl_report why = {0};

    TDL_UNUSED(state);
    m.x.category[7] = 41;
    assert_int_equal(tdl_learner_score(l, &m.x, NULL, score, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 3, column 1"));
    tdl_learner_free(l);
    made_release(&m);
}

/* ---- replay ---- */

static void threads_change_no_bit(void **state)
{
    made m = make_binary(TRAIN, 1);
    tdl_pool *pool = tdl_pool_new(2);
    tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y, .seed = 3};

    TDL_UNUSED(state);
    for (int members = 1; members <= 3; members += 2) {
        char setting[64];

        snprintf(setting, sizeof setting, "{\"members\": %d, \"epochs\": 3}", members);
        problem.pool = NULL;
        tdl_learner *one = fit_as("mlp", &problem, setting);
        problem.pool = pool;
        tdl_learner *two = fit_as("mlp", &problem, setting);
        double *a = score_all(one, &m.x, NULL), *b = score_all(two, &m.x, pool);
        assert_memory_equal(a, b, TRAIN * sizeof *a);
        for (size_t i = 0; i < 3; i++) { // and a row alone is the row among others
            tdl_matrix row = m.x;
            double alone;

            row.rows = 1;
            row.x = m.x.x + i * m.x.cols;
            assert_int_equal(tdl_learner_score(one, &row, NULL, &alone, NULL), TDL_OK);
            assert_true(alone == a[i]);
        }
        free(a);
        free(b);
        tdl_learner_free(one);
        tdl_learner_free(two);
    }
    tdl_pool_free(pool);
    made_release(&m);
}

static void another_seed_is_another_network(void **state)
{
    made m = make_binary(500, 1);
    tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y, .seed = 3};
    tdl_learner *one = fit_as("mlp", &problem, "{\"epochs\": 2}");

    TDL_UNUSED(state);
    problem.seed = 4;
    tdl_learner *two = fit_as("mlp", &problem, "{\"epochs\": 2}");
    double *a = score_all(one, &m.x, NULL), *b = score_all(two, &m.x, NULL);
    assert_memory_not_equal(a, b, 500 * sizeof *a);
    free(a);
    free(b);
    tdl_learner_free(one);
    tdl_learner_free(two);
    made_release(&m);
}

static void rows_that_weigh_nothing_change_no_bit(void **state)
{
    made m = make_binary(600, 1), fewer = make_binary(600, 1);
    float weight[600];
    tdl_problem problem = {.task = TDL_TASK_BINARY,
                           .classes_n = 2,
                           .x = matrix_of(&m),
                           .y = m.y,
                           .weight = weight,
                           .seed = 3};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 600; i++)
        weight[i] = i < 500;
    tdl_learner *one = fit_as("mlp", &problem, "{\"epochs\": 2}");
    fewer.x.rows = 500;
    problem.x = matrix_of(&fewer);
    tdl_learner *two = fit_as("mlp", &problem, "{\"epochs\": 2}");
    double *a = score_all(one, &m.x, NULL), *b = score_all(two, &m.x, NULL);
    assert_memory_equal(a, b, 600 * sizeof *a);
    free(a);
    free(b);
    tdl_learner_free(one);
    tdl_learner_free(two);
    made_release(&m);
    made_release(&fewer);
}

/* ---- files ---- */

static void a_loaded_network_answers_with_the_same_bits(void **state)
{
    made m = make_categories(500, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y, .seed = 1};
    double x[2][500], category[2][1000], base[500];
    tdl_matrix baseline = m.x;

    TDL_UNUSED(state);
    baseline.rows = 1;
    for (int low = 0; low < 2; low++) {
        tdl_learner *l = fit_as(
            "mlp", &problem, low ? "{\"epochs\": 2, \"precision\": \"int8\"}" : "{\"epochs\": 2}");
        tdl_buf bytes = {0};
        tdl_st_file *file = NULL;
        json_t *about = NULL;
        tdl_learner *loaded = save_and_load(l, &m.x, &bytes, &file, &about);
        double *a = score_all(l, &m.x, NULL), *b = score_all(loaded, &m.x, NULL);
        assert_memory_equal(a, b, 500 * sizeof *a);
        const tdl_learner *both[] = {l, loaded};
        for (int i = 0; i < 2; i++) {
            tdl_attribution got = {.x = x[i], .category = category[i], .base = base};
            assert_int_equal(tdl_learner_attribute(both[i], &m.x, &baseline, 0, NULL, &got, NULL),
                             TDL_OK);
        }
        assert_memory_equal(x[0], x[1], sizeof x[0]);
        assert_memory_equal(category[0], category[1], sizeof category[0]);
        free(a);
        free(b);
        tdl_learner_free(l);
        tdl_learner_free(loaded);
        json_decref(about);
        tdl_st_free(file);
        tdl_buf_release(&bytes);
    }
    made_release(&m);
}

/* What a hostile object beside good tensors may claim. */
static void a_claim_that_the_file_does_not_bear_out_is_refused(void **state)
{
    static const char *const claims[] = {
        "{\"width\": 4096}", "{\"layers\": 8}",    "{\"members\": 8}",   "{\"members\": 2}",
        "{\"width\": 16}",   "{\"width\": 1e300}", "{\"width\": -1}",    "{\"width\": 31.5}",
        "{\"embed\": 256}",  "{\"what\": 1}",      "{\"layers\": \"\"}", "{\"precision\": \"f8\"}",
    };
    made m = make_categories(200, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y, .seed = 1};
    tdl_learner *l = fit_as("mlp", &problem, "{\"epochs\": 1, \"members\": 3, \"width\": 32}"),
                *loaded = NULL;
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    json_t *about = NULL;

    TDL_UNUSED(state);
    tdl_learner_free(save_and_load(l, &m.x, &bytes, &file, &about));
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++) {
        json_t *hostile = json_deep_copy(about), *claim = json_loads(claims[i], 0, NULL);
        tdl_report why = {0};

        json_object_update(json_object_get(hostile, "setting"), claim);
        // two members of three are a network too, of which a tensor is left over
        if (i != 3 &&
            tdl_learner_load(hostile, file, "model.", &m.x, &loaded, &why) != TDL_E_CORRUPT)
            fail_msg("%s was believed", claims[i]);
        json_decref(claim);
        json_decref(hostile);
    }
    json_object_set_new(about, "scores", json_integer(2));
    assert_int_equal(tdl_learner_load(about, file, "model.", &m.x, &loaded, NULL), TDL_E_CORRUPT);
    json_object_del(about, "setting");
    assert_int_equal(tdl_learner_load(about, file, "model.", &m.x, &loaded, NULL), TDL_E_CORRUPT);
    json_decref(about);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_learner_free(l);
    made_release(&m);
}

static void a_weight_that_is_no_number_is_refused(void **state)
{
    made m = make_categories(200, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y, .seed = 1};
    tdl_learner *l = fit_as("mlp", &problem, "{\"epochs\": 1}"), *loaded = NULL;
    tdl_buf bytes = {0};
    tdl_st_file *file = NULL;
    json_t *about = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_learner_free(save_and_load(l, &m.x, &bytes, &file, &about));
    tdl_st_free(file);
    memset(bytes.at + bytes.len - 8, 0xFF, 4);
    assert_int_equal(tdl_st_parse((tdl_str){bytes.at, bytes.len}, &file, NULL), TDL_OK);
    assert_int_equal(tdl_learner_load(about, file, "model.", &m.x, &loaded, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "is not finite"));
    json_decref(about);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_learner_free(l);
    made_release(&m);
}

/* ---- bad input ---- */

static void a_setting_that_cannot_be_is_named(void **state)
{
    static const struct {
        const char *setting, *named;
    } bad[] = {
        {"{\"widht\": 3}", "widht"},         {"{\"dropout\": 1}", "dropout"},
        {"{\"members\": 1.5}", "members"},   {"{\"rate\": \"fast\"}", "rate"},
        {"{\"precision\": 8}", "precision"}, {"{\"layers\": 100}", "layers"},
    };
    made m = make_binary(100, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *setting = json_loads(bad[i].setting, 0, NULL);
        tdl_learner *l = NULL;
        tdl_report why = {0};

        assert_int_equal(tdl_learner_fit(ops_of("mlp"), &problem, setting, &l, NULL, &why),
                         TDL_E_INVALID);
        assert_non_null(strstr(why.message, bad[i].named));
        json_decref(setting);
    }
    made_release(&m);
}

static void a_missing_number_is_named(void **state)
{
    made m = make_binary(100, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y};
    tdl_learner *l = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    m.x.x[3 * 50 + 1] = NAN;
    assert_int_equal(tdl_learner_fit(ops_of("mlp"), &problem, NULL, &l, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "feature"));
    made_release(&m);
}

static void training_stops_when_told_to(void **state)
{
    made m = make_binary(500, 1);
    atomic_bool stop = true;
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y, .stop = &stop};
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    assert_int_equal(tdl_learner_fit(ops_of("mlp"), &problem, NULL, &l, NULL, NULL), TDL_E_STOPPED);
    made_release(&m);
}

static void every_setting_worth_trying_can_be_tried(void **state)
{
    made m = make_binary(100, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y};
    json_t *settings = ops_of("mlp")->settings(&problem);

    TDL_UNUSED(state);
    assert_in_range(json_array_size(settings), 1, 8);
    for (size_t i = 0; i < json_array_size(settings); i++) {
        char *text = NULL;

        json_object_set_new(json_array_get(settings, i), "epochs", json_integer(1));
        text = json_dumps(json_array_get(settings, i), 0);
        tdl_learner_free(fit_as("mlp", &problem, text));
        free(text);
    }
    json_decref(settings);
    made_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(binary_scores_come_near_the_law_s_own),
        cmocka_unit_test(regression_comes_near_the_noise),
        cmocka_unit_test(quantiles_hold_their_share_and_never_cross),
        cmocka_unit_test(counts_give_the_log_of_their_mean),
        cmocka_unit_test(class_scores_come_near_the_law_s_own),
        cmocka_unit_test(categories_are_learnt_and_attributed),
        cmocka_unit_test(a_category_out_of_its_levels_is_refused),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(another_seed_is_another_network),
        cmocka_unit_test(rows_that_weigh_nothing_change_no_bit),
        cmocka_unit_test(a_loaded_network_answers_with_the_same_bits),
        cmocka_unit_test(a_claim_that_the_file_does_not_bear_out_is_refused),
        cmocka_unit_test(a_weight_that_is_no_number_is_refused),
        cmocka_unit_test(a_setting_that_cannot_be_is_named),
        cmocka_unit_test(a_missing_number_is_named),
        cmocka_unit_test(training_stops_when_told_to),
        cmocka_unit_test(every_setting_worth_trying_can_be_tried),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
