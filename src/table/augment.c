#include "table/augment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { NEIGHBOURS = 5, CANDIDATES_MAX = 2000 };

typedef struct work {
    const tdl_matrix *m;
    const float *y;
    size_t classes;
    const tdl_augment_options *o;
    double *sd;       /* [cols] of what is there */
    bool *is_level;   /* [cols] no more than two values */
    size_t *count;    /* [classes] rows */
    size_t *make;     /* [classes] rows that smote makes */
    uint32_t *member; /* [rows] by class, ascending */
    size_t *begin;    /* [classes + 1] of each in `member`; one class for a number target */
    tdl_matrix out;
    float *out_y;
    uint32_t *of; /* [out.rows] */
} work;

/* ---- what features are ---- */

static void describe(work *w)
{
    for (size_t j = 0; j < w->m->cols; j++) {
        double mean = 0, squares = 0, n = 0;
        float first = NAN, second = NAN;
        bool more = false;

        for (size_t i = 0; i < w->m->rows; i++) {
            float x = w->m->x[i * w->m->cols + j];
            double d = (double)x - mean;

            if (isnan(x))
                continue;
            n++;
            mean += d / n;
            squares += d * ((double)x - mean);
            if (isnan(first))
                first = x;
            else if (x != first && isnan(second))
                second = x;
            else
                more = more || (x != first && x != second);
        }
        w->sd[j] = n > 0 ? sqrt(squares / n) : 0;
        w->is_level[j] = !more;
    }
}

static size_t class_of(const work *w, size_t row)
{
    return w->classes ? (size_t)w->y[row] : 0;
}

static void sort_by_class(work *w)
{
    size_t classes = w->classes ? w->classes : 1, at = 0;

    for (size_t c = 0; c < classes; c++) {
        w->begin[c] = at;
        for (size_t i = 0; i < w->m->rows; i++)
            if (class_of(w, i) == c)
                w->member[at++] = (uint32_t)i;
    }
    w->begin[classes] = at;
}

/* ---- new rows ---- */

static void copy_row(work *w, size_t to, size_t from)
{
    const tdl_matrix *m = w->m;
    size_t pixels = m->channels * m->height * m->width;

    memcpy(w->out.x + to * m->cols, m->x + from * m->cols, m->cols * sizeof *m->x);
    if (m->categories_n)
        memcpy(w->out.category + to * m->categories_n, m->category + from * m->categories_n,
               m->categories_n * sizeof *m->category);
    if (pixels)
        memcpy(w->out.pixel + to * pixels, m->pixel + from * pixels, pixels);
    w->out_y[to] = w->y[from];
    w->of[to] = (uint32_t)from;
}

/* Features j .. end - 1 are of one column, and all of them of levels: one-hot. */
static size_t end_of_block(const work *w, size_t j)
{
    size_t end = j;

    while (end < w->m->cols && w->is_level[end] &&
           w->m->feature[end].column == w->m->feature[j].column)
        end++;
    return end;
}

static void swap_levels(work *w, float *x, int32_t *category, tdl_rng *rng)
{
    const tdl_matrix *m = w->m;

    for (size_t j = 0, end; j < m->cols; j = end) {
        end = w->is_level[j] ? end_of_block(w, j) : j + 1;
        if (w->is_level[j] && tdl_rng_uniform(rng) < w->o->swap) {
            size_t donor = (size_t)tdl_rng_below(rng, m->rows);
            memcpy(x + j, m->x + donor * m->cols + j, (end - j) * sizeof *x);
        }
    }
    for (size_t c = 0; c < m->categories_n; c++)
        if (tdl_rng_uniform(rng) < w->o->swap)
            category[c] = m->category[tdl_rng_below(rng, m->rows) * m->categories_n + c];
}

/* The way from x to the other row, `share` of it; levels are of the nearer one, and so a whole
 * one-hot column is. NaN on either side: x stays. */
static void blend(const work *w, float *x, int32_t *category, size_t other, double share)
{
    const tdl_matrix *m = w->m;
    const float *b = m->x + other * m->cols;

    for (size_t j = 0; j < m->cols; j++) {
        if (w->is_level[j])
            x[j] = share > 0.5 ? b[j] : x[j];
        else if (!isnan(x[j]) && !isnan(b[j]))
            x[j] = (float)((double)x[j] + share * ((double)b[j] - (double)x[j]));
    }
    if (share > 0.5 && m->categories_n)
        memcpy(category, m->category + other * m->categories_n, m->categories_n * sizeof *category);
}

static void change_row(work *w, size_t at, tdl_rng *rng)
{
    const tdl_matrix *m = w->m;
    size_t from = w->of[at], c = class_of(w, from);
    float *x = w->out.x + at * m->cols;
    int32_t *category = m->categories_n ? w->out.category + at * m->categories_n : NULL;

    if (w->o->swap > 0)
        swap_levels(w, x, category, rng);
    if (w->o->mixup > 0 && tdl_rng_uniform(rng) < w->o->mixup) {
        size_t n = w->begin[c + 1] - w->begin[c];
        size_t other = w->member[w->begin[c] + (size_t)tdl_rng_below(rng, n)];
        double share = tdl_rng_uniform(rng);

        blend(w, x, category, other, share);
        if (!w->classes)
            w->out_y[at] =
                (float)((double)w->y[from] + share * ((double)w->y[other] - (double)w->y[from]));
    }
    for (size_t j = 0; w->o->noise > 0 && j < m->cols; j++)
        if (!w->is_level[j]) // NaN stays NaN
            x[j] = (float)((double)x[j] + w->o->noise * w->sd[j] * tdl_rng_normal(rng));
}

/* ---- between neighbours ---- */

static double distance(const work *w, size_t a, size_t b)
{
    const tdl_matrix *m = w->m;
    double sum = 0;

    for (size_t j = 0; j < m->cols; j++) {
        float x = m->x[a * m->cols + j], y = m->x[b * m->cols + j];
        double d = isnan(x) || isnan(y) || !(w->sd[j] > 0) ? 0 : ((double)x - (double)y) / w->sd[j];
        sum += d * d;
    }
    for (size_t c = 0; c < m->categories_n; c++)
        sum += m->category[a * m->categories_n + c] != m->category[b * m->categories_n + c];
    return sum;
}

/* One of the nearest rows of its class, each as likely; of many rows only some are looked at. */
static size_t pick_neighbour(const work *w, size_t row, size_t k, uint32_t *near, double *far,
                             tdl_rng *rng)
{
    size_t c = class_of(w, row), n = w->begin[c + 1] - w->begin[c], found = 0;
    size_t looks = n < CANDIDATES_MAX ? n : CANDIDATES_MAX;
    size_t start = n > looks ? (size_t)tdl_rng_below(rng, n) : 0;

    for (size_t i = 0; i < looks; i++) {
        uint32_t other = w->member[w->begin[c] + (start + i) % n];
        double d = other == row ? INFINITY : distance(w, row, other);
        size_t at = found;

        if (other == row || (found == k && d >= far[found - 1]))
            continue;
        if (found == k)
            at--;
        else
            found++;
        for (; at > 0 && far[at - 1] > d; at--) {
            far[at] = far[at - 1];
            near[at] = near[at - 1];
        }
        far[at] = d;
        near[at] = other;
    }
    return found ? near[tdl_rng_below(rng, found)] : row;
}

static tdl_status make_between(work *w, size_t at, uint64_t seed, tdl_report *why)
{
    size_t k = w->o->neighbours ? w->o->neighbours : NEIGHBOURS;
    uint32_t *near = calloc(k, sizeof *near);
    double *far = calloc(k, sizeof *far);
    tdl_status st = TDL_OK;

    if (!near || !far)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu neighbours", k);
    for (size_t c = 0; !st && c < w->classes; c++)
        for (size_t i = 0; i < w->make[c]; i++, at++) {
            tdl_rng rng = tdl_rng_make(seed, at);
            size_t from = w->member[w->begin[c] + i % w->count[c]];

            copy_row(w, at, from);
            blend(w, w->out.x + at * w->m->cols,
                  w->m->categories_n ? w->out.category + at * w->m->categories_n : NULL,
                  pick_neighbour(w, from, k, near, far, &rng), tdl_rng_uniform(&rng));
        }
    free(near);
    free(far);
    return st;
}

/* ---- all ---- */

static tdl_status check(const tdl_matrix *m, const float *y, size_t classes,
                        const tdl_augment_options *o, tdl_report *why)
{
    if (!(o->noise >= 0) || !isfinite(o->noise) || !(o->swap >= 0 && o->swap <= 1) ||
        !(o->mixup >= 0 && o->mixup <= 1) || !(o->smote >= 0 && o->smote <= 1))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "noise must be 0 or more; swap, mixup and smote lie in [0, 1]");
    if (o->smote > 0 && !classes)
        return TDL_FAIL(why, TDL_E_INVALID, "smote makes rows of classes, not of numbers");
    if (o->neighbours > 1000)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu neighbours: at most 1,000", o->neighbours);
    for (size_t i = 0; classes && i < m->rows; i++)
        if (!(y[i] >= 0 && y[i] < (float)classes))
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: %g is no class", i, (double)y[i]);
    return m->rows ? TDL_OK : TDL_FAIL(why, TDL_E_INVALID, "there are no rows");
}

static bool count_new_rows(work *w, size_t *ret)
{
    size_t most = 0, rows;

    if (__builtin_mul_overflow(w->m->rows, w->o->copies, &rows) ||
        __builtin_add_overflow(rows, w->m->rows, &rows))
        return false;
    for (size_t i = 0; w->classes && i < w->m->rows; i++)
        w->count[class_of(w, i)]++;
    for (size_t c = 0; c < w->classes; c++)
        most = w->count[c] > most ? w->count[c] : most;
    for (size_t c = 0; c < w->classes; c++) {
        size_t wanted = (size_t)(w->o->smote * (double)most);

        w->make[c] = w->count[c] > 1 && wanted > w->count[c] ? wanted - w->count[c] : 0;
        if (__builtin_add_overflow(rows, w->make[c], &rows))
            return false;
    }
    *ret = rows;
    return rows <= UINT32_MAX;
}

static tdl_status allocate(work *w, size_t rows, tdl_report *why)
{
    const tdl_matrix *m = w->m;
    size_t pixels = m->channels * m->height * m->width;

    w->out = *m;
    w->out.rows = rows;
    w->out.x = calloc(rows, (m->cols + 1) * sizeof *m->x);
    w->out.category = m->categories_n ? calloc(rows, m->categories_n * sizeof *m->category) : NULL;
    w->out.pixel = pixels ? calloc(rows, pixels) : NULL;
    w->out_y = calloc(rows, sizeof *w->out_y);
    w->of = calloc(rows, sizeof *w->of);
    if (!w->out.x || (m->categories_n && !w->out.category) || (pixels && !w->out.pixel) ||
        !w->out_y || !w->of)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows);
    return TDL_OK;
}

static tdl_status fill(work *w, uint64_t seed, tdl_report *why)
{
    size_t at = w->m->rows;

    describe(w);
    sort_by_class(w);
    for (size_t i = 0; i < w->m->rows; i++)
        copy_row(w, i, i);
    for (size_t k = 0; k < w->o->copies; k++)
        for (size_t i = 0; i < w->m->rows; i++, at++) {
            tdl_rng rng = tdl_rng_make(seed, at); // a stream for each new row

            copy_row(w, at, i);
            change_row(w, at, &rng);
        }
    return make_between(w, at, seed, why);
}

tdl_status tdl_augment_rows(const tdl_matrix *matrix, const float *y, size_t classes_n,
                            const tdl_augment_options *options, uint64_t seed, tdl_matrix *ret,
                            float **ret_y, uint32_t **ret_of, tdl_report *why)
{
    work w = {.m = matrix, .y = y, .classes = classes_n, .o = options};
    size_t rows;
    tdl_status st;

    if ((st = check(matrix, y, classes_n, options, why)))
        return st;
    w.sd = calloc(matrix->cols + 1, sizeof *w.sd);
    w.is_level = calloc(matrix->cols + 1, sizeof *w.is_level);
    w.count = calloc(classes_n + 1, sizeof *w.count);
    w.make = calloc(classes_n + 1, sizeof *w.make);
    w.begin = calloc(classes_n + 2, sizeof *w.begin);
    w.member = calloc(matrix->rows, sizeof *w.member);
    if (!w.sd || !w.is_level || !w.count || !w.make || !w.begin || !w.member) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", matrix->rows);
        goto out;
    }
    if (!count_new_rows(&w, &rows)) {
        st = TDL_FAIL(why, TDL_E_TOO_LARGE, "that would make more than 2^32 rows");
        goto out;
    }
    if ((st = allocate(&w, rows, why)) || (st = fill(&w, seed, why)))
        goto out;
    *ret = w.out;
    w.out = (tdl_matrix){0};
    *ret_y = w.out_y;
    w.out_y = NULL;
    if (ret_of) {
        *ret_of = w.of;
        w.of = NULL;
    }
out:
    free(w.sd);
    free(w.is_level);
    free(w.count);
    free(w.make);
    free(w.begin);
    free(w.member);
    free(w.out_y);
    free(w.of);
    tdl_matrix_release(&w.out);
    return st;
}

/* ---- pictures ---- */

static void move_plane(const uint8_t *from, size_t height, size_t width, ptrdiff_t down,
                       ptrdiff_t right, bool mirror, uint8_t *to)
{
    for (size_t r = 0; r < height; r++)
        for (size_t c = 0; c < width; c++) {
            size_t column = mirror ? width - 1 - c : c; // mirrored first, then moved
            ptrdiff_t y = (ptrdiff_t)r - down;
            ptrdiff_t x = (ptrdiff_t)column + (mirror ? right : -right);
            bool inside = y >= 0 && x >= 0 && (size_t)y < height && (size_t)x < width;

            to[r * width + c] = inside ? from[(size_t)y * width + (size_t)x] : 0;
        }
}

void tdl_augment_images(const tdl_matrix *matrix, size_t shift, bool flip, uint64_t seed,
                        uint64_t epoch, uint8_t *ret)
{
    size_t plane = matrix->height * matrix->width, pixels = matrix->channels * plane;

    for (size_t i = 0; i < matrix->rows; i++) {
        tdl_rng rng = tdl_rng_make(seed + epoch * UINT64_C(0x9E3779B97F4A7C15), i);
        ptrdiff_t down = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
        ptrdiff_t right = (ptrdiff_t)tdl_rng_below(&rng, 2 * shift + 1) - (ptrdiff_t)shift;
        bool mirror = tdl_rng_below(&rng, 2) == 1 && flip;

        for (size_t c = 0; c < matrix->channels; c++)
            move_plane(matrix->pixel + i * pixels + c * plane, matrix->height, matrix->width, down,
                       right, mirror, ret + i * pixels + c * plane);
    }
}
