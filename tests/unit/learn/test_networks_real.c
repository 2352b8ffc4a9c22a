/* The transformers on real tables and images, each against a plain model on the same rows.
 * Slow: about a minute of one thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "learn/learner.h"
#include "stats/metric.h"
#include "table/idx.h"
#include "table/prepare.h"
#include "table/read.h"

static tdl_learner *fitted(const char *name, const tdl_problem *problem, const char *setting)
{
    const tdl_learner_ops *ops = tdl_learner_find(tdl_str_of(name));
    json_t *wish = setting ? json_loads(setting, 0, NULL) : NULL;
    tdl_learner *learner = NULL;
    tdl_report why;

    assert_non_null(ops);
    if (tdl_learner_fit(ops, problem, wish, &learner, NULL, &why))
        fail_msg("%s: %s", name, why.message);
    json_decref(wish);
    return learner;
}

/* ---- a table ---- */

enum { TRAIN = 1400, TEST = 600 };

/* HMDA of 2,380 mortgage applications: the first 2,000 by key (sheet: splitmix64), 1,400 to learn
 * from. The AUC on the other 600, each model prepared as it asks. */
static double auc_on_hmda(const tdl_frame *frame, const uint32_t *row, const float *y,
                          const char *name, const char *setting)
{
    const tdl_learner_ops *ops = tdl_learner_find(tdl_str_of(name));
    tdl_target target = {.y = y, .classes_n = 2};
    tdl_prepare *prepare = NULL;
    tdl_matrix train = {0}, test = {0};
    float train_y[TRAIN];
    double score[TEST], test_y[TEST], auc;
    bool left_out[32] = {true}; // the first column is the target
    tdl_report why;

    assert_true(frame->columns_n < 32);
    if (tdl_prepare_fit(frame, left_out, row, TRAIN, &target, &ops->prepare, 0, &prepare, &train,
                        &why) ||
        tdl_prepare_apply(prepare, frame, row + TRAIN, TEST, &test, NULL, &why))
        fail_msg("%s", why.message);
    for (size_t i = 0; i < TRAIN; i++)
        train_y[i] = y[row[i]];
    for (size_t i = 0; i < TEST; i++)
        test_y[i] = (double)y[row[TRAIN + i]];
    const tdl_problem problem = {
        .task = TDL_TASK_BINARY, .classes_n = 2, .x = &train, .y = train_y, .seed = 1};
    tdl_learner *learner = fitted(name, &problem, setting);
    assert_int_equal(tdl_learner_score(learner, &test, NULL, score, &why), TDL_OK);
    for (size_t i = 0; i < TEST; i++)
        score[i] = 1 / (1 + exp(-score[i]));
    const tdl_scored scored = {
        .task = TDL_METRIC_BINARY, .n = TEST, .width = 1, .y = test_y, .p = score};
    assert_int_equal(tdl_metric_value(tdl_metric_default(TDL_METRIC_BINARY), &scored, &auc, &why),
                     TDL_OK);
    tdl_learner_free(learner);
    tdl_prepare_free(prepare);
    tdl_matrix_release(&train);
    tdl_matrix_release(&test);
    return auc;
}

static void on_mortgages_the_column_transformer_keeps_up_with_logistic(void **state)
{
    const char *folder = getenv("TREADLE_TEST_DATA");
    char path[1024];
    tdl_frame frame = {0};
    tdl_report why;
    tdl_rng rng = tdl_rng_make(0, 0);

    (void)state;
    snprintf(path, sizeof path, "%s/HMDA.csv", folder ? folder : "");
    if (!folder || access(path, R_OK)) {
        puts("skipped: HMDA.csv is not in TREADLE_TEST_DATA");
        skip();
    }
    if (tdl_frame_read(path, NULL, &frame, NULL, &why))
        fail_msg("%s", why.message);
    uint32_t *row = malloc(frame.rows * sizeof *row);
    float *y = malloc(frame.rows * sizeof *y);
    assert_true(row && y && frame.rows >= TRAIN + TEST);
    assert_string_equal(frame.column[0].name, "deny");
    for (uint32_t i = 0; i < frame.rows; i++) {
        row[i] = i;
        y[i] = (float)frame.column[0].number[i];
    }
    tdl_rng_shuffle(&rng, row, frame.rows);
    double plain = auc_on_hmda(&frame, row, y, "logistic", NULL);
    double got = auc_on_hmda(&frame, row, y, "ft_transformer", NULL);
    printf("HMDA: ft_transformer %.4f, logistic %.4f\n", got, plain);
    assert_true(plain > 0.75);
    assert_true(got > plain - 0.02);
    free(row);
    free(y);
    tdl_frame_release(&frame);
}

/* ---- images ---- */

enum { IMAGES = 1500, UNSEEN = 500, SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10 };

static const char fashion_images[] = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz",
                  fashion_labels[] = "/usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz";

#define VIT_SETTING "{\"epochs\": 20}"

/* Of the images behind the first IMAGES. */
static double accuracy_of(const tdl_learner *learner, const tdl_matrix *x, const uint8_t *label)
{
    double *score = malloc(UNSEEN * CLASSES * sizeof *score);
    size_t right = 0;
    tdl_report why;

    assert_non_null(score);
    if (tdl_learner_score(learner, x, NULL, score, &why))
        fail_msg("%s", why.message);
    for (size_t i = 0; i < UNSEEN; i++) {
        size_t best = 0;

        for (size_t c = 1; c < CLASSES; c++)
            best = score[i * CLASSES + c] > score[i * CLASSES + best] ? c : best;
        right += best == label[i];
    }
    free(score);
    return (double)right / UNSEEN;
}

static double fit_and_test(const char *name, const char *setting, const tdl_matrix *train,
                           const tdl_matrix *test, const uint8_t *label)
{
    float y[IMAGES];

    for (size_t i = 0; i < IMAGES; i++)
        y[i] = label[i];
    const tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = train, .y = y, .seed = 1};
    tdl_learner *learner = fitted(name, &problem, setting);
    double accuracy = accuracy_of(learner, test, label + IMAGES);

    tdl_learner_free(learner);
    return accuracy;
}

/* 1,500 of the 60,000 training images are little for a transformer: it may be .03 behind the
 * nearest of 15, which see the same pixels. A tenth would be chance. */
static void on_clothes_the_image_transformer_keeps_up_with_nearest_neighbours(void **state)
{
    tdl_idx image = {0}, label = {0};
    tdl_report why;

    (void)state;
    if (access(fashion_images, R_OK)) {
        puts("skipped: dataset-fashion-mnist is not installed");
        skip();
    }
    if (tdl_idx_read(fashion_images, (size_t)1 << 26, &image, &why) ||
        tdl_idx_read(fashion_labels, (size_t)1 << 26, &label, &why))
        fail_msg("%s", why.message);
    float *x = malloc((IMAGES + UNSEEN) * PIXELS * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < (IMAGES + UNSEEN) * PIXELS; i++)
        x[i] = (float)image.data[i] / 255;
    const tdl_matrix flat = {.rows = IMAGES, .cols = PIXELS, .x = x};
    const tdl_matrix flat_test = {.rows = UNSEEN, .cols = PIXELS, .x = x + IMAGES * PIXELS};
    const tdl_matrix whole = {
        .rows = IMAGES, .channels = 1, .height = SIDE, .width = SIDE, .pixel = image.data};
    tdl_matrix whole_test = whole;
    whole_test.rows = UNSEEN;
    whole_test.pixel += (size_t)IMAGES * PIXELS;
    double plain = fit_and_test("nearest", NULL, &flat, &flat_test, label.data);
    double got = fit_and_test("vit", VIT_SETTING, &whole, &whole_test, label.data);
    printf("Fashion-MNIST, 1,500 images: vit %.4f, nearest %.4f\n", got, plain);
    assert_true(plain > 0.7);
    assert_true(got > plain - 0.03);
    free(x);
    tdl_idx_release(&image);
    tdl_idx_release(&label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_mortgages_the_column_transformer_keeps_up_with_logistic),
        cmocka_unit_test(on_clothes_the_image_transformer_keeps_up_with_nearest_neighbours),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
