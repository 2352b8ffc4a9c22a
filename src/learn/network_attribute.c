/* Integrated gradients of a network, of images down to the pixel: 32 Gauss-Legendre nodes, twice as
 * many as long as the sum of a row is off by more than 1 % of its change, up to 512. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/network.h"
#include "nn/attrib.h"

enum { BLOCK = 16, STEPS = 32, STEPS_MAX = 512, PASS_ROWS = BLOCK * STEPS };
enum { PASS_PIXELS = 1 << 18 }; /* of images, in one pass: what is kept of each is many times it */
static const double ERROR_MAX = 0.01;

/* One tower's net, made ready to be asked about. */
typedef struct asking {
    const tdl_network *network;
    const tdl_matrix *x, *baseline;
    const tdl_tower *tower;
    size_t which, n; /* n: numbers of the attributed value for each row */
    size_t block;    /* rows of a block */
    size_t pixels_n; /* of an image; 0 = no images */
    float *image;    /* [BLOCK][n] rows of images as the tower reads them; NULL = no images */
    tdl_net net;
    tdl_pool *pool;
    float *base;       /* [BLOCK][n] the baseline's value, in each row */
    float *answer;     /* [BLOCK][n] */
    int32_t *target;   /* [PASS_ROWS] `which` */
    double *from, *to; /* [BLOCK] */
} asking;

static tdl_nn_batch batch_of(const asking *a, const tdl_matrix *x, size_t first, size_t n)
{
    const tdl_network *network = a->network;

    for (size_t r = 0; a->image && r < n; r++) {
        float *row = a->image + r * a->n;

        tdl_network_put_image(&network->shape, x, first + r, row);
        for (size_t i = 0; i < a->n; i++)
            row[i] = row[i] * tdl_params_value(&network->params, network->pixel_gain)[i] +
                     tdl_params_value(&network->params, network->pixel_bias)[i];
    }
    if (a->image)
        return (tdl_nn_batch){.rows = n, .x = a->image, .target = a->target};
    return (tdl_nn_batch){.rows = n,
                          .x = x->cols ? x->x + first * x->cols : NULL,
                          .category =
                              x->categories_n ? x->category + first * x->categories_n : NULL,
                          .target = a->target};
}

static tdl_status find_baseline(asking *a, tdl_report *why)
{
    tdl_nn_batch batch = batch_of(a, a->baseline, 0, 1);
    const tdl_run run = {0};
    const float *value;
    tdl_status st = tdl_net_forward(&a->net, &batch, &run, why);

    if (st)
        return st;
    value = a->net.node[a->tower->attribute].op == &tdl_op_input
                ? batch.x
                : tdl_net_value(&a->net, a->tower->attribute);
    for (size_t r = 0; r < BLOCK && value; r++) // NULL = no columns, and n is 0
        memcpy(a->base + r * a->n, value, a->n * sizeof *a->base);
    return TDL_OK;
}

static tdl_status open_asking(asking *a, tdl_report *why)
{
    const tdl_tower *t = a->tower;
    const tdl_network_shape *shape = &a->network->shape;
    a->pixels_n = shape->channels * shape->height * shape->width;
    a->block = a->pixels_n ? 1 : a->x->rows < BLOCK ? a->x->rows : BLOCK;
    size_t rows = a->block * STEPS, fit = a->pixels_n ? PASS_PIXELS / a->pixels_n : rows;
    const tdl_plan_options plan = {.rows = rows < fit ? rows : fit ? fit : 1, .backward = true};
    tdl_status st = tdl_net_copy(t->net, t->scores + 1, NULL, &a->net, why);

    if (st)
        return st;
    tdl_attrib_prepare(&a->net, t->scores, t->attribute);
    if ((st = tdl_net_plan(&a->net, &plan, why)))
        return st;
    const tdl_op_shapes *shapes = &a->net.node[t->attribute].shapes;
    a->n = shapes->out_cols * shapes->out_per_row;
    a->base = malloc(2 * BLOCK * a->n * sizeof *a->base);
    a->target = malloc(PASS_ROWS * sizeof *a->target);
    a->from = malloc(2 * BLOCK * sizeof *a->from);
    if (a->pixels_n)
        a->image = malloc(BLOCK * a->n * sizeof *a->image);
    if (!a->base || !a->target || !a->from || (a->pixels_n && !a->image))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for attributions");
    a->answer = a->base + BLOCK * a->n;
    a->to = a->from + BLOCK;
    for (size_t i = 0; i < PASS_ROWS; i++)
        a->target[i] = (int32_t)a->which;
    return find_baseline(a, why);
}

static void close_asking(asking *a)
{
    tdl_net_release(&a->net);
    free(a->base);
    free(a->target);
    free(a->from);
    free(a->image);
    a->image = NULL;
    a->base = NULL;
    a->target = NULL;
    a->from = NULL;
}

/* |sum - change| of a row of the block over the change, a tenth at least: in the unit of a tower's
 * scores, smaller changes are none. */
static double error_of(const asking *a, size_t r)
{
    double change = a->to[r] - a->from[r], sum = 0;

    for (size_t i = 0; i < a->n; i++)
        sum += (double)a->answer[r * a->n + i];
    return fabs(sum - change) / fmax(fabs(change), 0.1);
}

/* Attributions of the value as those of columns, in the unit of the score: added. */
static void add_columns(const asking *a, size_t first, size_t rows, tdl_attribution *ret)
{
    const tdl_network *n = a->network;
    const tdl_tower *t = a->tower;
    double gain = (double)tdl_params_value(&n->params, n->gain)[a->which];

    for (size_t r = 0; r < rows; r++) {
        const float *from = a->answer + r * a->n + t->attribute_skip;

        for (size_t i = 0; i < a->pixels_n; i++)
            ret->pixel[(first + r) * a->pixels_n + i] += gain * (double)*from++;
        for (size_t j = 0; j < n->shape.cols; j++)
            for (size_t i = 0; i < (a->pixels_n ? 1 : t->number_width); i++)
                ret->x[(first + r) * n->shape.cols + j] += gain * (double)*from++;
        for (size_t j = 0; j < n->shape.categories_n; j++)
            for (size_t i = 0; i < t->category_width; i++)
                ret->category[(first + r) * n->shape.categories_n + j] += gain * (double)*from++;
    }
}

/* Rows first .. first + rows of the matrix, which are row `at` of the block and those behind it. */
static tdl_status ask_rows(asking *a, size_t first, size_t at, size_t rows, size_t steps,
                           tdl_report *why)
{
    const tdl_attrib_options options = {.baseline = a->base,
                                        .steps = steps,
                                        .gauss = true,
                                        .ret_from = a->from + at,
                                        .ret_to = a->to + at,
                                        .pool = a->pool};
    tdl_nn_batch batch = batch_of(a, a->x, first, rows);

    return tdl_attrib_integrated(&a->net, a->tower->attribute, &batch, &options,
                                 a->answer + at * a->n, NULL, why);
}

static tdl_status ask_block(asking *a, size_t first, size_t rows, tdl_attribution *ret,
                            double *score, tdl_report *why)
{
    const tdl_network *n = a->network;
    double gain = (double)tdl_params_value(&n->params, n->gain)[a->which];
    tdl_status st = ask_rows(a, first, 0, rows, STEPS, why);

    for (size_t r = 0; !st && r < rows; r++)
        for (size_t steps = 2 * STEPS; steps <= STEPS_MAX && error_of(a, r) > ERROR_MAX; steps *= 2)
            if ((st = ask_rows(a, first + r, r, 1, steps, why)))
                break;
    if (st)
        return st;
    add_columns(a, first, rows, ret);
    for (size_t r = 0; r < rows; r++) {
        ret->base[first + r] += gain * a->from[r];
        score[first + r] += gain * a->to[r];
    }
    return TDL_OK;
}

static tdl_status ask_tower(asking *a, tdl_attribution *ret, double *score, tdl_report *why)
{
    tdl_status st = open_asking(a, why);

    for (size_t at = 0; !st && at < a->x->rows; at += a->block)
        st = ask_block(a, at, a->x->rows - at < a->block ? a->x->rows - at : a->block, ret, score,
                       why);
    close_asking(a);
    return st;
}

static void finish(const tdl_network *n, size_t which, const double *score, size_t rows,
                   tdl_attribution *ret)
{
    double bias = (double)tdl_params_value(&n->params, n->bias)[which];
    size_t pixels = n->shape.channels * n->shape.height * n->shape.width;

    ret->error = 0;
    for (size_t r = 0; r < rows; r++) {
        double change = score[r] - ret->base[r], sum = 0;

        for (size_t i = 0; i < pixels; i++)
            sum += ret->pixel[r * pixels + i];
        for (size_t j = 0; j < n->shape.cols; j++)
            sum += ret->x[r * n->shape.cols + j];
        for (size_t j = 0; j < n->shape.categories_n; j++)
            sum += ret->category[r * n->shape.categories_n + j];
        ret->error = fmax(ret->error, fabs(sum - change) / fmax(1, fabs(change)));
        ret->base[r] += bias;
    }
}

tdl_status tdl_network_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why)
{
    const tdl_network *n = (const tdl_network *)learner;
    asking a = {.network = n, .x = x, .baseline = baseline, .which = which, .pool = pool};
    double *score = NULL;
    tdl_status st = TDL_OK;

    if (!baseline || baseline->rows != 1)
        return TDL_FAIL(why, TDL_E_INVALID, "integrated gradients need a baseline of one row");
    size_t pixels = n->shape.channels * n->shape.height * n->shape.width;
    if (pixels &&
        (!ret->pixel || !x->pixel || !baseline->pixel || x->channels != n->shape.channels ||
         x->height != n->shape.height || x->width != n->shape.width))
        return TDL_FAIL(why, TDL_E_INVALID, "attributions of images of %zu x %zu need such images",
                        n->shape.height, n->shape.width);
    score = calloc(x->rows + 1, sizeof *score);
    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for attributions");
    if (pixels)
        memset(ret->pixel, 0, x->rows * pixels * sizeof *ret->pixel);
    if (n->shape.cols)
        memset(ret->x, 0, x->rows * n->shape.cols * sizeof *ret->x);
    if (n->shape.categories_n)
        memset(ret->category, 0, x->rows * n->shape.categories_n * sizeof *ret->category);
    memset(ret->base, 0, x->rows * sizeof *ret->base);
    for (size_t i = 0; !st && i < n->towers_n; i++) {
        a.tower = &n->tower[i];
        st = ask_tower(&a, ret, score, why);
    }
    if (!st)
        finish(n, which, score, x->rows, ret);
    free(score);
    return st;
}
