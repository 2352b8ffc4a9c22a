/* Windows over an image whose channels are last: what convolution and pooling share.
 *
 * The value has one row for each pixel, line by line, and one column for each channel. A window of
 * kernel x kernel pixels steps by `stride` over the image, with `padding` pixels around it.
 */
#ifndef TDL_NN_IMAGE_H
#define TDL_NN_IMAGE_H

#include <assert.h>

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

/* A window: where it lies, and which of its pixels lie in the image and not in the padding. */
typedef struct tdl_window {
    size_t height, width; /* windows of an image */
    size_t example, down, right;
    size_t y_begin, y_end, x_begin, x_end; /* pixels of the window, from its corner */
    ptrdiff_t corner;                      /* row of the input for its first pixel */
} tdl_window;

/* The part of a side of the window that lies on the side of the image. */
static inline void tdl_window_clip(ptrdiff_t at, size_t kernel, size_t side, size_t *ret_begin,
                                   size_t *ret_end)
{
    ptrdiff_t end = (ptrdiff_t)side - at;

    *ret_begin = at < 0 ? (size_t)-at : 0;
    *ret_end = end < 0 ? 0 : (size_t)end < kernel ? (size_t)end : kernel;
}

static inline void tdl_window_place(const tdl_image_config *image, tdl_window *w)
{
    ptrdiff_t y = (ptrdiff_t)(w->down * image->stride) - (ptrdiff_t)image->padding;
    ptrdiff_t x = (ptrdiff_t)(w->right * image->stride) - (ptrdiff_t)image->padding;

    tdl_window_clip(y, image->kernel, image->height, &w->y_begin, &w->y_end);
    tdl_window_clip(x, image->kernel, image->width, &w->x_begin, &w->x_end);
    w->corner = ((ptrdiff_t)(w->example * image->height) + y) * (ptrdiff_t)image->width + x;
}

/* The window of row `row` of the output. */
static inline tdl_window tdl_window_of(const tdl_image_config *image, size_t row)
{
    tdl_window w = {.height = tdl_image_side(image, image->height),
                    .width = tdl_image_side(image, image->width)};

    assert(w.width && w.height); // tdl_image_check
    w.example = row / w.width / w.height;
    w.down = row / w.width % w.height;
    w.right = row % w.width;
    tdl_window_place(image, &w);
    return w;
}

/* That of the next row: divisions would cost more than the windows do. */
static inline void tdl_window_next(const tdl_image_config *image, tdl_window *w)
{
    if (++w->right == w->width) {
        w->right = 0;
        if (++w->down == w->height) {
            w->down = 0;
            w->example++;
        }
    }
    tdl_window_place(image, w);
}

/* Row of the input for a pixel of the window that lies in the image. */
static inline size_t tdl_window_pixel(const tdl_image_config *image, const tdl_window *w, size_t y,
                                      size_t x)
{
    return (size_t)(w->corner + (ptrdiff_t)(y * image->width + x));
}

#endif
