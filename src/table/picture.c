#include "table/picture.h"

#include <png.h>
#include <stdlib.h>

/* Channels last, as files have them, into channels first. */
static tdl_status take_pixels(const uint8_t *from, tdl_picture *picture, tdl_report *why)
{
    size_t area = picture->height * picture->width, n = picture->channels;

    if (!(picture->pixel = malloc(area * n)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a picture");
    for (size_t c = 0; c < n; c++)
        for (size_t i = 0; i < area; i++)
            picture->pixel[c * area + i] = from[i * n + c];
    return TDL_OK;
}

static tdl_status check_sides(size_t width, size_t height, tdl_report *why)
{
    if (width && height && width <= TDL_PICTURE_SIDE_MAX && height <= TDL_PICTURE_SIDE_MAX)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_TOO_LARGE, "a picture of %zu x %zu; 1 to %d a side are read", width,
                    height, TDL_PICTURE_SIDE_MAX);
}

/* ---- PNG ---- */

static tdl_status read_png(tdl_str file, tdl_picture *ret, tdl_report *why)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *rows = NULL;
    tdl_status st = TDL_OK;

    if (!png_image_begin_read_from_memory(&image, file.at, file.len)) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "a damaged PNG: %s", image.message);
        goto out;
    }
    if ((st = check_sides(image.width, image.height, why)))
        goto out;
    image.format = image.format & PNG_FORMAT_FLAG_COLOR ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    *ret = (tdl_picture){.channels = image.format == PNG_FORMAT_RGB ? 3 : 1,
                         .height = image.height,
                         .width = image.width};
    if (!(rows = calloc(PNG_IMAGE_SIZE(image), 1))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a picture");
        goto out;
    }
    if (!png_image_finish_read(&image, NULL, rows, 0, NULL))
        st = TDL_FAIL(why, TDL_E_CORRUPT, "a damaged PNG: %s", image.message);
    else
        st = take_pixels(rows, ret, why);
out:
    png_image_free(&image);
    free(rows);
    return st;
}

/* ---- PGM and PPM (netpbm: P5, P6) ---- */

/* A number after blanks and comments. */
static bool read_number(tdl_str file, size_t *at, size_t *ret)
{
    size_t digits = 0;

    while (*at < file.len && (strchr(" \t\r\n", file.at[*at]) || file.at[*at] == '#')) {
        if (file.at[*at] == '#')
            while (*at < file.len && file.at[*at] != '\n')
                (*at)++;
        else
            (*at)++;
    }
    *ret = 0;
    for (; *at < file.len && file.at[*at] >= '0' && file.at[*at] <= '9' && digits < 6; digits++)
        *ret = 10 * *ret + (size_t)(file.at[(*at)++] - '0');
    return digits;
}

static tdl_status read_pnm(tdl_str file, tdl_picture *ret, tdl_report *why)
{
    size_t at = 2, most, n;
    tdl_status st;

    *ret = (tdl_picture){.channels = file.at[1] == '6' ? 3 : 1};
    if (!read_number(file, &at, &ret->width) || !read_number(file, &at, &ret->height) ||
        !read_number(file, &at, &most) || at == file.len)
        return TDL_FAIL(why, TDL_E_CORRUPT, "the header of the picture is damaged");
    at++; /* one blank */
    if ((st = check_sides(ret->width, ret->height, why)))
        return st;
    if (most < 1 || most > 255)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "convert it to 8 bits a channel",
                             "values up to %zu; 1 to 255 are read", most);
    n = ret->channels * ret->height * ret->width;
    if (file.len - at < n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "the picture ends too early");
    if ((st = take_pixels((const uint8_t *)file.at + at, ret, why)))
        return st;
    for (size_t i = 0; most < 255 && i < n; i++)
        ret->pixel[i] =
            (uint8_t)(ret->pixel[i] >= most ? 255 : (ret->pixel[i] * 255u + most / 2) / most);
    return TDL_OK;
}

tdl_status tdl_picture_read(tdl_str file, tdl_picture *ret, tdl_report *why)
{
    tdl_picture picture = {0};
    tdl_status st;

    if (file.len >= 8 && !memcmp(file.at, "\x89PNG\r\n\x1a\n", 8))
        st = read_png(file, &picture, why);
    else if (file.len >= 3 && file.at[0] == 'P' && (file.at[1] == '5' || file.at[1] == '6'))
        st = read_pnm(file, &picture, why);
    else
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "convert it: mogrify -format png *.jpg",
                           "neither PNG nor binary PGM or PPM");
    if (!st)
        *ret = picture;
    return st;
}

tdl_status tdl_picture_write_png(const tdl_picture *p, tdl_buf *out, tdl_report *why)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->width,
                       .height = (png_uint_32)p->height,
                       .format = p->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    size_t area = p->height * p->width;
    png_alloc_size_t n;
    uint8_t *row = NULL;
    void *bytes = NULL;
    tdl_status st = TDL_OK;

    if ((p->channels != 1 && p->channels != 3) || !area || p->width > TDL_PICTURE_SIDE_MAX ||
        p->height > TDL_PICTURE_SIDE_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a picture of %zu x %zu, %zu channels", p->width,
                        p->height, p->channels);
    n = PNG_IMAGE_PNG_SIZE_MAX(image);
    row = malloc(area * p->channels);
    bytes = malloc(n);
    if (!row || !bytes) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a picture");
        goto out;
    }
    for (size_t c = 0; c < p->channels; c++)
        for (size_t i = 0; i < area; i++)
            row[i * p->channels + c] = p->pixel[c * area + i];
    if (png_image_write_to_memory(&image, bytes, &n, 0, row, 0, NULL))
        tdl_buf_add(out, bytes, n);
    else
        st = TDL_FAIL(why, TDL_E_INTERNAL, "a picture that cannot be written: %s", image.message);
    if (!st && out->failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a picture");
out:
    free(row);
    free(bytes);
    return st;
}
