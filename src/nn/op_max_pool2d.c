/* max_pool2d: the largest number of each window, channel by channel; of equals the first
 *
 *     d in[where it was] += d out
 *
 * saved: which pixel of the window it was, as a number. Padding is never the largest.
 */
#include <math.h>
#include <string.h>

#include "nn/image.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_image_config *image = &config->image;
    tdl_status st = tdl_image_check("max_pool2d", image, shapes, why);

    if (st)
        return st;
    shapes->out_cols = shapes->saved_cols = image->channels;
    shapes->out_per_row =
        tdl_image_side(image, image->height) * tdl_image_side(image, image->width);
    return TDL_OK;
}

/* The two loops over channels stay functions of their own, load before they choose and compare
 * without a signal: else compilers branch on every number. */
__attribute__((noinline)) static void take_larger(size_t channels, tdl_real pixel,
                                                  const tdl_real *restrict in,
                                                  tdl_real *restrict out, tdl_real *restrict which)
{
    for (size_t c = 0; c < channels; c++) {
        tdl_real best = out[c], at = which[c], here = in[c];

        which[c] = isgreater(here, best) ? pixel : at;
        out[c] = isgreater(here, best) ? here : best;
    }
}

static void pool_window(const tdl_op_call *call, size_t row, const tdl_window *window)
{
    const tdl_image_config *image = &call->config->image;
    size_t channels = image->channels;
    tdl_real *out = call->out + row * channels, *which = call->saved + row * channels;
    bool first = true;

    for (size_t y = window->y_begin; y < window->y_end; y++)
        for (size_t x = window->x_begin; x < window->x_end; x++) {
            const tdl_real *in = call->in[0] + tdl_window_pixel(image, window, y, x) * channels;
            tdl_real pixel = (tdl_real)(y * image->kernel + x);

            if (first) {
                memcpy(out, in, channels * sizeof *out);
                for (size_t c = 0; c < channels; c++)
                    which[c] = pixel;
            } else {
                take_larger(channels, pixel, in, out, which);
            }
            first = false;
        }
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_image_config *image = &call->config->image;
    tdl_window window = tdl_window_of(image, begin);

    TDL_UNUSED(part);
    for (size_t row = begin; row < end; row++, tdl_window_next(image, &window))
        pool_window(call, row, &window);
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 64, forward_rows, (void *)call);
    return TDL_OK;
}

__attribute__((noinline)) static void give_back(size_t channels, tdl_real pixel,
                                                const tdl_real *restrict d_out,
                                                const tdl_real *restrict which,
                                                tdl_real *restrict d_in)
{
    for (size_t c = 0; c < channels; c++) {
        tdl_real here = d_out[c], given = which[c] == pixel ? here : 0;

        d_in[c] += given;
    }
}

static void return_window(const tdl_op_call *call, size_t row, const tdl_window *window)
{
    const tdl_image_config *image = &call->config->image;
    size_t channels = image->channels;

    for (size_t y = window->y_begin; y < window->y_end; y++)
        for (size_t x = window->x_begin; x < window->x_end; x++)
            give_back(channels, (tdl_real)(y * image->kernel + x), call->d_out + row * channels,
                      call->saved + row * channels,
                      call->d_in[0] + tdl_window_pixel(image, window, y, x) * channels);
}

static void backward_images(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_image_config *image = &call->config->image;
    size_t of_image = call->shapes->in_per_row[0] * image->channels;
    size_t windows = call->shapes->out_per_row;
    tdl_window window = tdl_window_of(image, begin * windows);

    TDL_UNUSED(part);
    if (!call->d_in_add[0])
        memset(call->d_in[0] + begin * of_image, 0, (end - begin) * of_image * sizeof(tdl_real));
    for (size_t row = begin * windows; row < end * windows; row++, tdl_window_next(image, &window))
        return_window(call, row, &window);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->batch->rows, 1, backward_images, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_max_pool2d = {
    .name = "max_pool2d",
    .inputs_n = 1,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
