/* patchify: an image [C][H][W] as one row, cut into squares of p = kernel pixels a side
 *
 *     out[r * patches + patch] = the C p p numbers of a patch, channel, then line, then column
 *
 * Patches run along lines. Every number goes to one place and its gradient comes back from there.
 * With p = 1 this is the image with its channels last, one row a pixel.
 */
#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_image_config *image = &config->image;
    size_t p = image->kernel;

    if (!p || !image->channels || !image->height || !image->width || image->height % p ||
        image->width % p)
        return TDL_FAIL(
            why, TDL_E_INVALID,
            "patchify: an image of %zu x %zu in %zu channels does not fall into patches "
            "of %zu x %zu",
            image->height, image->width, image->channels, p, p);
    if (shapes->in_per_row[0] != 1 ||
        shapes->in_cols[0] != image->channels * image->height * image->width)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "patchify: input of %zu columns, an image of %zu x %zu x %zu",
                        shapes->in_cols[0], image->channels, image->height, image->width);
    shapes->out_cols = image->channels * p * p;
    shapes->out_per_row = (image->height / p) * (image->width / p);
    return TDL_OK;
}

/* The lines of p pixels of an image in the order of the patches: `visit` copies one. */
typedef void visit_fn(const tdl_op_call *call, size_t in_at, size_t out_at, size_t n);

static void forward_line(const tdl_op_call *call, size_t in_at, size_t out_at, size_t n)
{
    tdl_put(false, n, call->in[0] + in_at, call->out + out_at);
}

static void backward_line(const tdl_op_call *call, size_t in_at, size_t out_at, size_t n)
{
    tdl_put(call->d_in_add[0], n, call->d_out + out_at, call->d_in[0] + in_at);
}

static void visit_image(const tdl_op_call *call, size_t r, visit_fn *visit)
{
    const tdl_image_config *image = &call->config->image;
    size_t p = image->kernel, h = image->height, w = image->width;
    size_t out_at = r * image->channels * h * w;

    for (size_t top = 0; top < h; top += p)
        for (size_t left = 0; left < w; left += p)
            for (size_t c = 0; c < image->channels; c++)
                for (size_t y = 0; y < p; y++, out_at += p)
                    visit(call, ((r * image->channels + c) * h + top + y) * w + left, out_at, p);
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        visit_image(context, r, forward_line);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->batch->rows, 1, forward_rows, (void *)call);
    return TDL_OK;
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++)
        visit_image(context, r, backward_line);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->batch->rows, 1, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_patchify = {
    .name = "patchify",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
