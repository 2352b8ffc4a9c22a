#include "apps/recommend/content_image.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nn/cnn.h"
#include "table/picture.h"

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, FILTERS = 16, SEED = 1 };

/* ---- the bytes ---- */

static bool read_data(tdl_str text, tdl_buf *ret)
{
    const char *comma = memchr(text.at, ',', text.len);
    size_t from = comma ? (size_t)(comma - text.at) + 1 : text.len, n = text.len - from;

    if (!comma || !memmem(text.at, from, ";base64", 7) || n / 4 * 3 > TDL_CONTENT_IMAGE_BYTES_MAX)
        return false;
    tdl_buf_reserve(ret, n / 4 * 3 + 3);
    return !ret->failed &&
           !sodium_base642bin((unsigned char *)ret->at, n / 4 * 3 + 3, text.at + from, n, "\r\n ",
                              &ret->len, NULL, sodium_base64_VARIANT_ORIGINAL);
}

/* Below the folder: it does not begin with "/", and no part of it is "..". */
static bool stays_below(tdl_str path)
{
    if (!path.len || path.len > 1024 || path.at[0] == '/' || memchr(path.at, '\0', path.len))
        return false;
    for (size_t at = 0; at < path.len;) {
        const char *slash = memchr(path.at + at, '/', path.len - at);
        size_t end = slash ? (size_t)(slash - path.at) : path.len;
        if (end - at == 2 && !memcmp(path.at + at, "..", 2))
            return false;
        at = end + 1;
    }
    return true;
}

static bool read_open(int fd, tdl_buf *ret)
{
    struct stat found;
    ssize_t n = 0;

    if (fstat(fd, &found) || !S_ISREG(found.st_mode) || found.st_size < 1 ||
        found.st_size > TDL_CONTENT_IMAGE_BYTES_MAX)
        return false;
    size_t size = (size_t)found.st_size;
    tdl_buf_reserve(ret, size);
    while (!ret->failed && ret->len < size &&
           (n = read(fd, ret->at + ret->len, size - ret->len)) > 0)
        ret->len += (size_t)n;
    return !ret->failed && n >= 0;
}

/* O_NONBLOCK: opening a pipe would wait for its other end. */
static bool read_file(tdl_str path, const char *folder, tdl_buf *ret)
{
    tdl_buf name = {0};
    bool ok = false;

    if (!folder || !stays_below(path))
        return false;
    tdl_buf_printf(&name, "%s/%.*s", folder, (int)path.len, path.at);
    int fd = name.failed ? -1 : open(name.at, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0) {
        ok = read_open(fd, ret);
        close(fd);
    }
    tdl_buf_release(&name);
    return ok;
}

/* A PNG says how large it is in its first 24 bytes; netpbm pictures cannot be larger than their
 * file. */
static bool is_small(tdl_str file)
{
    const unsigned char *b = (const unsigned char *)file.at;
    uint64_t width, height;

    if (file.len < 24 || b[0] != 0x89)
        return file.len > 0;
    width = (uint64_t)b[16] << 24 | (uint64_t)b[17] << 16 | (uint64_t)b[18] << 8 | b[19];
    height = (uint64_t)b[20] << 24 | (uint64_t)b[21] << 16 | (uint64_t)b[22] << 8 | b[23];
    return !width || height <= TDL_CONTENT_IMAGE_PIXELS_MAX / width;
}

/* ---- the pixels ---- */

/* The pixels [begin, end) of a side that cell `at` of SIDE covers, at least one. */
static void span(size_t side, size_t at, size_t *begin, size_t *end)
{
    *begin = at * side / SIDE;
    *end = (at + 1) * side / SIDE;
    *end = *end > *begin ? *end : *begin + 1;
}

/* Means over what each pixel covers, from -1 to 1: ret[PIXELS]. */
static void shrink(const tdl_picture *p, float *ret)
{
    for (size_t c = 0; c < CHANNELS; c++) {
        const uint8_t *plane = p->pixel + (p->channels == CHANNELS ? c : 0) * p->height * p->width;
        for (size_t i = 0; i < (size_t)SIDE * SIDE; i++) {
            size_t top, bottom, left, right, sum = 0;
            span(p->height, i / SIDE, &top, &bottom);
            span(p->width, i % SIDE, &left, &right);
            for (size_t y = top; y < bottom; y++)
                for (size_t x = left; x < right; x++)
                    sum += plane[y * p->width + x];
            *ret++ = (float)((double)sum / (double)((bottom - top) * (right - left)) / 127.5 - 1);
        }
    }
}

/* What sets it apart from a grey field: pixels [2][PIXELS], of which the second are 0. */
static bool encode(const float *pixels, float *ret)
{
    const tdl_cnn_config config = {.channels = CHANNELS,
                                   .height = SIDE,
                                   .width = SIDE,
                                   .stage = {{FILTERS, 3, 2}, {2 * FILTERS, 3, 2}},
                                   .stages_n = 2,
                                   .classes = TDL_CONTENT_IMAGE_CELLS};
    const tdl_plan_options plan = {.rows = 2};
    const tdl_nn_batch batch = {.rows = 2, .x = pixels};
    const tdl_run run = {0};
    tdl_cnn cnn;
    bool ok = false;

    if (tdl_cnn_init(&cnn, &config, NULL))
        return false;
    tdl_cnn_start(&cnn, SEED);
    tdl_net_keep(&cnn.net, cnn.scores);
    cnn.net.nodes_n = cnn.scores + 1; // no loss
    if (!tdl_net_plan(&cnn.net, &plan, NULL) && !tdl_net_forward(&cnn.net, &batch, &run, NULL)) {
        const float *value = tdl_net_value(&cnn.net, cnn.scores);
        for (size_t i = 0; i < TDL_CONTENT_IMAGE_CELLS; i++)
            ret[i] = value[i] - value[TDL_CONTENT_IMAGE_CELLS + i];
        ok = true;
    }
    tdl_cnn_release(&cnn);
    return ok;
}

bool tdl_content_image(tdl_str image, const char *folder, float *ret)
{
    tdl_buf bytes = {.limit = TDL_CONTENT_IMAGE_BYTES_MAX + 16};
    tdl_picture picture = {0};
    float *pixels = NULL;
    bool ok = false;

    if (!image.len || !(tdl_str_starts(image, TDL_STR("data:")) ? read_data(image, &bytes)
                                                                : read_file(image, folder, &bytes)))
        goto out;
    if (!is_small(tdl_buf_view(&bytes)) || tdl_picture_read(tdl_buf_view(&bytes), &picture, NULL))
        goto out;
    if (!(pixels = calloc(2 * (size_t)PIXELS, sizeof *pixels)))
        goto out;
    shrink(&picture, pixels);
    ok = encode(pixels, ret);
out:
    free(pixels);
    free(picture.pixel);
    tdl_buf_release(&bytes);
    return ok;
}
