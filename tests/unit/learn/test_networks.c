/* The learners ft_transformer, cnn and vit, and what all networks share. Expected: the law that
 * made the rows, and the axiom of completeness of integrated gradients. */
#include <unistd.h>

#include "learn/export_onnx.h"
#include "network_case.h"

/* ---- tables ---- */

enum { TABLE = 1500 };

static made make_table(void)
{
    made m = make_rows(TABLE, 3, 1, 6, 1);

    for (size_t i = 0; i < TABLE; i++)
        m.y[i] = m.x.x[3 * i] * (m.x.category[i] > 3 ? 1 : -1) > 0;
    return m;
}

static void a_transformer_learns_what_two_columns_say_together(void **state)
{
    enum { ASKED = 20 };
    made m = make_table();
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&m), .y = m.y, .seed = 1};
    double x[3 * ASKED], category[ASKED], base[ASKED];
    tdl_attribution got = {.x = x, .category = category, .base = base};
    size_t complete = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    tdl_learner *l = fit_as("ft_transformer", &problem,
                            "{\"width\": 32, \"heads\": 4, \"layers\": 2, \"rate\": 0.002, "
                            "\"epochs\": 10, \"patience\": 0, \"dropout\": 0.1, \"batch\": 64}");
    double *score = score_all(l, &m.x, NULL);
    assert_true(auc_of(score, m.y, TABLE) > 0.98);

    tdl_matrix asked = m.x, baseline = m.x;
    asked.rows = ASKED;
    baseline.rows = 1;
    if (tdl_learner_attribute(l, &asked, &baseline, 0, NULL, &got, &why))
        fail_msg("%s", why.message);
    for (size_t i = 0; i < ASKED; i++) {
        double sum = x[3 * i] + x[3 * i + 1] + x[3 * i + 2] + category[i];
        double change = score[i] - score[0];

        assert_true(fabs(base[i] - score[0]) < 1e-4);
        assert_true(fabs(sum - change) < got.error * fmax(1, fabs(change)) + 1e-4);
        complete += fabs(sum - change) < 0.02 * fmax(1, fabs(change));
    }
    if (complete < ASKED / 2) // a norm turns sharply where its input is all alike
        fail_msg("%zu, error %g", complete, got.error);
    free(score);
    tdl_learner_free(l);
    made_release(&m);
}

static void a_small_table_is_not_offered_to_a_transformer(void **state)
{
    const tdl_problem problem = {.task = TDL_TASK_BINARY, .classes_n = 2};
    const tdl_learner_ops *ops = ops_of("ft_transformer");
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_false(ops->suits(&problem, 4999, 10, &why));
    assert_non_null(strstr(why.message, "4999 rows"));
    assert_true(ops->suits(&problem, 5000, 10, &why));
}

/* ---- images ---- */

enum { SIDE = 8, IMAGES = 600, CLASSES = 3 };

/* A bright bar: down, across, or neither. */
static made make_images(uint64_t seed, size_t channels)
{
    tdl_rng rng = tdl_rng_make(seed, 0);
    size_t each = channels * SIDE * SIDE;
    made m = {.x = {.rows = IMAGES, .channels = channels, .height = SIDE, .width = SIDE}};

    m.x.pixel = calloc(IMAGES * each, 1);
    m.y = calloc(IMAGES, sizeof *m.y);
    for (size_t i = 0; i < IMAGES; i++) {
        size_t class = i % CLASSES, at = 1 + tdl_rng_below(&rng, SIDE - 2);
        uint8_t *pixel = m.x.pixel + i * each;

        for (size_t k = 0; k < each; k++)
            pixel[k] = (uint8_t)tdl_rng_below(&rng, 80);
        for (size_t k = 0; k < SIDE; k++)
            if (class < 2)
                pixel[class == 0 ? k * SIDE + at : at * SIDE + k] = 220;
        m.y[i] = (float)class;
    }
    return m;
}

static double accuracy(const double *score, const float *y)
{
    size_t right = 0;

    for (size_t i = 0; i < IMAGES; i++) {
        const double *z = score + i * CLASSES;
        size_t best = z[1] > z[0] ? 1 : 0;

        best = z[2] > z[best] ? 2 : best;
        right += best == (size_t)y[i];
    }
    return (double)right / IMAGES;
}

static const char CNN[] = "{\"filters\": 4, \"width\": 16, \"batch\": 32, \"epochs\": 6}";
static const char VIT[] =
    "{\"width\": 16, \"heads\": 2, \"layers\": 1, \"epochs\": 8, \"batch\": 32}";

static void bars_in_images_are_told_apart(void **state)
{
    made train = make_images(1, 1), test = make_images(2, 1);
    const tdl_problem problem = {.task = TDL_TASK_CLASSES,
                                 .classes_n = CLASSES,
                                 .x = matrix_of(&train),
                                 .y = train.y,
                                 .seed = 1};

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        tdl_learner *l = fit_as(i ? "vit" : "cnn", &problem, i ? VIT : CNN);
        double *score = score_all(l, matrix_of(&test), NULL);

        if (accuracy(score, test.y) < 0.95)
            fail_msg("%s: %g", l->ops->name, accuracy(score, test.y));
        free(score);
        tdl_learner_free(l);
    }
    made_release(&train);
    made_release(&test);
}

static void threads_and_files_change_no_bit_of_an_image_network(void **state)
{
    made m = make_images(1, 3);
    tdl_pool *pool = tdl_pool_new(2);
    tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = matrix_of(&m), .y = m.y, .seed = 1};

    TDL_UNUSED(state);
    for (int i = 0; i < 2; i++) {
        const char *setting = i ? "{\"epochs\": 1, \"width\": 16}"
                                : "{\"epochs\": 1, \"shift\": 1, \"mirror\": 1, \"filters\": 4}";
        tdl_buf bytes = {0};
        tdl_st_file *file = NULL;
        json_t *about = NULL;

        problem.pool = NULL;
        tdl_learner *one = fit_as(i ? "vit" : "cnn", &problem, setting);
        problem.pool = pool;
        tdl_learner *two = fit_as(i ? "vit" : "cnn", &problem, setting);
        tdl_learner *loaded = save_and_load(two, &m.x, &bytes, &file, &about);
        double *a = score_all(one, &m.x, NULL), *b = score_all(two, &m.x, pool);
        double *c = score_all(loaded, &m.x, NULL);
        assert_memory_equal(a, b, IMAGES * CLASSES * sizeof *a);
        assert_memory_equal(a, c, IMAGES * CLASSES * sizeof *a);
        free(a);
        free(b);
        free(c);
        tdl_learner_free(one);
        tdl_learner_free(two);
        tdl_learner_free(loaded);
        json_decref(about);
        tdl_st_free(file);
        tdl_buf_release(&bytes);
    }
    tdl_pool_free(pool);
    made_release(&m);
}

static void images_of_another_size_are_refused(void **state)
{
    made m = make_images(1, 1);
    const tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = matrix_of(&m), .y = m.y};
    tdl_learner *l = fit_as("cnn", &problem, "{\"epochs\": 1, \"filters\": 2}");
    double score[IMAGES * CLASSES];
    tdl_report why = {0};

    TDL_UNUSED(state);
    m.x.width = 4;
    assert_int_equal(tdl_learner_score(l, &m.x, NULL, score, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "8 x 4 pixels"));
    tdl_learner_free(l);
    made_release(&m);
}

static void a_table_is_no_image(void **state)
{
    made m = make_rows(100, 3, 0, 0, 1);
    const tdl_problem problem = {.task = TDL_TASK_REGRESSION, .x = matrix_of(&m), .y = m.y};
    tdl_learner *l = NULL;

    TDL_UNUSED(state);
    assert_int_equal(tdl_learner_fit(ops_of("cnn"), &problem, NULL, &l, NULL, NULL), TDL_E_INVALID);
    assert_int_equal(tdl_learner_fit(ops_of("vit"), &problem, NULL, &l, NULL, NULL), TDL_E_INVALID);
    made_release(&m);
}

/* ---- ONNX: what the files compute is tested by tests/e2e/onnx ---- */

static void every_kind_of_network_has_an_onnx_file(void **state)
{
    static const char path[] = "learn-networks-test.onnx";
    made table = make_table(), images = make_images(1, 1);
    const tdl_problem of_table = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = matrix_of(&table), .y = table.y};
    const tdl_problem of_images = {
        .task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = matrix_of(&images), .y = images.y};
    static const struct {
        const char *name, *setting;
        bool image;
    } kinds[] = {
        {"mlp", "{\"epochs\": 1, \"width\": 8}", false},
        {"ft_transformer", "{\"epochs\": 1, \"width\": 8, \"members\": 2}", false},
        {"cnn", "{\"epochs\": 1, \"filters\": 2, \"members\": 2}", true},
        {"vit", "{\"epochs\": 1, \"width\": 8}", true},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        tdl_learner *l =
            fit_as(kinds[i].name, kinds[i].image ? &of_images : &of_table, kinds[i].setting);
        tdl_report why = {0};

        if (tdl_learner_export_onnx(l, path, &why))
            fail_msg("%s: %s", kinds[i].name, why.message);
        assert_int_equal(unlink(path), 0);
        tdl_learner_free(l);
    }
    made_release(&table);
    made_release(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transformer_learns_what_two_columns_say_together),
        cmocka_unit_test(a_small_table_is_not_offered_to_a_transformer),
        cmocka_unit_test(bars_in_images_are_told_apart),
        cmocka_unit_test(threads_and_files_change_no_bit_of_an_image_network),
        cmocka_unit_test(images_of_another_size_are_refused),
        cmocka_unit_test(a_table_is_no_image),
        cmocka_unit_test(every_kind_of_network_has_an_onnx_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
