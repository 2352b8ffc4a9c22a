/* Pipelines: what training rows teach, and that every way to a row gives the same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "base/rng.h"
#include "frames.h"
#include "table/normalise.h"
#include "table/prepare.h"

enum { ROWS_MAX = 4096 };

typedef struct fitted {
    tdl_frame frame;
    tdl_prepare *prepare;
    tdl_matrix train;
    float y[ROWS_MAX];
    uint32_t row[ROWS_MAX];
} fitted;

/* Fit on all rows of a frame. A column called y is the target. */
static void fit_frame(fitted *f, const tdl_prepare_options *options, size_t classes_n)
{
    bool left_out[64] = {false};
    tdl_target target = {.y = f->y, .classes_n = classes_n};
    tdl_report why = {0};
    size_t at;

    assert_true(f->frame.rows <= ROWS_MAX && f->frame.columns_n <= 64);
    for (uint32_t i = 0; i < f->frame.rows; i++)
        f->row[i] = i;
    if (tdl_frame_find(&f->frame, TDL_STR("y"), &at)) {
        left_out[at] = true;
        for (size_t i = 0; i < f->frame.rows; i++)
            f->y[i] = (float)f->frame.column[at].number[i];
    }
    if (tdl_prepare_fit(&f->frame, left_out, f->row, f->frame.rows, &target, options, 1,
                        &f->prepare, &f->train, &why))
        fail_msg("%s", why.message);
}

static void fit_text(fitted *f, const char *csv, const tdl_prepare_options *options,
                     size_t classes_n)
{
    *f = (fitted){.frame = test_frame(csv)};
    fit_frame(f, options, classes_n);
}

static void release(fitted *f)
{
    tdl_matrix_release(&f->train);
    tdl_prepare_free(f->prepare);
    tdl_frame_release(&f->frame);
}

static void assert_same_matrix(const tdl_matrix *a, const tdl_matrix *b)
{
    assert_true(a->rows == b->rows && a->cols == b->cols && a->categories_n == b->categories_n);
    assert_memory_equal(a->x, b->x, a->rows * a->cols * sizeof *a->x);
    if (a->categories_n)
        assert_memory_equal(a->category, b->category,
                            a->rows * a->categories_n * sizeof *a->category);
}

static void assert_row(const tdl_matrix *m, size_t row, const float *expected)
{
    for (size_t j = 0; j < m->cols; j++) {
        float x = m->x[row * m->cols + j];
        if (x != expected[j] && !(isnan(x) && isnan(expected[j])))
            fail_msg("row %zu, %s: %g, not %g", row, m->feature[j].name, (double)x,
                     (double)expected[j]);
    }
}

static tdl_matrix apply(const tdl_prepare *prepare, const char *csv, tdl_prepare_warning *warning)
{
    tdl_frame frame = test_frame(csv);
    tdl_matrix m = {0};
    tdl_report why = {0};

    if (tdl_prepare_apply(prepare, &frame, NULL, 0, &m, warning, &why))
        fail_msg("%s", why.message);
    tdl_frame_release(&frame);
    return m;
}

/* ---- by hand ---- */

static const char small[] = "age,city,is_new,constant\n"
                            "10,Rome,no,7\n"
                            "20,Bern,yes,7\n"
                            "NA,NA,NA,7\n"
                            "60,Bern,yes,7\n";

static void medians_levels_and_indicators_by_hand(void **state)
{
    const tdl_prepare_options options = {.indicator = true};
    const float rows[][7] = {
        {10, 0, 0, 1, 0, 0, 0},
        {20, 0, 1, 0, 0, 1, 0},
        {20, 1, 0, 0, 1, 1, 1},
        {60, 0, 1, 0, 0, 1, 0},
    };
    static const char *const names[] = {
        "age",    "age is missing",   "city=Bern", "city=Rome", "city is missing",
        "is_new", "is_new is missing"};
    const size_t columns[] = {0, 0, 1, 1, 1, 2, 2};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    assert_int_equal(f.train.cols, 7);
    for (size_t j = 0; j < 7; j++) {
        assert_string_equal(f.train.feature[j].name, names[j]);
        assert_int_equal(f.train.feature[j].column, columns[j]);
    }
    for (size_t i = 0; i < 4; i++)
        assert_row(&f.train, i, rows[i]);
    assert_int_equal(tdl_prepare_dropped(f.prepare), 1); // the column `constant`
    release(&f);
}

static void a_missing_level_can_be_all_zeros_as_in_pandas(void **state)
{
    const tdl_prepare_options options = {.no_missing_level = true};
    const float missing[] = {20, 0, 0, 1};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    assert_int_equal(f.train.cols, 4);
    assert_row(&f.train, 2, missing);
    release(&f);
}

/* (10 - 27.5) / sqrt(368.75), with the gap filled by 20 before the scale is learnt. NumPy. */
static void scales_are_learnt_after_filling(void **state)
{
    const tdl_prepare_options options = {.normalise = TDL_NORMALISE_STANDARD,
                                         .normalise_encoded = true};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    assert_true(fabs((double)f.train.x[0] + 0.9113223768657671) < 1e-6);
    for (size_t j = 0; j < f.train.cols; j++) { // every feature: mean 0, deviation 1
        double sum = 0, squares = 0;
        for (size_t i = 0; i < 4; i++) {
            double x = (double)f.train.x[i * f.train.cols + j];
            sum += x;
            squares += x * x;
        }
        assert_true(fabs(sum) < 1e-6 && fabs(squares - 4) < 1e-5);
    }
    release(&f);
}

static void booleans_can_be_two_columns_as_in_pandas(void **state)
{
    const tdl_prepare_options options = {.both_truths = true, .no_missing_level = true};
    const float rows[][5] = {
        {10, 0, 1, 1, 0}, {20, 1, 0, 0, 1}, {20, 0, 0, 0, 0}, {60, 1, 0, 0, 1}};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    assert_int_equal(f.train.cols, 5);
    assert_string_equal(f.train.feature[4].name, "is_new=yes");
    for (size_t i = 0; i < 4; i++)
        assert_row(&f.train, i, rows[i]);
    release(&f);
}

static void gaps_stay_for_trees(void **state)
{
    const tdl_prepare_options options = {.impute = TDL_IMPUTE_NONE, .encode = TDL_ENCODE_ORDINAL};
    const float rows[][3] = {{10, 1, 0}, {20, 0, 1}, {NAN, NAN, NAN}, {60, 0, 1}};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    for (size_t i = 0; i < 4; i++)
        assert_row(&f.train, i, rows[i]);
    release(&f);
}

static void other_ways_to_fill_by_hand(void **state)
{
    static const struct {
        tdl_impute how;
        float fill;
    } cases[] = {{TDL_IMPUTE_MEAN, 4}, {TDL_IMPUTE_MODE, 1}, {TDL_IMPUTE_CONSTANT, -5}};
    fitted f;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        const tdl_prepare_options options = {.impute = cases[i].how, .impute_value = -5};
        fit_text(&f, "x,z\n1,1\n1,2\n10,3\nNA,4\n", &options, 0);
        assert_true(f.train.x[3 * f.train.cols] == cases[i].fill);
        release(&f);
    }
}

/* The quantiles .25 and .75 of 0 10 20 30 1000 are 10 and 30. */
static void far_values_are_moved_in(void **state)
{
    const tdl_prepare_options options = {.winsor = 0.25};
    fitted f;
    tdl_matrix m;

    TDL_UNUSED(state);
    fit_text(&f, "x\n0\n10\n20\n30\n1000\n", &options, 0);
    assert_true(f.train.x[0] == 10 && f.train.x[4] == 30 && f.train.x[2] == 20);
    m = apply(f.prepare, "x\n-7\n12\n", NULL);
    assert_true(m.x[0] == 10 && m.x[1] == 12);
    tdl_matrix_release(&m);
    release(&f);
}

static void counts_embeddings_and_hashes(void **state)
{
    const tdl_prepare_options count = {.encode = TDL_ENCODE_COUNT},
                              embed = {.encode = TDL_ENCODE_EMBED},
                              hash = {.encode = TDL_ENCODE_HASH, .hash_bits = 4};
    const char csv[] = "c,x\nb,1\na,2\nb,3\nNA,4\n";
    fitted f;
    tdl_matrix m;

    TDL_UNUSED(state);
    fit_text(&f, csv, &count, 0);
    assert_true(f.train.x[0] == 2 && f.train.x[2] == 1 && f.train.x[6] == 1);
    release(&f);
    fit_text(&f, csv, &embed, 0);
    assert_int_equal(f.train.categories_n, 1);
    assert_int_equal(f.train.levels_n[0], 3);
    assert_true(f.train.category[0] == 2 && f.train.category[1] == 1 && f.train.category[3] == 0);
    assert_string_equal(f.train.category_feature[0].name, "c");
    m = apply(f.prepare, "c,x\nzebra,1\nb,1\n", NULL);
    assert_true(m.category[0] == 0 && m.category[1] == 2);
    tdl_matrix_release(&m);
    release(&f);
    fit_text(&f, csv, &hash, 0);
    assert_memory_equal(f.train.x, f.train.x + 2 * f.train.cols,
                        (f.train.cols - 1) * sizeof(float)); // both are b
    release(&f);
}

static void columns_of_many_levels_go_beyond(void **state)
{
    const tdl_prepare_options options = {.one_hot_max = 2, .beyond = TDL_ENCODE_ORDINAL};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, "few,many\na,p\nb,q\na,r\n", &options, 0);
    assert_int_equal(f.train.cols, 3);
    assert_string_equal(f.train.feature[2].name, "many");
    assert_true(f.train.x[2] == 0 && f.train.x[5] == 1 && f.train.x[8] == 2);
    release(&f);
}

static void rare_levels_count_as_unseen(void **state)
{
    const tdl_prepare_options options = {.level_min = 2};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, "c\na\na\nb\nc\nb\n", &options, 0);
    assert_int_equal(f.train.cols, 2);
    assert_true(f.train.x[6] == 0 && f.train.x[7] == 0); // c
    release(&f);
}

/* ---- the target ---- */

/* Rows with one level and a target that is all 1 in it: their own target must not be seen. Serving
 * sees all: (3 + 10 * .5) / (3 + 10). */
static void training_rows_do_not_see_their_own_target(void **state)
{
    const tdl_prepare_options options = {.encode = TDL_ENCODE_TARGET};
    fitted f;
    tdl_matrix m;
    bool differs = false;

    TDL_UNUSED(state);
    fit_text(&f,
             "c,y\na,1\na,1\na,1\nb,0\nb,0\nb,0\nc,1\nc,0\nd,1\nd,0\ne,1\ne,0\nf,1\nf,0\ng,0\n"
             "g,1\n",
             &options, 2);
    m = apply(f.prepare, "c\na\nzebra\nNA\n", NULL);
    assert_true(m.cols == 1 && fabs((double)m.x[0] - 8.0 / 13) < 1e-7);
    assert_true(m.x[1] == 0.5F && m.x[2] == 0.5F);
    for (size_t i = 0; i < 3; i++)
        differs = differs || f.train.x[i] != m.x[0];
    assert_true(differs);
    tdl_matrix_release(&m);
    release(&f);
}

static void a_target_of_classes_makes_one_column_each_but_the_first(void **state)
{
    const tdl_prepare_options options = {.encode = TDL_ENCODE_TARGET, .smoothing = 1};
    fitted f;
    tdl_matrix m;

    TDL_UNUSED(state);
    fit_text(&f, "c,y\na,0\na,1\na,2\nb,2\nb,1\nb,0\na,2\nb,2\n", &options, 3);
    m = apply(f.prepare, "c\na\n", NULL);
    assert_int_equal(m.cols, 2);
    // of 8 rows 2 are of class 1, 4 of class 2; of the 4 with a: 1 and 2. (1 + .25) / 5, (2 + .5) /
    // 5
    assert_true(m.x[0] == 0.25F && m.x[1] == 0.5F);
    tdl_matrix_release(&m);
    release(&f);
}

/* A pipeline fitted on some rows must be the same whatever the others hold. */
static void rows_that_were_not_given_teach_nothing(void **state)
{
    const tdl_prepare_options options = {.indicator = true,
                                         .normalise = TDL_NORMALISE_QUANTILE,
                                         .bins = 3,
                                         .one_hot_max = 2,
                                         .beyond = TDL_ENCODE_TARGET};
    const char *csv[] = {"x,c,y\n1,a,0\n2,b,1\n5,a,1\n9,c,0\n3,c,1\n7,b,0\n",
                         "x,c,y\n1,a,0\n2,b,1\n5,a,1\n9,c,0\n3,c,1\n7000,zebra,1\n"};
    const uint32_t row[] = {0, 1, 2, 3, 4};
    const bool left_out[] = {false, false, true};
    json_t *saved[2];

    TDL_UNUSED(state);
    for (size_t k = 0; k < 2; k++) {
        tdl_frame frame = test_frame(csv[k]);
        float y[6];
        tdl_target target = {.y = y, .classes_n = 2};
        tdl_prepare *prepare;

        for (size_t i = 0; i < 6; i++)
            y[i] = (float)frame.column[2].number[i];
        assert_int_equal(
            tdl_prepare_fit(&frame, left_out, row, 5, &target, &options, 3, &prepare, NULL, NULL),
            TDL_OK);
        saved[k] = tdl_prepare_save(prepare);
        tdl_prepare_free(prepare);
        tdl_frame_release(&frame);
    }
    assert_true(json_equal(saved[0], saved[1]));
    json_decref(saved[0]);
    json_decref(saved[1]);
}

/* ---- other frames than that of training ---- */

static void odd_cells_are_read_for_what_they_should_be_and_counted(void **state)
{
    const tdl_prepare_options options = {0};
    tdl_prepare_warning warning[3] = {0};
    fitted f;
    tdl_matrix m;
    const float rows[][5] = {{1, 1, 0, 0, 1}, {2.5F, 0, 0, 0, 0}, {9, 0, 1, 0, 1}};

    TDL_UNUSED(state);
    fit_text(&f, "n,code,is_b\n1,1,false\n2,2,true\n3,x,true\n4,x,false\n", &options, 0);
    // numbers as text, levels as numbers, truths as other words; another order, a column more
    m = apply(f.prepare, "extra,is_b,n,code\nq,YES,1,1\nq,no,many,3\nq,1,9,2\n", warning);
    assert_int_equal(m.cols, 5);
    for (size_t i = 0; i < 3; i++)
        assert_row(&m, i, rows[i]);
    assert_true(warning[0].unseen == 1 && warning[0].out_of_range == 1 && warning[0].missing == 0);
    assert_true(warning[1].unseen == 1 && warning[2].unseen == 0);
    assert_int_equal(warning[2].column, 2);
    tdl_matrix_release(&m);
    release(&f);
}

static void an_absent_column_is_missing(void **state)
{
    const tdl_prepare_options options = {0};
    tdl_prepare_warning warning[2] = {0};
    fitted f;
    tdl_matrix m;
    const float row[] = {2, 0, 0};

    TDL_UNUSED(state);
    fit_text(&f, "n,c\n1,a\n2,b\n3,a\n", &options, 0);
    m = apply(f.prepare, "other\n5\n", warning);
    assert_row(&m, 0, row);
    assert_true(warning[0].missing == 1 && warning[1].missing == 1);
    tdl_matrix_release(&m);
    release(&f);
}

static void huge_numbers_come_out_finite(void **state)
{
    const tdl_prepare_options options = {.normalise = TDL_NORMALISE_STANDARD, .bins = 2};
    fitted f;
    tdl_matrix m;

    TDL_UNUSED(state);
    fit_text(&f, "n\n1\n2\n3\n", &options, 0);
    m = apply(f.prepare, "n\n1e308\n-1e308\n", NULL);
    for (size_t j = 0; j < m.rows * m.cols; j++)
        assert_true(isfinite(m.x[j] * m.x[j]));
    tdl_matrix_release(&m);
    release(&f);
}

static void the_row_in_the_middle(void **state)
{
    const tdl_prepare_options options = {0};
    const float row[] = {20, 1, 0, 0, 1};
    fitted f;
    tdl_matrix m = {0};

    TDL_UNUSED(state);
    fit_text(&f, small, &options, 0);
    assert_int_equal(tdl_prepare_median_row(f.prepare, &m, NULL), TDL_OK);
    assert_int_equal(m.rows, 1);
    assert_row(&m, 0, row);
    tdl_matrix_release(&m);
    release(&f);
}

/* ---- dates, pairs, text ---- */

/* 2024-02-29 is a Thursday, day 59 of 366 (Python, datetime). */
static void a_date_tells_the_season(void **state)
{
    const tdl_prepare_options options = {.dates = true}, plain = {0};
    fitted f;
    const double two_pi = 6.283185307179586;

    TDL_UNUSED(state);
    fit_text(&f, "date\n2024-02-28\n2024-02-29\n2025-07-01\n", &options, 0);
    assert_int_equal(f.train.cols, 6);
    assert_string_equal(f.train.feature[0].name, "date: days since 2024-02-28");
    assert_true(f.train.x[6] == 1 && f.train.x[8] == 2 && f.train.x[9] == 3);
    assert_true(fabs((double)f.train.x[7] - (2024 + 59.0 / 366)) < 1e-3);
    assert_true(fabs((double)f.train.x[10] - sin(two_pi * 59 / 366)) < 1e-7);
    assert_true(fabs((double)f.train.x[11] - cos(two_pi * 59 / 366)) < 1e-7);
    release(&f);
    fit_text(&f, "date\n2024-02-28\n2024-02-29\n2025-07-01\n", &plain, 0);
    assert_int_equal(f.train.cols, 1);
    release(&f);
}

/* (3, 4) turned by 30 degrees: 3 cos + 4 sin = 4.598..., 4 cos - 3 sin = 1.964... */
static void coordinates_are_turned_and_counts_divided(void **state)
{
    const tdl_prepare_options options = {.pairs = true};
    fitted f;
    const float *row;

    TDL_UNUSED(state);
    fit_text(&f, "total_rooms,home_Lat,home_lng,households\n8,3,4,2\n9,1,1,3\n5,2,7,1\n", &options,
             0);
    assert_int_equal(f.train.cols, 4 + 10);
    row = f.train.x;
    assert_string_equal(f.train.feature[0].name, "total_rooms / households");
    assert_true(row[0] == 4);
    assert_string_equal(f.train.feature[6].name, "home_Lat, home_lng turned by 30: first");
    assert_true(fabs((double)row[6] - 4.598076211353316) < 1e-6);
    assert_true(fabs((double)row[7] - 1.9641016151377544) < 1e-6);
    release(&f);
}

/* Two texts of one word each: every text has length 1, whatever its words are worth. A word that
 * all have and one that one has: idf 1 and log(4 / 2) + 1 (scikit-learn's smooth idf). */
static void words_are_weighed_by_rarity(void **state)
{
    const tdl_prepare_options options = {.text_buckets = 256};
    fitted f;
    double largest = 0, sum = 0;

    TDL_UNUSED(state);
    fit_text(&f, "text\ngood\ngood\ngood bad\n", &options, 0);
    for (size_t j = 0; j < f.train.cols; j++) {
        double x = (double)f.train.x[2 * f.train.cols + j];
        sum += x * x;
        largest = fmax(largest, x);
    }
    // good, bad, and the pair: 1, i, i with i = log 2 + 1
    assert_true(fabs(sum - 1) < 1e-6);
    assert_true(fabs(largest - 1.6931471805599454 /
                                   sqrt(1 + 2 * 1.6931471805599454 * 1.6931471805599454)) < 1e-6);
    release(&f);
}

static void gaps_are_filled_by_ridge_alike_in_training_and_serving(void **state)
{
    const tdl_prepare_options options = {.impute = TDL_IMPUTE_RIDGE, .indicator = true};
    fitted f;
    tdl_matrix m = {0};

    TDL_UNUSED(state);
    fit_text(&f, "a,b\n0,1\n1,3\n2,5\n3,7\n4,9\n5,NA\n6,13\n7,15\nNA,17\n", &options, 0);
    assert_true(fabs((double)f.train.x[5 * 4 + 2] - 11) < 1.5);
    assert_int_equal(tdl_prepare_apply(f.prepare, &f.frame, NULL, 0, &m, NULL, NULL), TDL_OK);
    assert_same_matrix(&f.train, &m);
    tdl_matrix_release(&m);
    release(&f);
}

/* ---- images ---- */

static void pictures_go_through_untouched_and_of_one_size_only(void **state)
{
    const tdl_prepare_options options = {0};
    uint8_t pixel[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    char names[2][4] = {"a", "b"};
    tdl_column column[2] = {{.name = names[0],
                             .type = TDL_COLUMN_IMAGE,
                             .pixel = pixel,
                             .channels = 1,
                             .height = 2,
                             .width = 2}};
    const uint32_t row[] = {2, 0};
    tdl_frame frame = {.rows = 3, .column = column, .columns_n = 1};
    tdl_prepare *prepare, *none = NULL;
    tdl_matrix m;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_prepare_fit(&frame, NULL, row, 2, NULL, &options, 0, &prepare, &m, NULL),
                     TDL_OK);
    assert_true(m.cols == 0 && m.channels == 1 && m.height == 2 && m.width == 2);
    assert_memory_equal(m.pixel, pixel + 8, 4);
    assert_memory_equal(m.pixel + 4, pixel, 4);
    tdl_matrix_release(&m);
    assert_int_equal(tdl_prepare_median_row(prepare, &m, NULL), TDL_OK);
    tdl_matrix_release(&m);
    column[0].height = 1;
    column[0].width = 4;
    assert_int_equal(tdl_prepare_apply(prepare, &frame, NULL, 0, &m, NULL, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "1 x 1 x 4"));
    frame.columns_n = 0;
    assert_int_equal(tdl_prepare_apply(prepare, &frame, NULL, 0, &m, NULL, &why), TDL_E_INVALID);
    tdl_prepare_free(prepare);
    column[1] = column[0];
    column[1].name = names[1];
    frame.columns_n = 2;
    assert_int_equal(tdl_prepare_fit(&frame, NULL, row, 2, NULL, &options, 0, &none, NULL, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "a and b"));
}

/* ---- properties ---- */

static void fill_buffer(tdl_buf *out, size_t rows)
{
    static const char *const levels[] = {"red", "green", "blue", "NA", "violet, dark"};
    static const char *const words[] = {"late", "broken", "fine", "NA", "very fine indeed"};
    tdl_rng rng = tdl_rng_make(5, 0);

    tdl_buf_text(out, "n,m,c,is_x,date,text,lat,lon,wide,y\n");
    for (size_t i = 0; i < rows; i++) {
        double n = tdl_rng_normal(&rng);
        tdl_buf_printf(out, n > 1.5 ? "NA," : "%.17g,", n);
        tdl_buf_printf(out, "%d,\"%s\",", (int)tdl_rng_below(&rng, 7),
                       levels[tdl_rng_below(&rng, 5)]);
        tdl_buf_printf(out, "%s,", tdl_rng_below(&rng, 2) ? "yes" : "no");
        tdl_buf_printf(out, "20%02d-0%d-11,", (int)tdl_rng_below(&rng, 30),
                       1 + (int)tdl_rng_below(&rng, 9));
        tdl_buf_printf(out, "%s,%g,%g,", words[tdl_rng_below(&rng, 5)], tdl_rng_uniform(&rng),
                       -tdl_rng_uniform(&rng));
        tdl_buf_printf(out, "L%d,%d\n", (int)tdl_rng_below(&rng, 40), (int)tdl_rng_below(&rng, 3));
    }
}

static const tdl_prepare_options many[] = {
    {0},
    {.impute = TDL_IMPUTE_RIDGE,
     .indicator = true,
     .normalise = TDL_NORMALISE_QUANTILE,
     .bins = 8,
     .encode = TDL_ENCODE_EMBED,
     .dates = true,
     .pairs = true},
    {.impute = TDL_IMPUTE_NONE,
     .encode = TDL_ENCODE_ORDINAL,
     .one_hot_max = 8,
     .beyond = TDL_ENCODE_TARGET,
     .dates = true,
     .text_buckets = 64,
     .select_max = 12},
    {.winsor = 0.02,
     .impute = TDL_IMPUTE_MEAN,
     .normalise = TDL_NORMALISE_ROBUST,
     .normalise_encoded = true,
     .encode = TDL_ENCODE_COUNT,
     .level_min = 3,
     .both_truths = true},
    {.normalise = TDL_NORMALISE_LOG1P,
     .normalise_encoded = true,
     .encode = TDL_ENCODE_HASH,
     .hash_bits = 3,
     .text_buckets = 32},
    {.normalise = TDL_NORMALISE_MIN_MAX, .encode = TDL_ENCODE_TARGET, .dates = true},
    {.impute = TDL_IMPUTE_GROUP,
     .impute_group = {"c", 1},
     .indicator = true,
     .bins = 4,
     .pairs = true,
     .level_min = 45},
    {.impute = TDL_IMPUTE_GROUP, .impute_group = {"is_x", 4}, .correlated = 0.8},
};

typedef void visit(fitted *f, const tdl_prepare_options *options);

static void for_many_pipelines(visit *f)
{
    tdl_buf csv = {0};

    fill_buffer(&csv, 300);
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        fitted one;
        fit_text(&one, csv.at, &many[i], 3);
        f(&one, &many[i]);
        release(&one);
    }
    tdl_buf_release(&csv);
}

static bool sees_target(const tdl_prepare_options *o)
{
    return o->encode == TDL_ENCODE_TARGET || o->beyond == TDL_ENCODE_TARGET;
}

static void check_training_matrix(fitted *f, const tdl_prepare_options *options)
{
    tdl_matrix m = {0};

    if (sees_target(options))
        return;
    assert_int_equal(
        tdl_prepare_apply(f->prepare, &f->frame, f->row, f->frame.rows, &m, NULL, NULL), TDL_OK);
    assert_same_matrix(&f->train, &m);
    tdl_matrix_release(&m);
}

static void training_rows_look_the_same_when_they_are_served(void **state)
{
    TDL_UNUSED(state);
    for_many_pipelines(check_training_matrix);
}

static void check_saved(fitted *f, const tdl_prepare_options *options)
{
    tdl_buf text = {0};
    json_t *saved = tdl_prepare_save(f->prepare), *read = NULL;
    tdl_prepare *again = NULL;
    tdl_matrix a = {0}, b = {0};
    tdl_report why = {0};

    TDL_UNUSED(options);
    assert_non_null(saved);
    tdl_json_dump(&text, saved);
    assert_int_equal(tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &read, NULL),
                     TDL_OK);
    if (tdl_prepare_load(read, &again, &why))
        fail_msg("%s", why.message);
    assert_int_equal(tdl_prepare_apply(f->prepare, &f->frame, NULL, 0, &a, NULL, NULL), TDL_OK);
    assert_int_equal(tdl_prepare_apply(again, &f->frame, NULL, 0, &b, NULL, NULL), TDL_OK);
    assert_same_matrix(&a, &b);
    for (size_t j = 0; j < a.cols; j++)
        assert_string_equal(a.feature[j].name, b.feature[j].name);
    tdl_matrix_release(&a);
    tdl_matrix_release(&b);
    tdl_prepare_free(again);
    json_decref(saved);
    json_decref(read);
    tdl_buf_release(&text);
}

static void what_was_saved_gives_the_same_bits(void **state)
{
    TDL_UNUSED(state);
    for_many_pipelines(check_saved);
}

static void check_batches(fitted *f, const tdl_prepare_options *options)
{
    tdl_matrix whole = {0};
    static const size_t sizes[] = {1, 7, 128};

    TDL_UNUSED(options);
    assert_int_equal(tdl_prepare_apply(f->prepare, &f->frame, NULL, 0, &whole, NULL, NULL), TDL_OK);
    for (size_t s = 0; s < 3; s++)
        for (size_t begin = 0; begin < f->frame.rows; begin += sizes[s]) {
            size_t n = f->frame.rows - begin < sizes[s] ? f->frame.rows - begin : sizes[s];
            tdl_matrix part = {0};

            assert_int_equal(
                tdl_prepare_apply(f->prepare, &f->frame, f->row + begin, n, &part, NULL, NULL),
                TDL_OK);
            assert_memory_equal(part.x, whole.x + begin * whole.cols,
                                n * whole.cols * sizeof *part.x);
            tdl_matrix_release(&part);
        }
    tdl_matrix_release(&whole);
}

static void rows_in_any_batches_give_the_same_bits(void **state)
{
    TDL_UNUSED(state);
    for_many_pipelines(check_batches);
}

/* Medians by hand: north 2, south 30, no region 7; west has no value, and east is none of training:
 * both get 8, the median of all nine. */
static void gaps_are_filled_by_the_median_of_their_group(void **state)
{
    static const char csv[] = "region,x,y\nnorth,1,0\nnorth,2,1\nnorth,8,0\nnorth,NA,1\n"
                              "south,30,0\nsouth,20,1\nsouth,40,0\nsouth,,1\n"
                              "NA,7,0\nNA,4,1\nNA,10,0\nwest,NA,1\n";
    const tdl_prepare_options options = {
        .impute = TDL_IMPUTE_GROUP, .impute_group = TDL_STR("region"), .encode = TDL_ENCODE_DROP};
    static const float trained[] = {1, 2, 8, 2, 30, 20, 40, 30, 7, 4, 10, 8};
    fitted f;

    TDL_UNUSED(state);
    fit_text(&f, csv, &options, 2);
    assert_int_equal(f.train.cols, 1);
    for (size_t i = 0; i < 12; i++)
        assert_row(&f.train, i, &trained[i]);
    tdl_matrix m =
        apply(f.prepare, "x,region\n,south\n,east\n,\n5,south\nNA,west\nNA,north\n", NULL);
    static const float served[] = {30, 8, 7, 5, 8, 2};
    for (size_t i = 0; i < 6; i++)
        assert_row(&m, i, &served[i]);
    tdl_matrix_release(&m);
    release(&f);
}

static void a_column_that_makes_no_groups_is_refused(void **state)
{
    static const char *const names[] = {"x", "nowhere", "left"};
    const uint32_t row[] = {0, 1, 2};
    const bool left_out[] = {false, false, true};
    tdl_frame frame = test_frame("x,c,left\n5,a,p\n6,b,p\n,a,q\n");

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        const tdl_prepare_options options = {.impute = TDL_IMPUTE_GROUP,
                                             .impute_group = tdl_str_of(names[i])};
        tdl_prepare *prepare = NULL;
        tdl_report why = {0};

        assert_int_equal(
            tdl_prepare_fit(&frame, left_out, row, 3, NULL, &options, 0, &prepare, NULL, &why),
            TDL_E_INVALID);
        assert_non_null(strstr(why.message, names[i]));
    }
    tdl_frame_release(&frame);
}

/* ---- refusals ---- */

static void a_table_without_features_is_refused(void **state)
{
    const tdl_prepare_options options = {0};
    const uint32_t row[] = {0, 1}, beyond[] = {0, 9};
    const bool left_out[] = {false, true};
    tdl_frame frame = test_frame("same,y\n5,1\n5,0\n");
    tdl_prepare *prepare = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(
        tdl_prepare_fit(&frame, left_out, row, 2, NULL, &options, 0, &prepare, NULL, &why),
        TDL_E_INVALID);
    assert_non_null(strstr(why.message, "no column is left"));
    assert_int_equal(tdl_prepare_fit(&frame, NULL, row, 0, NULL, &options, 0, &prepare, NULL, &why),
                     TDL_E_INVALID);
    assert_int_equal(
        tdl_prepare_fit(&frame, NULL, beyond, 2, NULL, &options, 0, &prepare, NULL, &why),
        TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 9"));
    assert_null(prepare);
    tdl_frame_release(&frame);
}

static void options_out_of_range_are_refused(void **state)
{
    const tdl_prepare_options bad[] = {{.winsor = 0.5},   {.winsor = (double)NAN},
                                       {.hash_bits = 40}, {.impute_value = (double)INFINITY},
                                       {.bins = 1000000}, {.text_buckets = SIZE_MAX},
                                       {.smoothing = -1}, {.encode = TDL_ENCODE_TARGET},
                                       {.select_max = 1}};
    const uint32_t row[] = {0, 1, 2};
    tdl_frame frame = test_frame("x,c\n5,a\n6,b\n7,a\n");
    tdl_prepare *prepare = NULL;

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(
            tdl_prepare_fit(&frame, NULL, row, 3, NULL, &bad[i], 0, &prepare, NULL, NULL),
            TDL_E_INVALID);
    tdl_frame_release(&frame);
}

/* Each value of a saved pipeline replaced by others: loaded or refused, never a crash; and what is
 * loaded can be applied. */
static void damage(json_t *root, json_t *value, const tdl_frame *frame);

static void try_with(json_t *root, const tdl_frame *frame)
{
    tdl_prepare *prepare = NULL;
    tdl_report why = {0};
    tdl_matrix m = {0};

    if (tdl_prepare_load(root, &prepare, &why)) {
        assert_true(why.message[0]);
        return;
    }
    if (!tdl_prepare_apply(prepare, frame, NULL, 0, &m, NULL, &why))
        tdl_matrix_release(&m);
    tdl_prepare_free(prepare);
}

static json_t *replacement(int i)
{
    switch (i) {
    case 0:
        return json_integer(-1);
    case 1:
        return json_integer(INT64_MAX);
    case 2:
        return json_real(0.5);
    case 3:
        return json_string("text");
    case 4:
        return json_array();
    case 5:
        return json_true();
    case 6:
        return json_integer(1);
    default:
        return json_null();
    }
}

static void damage_member(json_t *root, json_t *object, const char *key, size_t index,
                          const tdl_frame *frame)
{
    json_t *old = key ? json_object_get(object, key) : json_array_get(object, index);

    json_incref(old);
    for (int i = 0; i < 8; i++) {
        if (key)
            json_object_set_new(object, key, replacement(i));
        else
            json_array_set_new(object, index, replacement(i));
        try_with(root, frame);
    }
    if (key)
        json_object_set(object, key, old);
    else
        json_array_set(object, index, old);
    damage(root, old, frame);
    json_decref(old);
}

static void damage(json_t *root, json_t *value, const tdl_frame *frame)
{
    if (json_is_object(value)) {
        const char *keys[32];
        size_t n = 0;
        const char *key;
        json_t *member;

        json_object_foreach(value, key, member) if (n < 32) keys[n++] = key;
        for (size_t i = 0; i < n; i++) {
            char copy[64];
            snprintf(copy, sizeof copy, "%s", keys[i]);
            damage_member(root, value, copy, 0, frame);
        }
    } else if (json_is_array(value)) {
        size_t n = json_array_size(value);
        for (size_t i = 0; i < (n < 3 ? n : 3); i++)
            damage_member(root, value, NULL, i, frame);
    }
}

static void check_damage(fitted *f, const tdl_prepare_options *options)
{
    json_t *saved = tdl_prepare_save(f->prepare);
    tdl_frame frame =
        test_frame("n,c,is_x,date,text,lat,lon,wide\n1,red,yes,2020-01-01,bad,1,2,L1\n");

    TDL_UNUSED(options);
    damage(saved, saved, &frame);
    tdl_frame_release(&frame);
    json_decref(saved);
}

static void a_damaged_pipeline_is_refused_or_harmless(void **state)
{
    TDL_UNUSED(state);
    for_many_pipelines(check_damage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(medians_levels_and_indicators_by_hand),
        cmocka_unit_test(a_missing_level_can_be_all_zeros_as_in_pandas),
        cmocka_unit_test(scales_are_learnt_after_filling),
        cmocka_unit_test(booleans_can_be_two_columns_as_in_pandas),
        cmocka_unit_test(gaps_stay_for_trees),
        cmocka_unit_test(other_ways_to_fill_by_hand),
        cmocka_unit_test(far_values_are_moved_in),
        cmocka_unit_test(counts_embeddings_and_hashes),
        cmocka_unit_test(columns_of_many_levels_go_beyond),
        cmocka_unit_test(rare_levels_count_as_unseen),
        cmocka_unit_test(training_rows_do_not_see_their_own_target),
        cmocka_unit_test(a_target_of_classes_makes_one_column_each_but_the_first),
        cmocka_unit_test(rows_that_were_not_given_teach_nothing),
        cmocka_unit_test(odd_cells_are_read_for_what_they_should_be_and_counted),
        cmocka_unit_test(an_absent_column_is_missing),
        cmocka_unit_test(huge_numbers_come_out_finite),
        cmocka_unit_test(the_row_in_the_middle),
        cmocka_unit_test(a_date_tells_the_season),
        cmocka_unit_test(coordinates_are_turned_and_counts_divided),
        cmocka_unit_test(words_are_weighed_by_rarity),
        cmocka_unit_test(gaps_are_filled_by_ridge_alike_in_training_and_serving),
        cmocka_unit_test(gaps_are_filled_by_the_median_of_their_group),
        cmocka_unit_test(a_column_that_makes_no_groups_is_refused),
        cmocka_unit_test(pictures_go_through_untouched_and_of_one_size_only),
        cmocka_unit_test(training_rows_look_the_same_when_they_are_served),
        cmocka_unit_test(what_was_saved_gives_the_same_bits),
        cmocka_unit_test(rows_in_any_batches_give_the_same_bits),
        cmocka_unit_test(a_table_without_features_is_refused),
        cmocka_unit_test(options_out_of_range_are_refused),
        cmocka_unit_test(a_damaged_pipeline_is_refused_or_harmless),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
