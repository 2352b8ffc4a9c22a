/* Images with columns beside them, and what pixels add to a score: on Fashion-MNIST of the Debian
 * package dataset-fashion-mnist, shrunk to 14 x 14. Skips, loudly, where it is not installed.
 *
 * Of each image only the topmost rows are left, and means of the others stand beside them.
 */
#include "network_case.h"
#include "table/read.h"

enum {
    SIDE = 14,
    KEPT = 5,
    PIXELS = SIDE * SIDE,
    COLUMNS = 12,
    CLASSES = 10,
    TRAIN = 2400,
    TEST = 600
};
static const char PATH[] = "/usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz";
static const char CNN[] = "{\"epochs\": 8, \"filters\": 8, \"width\": 64, \"batch\": 64}";
static const char VIT[] =
    "{\"epochs\": 8, \"width\": 32, \"layers\": 1, \"heads\": 2, \"shift\": 0, "
    "\"mirror\": 0}";

typedef struct sample {
    tdl_matrix x;
    float *y;
} sample;

static void put_row(const tdl_column *image, size_t row, size_t kept, sample *ret, size_t to)
{
    const uint8_t *from = image->pixel + row * image->height * image->width;
    uint8_t *pixel = ret->x.pixel + to * PIXELS;
    float *column = ret->x.x + to * COLUMNS;

    for (size_t i = 0; i < PIXELS; i++) {
        const uint8_t *at = from + i / SIDE * 2 * image->width + i % SIDE * 2;
        int mean = (at[0] + at[1] + at[image->width] + at[image->width + 1]) / 4;

        if (i < kept * SIDE)
            pixel[i] = (uint8_t)mean;
        else
            column[(i / SIDE - kept) / 3 * 4 + i % SIDE / 4] += (float)mean / 255 / 3;
    }
}

static sample take(const tdl_frame *frame, size_t first, size_t n, size_t kept)
{
    sample s = {.x = {.rows = n, .cols = COLUMNS, .channels = 1, .height = SIDE, .width = SIDE},
                .y = calloc(n, sizeof *s.y)};

    s.x.x = calloc(n * COLUMNS, sizeof *s.x.x);
    s.x.pixel = calloc(n, PIXELS);
    for (size_t i = 0; i < n; i++) {
        put_row(&frame->column[0], first + i, kept, &s, i);
        s.y[i] = (float)frame->column[1].level[first + i];
    }
    return s;
}

static void sample_release(sample *s)
{
    tdl_matrix_release(&s->x);
    free(s->y);
}

/* kept: rows of pixels that are left, 5 at least. */
static void read_samples(size_t kept, sample *train, sample *test)
{
    const tdl_read_options options = {0};
    tdl_frame frame = {0};
    tdl_report why = {0};
    tdl_status st = tdl_frame_read(PATH, &options, &frame, NULL, &why);

    if (st == TDL_E_NOT_FOUND || st == TDL_E_IO) {
        printf("skipped: %s (apt install dataset-fashion-mnist)\n", why.message);
        skip();
    }
    if (st)
        fail_msg("%s", why.message);
    *train = take(&frame, 0, TRAIN, kept);
    *test = take(&frame, TRAIN, TEST, kept);
    tdl_frame_release(&frame);
}

static tdl_learner *learn(const char *name, const sample *s, const char *setting)
{
    const tdl_problem problem = {
        .task = TDL_TASK_CLASSES, .classes_n = CLASSES, .x = &s->x, .y = s->y, .seed = 1};

    return fit_as(name, &problem, setting);
}

static size_t best_of(const double *score)
{
    size_t best = 0;

    for (size_t c = 1; c < CLASSES; c++)
        best = score[c] > score[best] ? c : best;
    return best;
}

static double accuracy(const tdl_learner *l, const sample *test)
{
    double *score = score_all(l, &test->x, NULL), right = 0;

    for (size_t i = 0; i < TEST; i++)
        right += best_of(score + i * CLASSES) == (size_t)test->y[i];
    free(score);
    return right / TEST;
}

static void forget_columns(sample *s)
{
    memset(s->x.x, 0, s->x.rows * COLUMNS * sizeof *s->x.x);
}

static void images_and_columns_tell_more_than_either(void **state)
{
    static const char *const name[] = {"cnn", "vit"};
    sample train, test;

    TDL_UNUSED(state);
    read_samples(5, &train, &test);
    tdl_learner *l = learn("logistic", &train, NULL);
    double columns = accuracy(l, &test), both[2];
    tdl_learner_free(l);
    for (size_t k = 0; k < 2; k++) {
        tdl_buf bytes = {0};
        tdl_st_file *file = NULL;
        json_t *about = NULL;

        l = learn(name[k], &train, k ? VIT : CNN);
        tdl_learner *again = save_and_load(l, &test.x, &bytes, &file, &about);
        both[k] = accuracy(again, &test);
        assert_true(both[k] == accuracy(l, &test));
        tdl_learner_free(l);
        tdl_learner_free(again);
        tdl_st_free(file);
        tdl_buf_release(&bytes);
        json_decref(about);
    }
    forget_columns(&train);
    forget_columns(&test);
    for (size_t k = 0; k < 2; k++) {
        l = learn(name[k], &train, k ? VIT : CNN);
        double image = accuracy(l, &test);
        printf("%s: columns %.3f, images %.3f, both %.3f\n", name[k], columns, image, both[k]);
        assert_true(both[k] > image + .02 && both[k] > columns + .02);
        tdl_learner_free(l);
    }
    sample_release(&train);
    sample_release(&test);
}

/* ---- pixels ---- */

enum { EXPLAINED = 40, HIDDEN = 15 };

static int larger_first(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

/* Black where the share is among the largest; or at as many pixels that are not black, by chance.
 */
static void hide(uint8_t *pixel, const double *share, tdl_rng *rng)
{
    double sorted[PIXELS];
    size_t lit = 0;

    if (share) {
        memcpy(sorted, share, sizeof sorted);
        qsort(sorted, PIXELS, sizeof *sorted, larger_first);
        for (size_t i = 0; i < PIXELS; i++)
            pixel[i] = share[i] >= sorted[HIDDEN - 1] ? 0 : pixel[i];
        return;
    }
    for (size_t i = 0; i < PIXELS; i++)
        lit += pixel[i] > 0;
    for (size_t n = 0; n < HIDDEN && n < lit; n++) {
        size_t at;

        do
            at = (size_t)tdl_rng_below(rng, PIXELS);
        while (!pixel[at]);
        pixel[at] = 0;
    }
}

/* log p of class `of`, less what it was. */
static double change(const tdl_learner *l, const tdl_matrix *one, size_t of, double before)
{
    double score[CLASSES], most = -INFINITY, sum = 0;

    assert_int_equal(tdl_learner_score(l, one, NULL, score, NULL), TDL_OK);
    for (size_t c = 0; c < CLASSES; c++)
        most = fmax(most, score[c]);
    for (size_t c = 0; c < CLASSES; c++)
        sum += exp(score[c] - most);
    return score[of] - most - log(sum) - before;
}

static void check_pixels(const char *name, const char *setting, const sample *train,
                         const sample *test)
{
    tdl_learner *l = learn(name, train, setting);
    double *share = calloc(PIXELS, sizeof *share), column[COLUMNS], base, score[CLASSES], drop = 0,
           by_chance = 0, worst = 0;
    float middle[COLUMNS] = {0};
    uint8_t black[PIXELS] = {0}, hidden[PIXELS];
    tdl_matrix baseline = test->x, one = test->x;
    tdl_attribution a = {.x = column, .pixel = share, .base = &base};
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_report why = {0};

    baseline.rows = one.rows = 1;
    baseline.x = middle;
    baseline.pixel = black;
    for (size_t i = 0; i < EXPLAINED; i++) {
        double sum = 0;

        one.x = test->x.x + i * COLUMNS;
        one.pixel = test->x.pixel + i * PIXELS;
        assert_int_equal(tdl_learner_score(l, &one, NULL, score, NULL), TDL_OK);
        size_t of = best_of(score);
        if (tdl_learner_attribute(l, &one, &baseline, of, NULL, &a, &why))
            fail_msg("%s", why.message);
        for (size_t k = 0; k < PIXELS; k++)
            sum += share[k];
        for (size_t k = 0; k < COLUMNS; k++)
            sum += column[k];
        worst = fmax(worst, fabs(base + sum - score[of]) / fmax(1, fabs(score[of] - base)));
        double before = change(l, &one, of, 0);
        memcpy(hidden, one.pixel, PIXELS);
        one.pixel = hidden;
        hide(hidden, share, NULL);
        drop += change(l, &one, of, before) / EXPLAINED;
        memcpy(hidden, test->x.pixel + i * PIXELS, PIXELS);
        hide(hidden, NULL, &rng);
        by_chance += change(l, &one, of, before) / EXPLAINED;
    }
    printf("%s: log p changes by %.3f without the %d pixels that add most, by %.3f without others; "
           "shares are off by %.4f\n",
           name, drop, HIDDEN, by_chance, worst);
    assert_true(worst < .02);
    assert_true(drop < 2 * by_chance && drop < -.1);
    a.pixel = NULL;
    assert_int_equal(tdl_learner_attribute(l, &one, &baseline, 0, NULL, &a, &why), TDL_E_INVALID);
    free(share);
    tdl_learner_free(l);
}

static void hiding_the_pixels_that_add_most_costs_most(void **state)
{
    sample train, test;

    TDL_UNUSED(state);
    read_samples(11, &train, &test);
    check_pixels("cnn", CNN, &train, &test);
    check_pixels("vit", VIT, &train, &test);
    sample_release(&train);
    sample_release(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(images_and_columns_tell_more_than_either),
        cmocka_unit_test(hiding_the_pixels_that_add_most_costs_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
