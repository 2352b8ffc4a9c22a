/* The loops between table_softmax.h and the tiles.
 *
 * Rows that count go in panels of nr, as lanes. Of a block of panels the scores stay in the second
 * cache while four passes go over them: tiles that make them, the softmax, tiles that sum d x over
 * the classes, and sums of d table over the lanes. The table is packed twice, once for each kind of
 * tile.
 */
#include "tensor/table_softmax.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"
#include "tensor/scratch.h"

enum {
    SCORES_AT_ONCE = 96 * 1024, /* of one thread: what stays in its second cache */
    PANELS_MAX = 16,
    GRAIN = 8 /* tiles of classes */
};

typedef struct work {
    const tdl_table_softmax *job;
    const tdl_kernel *kernel;
    const tdl_tiles *tiles;
    size_t *row, rows_n; /* that count */
    size_t d_wide;       /* d in whole panels */
    float *class_tiles;  /* [blocks of d][tiles][kc][height] */
    float *d_tiles;      /* [blocks of classes][tiles][kc][height] */
    /* of a block of panels */
    size_t first, panels_n; /* `first` in row */
    float *x;               /* [panels][d][nr] */
    float *scores;          /* [panels][classes][nr] */
    float *d_x;             /* [panels][d][nr] */
    float *weighed;         /* [panels * nr][d_wide]: x weight / sum */
} work;

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- tiles of nearly equal height ---- */

static size_t tiles_of(const work *w, size_t n)
{
    return (n + w->tiles->mr - 1) / w->tiles->mr;
}

static size_t tile_begin(const work *w, size_t n, size_t i)
{
    size_t tiles = tiles_of(w, n);

    return i * (n / tiles) + least(i, n % tiles);
}

static void pack_classes(void *context, size_t begin, size_t end, unsigned part)
{
    const work *w = context;
    size_t d = w->job->d, classes = w->job->classes;

    TDL_UNUSED(part);
    for (size_t t = begin; t < end; t++)
        for (size_t k = 0; k < d; k += TDL_K_BLOCK) {
            size_t at = tile_begin(w, classes, t), height = tile_begin(w, classes, t + 1) - at;
            size_t kc = least(d - k, TDL_K_BLOCK);

            w->tiles->pack_a(w->job->table + at * d + k, d, true, height, kc,
                             w->class_tiles + k * classes + at * kc, height);
        }
}

static void pack_d(void *context, size_t begin, size_t end, unsigned part)
{
    const work *w = context;
    size_t d = w->job->d, classes = w->job->classes;

    TDL_UNUSED(part);
    for (size_t c = begin * TDL_K_BLOCK; c < least(end * TDL_K_BLOCK, classes); c += TDL_K_BLOCK)
        for (size_t t = 0; t < tiles_of(w, d); t++) {
            size_t at = tile_begin(w, d, t), height = tile_begin(w, d, t + 1) - at;
            size_t kc = least(classes - c, TDL_K_BLOCK);

            w->tiles->pack_a(w->job->table + c * d + at, d, false, height, kc,
                             w->d_tiles + c * d + at * kc, height);
        }
}

/* ---- a panel ---- */

/* The row of a lane, or none. */
static bool row_at(const work *w, size_t panel, size_t lane, size_t *ret)
{
    size_t i = w->first + panel * w->tiles->nr + lane;

    if (i >= w->rows_n)
        return false;
    *ret = w->row[i];
    return true;
}

static void load_panel(const work *w, size_t panel)
{
    size_t nr = w->tiles->nr, d = w->job->d, r;
    float *to = w->x + panel * d * nr;

    for (size_t lane = 0; lane < nr; lane++)
        if (row_at(w, panel, lane, &r))
            w->tiles->pack_b(w->job->x + r * d, d, true, 1, d, to + lane, nr);
        else
            for (size_t k = 0; k < d; k++)
                to[k * nr + lane] = 0;
}

static void score_panels(const work *w, size_t begin, size_t end)
{
    size_t nr = w->tiles->nr, d = w->job->d, classes = w->job->classes;

    for (size_t t = 0; t < tiles_of(w, classes); t++) {
        size_t at = tile_begin(w, classes, t), height = tile_begin(w, classes, t + 1) - at;

        for (size_t k = 0; k < d; k += TDL_K_BLOCK) {
            size_t kc = least(d - k, TDL_K_BLOCK);
            const float *a = w->class_tiles + k * classes + at * kc;

            for (size_t p = begin; p < end; p++)
                w->tiles->tile[height](kc, a, w->x + (p * d + k) * nr,
                                       w->scores + (p * classes + at) * nr, nr, k > 0,
                                       a + height * kc);
        }
    }
}

/* What is known of each lane of a panel. */
typedef struct lanes {
    float own[TDL_NR_MAX], most[TDL_NR_MAX], sum[TDL_NR_MAX], log_sum[TDL_NR_MAX];
    float of_target[TDL_NR_MAX];
    int32_t target[TDL_NR_MAX];
} lanes;

/* Scores become exp(score - most); the sums, and the losses. */
static void softmax_panel(const work *w, size_t panel, lanes *l)
{
    const tdl_table_softmax *job = w->job;
    size_t nr = w->tiles->nr, r;
    float *z = w->scores + panel * job->classes * nr;

    *l = (lanes){0};
    for (size_t lane = 0; lane < nr; lane++) {
        bool is_row = row_at(w, panel, lane, &r);
        l->target[lane] = is_row ? job->target[r] : -1;
        l->own[lane] = is_row && job->own ? job->own[r] : 0;
        l->most[lane] = job->own ? l->own[lane] : -INFINITY;
    }
    w->kernel->panel_most(job->classes, z, job->bias, job->id, l->target, l->most);
    for (size_t lane = 0; lane < nr; lane++)
        l->of_target[lane] = job->id                ? l->own[lane]
                             : l->target[lane] >= 0 ? z[(size_t)l->target[lane] * nr + lane]
                                                    : 0;
    if (job->own)
        w->kernel->panel_exp(1, l->own, l->most, l->sum);
    w->kernel->panel_exp(job->classes, z, l->most, l->sum);
    w->kernel->map_rows(TDL_MAP_LOG, 1, nr, l->sum, nr, NULL, l->log_sum, nr);
    for (size_t lane = 0; lane < nr; lane++)
        if (row_at(w, panel, lane, &r))
            job->loss[r] = l->most[lane] - l->of_target[lane] + l->log_sum[lane];
}

/* Slopes but for the factor weight / sum of their row: that goes to x and to d x. */
static void slope_panel(const work *w, size_t panel, const lanes *l, float factor[TDL_NR_MAX])
{
    const tdl_table_softmax *job = w->job;
    size_t nr = w->tiles->nr, d = job->d, r;
    float *z = w->scores + panel * job->classes * nr, *weighed = w->weighed;

    weighed += panel * nr * w->d_wide;
    for (size_t lane = 0; lane < nr; lane++, weighed += w->d_wide) {
        factor[lane] = 0;
        memset(weighed, 0, w->d_wide * sizeof *weighed);
        if (!row_at(w, panel, lane, &r))
            continue;
        factor[lane] = job->weight[r] / l->sum[lane];
        if (job->id)
            job->d_own[r] = (l->own[lane] - l->sum[lane]) * factor[lane];
        else
            z[(size_t)l->target[lane] * nr + lane] -= l->sum[lane];
        for (size_t k = 0; k < d; k++)
            weighed[k] = job->x[r * d + k] * factor[lane];
    }
}

static void sum_d_x(const work *w, size_t panel)
{
    size_t nr = w->tiles->nr, d = w->job->d, classes = w->job->classes;

    for (size_t c = 0; c < classes; c += TDL_K_BLOCK)
        for (size_t t = 0; t < tiles_of(w, d); t++) {
            size_t at = tile_begin(w, d, t), height = tile_begin(w, d, t + 1) - at;
            size_t kc = least(classes - c, TDL_K_BLOCK);
            const float *a = w->d_tiles + c * d + at * kc;

            w->tiles->tile[height](kc, a, w->scores + (panel * classes + c) * nr,
                                   w->d_x + (panel * d + at) * nr, nr, c > 0, a + height * kc);
        }
}

static void store_d_x(const work *w, size_t panel, const float factor[TDL_NR_MAX])
{
    const tdl_table_softmax *job = w->job;
    size_t nr = w->tiles->nr, d = job->d, r;
    const float *from = w->d_x + panel * d * nr;

    for (size_t lane = 0; lane < nr && row_at(w, panel, lane, &r); lane++) {
        float *to = job->d_x + r * d;

        for (size_t k = 0; k < d; k++) {
            float slope = from[k * nr + lane] * factor[lane];
            to[k] = job->d_x_add ? to[k] + slope : slope;
        }
    }
}

static void run_panels(void *context, size_t begin, size_t end, unsigned part)
{
    const work *w = context;
    float factor[TDL_NR_MAX];
    lanes l;

    TDL_UNUSED(part);
    for (size_t p = begin; p < end; p++)
        load_panel(w, p);
    score_panels(w, begin, end);
    for (size_t p = begin; p < end; p++) {
        softmax_panel(w, p, &l);
        if (!w->job->d_x && !w->job->d_table)
            continue;
        slope_panel(w, p, &l, factor);
        if (w->job->d_x) {
            sum_d_x(w, p);
            store_d_x(w, p, factor);
        }
    }
}

/* ---- d table ---- */

/* Columns past the last whole panel go through a stage. */
static void run_edge(const work *w, size_t at, size_t height, size_t column)
{
    size_t nr = w->tiles->nr, d = w->job->d, width = d - column;
    float *c = w->job->d_table + at * d + column;
    float stage[TDL_NR_MAX * TDL_NR_MAX] __attribute__((aligned(64))) = {0};

    for (size_t i = 0; i < height; i++)
        memcpy(stage + i * nr, c + i * d, width * sizeof *c);
    w->kernel->lanes[height](w->panels_n, w->scores + at * nr, w->job->classes * nr,
                             w->weighed + column, w->d_wide, stage, nr);
    for (size_t i = 0; i < height; i++)
        memcpy(c + i * d, stage + i * nr, width * sizeof *c);
}

static void run_classes(void *context, size_t begin, size_t end, unsigned part)
{
    const work *w = context;
    size_t classes = w->job->classes, d = w->job->d, nr = w->tiles->nr;

    TDL_UNUSED(part);
    for (size_t t = begin; t < end; t++) {
        size_t at = tile_begin(w, classes, t), height = tile_begin(w, classes, t + 1) - at;
        size_t column = 0;

        for (; column + nr <= d; column += nr)
            w->kernel->lanes[height](w->panels_n, w->scores + at * nr, classes * nr,
                                     w->weighed + column, w->d_wide,
                                     w->job->d_table + at * d + column, d);
        if (column < d)
            run_edge(w, at, height, column);
    }
}

/* ---- all ---- */

static size_t whole_lines(size_t floats)
{
    return (floats + TDL_LINE_FLOATS - 1) / TDL_LINE_FLOATS * TDL_LINE_FLOATS;
}

/* Room for a block of `panels` panels, from one buffer. */
static bool make_room(work *w, size_t panels)
{
    size_t nr = w->tiles->nr, d = w->job->d, classes = w->job->classes;
    size_t packed = whole_lines(classes * d), x = whole_lines(panels * d * nr);
    size_t scores = whole_lines(panels * classes * nr);
    float *at = tdl_scratch(2 * packed + 2 * x + scores + panels * nr * w->d_wide);

    if (!at)
        return false;
    w->class_tiles = at;
    w->d_tiles = w->class_tiles + packed;
    w->x = w->d_tiles + packed;
    w->d_x = w->x + x;
    w->scores = w->d_x + x;
    w->weighed = w->scores + scores;
    return true;
}

static void list_rows(work *w)
{
    const tdl_table_softmax *job = w->job;

    for (size_t r = 0; r < job->rows; r++)
        if (job->weight[r] > 0) {
            w->row[w->rows_n++] = r;
        } else {
            job->loss[r] = 0;
            if (job->d_x && !job->d_x_add)
                memset(job->d_x + r * job->d, 0, job->d * sizeof *job->d_x);
        }
}

static size_t panels_at_once(const work *w, tdl_pool *pool)
{
    size_t each = SCORES_AT_ONCE / (w->job->classes * w->tiles->nr);

    each = each < 1 ? 1 : least(each, PANELS_MAX);
    return each * tdl_pool_threads(pool);
}

tdl_status tdl_table_softmax_on(const tdl_kernel *kernel, const tdl_table_softmax *job,
                                tdl_pool *pool, tdl_report *why)
{
    work w = {.job = job, .kernel = kernel, .tiles = kernel->f32};
    size_t nr = w.tiles->nr, panels, at_once = panels_at_once(&w, pool);

    w.d_wide = (job->d + nr - 1) / nr * nr;
    w.row = malloc((job->rows + 1) * sizeof *w.row);
    if (!w.row || !make_room(&w, at_once)) {
        free(w.row);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "softmax of %zu rows over %zu classes: no memory",
                        job->rows, job->classes);
    }
    list_rows(&w);
    tdl_pool_run(pool, tiles_of(&w, job->classes), GRAIN, pack_classes, &w);
    if (job->d_x)
        tdl_pool_run(pool, (job->classes + TDL_K_BLOCK - 1) / TDL_K_BLOCK, 1, pack_d, &w);
    panels = (w.rows_n + nr - 1) / nr;
    for (size_t p = 0; p < panels; p += w.panels_n) {
        w.first = p * nr;
        w.panels_n = least(panels - p, at_once);
        tdl_pool_run(pool, w.panels_n, 1, run_panels, &w);
        if (job->d_table)
            tdl_pool_run(pool, tiles_of(&w, job->classes), GRAIN, run_classes, &w);
    }
    free(w.row);
    return TDL_OK;
}

tdl_status tdl_table_softmax_run(const tdl_table_softmax *job, tdl_pool *pool, tdl_report *why)
{
    return tdl_table_softmax_on(tdl_kernel_get(), job, pool, why);
}
