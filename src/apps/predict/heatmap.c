#include "apps/predict/heatmap.h"

#include <math.h>
#include <stdlib.h>

#include "table/picture.h"

enum { SIDE_WANTED = 128 };

void tdl_heatmap_grid(const tdl_explanation *e, size_t r, double *ret)
{
    size_t area = e->height * e->width;

    for (size_t i = 0; i < area; i++) {
        ret[i] = 0;
        for (size_t c = 0; c < e->channels; c++)
            ret[i] += e->pixel[(r * e->channels + c) * area + i];
    }
}

static tdl_status make_grid(const tdl_explanation *e, size_t r, double **ret, tdl_report *why)
{
    if (!e->pixel)
        return TDL_FAIL(why, TDL_E_INVALID, "no model here tells what pixels add");
    if (!(*ret = calloc(e->height * e->width + 1, sizeof **ret)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a grid");
    tdl_heatmap_grid(e, r, *ret);
    return TDL_OK;
}

tdl_status tdl_heatmap_write(const tdl_explanation *e, size_t r, tdl_jw *out, tdl_report *why)
{
    double *grid = NULL;
    tdl_status st = make_grid(e, r, &grid, why);

    if (st)
        return st;
    tdl_jw_object(out);
    tdl_jw_kint(out, "height", (int64_t)e->height);
    tdl_jw_kint(out, "width", (int64_t)e->width);
    tdl_jw_key(out, "attribution");
    tdl_jw_array(out);
    for (size_t i = 0; i < e->height; i++) {
        tdl_jw_array(out);
        for (size_t k = 0; k < e->width; k++)
            tdl_jw_number(out, grid[i * e->width + k]);
        tdl_jw_end_array(out);
    }
    tdl_jw_end_array(out);
    tdl_jw_end_object(out);
    free(grid);
    return TDL_OK;
}

/* `share` in [-1, 1] -> red, green, blue */
static void colour(double share, uint8_t ret[3])
{
    uint8_t faded = (uint8_t)lrint(255 * (1 - fabs(share)));

    ret[0] = share < 0 ? faded : 255;
    ret[1] = faded;
    ret[2] = share > 0 ? faded : 255;
}

tdl_status tdl_heatmap_png(const tdl_explanation *e, size_t r, tdl_buf *out, tdl_report *why)
{
    size_t side = e->height > e->width ? e->height : e->width;
    size_t zoom = side && side < SIDE_WANTED ? SIDE_WANTED / side : 1;
    tdl_picture picture = {.channels = 3, .height = e->height * zoom, .width = e->width * zoom};
    size_t area = picture.height * picture.width;
    double *grid = NULL, most = 0;
    tdl_status st = make_grid(e, r, &grid, why);

    if (st)
        return st;
    if (!(picture.pixel = malloc(3 * area + 1))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a picture");
        goto out;
    }
    for (size_t i = 0; i < e->height * e->width; i++)
        most = fmax(most, fabs(grid[i]));
    for (size_t i = 0; i < area; i++) {
        size_t at = i / picture.width / zoom * e->width + i % picture.width / zoom;
        uint8_t rgb[3];

        colour(most > 0 ? grid[at] / most : 0, rgb);
        for (size_t c = 0; c < 3; c++)
            picture.pixel[c * area + i] = rgb[c];
    }
    st = tdl_picture_write_png(&picture, out, why);
out:
    free(picture.pixel);
    free(grid);
    return st;
}
