#include "fashion.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/rng.h"
#include "cli/command.h"

enum { BATCH = TDL_FASHION_BATCH, PIXELS = TDL_FASHION_PIXELS, SIDE = 28, BYTES_MAX = 1 << 26 };
/* the training pixels over 255 have mean 0.286 and deviation 0.353 */
static const float FACTOR = (float)(1 / (255 * 0.353)), ZERO = (float)(0.286 / 0.353);

#define FOLDER "/usr/share/datasets/fashion-mnist/"
const char *const tdl_fashion_train_images = FOLDER "train-images-idx3-ubyte.gz";
const char *const tdl_fashion_train_labels = FOLDER "train-labels-idx1-ubyte.gz";
static const char TEST_IMAGES[] = FOLDER "t10k-images-idx3-ubyte.gz";
static const char TEST_LABELS[] = FOLDER "t10k-labels-idx1-ubyte.gz";

/* ---- data ---- */

static tdl_status read_pair(const char *pixels_path, const char *labels_path, tdl_idx *pixels,
                            tdl_idx *labels, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_idx_read(pixels_path, BYTES_MAX, pixels, why)) ||
        (st = tdl_idx_read(labels_path, BYTES_MAX, labels, why)))
        return st;
    if (labels->rank != 1 || pixels->rank != 3 || pixels->n != PIXELS * labels->n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: not %zu images of %d pixels", pixels_path,
                        labels->n, PIXELS);
    return TDL_OK;
}

tdl_status tdl_fashion_open(bool quiet, tdl_fashion *ret, bool *ret_there, tdl_report *why)
{
    tdl_fashion f = {0};
    tdl_status st;

    *ret_there = !access(tdl_fashion_train_images, R_OK);
    if (!*ret_there && !quiet)
        fputs(tdl_tr("fashion: skipped, dataset-fashion-mnist is not installed\n",
                     "fashion：已跳过，未安装 dataset-fashion-mnist\n"),
              stderr);
    if (!*ret_there)
        return TDL_OK;
    if ((st = read_pair(tdl_fashion_train_images, tdl_fashion_train_labels, &f.train_pixels,
                        &f.train_labels, why)) ||
        (st = read_pair(TEST_IMAGES, TEST_LABELS, &f.test_pixels, &f.test_labels, why))) {
        tdl_fashion_close(&f);
        return st;
    }
    *ret = f;
    return TDL_OK;
}

void tdl_fashion_close(tdl_fashion *fashion)
{
    tdl_idx_release(&fashion->train_pixels);
    tdl_idx_release(&fashion->train_labels);
    tdl_idx_release(&fashion->test_pixels);
    tdl_idx_release(&fashion->test_labels);
}

tdl_status tdl_fashion_choose(const tdl_idx *pixels, const tdl_idx *labels, int first_class,
                              int classes_n, size_t each, uint64_t seed, tdl_fashion_set *ret,
                              tdl_report *why)
{
    tdl_fashion_set set = {.pixels = pixels, .labels = labels, .first_class = first_class};
    size_t taken[TDL_FASHION_CLASSES] = {0};
    tdl_rng rng = tdl_rng_make(seed, 0);

    set.chosen = malloc(labels->n * sizeof *set.chosen);
    if (!set.chosen)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a list of %zu images", labels->n);
    for (size_t i = 0; i < labels->n; i++)
        set.chosen[i] = (uint32_t)i;
    if (each)
        tdl_rng_shuffle(&rng, set.chosen, labels->n);
    for (size_t i = 0; i < labels->n; i++) {
        int class = labels->data[set.chosen[i]] - first_class;

        if (class >= 0 && class < classes_n && (!each || taken[class] < each)) {
            taken[class]++;
            set.chosen[set.n++] = set.chosen[i];
        }
    }
    *ret = set;
    return TDL_OK;
}

void tdl_fashion_set_release(tdl_fashion_set *set)
{
    free(set->chosen);
    *set = (tdl_fashion_set){0};
}

/* ---- a learner ---- */

static void read_image(const uint8_t *pixel, float *x)
{
    for (size_t i = 0; i < PIXELS; i++)
        x[i] = (float)pixel[i] * FACTOR - ZERO;
}

/* An image as it is seen by chance: mirrored, and moved by so many pixels. Where it ends, it is
 * black, as its background is. */
typedef struct view {
    bool mirrored;
    int down, right;
} view;

static void read_view(const uint8_t *pixel, const view *v, float *x)
{
    for (int line = v->down; line < SIDE + v->down; line++)
        for (int i = 0; i < SIDE; i++) {
            int at = (v->mirrored ? SIDE - 1 - i : i) + v->right;
            bool inside = line >= 0 && line < SIDE && at >= 0 && at < SIDE;

            *x++ = (float)(inside ? pixel[line * SIDE + at] : 0) * FACTOR - ZERO;
        }
}

static int drawn_shift(tdl_rng *rng, unsigned most)
{
    return most ? (int)tdl_rng_below(rng, 2 * most + 1) - (int)most : 0;
}

/* By chance: a function of step and image, so that no batch cut changes it. */
static view drawn_view(const tdl_learner *l, uint64_t step, uint32_t example)
{
    tdl_rng rng = tdl_rng_make(step, example);
    view v = {.mirrored = l->mirror && tdl_rng_below(&rng, 2)};

    v.down = drawn_shift(&rng, l->shift);
    v.right = drawn_shift(&rng, l->shift);
    return v;
}

static tdl_nn_batch fill_batch(tdl_learner *l, const tdl_fashion_set *set, const uint32_t *example,
                               size_t n)
{
    for (size_t r = 0; r < n; r++) {
        size_t at = set->chosen[example[r]];

        read_image(set->pixels->data + at * PIXELS, l->x + r * PIXELS);
        l->target[r] = set->labels->data[at] - set->first_class;
        l->example[r] = example[r];
    }
    return (tdl_nn_batch){.rows = n, .x = l->x, .target = l->target, .example = l->example};
}

static void draw_views(tdl_learner *l, uint64_t step, const uint32_t *example, size_t n)
{
    for (size_t r = 0; r < n; r++) {
        view v = drawn_view(l, step, example[r]);

        read_view(l->train->pixels->data + l->train->chosen[example[r]] * (size_t)PIXELS, &v,
                  l->x + r * PIXELS);
    }
}

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    tdl_learner *l = model;
    tdl_nn_batch batch = fill_batch(l, l->train, example, n);
    const tdl_run run = {.seed = 1, .step = step, .training = true, .pool = pool};
    double weight;
    tdl_status st;

    if (l->mirror || l->shift)
        draw_views(l, step, example, n);
    if ((st = tdl_net_forward(l->net, &batch, &run, why)))
        return st;
    tdl_net_loss(l->net, &batch, ret_loss, &weight);
    return tdl_net_backward(l->net, &batch, &run, scale, why);
}

tdl_status tdl_learner_train(tdl_learner *l, const tdl_loop_options *options, tdl_report *why)
{
    const tdl_trainee trainee = {
        .model = l, .params = l->params, .examples_n = l->train->n, .gradient = gradient};
    tdl_loop_result result;

    return tdl_loop_run(&trainee, options, &result, why);
}

static bool is_right(const float *score, size_t classes, size_t target)
{
    for (size_t c = 0; c < classes; c++)
        if (c != target && score[c] >= score[target])
            return false;
    return true;
}

tdl_status tdl_learner_accuracy(tdl_learner *l, const tdl_fashion_set *test, tdl_pool *pool,
                                double *ret, tdl_report *why)
{
    const tdl_run run = {.pool = pool};
    size_t right = 0;

    for (size_t at = 0; at < test->n; at += BATCH) {
        size_t n = test->n - at < BATCH ? test->n - at : BATCH;
        uint32_t example[BATCH];
        tdl_status st;

        for (size_t r = 0; r < n; r++)
            example[r] = (uint32_t)(at + r);
        tdl_nn_batch batch = fill_batch(l, test, example, n);
        batch.target = NULL; // scores stay scores
        if ((st = tdl_net_forward(l->net, &batch, &run, why)))
            return st;
        const float *score = tdl_net_value(l->net, l->scores);
        for (size_t r = 0; r < n; r++)
            right += is_right(score + r * l->classes, l->classes, (size_t)l->target[r]);
    }
    *ret = (double)right / (double)test->n;
    return TDL_OK;
}
