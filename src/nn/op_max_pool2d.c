/* max_pool2d: the largest number of each window, channel by channel; of equals the first
 *
 *     d in[where it was] += d out
 *
 * saved: which pixel of the window it was, as a number. Padding is never the largest.
 */
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

static void take_larger(size_t channels, tdl_real pixel, const tdl_real *restrict in,
                        tdl_real *restrict out, tdl_real *restrict which)
{
    for (size_t c = 0; c < channels; c++) {
        bool larger = in[c] > out[c];

        out[c] = larger ? in[c] : out[c];
        which[c] = larger ? pixel : which[c];
    }
}

static void pool_window(const tdl_op_call *call, size_t row, const tdl_window *window)
{
    const tdl_image_config *image = &call->config->image;
    size_t channels = image->channels, k = image->kernel;
    tdl_real *out = call->out + row * channels, *which = call->saved + row * channels;
    bool first = true;

    for (size_t i = 0; i < k * k; i++) {
        ptrdiff_t pixel = tdl_window_pixel(image, window, i / k, i % k);
        const tdl_real *in = pixel < 0 ? NULL : call->in[0] + (size_t)pixel * channels;

        if (in && first) {
            tdl_put(false, channels, in, out);
            for (size_t c = 0; c < channels; c++)
                which[c] = (tdl_real)i;
            first = false;
        } else if (in) {
            take_larger(channels, (tdl_real)i, in, out, which);
        }
    }
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_image_config *image = &call->config->image;
    size_t height = tdl_image_side(image, image->height);
    size_t width = tdl_image_side(image, image->width);

    TDL_UNUSED(part);
    for (size_t row = begin; row < end; row++) {
        tdl_window window = tdl_window_of(image, height, width, row);
        pool_window(call, row, &window);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 64, forward_rows, (void *)call);
    return TDL_OK;
}

static void give_back(size_t channels, tdl_real pixel, const tdl_real *restrict d_out,
                      const tdl_real *restrict which, tdl_real *restrict d_in)
{
    for (size_t c = 0; c < channels; c++)
        d_in[c] += which[c] == pixel ? d_out[c] : 0;
}

static void backward_images(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_image_config *image = &call->config->image;
    size_t channels = image->channels, k = image->kernel, of_image = call->shapes->in_per_row[0];
    size_t height = tdl_image_side(image, image->height);
    size_t width = tdl_image_side(image, image->width);

    TDL_UNUSED(part);
    if (!call->d_in_add[0])
        memset(call->d_in[0] + begin * of_image * channels, 0,
               (end - begin) * of_image * channels * sizeof(tdl_real));
    for (size_t row = begin * height * width; row < end * height * width; row++) {
        tdl_window window = tdl_window_of(image, height, width, row);

        for (size_t i = 0; i < k * k; i++) {
            ptrdiff_t pixel = tdl_window_pixel(image, &window, i / k, i % k);

            if (pixel >= 0)
                give_back(channels, (tdl_real)i, call->d_out + row * channels,
                          call->saved + row * channels, call->d_in[0] + (size_t)pixel * channels);
        }
    }
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
