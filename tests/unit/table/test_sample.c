/* Sampling and augmenting training rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table/augment.h"
#include "table/sample.h"

/* Expected: scikit-learn 1.2, compute_class_weight("balanced", ...) of 6, 3 and 1 rows:
 * 10 / (3 x 6), 10 / (3 x 3), 10 / 3. */
static void balanced_weights_are_those_of_scikit_learn(void **state)
{
    const float y[] = {0, 0, 0, 0, 0, 0, 1, 1, 1, 2}, bad[] = {0, 0.5F};
    float weight[10];

    TDL_UNUSED(state);
    assert_int_equal(tdl_class_weights(y, 10, 3, weight, NULL), TDL_OK);
    assert_true(weight[0] == (float)(10.0 / 18) && weight[6] == (float)(10.0 / 9) &&
                weight[9] == (float)(10.0 / 3));
    assert_int_equal(tdl_class_weights(bad, 2, 2, weight, NULL), TDL_E_INVALID);
}

static void large_classes_are_thinned_and_small_ones_kept(void **state)
{
    float y[1000];
    uint32_t row[1000], kept_row[1000];
    double kept[3];
    size_t n, count[2] = {0};

    TDL_UNUSED(state);
    for (uint32_t i = 0; i < 1000; i++) {
        y[i] = i % 10 == 0;
        row[i] = 999 - i;
    }
    assert_int_equal(tdl_down_sample(y, row, 1000, 3, 2, 7, kept_row, &n, kept, NULL), TDL_OK);
    assert_int_equal(n, 300);
    assert_true(kept[0] == 200.0 / 900 && kept[1] == 1 && kept[2] == 1);
    for (size_t i = 0; i < n; i++) {
        count[(size_t)y[kept_row[i]]]++;
        assert_true(i == 0 || kept_row[i] < kept_row[i - 1]); // in the order of `row`
    }
    assert_true(count[0] == 200 && count[1] == 100);
    assert_int_equal(tdl_down_sample(y, row, 1000, 3, 0.5, 7, kept_row, &n, kept, NULL),
                     TDL_E_INVALID);
}

/* By Bayes: where a quarter of class 0 was kept, even odds were 4 to 1. */
static void probabilities_are_corrected_for_what_was_left_out(void **state)
{
    const double kept[] = {0.25, 1};
    double p[] = {0.5, 0.5};

    TDL_UNUSED(state);
    tdl_prior_correct(kept, 2, p);
    assert_true(p[0] == 0.8 && p[1] == 0.2);
}

/* ---- augmenting ---- */

enum { ROWS = 60, COLS = 4 };

typedef struct table {
    float x[ROWS * COLS]; /* a number, a one-hot pair of one column, a number with gaps */
    int32_t category[ROWS];
    float y[ROWS];
    tdl_matrix m;
} table;

static const tdl_feature features[] = {{"a", 0}, {"c=p", 1}, {"c=q", 1}, {"g", 2}};

static void make_table(table *t)
{
    for (size_t i = 0; i < ROWS; i++) {
        float *x = t->x + i * COLS;

        t->y[i] = i % 6 == 0; // 10 of 60
        x[0] = (float)i + 100 * t->y[i];
        x[1] = (float)(i % 2);
        x[2] = 1 - x[1];
        x[3] = i % 5 ? (float)i : NAN;
        t->category[i] = (int32_t)(i % 4);
    }
    t->m = (tdl_matrix){.rows = ROWS,
                        .cols = COLS,
                        .x = t->x,
                        .feature = features,
                        .categories_n = 1,
                        .category = t->category};
}

static void release(tdl_matrix *m, float *y, uint32_t *of)
{
    tdl_matrix_release(m);
    free(y);
    free(of);
}

static void smote_makes_rows_between_rows_of_the_small_class(void **state)
{
    const tdl_augment_options options = {.smote = 0.5};
    table t;
    tdl_matrix m;
    float *y;
    uint32_t *of;

    TDL_UNUSED(state);
    make_table(&t);
    assert_int_equal(tdl_augment_rows(&t.m, t.y, 2, &options, 1, &m, &y, &of, NULL), TDL_OK);
    assert_int_equal(m.rows, 60 + 15);
    assert_memory_equal(m.x, t.x, sizeof t.x);
    for (size_t i = ROWS; i < m.rows; i++) {
        const float *x = m.x + i * COLS;

        assert_true(y[i] == 1 && t.y[of[i]] == 1);
        assert_true(x[0] >= 100 && x[0] <= 154); // between the least and the most of its class
        assert_true(x[1] + x[2] == 1);           // one level, not a mixture
    }
    release(&m, y, of);
}

static void copies_are_changed_as_asked(void **state)
{
    const tdl_augment_options options = {.copies = 2, .noise = 0.1, .swap = 0.5, .mixup = 0.5};
    table t;
    tdl_matrix m, again;
    float *y, *y2;
    uint32_t *of;
    size_t swapped = 0;

    TDL_UNUSED(state);
    make_table(&t);
    assert_int_equal(tdl_augment_rows(&t.m, t.y, 2, &options, 1, &m, &y, &of, NULL), TDL_OK);
    assert_int_equal(m.rows, 180);
    for (size_t i = ROWS; i < m.rows; i++) {
        const float *x = m.x + i * COLS;

        assert_true(of[i] == i % ROWS && y[i] == t.y[of[i]]);
        assert_true(x[0] != t.x[of[i] * COLS]); // noise
        assert_true((x[1] == 0 || x[1] == 1) && x[1] + x[2] == 1);
        assert_true(isnan(x[3]) == isnan(t.x[of[i] * COLS + 3]));
        assert_in_range(m.category[i], 0, 3);
        swapped += x[1] != t.x[of[i] * COLS + 1];
    }
    assert_in_range(swapped, 15, 60); // a quarter of 120 is expected, mixup adds a few
    assert_int_equal(tdl_augment_rows(&t.m, t.y, 2, &options, 1, &again, &y2, NULL, NULL), TDL_OK);
    assert_memory_equal(m.x, again.x, m.rows * COLS * sizeof(float));
    release(&m, y, of);
    release(&again, y2, NULL);
}

static void mixup_of_a_number_mixes_the_target_too(void **state)
{
    const tdl_augment_options options = {.copies = 1, .mixup = 1};
    table t;
    tdl_matrix m;
    float *y;

    TDL_UNUSED(state);
    make_table(&t);
    for (size_t i = 0; i < ROWS; i++) {
        t.x[i * COLS] = (float)i;
        t.y[i] = 3 * (float)i; // a line stays a line
    }
    assert_int_equal(tdl_augment_rows(&t.m, t.y, 0, &options, 1, &m, &y, NULL, NULL), TDL_OK);
    for (size_t i = ROWS; i < m.rows; i++)
        assert_true(fabs((double)y[i] - 3 * (double)m.x[i * COLS]) < 1e-4);
    release(&m, y, NULL);
}

static void options_out_of_range_are_refused(void **state)
{
    const tdl_augment_options bad[] = {
        {.noise = (double)NAN}, {.swap = 2}, {.mixup = -1}, {.smote = 1.5}, {.copies = SIZE_MAX}};
    table t;
    tdl_matrix m;
    float *y;

    TDL_UNUSED(state);
    make_table(&t);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_not_equal(tdl_augment_rows(&t.m, t.y, 2, &bad[i], 1, &m, &y, NULL, NULL),
                             TDL_OK);
    assert_int_equal(
        tdl_augment_rows(&t.m, t.y, 0, &(tdl_augment_options){.smote = 1}, 1, &m, &y, NULL, NULL),
        TDL_E_INVALID);
}

/* Of a picture with one bright pixel in the middle of 5 x 5, that pixel stays bright and ends
 * within 2 pixels of where it was; all 25 places are taken in the long run. */
static void pictures_move_by_no_more_than_asked(void **state)
{
    enum { PICTURES = 600 };
    static uint8_t pixel[PICTURES * 25], moved[PICTURES * 25], again[PICTURES * 25];
    tdl_matrix m = {.rows = PICTURES, .channels = 1, .height = 5, .width = 5, .pixel = pixel};
    bool seen[25] = {false};

    TDL_UNUSED(state);
    for (size_t i = 0; i < PICTURES; i++)
        pixel[i * 25 + 12] = 9;
    tdl_augment_images(&m, 2, true, 5, 0, moved);
    for (size_t i = 0; i < PICTURES; i++) {
        size_t bright = 0;
        for (size_t p = 0; p < 25; p++)
            if (moved[i * 25 + p]) {
                seen[p] = true;
                bright++;
            }
        assert_int_equal(bright, 1);
    }
    for (size_t p = 0; p < 25; p++)
        assert_true(seen[p]);
    tdl_augment_images(&m, 2, true, 5, 0, again);
    assert_memory_equal(moved, again, sizeof moved);
    tdl_augment_images(&m, 2, true, 5, 1, again);
    assert_memory_not_equal(moved, again, sizeof moved);
}

static void pictures_are_mirrored_left_to_right(void **state)
{
    enum { PICTURES = 64 };
    uint8_t pixel[PICTURES * 6], got[PICTURES * 6];
    const uint8_t picture[] = {1, 2, 3, 4, 5, 6}, mirrored[] = {3, 2, 1, 6, 5, 4};
    tdl_matrix m = {.rows = PICTURES, .channels = 1, .height = 2, .width = 3, .pixel = pixel};
    size_t n = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < PICTURES; i++)
        memcpy(pixel + i * 6, picture, 6);
    tdl_augment_images(&m, 0, true, 5, 0, got);
    for (size_t i = 0; i < PICTURES; i++) {
        bool flipped = memcmp(got + i * 6, mirrored, 6) == 0;
        assert_true(flipped || memcmp(got + i * 6, picture, 6) == 0);
        n += flipped;
    }
    assert_in_range(n, 16, 48);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(balanced_weights_are_those_of_scikit_learn),
        cmocka_unit_test(large_classes_are_thinned_and_small_ones_kept),
        cmocka_unit_test(probabilities_are_corrected_for_what_was_left_out),
        cmocka_unit_test(smote_makes_rows_between_rows_of_the_small_class),
        cmocka_unit_test(copies_are_changed_as_asked),
        cmocka_unit_test(mixup_of_a_number_mixes_the_target_too),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(pictures_move_by_no_more_than_asked),
        cmocka_unit_test(pictures_are_mirrored_left_to_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
