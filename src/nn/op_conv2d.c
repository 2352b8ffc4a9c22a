/* conv2d: out[pixel] = act(window(in, pixel) W + b), W [k k C][out] in the order line, column,
 * channel; b [1][out]
 *
 *     d window = d pre W^T    d W += window^T d pre    d b += sum of d pre
 *
 * Windows are laid out as rows of a matrix, a tile of them at a time, and multiplied: the whole
 * matrix would be k k times the input. Backward lays them out again. It cuts the batch into parts
 * by its number of images only; the parts' gradients of W and b are added in rising order, so that
 * they do not depend on the pool.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nn/image.h"

enum { TILE = 256, PARTS_MAX = 16 };

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_image_config *image = &config->image;
    const tdl_slice *w = shapes->param[0], *bias = shapes->param[1];
    tdl_status st = tdl_image_check("conv2d", image, shapes, why);

    if (st)
        return st;
    if (!w || w->rows != image->kernel * image->kernel * image->channels)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "conv2d: weights of %zu rows, windows of %zu x %zu pixels in %zu channels",
                        w ? w->rows : 0, image->kernel, image->kernel, image->channels);
    if (bias && (bias->rows != 1 || bias->cols != w->cols))
        return TDL_FAIL(why, TDL_E_INVALID, "conv2d: bias '%s' [%zu][%zu], weights '%s' [%zu][%zu]",
                        bias->name, bias->rows, bias->cols, w->name, w->rows, w->cols);
    shapes->out_cols = w->cols;
    shapes->out_per_row =
        tdl_image_side(image, image->height) * tdl_image_side(image, image->width);
    if (config->act != TDL_ACT_NONE && tdl_act_needs_input(config->act))
        shapes->saved_cols = w->cols;
    else if (config->act != TDL_ACT_NONE)
        shapes->reads |= TDL_READS_OUT;
    return TDL_OK;
}

/* ---- windows as rows ---- */

typedef struct job {
    const tdl_op_call *call;
    const tdl_image_config *image;
    size_t in, out;  /* numbers of a window, columns */
    size_t parts;    /* of the batch, backward */
    size_t sums_n;   /* numbers of a part's gradient of W and b */
    tdl_real *tiles; /* [threads or parts][TILE][in], twice that for d window */
    tdl_real *sums;  /* [parts][sums_n] */
    atomic_bool failed;
} job;

static void start(job *j, const tdl_op_call *call)
{
    const tdl_image_config *image = &call->config->image;

    *j = (job){.call = call,
               .image = image,
               .in = call->shapes->param[0]->rows,
               .out = call->shapes->out_cols};
}

/* A line of a window: which of its numbers lie in the image. */
typedef struct line {
    size_t before, n; /* numbers of padding before, numbers of the image */
    size_t at;        /* of the first in the input */
} line;

static line line_of(const tdl_image_config *image, const tdl_window *window, size_t y)
{
    if (y < window->y_begin || y >= window->y_end || window->x_begin >= window->x_end)
        return (line){0};
    return (line){.before = window->x_begin * image->channels,
                  .n = (window->x_end - window->x_begin) * image->channels,
                  .at = tdl_window_pixel(image, window, y, window->x_begin) * image->channels};
}

/* Windows of output rows begin .. end as rows of tile. */
static void lay_out(const job *j, size_t begin, size_t end, tdl_real *tile)
{
    const tdl_image_config *image = j->image;
    size_t cols = image->kernel * image->channels;
    tdl_window window = tdl_window_of(image, begin);

    for (size_t row = begin; row < end; row++, tdl_window_next(image, &window))
        for (size_t y = 0; y < image->kernel; y++, tile += cols) {
            line l = line_of(image, &window, y);
            const tdl_real *in = j->call->in[0] + l.at;

            if (l.n < cols)
                memset(tile, 0, cols * sizeof *tile);
            for (size_t i = 0; i < l.n; i++)
                tile[l.before + i] = in[i];
        }
}

/* The reverse: add the rows of tile to the gradient of the input. */
static void add_back(const job *j, size_t begin, size_t end, const tdl_real *tile)
{
    const tdl_image_config *image = j->image;
    size_t cols = image->kernel * image->channels;
    tdl_window window = tdl_window_of(image, begin);

    for (size_t row = begin; row < end; row++, tdl_window_next(image, &window))
        for (size_t y = 0; y < image->kernel; y++, tile += cols) {
            line l = line_of(image, &window, y);

            tdl_put(true, l.n, tile + l.before, j->call->d_in[0] + l.at);
        }
}

/* ---- forward ---- */

static void finish_tile(const job *j, size_t begin, size_t n)
{
    const tdl_op_call *call = j->call;
    tdl_real *out = call->out + begin * j->out;

    if (call->saved) {
        tdl_act_rows(TDL_ACT_NONE, n, j->out, call->param[1], out);
        memcpy(call->saved + begin * j->out, out, n * j->out * sizeof *out);
        tdl_act_rows(call->config->act, n, j->out, NULL, out);
    } else if (call->param[1] || call->config->act != TDL_ACT_NONE) {
        tdl_act_rows(call->config->act, n, j->out, call->param[1], out);
    }
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    job *j = context;
    tdl_real *tile = j->tiles + part * TILE * j->in;

    for (size_t at = begin; at < end && !j->failed; at += TILE) {
        size_t n = end - at < TILE ? end - at : TILE;

        lay_out(j, at, at + n, tile);
        if (tdl_matmul(false, false, n, j->out, j->in, tile, j->in, j->call->param[0], j->out,
                       j->call->out + at * j->out, j->out, false, NULL, NULL))
            j->failed = true;
        else
            finish_tile(j, at, n);
    }
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "use a smaller batch", "conv2d: no memory");
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    job j;

    start(&j, call);
    j.tiles = malloc(tdl_pool_threads(call->pool) * TILE * j.in * sizeof *j.tiles);
    if (!j.tiles)
        return no_memory(why);
    tdl_pool_run(call->pool, call->rows, TILE, forward_rows, &j);
    free(j.tiles);
    return j.failed ? no_memory(why) : TDL_OK;
}

/* ---- backward ---- */

static bool tile_backward(const job *j, size_t begin, size_t n, tdl_real *tile, tdl_real *sums)
{
    const tdl_op_call *call = j->call;
    tdl_real *d_out = call->d_out + begin * j->out;

    if (call->config->act != TDL_ACT_NONE)
        tdl_act_backward(call->config->act, n * j->out,
                         (call->saved ? call->saved : call->out) + begin * j->out, d_out);
    if (call->d_param[1])
        tdl_sum_rows(n, j->out, d_out, sums + j->in * j->out, NULL);
    if (call->d_param[0]) {
        lay_out(j, begin, begin + n, tile);
        if (tdl_matmul(true, false, j->in, j->out, n, tile, j->in, d_out, j->out, sums, j->out,
                       true, NULL, NULL))
            return false;
    }
    if (!call->d_in[0])
        return true;
    if (tdl_matmul(false, true, n, j->in, j->out, d_out, j->out, call->param[0], j->out, tile,
                   j->in, false, NULL, NULL))
        return false;
    add_back(j, begin, begin + n, tile);
    return true;
}

static void backward_parts(void *context, size_t begin, size_t end, unsigned thread)
{
    job *j = context;
    const tdl_op_call *call = j->call;
    size_t images = call->batch->rows, pixels = call->shapes->out_per_row;
    tdl_real *tile = j->tiles + thread * TILE * j->in;

    for (size_t part = begin; part < end; part++) {
        size_t first = part * images / j->parts, last = (part + 1) * images / j->parts;
        size_t of_image = call->shapes->in_per_row[0] * call->shapes->in_cols[0];

        if (call->d_in[0] && !call->d_in_add[0])
            memset(call->d_in[0] + first * of_image, 0,
                   (last - first) * of_image * sizeof(tdl_real));
        for (size_t at = first * pixels; at < last * pixels && !j->failed; at += TILE) {
            size_t n = last * pixels - at < TILE ? last * pixels - at : TILE;
            if (!tile_backward(j, at, n, tile, j->sums + part * j->sums_n))
                j->failed = true;
        }
    }
}

static void add_sums(const job *j)
{
    for (size_t part = 0; part < j->parts; part++) {
        const tdl_real *sums = j->sums + part * j->sums_n;

        if (j->call->d_param[0])
            tdl_put(true, j->in * j->out, sums, j->call->d_param[0]);
        if (j->call->d_param[1])
            tdl_put(true, j->out, sums + j->in * j->out, j->call->d_param[1]);
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    job j;
    tdl_status st = TDL_OK;

    start(&j, call);
    j.parts = call->batch->rows < PARTS_MAX ? call->batch->rows : PARTS_MAX;
    j.sums_n = (j.in + 1) * j.out;
    j.tiles = malloc(tdl_pool_threads(call->pool) * TILE * j.in * sizeof *j.tiles);
    j.sums = calloc(j.parts * j.sums_n, sizeof *j.sums);
    if (j.tiles && j.sums)
        tdl_pool_run(call->pool, j.parts, 1, backward_parts, &j);
    if (!j.tiles || !j.sums || j.failed)
        st = no_memory(why);
    else
        add_sums(&j);
    free(j.tiles);
    free(j.sums);
    return st;
}

const tdl_op tdl_op_conv2d = {
    .name = "conv2d",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
