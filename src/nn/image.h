/* Windows over an image whose channels are last: what convolution and pooling share.
 *
 * The value has one row for each pixel, line by line, and one column for each channel. A window of
 * kernel x kernel pixels steps by `stride` over the image, with `padding` pixels around it.
 */
#ifndef TDL_NN_IMAGE_H
#define TDL_NN_IMAGE_H

#include "nn/op.h"

/* Pixels a side of what the windows give; 0 when none fits. */
static inline size_t tdl_image_side(const tdl_image_config *image, size_t side)
{
    size_t padded = side + 2 * image->padding;

    return image->stride && padded >= image->kernel ? (padded - image->kernel) / image->stride + 1
                                                    : 0;
}

/* The input is that image, and windows fit. `what` names the op. */
static inline tdl_status tdl_image_check(const char *what, const tdl_image_config *image,
                                         const tdl_op_shapes *shapes, tdl_report *why)
{
    if (!image->kernel || image->padding >= image->kernel ||
        !tdl_image_side(image, image->height) || !tdl_image_side(image, image->width))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%s: windows of %zu, stride %zu, padding %zu over %zu x %zu pixels", what,
                        image->kernel, image->stride, image->padding, image->height, image->width);
    if (shapes->in_cols[0] != image->channels ||
        shapes->in_per_row[0] != image->height * image->width)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%s: input of %zu rows of %zu columns, an image of %zu x %zu x %zu", what,
                        shapes->in_per_row[0], shapes->in_cols[0], image->height, image->width,
                        image->channels);
    return TDL_OK;
}

/* A window: of image `example`, its first pixel, which may lie in the padding. */
typedef struct tdl_window {
    size_t example;
    ptrdiff_t y, x;
} tdl_window;

/* The window of row `row` of the output, which is height x width windows an image. */
static inline tdl_window tdl_window_of(const tdl_image_config *image, size_t height, size_t width,
                                       size_t row)
{
    size_t y = row / width % height, x = row % width;

    return (tdl_window){row / width / height,
                        (ptrdiff_t)(y * image->stride) - (ptrdiff_t)image->padding,
                        (ptrdiff_t)(x * image->stride) - (ptrdiff_t)image->padding};
}

/* Row of the input for a pixel of the window, or -1 in the padding. */
static inline ptrdiff_t tdl_window_pixel(const tdl_image_config *image, const tdl_window *window,
                                         size_t down, size_t right)
{
    ptrdiff_t y = window->y + (ptrdiff_t)down, x = window->x + (ptrdiff_t)right;
    ptrdiff_t h = (ptrdiff_t)image->height, w = (ptrdiff_t)image->width;

    return y < 0 || x < 0 || y >= h || x >= w ? -1 : ((ptrdiff_t)window->example * h + y) * w + x;
}

#endif
