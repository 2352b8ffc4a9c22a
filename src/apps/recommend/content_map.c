#include "apps/recommend/content_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/recommend/tune.h"
#include "stats/cholesky.h"
#include "tensor/gemm.h"
#include "tensor/scratch.h"

enum { D = TDL_CONTENT_D, LANES = 8, CHUNK = 2048, HELD_EACH = 4, NAME_MAX_BYTES = 64 };

static const double LAMBDA[] = {.1, .3, 1, 3, 10, 30, 100, 300};
static const float WEIGHT[] = {0, .25F, .5F, 1, 2, 4};
enum {
    LAMBDAS = sizeof LAMBDA / sizeof *LAMBDA,
    WEIGHTS = sizeof WEIGHT / sizeof *WEIGHT,
    LAMBDA_START = 3,
    WEIGHT_START = 3
};

static const tdl_content_weights all_one = {{1, 1, 1, 1}};

void tdl_content_map_free(tdl_content_map *map)
{
    if (map)
        free(map->matrix);
    free(map);
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the map of contents");
}

static tdl_status new_map(size_t d, tdl_content_map **ret, tdl_report *why)
{
    tdl_content_map *map = calloc(1, sizeof *map);

    if (map)
        map->matrix = tdl_floats_new((D + 1) * d);
    if (!map || !map->matrix) {
        tdl_content_map_free(map);
        return no_memory(why);
    }
    map->d = d;
    map->weights = all_one;
    *ret = map;
    return TDL_OK;
}

/* ---- moments of z = (x, y) ---- */

typedef struct moments {
    size_t n, width; /* width: D + d */
    double *sum;     /* [width] */
    double *square;  /* [width][width], sums of z z' */
} moments;

typedef struct fitting {
    const tdl_content_space *space;
    tdl_pool *pool;
    unsigned events_least;
    moments part[2];  /* learnt from; held out */
    float *chunk;     /* [CHUNK][width] */
    float *product;   /* [width][width] */
    double *a, *b;    /* [D][D], [D][d] of one system */
    double *constant; /* [d] */
    double lambda;
    tdl_content_weights weights;
    size_t block; /* whose weight is being chosen */
} fitting;

static bool is_learnt_from(const fitting *f, size_t item)
{
    return f->space->events[item] >= f->events_least && f->space->events[item] &&
           tdl_content_says(&f->space->code[item]);
}

static tdl_status add_chunk(fitting *f, moments *m, size_t rows, tdl_report *why)
{
    size_t width = m->width;
    tdl_status st = tdl_gemm(true, false, width, width, rows, f->chunk, width, f->chunk, width,
                             f->product, width, false, f->pool, why);

    for (size_t i = 0; !st && i < width * width; i++)
        m->square[i] += (double)f->product[i];
    for (size_t r = 0; !st && r < rows; r++)
        for (size_t i = 0; i < width; i++)
            m->sum[i] += (double)f->chunk[r * width + i];
    m->n += rows;
    return st;
}

/* Of the items learnt from, every fourth is of part 1. */
static tdl_status sum_up(fitting *f, size_t part, tdl_report *why)
{
    const tdl_content_space *s = f->space;
    size_t width = f->part[part].width, rows = 0, at = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < s->n; i++) {
        if (!is_learnt_from(f, i) || (at++ % HELD_EACH == HELD_EACH - 1) != (part == 1))
            continue;
        float *row = f->chunk + rows++ * width;
        tdl_content_unpack(&s->code[i], &all_one, row);
        for (size_t k = 0; k < s->d; k++)
            if (!isfinite(row[D + k] = s->vector[i * s->d + k]))
                return TDL_FAIL(why, TDL_E_INVALID, "vector %zu, column %zu is not finite", i, k);
        if (rows == CHUNK) {
            st = add_chunk(f, &f->part[part], rows, why);
            rows = 0;
        }
    }
    return st || !rows ? st : add_chunk(f, &f->part[part], rows, why);
}

/* ---- one system ---- */

static double weight_of(const tdl_content_weights *weights, size_t cell)
{
    return (double)(cell < TDL_CONTENT_TEXT_CELLS
                        ? weights->block[TDL_CONTENT_TEXT]
                        : weights->block[1 + (cell - TDL_CONTENT_TEXT_CELLS) / TDL_CONTENT_CELLS]);
}

/* f->b becomes the map of unweighted codes, f->constant its b. */
static tdl_status solve(fitting *f, const moments *m, tdl_report *why)
{
    size_t d = f->space->d, width = m->width;
    double n = (double)m->n;
    tdl_status st;

    for (size_t i = 0; i < D; i++) {
        double s = weight_of(&f->weights, i), mean = m->sum[i] / n;
        for (size_t k = 0; k <= i; k++)
            f->a[i * D + k] =
                s * weight_of(&f->weights, k) * (m->square[i * width + k] - mean * m->sum[k]);
        f->a[i * D + i] += f->lambda;
        for (size_t k = 0; k < d; k++)
            f->b[i * d + k] = s * (m->square[i * width + D + k] - mean * m->sum[D + k]);
    }
    if ((st = tdl_cholesky(f->a, D, why)))
        return st;
    tdl_cholesky_solve(f->a, D, f->b, d);
    for (size_t k = 0; k < d; k++)
        f->constant[k] = m->sum[D + k] / n;
    for (size_t i = 0; i < D; i++)
        for (size_t k = 0; k < d; k++) {
            double *w = &f->b[i * d + k];
            *w *= weight_of(&f->weights, i);
            f->constant[k] -= *w * m->sum[i] / n;
        }
    return TDL_OK;
}

/* Sum over the rows of m of |y - b - W' x|^2. */
static double rest_of(const fitting *f, const moments *m)
{
    size_t d = f->space->d, width = m->width;
    double rest = 0, one[TDL_CONTENT_MAP_D_MAX];

    for (size_t k = 0; k < d; k++) {
        double b = f->constant[k];
        rest += m->square[(D + k) * width + D + k] - 2 * b * m->sum[D + k] + b * b * (double)m->n;
    }
    for (size_t i = 0; i < D; i++) { // one = row i of G W
        const double *w = f->b + i * d;
        for (size_t k = 0; k < d; k++)
            one[k] = 2 * f->constant[k] * m->sum[i] - 2 * m->square[i * width + D + k];
        for (size_t j = 0; j < D; j++) {
            double g = m->square[i * width + j];
            const double *other = f->b + j * d;
            for (size_t k = 0; k < d; k++)
                one[k] += g * other[k];
        }
        for (size_t k = 0; k < d; k++)
            rest += w[k] * one[k];
    }
    return rest;
}

/* Share explained of the held-out part, against the mean of the other. */
static tdl_status explain(fitting *f, double *ret, tdl_report *why)
{
    const moments *from = &f->part[0], *held = &f->part[1];
    tdl_status st = solve(f, from, why);
    double total = 0;

    for (size_t k = 0; k < f->space->d; k++) {
        size_t at = D + k;
        double mean = from->sum[at] / (double)from->n;
        total += held->square[at * held->width + at] - 2 * mean * held->sum[at] +
                 mean * mean * (double)held->n;
    }
    if (!st)
        *ret = total > 0 ? 1 - rest_of(f, held) / total : 0;
    return st;
}

/* ---- choosing ---- */

static tdl_status try_lambda(void *context, size_t at, double *ret, tdl_report *why)
{
    fitting *f = context;

    f->lambda = LAMBDA[at];
    return explain(f, ret, why);
}

static tdl_status try_weight(void *context, size_t at, double *ret, tdl_report *why)
{
    fitting *f = context;

    f->weights.block[f->block] = WEIGHT[at];
    return explain(f, ret, why);
}

static bool is_silent(const fitting *f, size_t block)
{
    size_t from = tdl_content_cell((tdl_content_block)block), width = f->part[0].width;

    for (size_t i = from; i < from + tdl_content_cells((tdl_content_block)block); i++)
        if (f->part[0].square[i * width + i] > 0)
            return false;
    return true;
}

static tdl_status choose_lambda(fitting *f, tdl_report *why)
{
    size_t at;
    tdl_status st = tdl_climb(try_lambda, f, LAMBDAS, LAMBDA_START, &at, why);

    if (!st)
        f->lambda = LAMBDA[at];
    return st;
}

/* The first block that speaks keeps its weight of 1: only relations count. */
static tdl_status choose(fitting *f, tdl_report *why)
{
    bool first = true;
    size_t at;
    tdl_status st = choose_lambda(f, why);

    for (size_t block = 0; !st && block < TDL_CONTENT_BLOCKS_N; block++) {
        if (is_silent(f, block))
            continue;
        f->block = block;
        if (!first && !(st = tdl_climb(try_weight, f, WEIGHTS, WEIGHT_START, &at, why)))
            f->weights.block[block] = WEIGHT[at];
        first = false;
    }
    return st ? st : choose_lambda(f, why);
}

/* ---- the whole ---- */

/* How many events make an item worth learning from: fewer where few have many. */
static size_t choose_items(fitting *f)
{
    static const unsigned least[] = {20, 10, 5, 2, 1};
    size_t found = 0;

    for (size_t k = 0; k < sizeof least / sizeof *least && found < TDL_CONTENT_ITEMS_ENOUGH; k++) {
        f->events_least = least[k];
        found = 0;
        for (size_t i = 0; i < f->space->n; i++)
            found += is_learnt_from(f, i);
    }
    return found;
}

static bool allot(fitting *f)
{
    size_t d = f->space->d, width = D + d;
    bool ok = true;

    for (size_t p = 0; p < 2; p++) {
        f->part[p].width = width;
        f->part[p].sum = calloc(width, sizeof *f->part[p].sum);
        f->part[p].square = calloc(width * width, sizeof *f->part[p].square);
        ok = ok && f->part[p].sum && f->part[p].square;
    }
    f->chunk = tdl_floats_new(CHUNK * width);
    f->product = tdl_floats_new(width * width);
    f->a = malloc((size_t)D * D * sizeof *f->a);
    f->b = malloc(D * d * sizeof *f->b);
    f->constant = malloc(d * sizeof *f->constant);
    return ok && f->chunk && f->product && f->a && f->b && f->constant;
}

static void release(fitting *f)
{
    for (size_t p = 0; p < 2; p++) {
        free(f->part[p].sum);
        free(f->part[p].square);
    }
    free(f->chunk);
    free(f->product);
    free(f->a);
    free(f->b);
    free(f->constant);
}

/* Both parts as one, in part 0. */
static void join(fitting *f)
{
    size_t width = f->part[0].width;

    for (size_t i = 0; i < width; i++)
        f->part[0].sum[i] += f->part[1].sum[i];
    for (size_t i = 0; i < width * width; i++)
        f->part[0].square[i] += f->part[1].square[i];
    f->part[0].n += f->part[1].n;
}

static void copy_out(const fitting *f, tdl_content_map *map)
{
    for (size_t i = 0; i < D * map->d; i++)
        map->matrix[i] = (float)f->b[i];
    for (size_t k = 0; k < map->d; k++)
        map->matrix[D * map->d + k] = (float)f->constant[k];
    map->weights = f->weights;
    map->lambda = f->lambda;
    map->items_n = f->part[0].n;
    map->events_least = f->events_least;
}

tdl_status tdl_content_map_fit(const tdl_content_space *space, double lambda, tdl_pool *pool,
                               tdl_content_map **ret, tdl_report *why)
{
    fitting f = {.space = space, .pool = pool, .lambda = lambda, .weights = all_one};
    tdl_content_map *map = NULL;
    tdl_status st;

    if (space->d < 1 || space->d > TDL_CONTENT_MAP_D_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "vectors of %zu, from 1 to %d are possible", space->d,
                        TDL_CONTENT_MAP_D_MAX);
    size_t found = choose_items(&f);
    if (found < TDL_CONTENT_ITEMS_LEAST)
        return TDL_FAIL_HINT(why, TDL_E_INVALID,
                             "describe items: PUT /v1/catalogue/items, or treadle import",
                             "%zu items have events and say anything of themselves, %d are needed",
                             found, TDL_CONTENT_ITEMS_LEAST);
    if (!allot(&f)) {
        st = no_memory(why);
        goto out;
    }
    if ((st = new_map(space->d, &map, why)) || (st = sum_up(&f, 0, why)) ||
        (st = sum_up(&f, 1, why)))
        goto out;
    if (!(lambda > 0) && (st = choose(&f, why)))
        goto out;
    if ((st = explain(&f, &map->explained, why)))
        goto out;
    join(&f);
    if ((st = solve(&f, &f.part[0], why)))
        goto out;
    copy_out(&f, map);
    *ret = map;
    map = NULL; /* the caller's now */
out:
    tdl_content_map_free(map);
    release(&f);
    return st;
}

/* ---- use ---- */

void tdl_content_map_apply(const tdl_content_map *map, const tdl_content_code *code, float *ret)
{
    size_t d = map->d;
    float x[TDL_CONTENT_D];

    tdl_content_unpack(code, &all_one, x);
    memcpy(ret, map->matrix + D * d, d * sizeof *ret);
    for (size_t i = 0; i < D; i++) {
        const float *row = map->matrix + i * d;
        for (size_t k = 0; k < d; k++)
            ret[k] += x[i] * row[k];
    }
}

void tdl_content_map_towards(const tdl_content_map *map, const float *w, float *ret,
                             float *ret_constant)
{
    for (size_t i = 0; i <= D; i++) {
        const float *row = map->matrix + i * map->d;
        double part[LANES] = {0}, sum = 0;
        size_t whole = map->d - map->d % LANES;
        for (size_t k = 0; k < whole; k += LANES)
            for (size_t l = 0; l < LANES; l++)
                part[l] += (double)row[k + l] * (double)w[k + l];
        for (size_t l = 0; l < LANES; l++)
            sum += part[l];
        for (size_t k = whole; k < map->d; k++)
            sum += (double)row[k] * (double)w[k];
        *(i < D ? &ret[i] : ret_constant) = (float)sum;
    }
}

/* ---- files ---- */

void tdl_content_map_save(tdl_content_map *map, const char *prefix, tdl_st_writer *writer)
{
    char name[NAME_MAX_BYTES];
    double *s = map->saved;

    s[0] = map->lambda;
    s[1] = map->kappa;
    s[2] = map->explained;
    s[3] = (double)map->items_n;
    s[4] = map->events_least;
    for (size_t b = 0; b < TDL_CONTENT_BLOCKS_N; b++)
        s[5 + b] = (double)map->weights.block[b];
    snprintf(name, sizeof name, "%s/map_settings", prefix);
    tdl_st_add_1d(writer, name, TDL_F64, sizeof map->saved / sizeof *map->saved, map->saved);
    snprintf(name, sizeof name, "%s/map", prefix);
    tdl_st_add(writer, name, TDL_F32, 2, (size_t[]){D + 1, map->d}, map->matrix);
}

static tdl_status read_settings(const tdl_st_view *view, tdl_content_map *map, tdl_report *why)
{
    const double *s = view->data;
    bool ok = view->n == sizeof map->saved / sizeof *map->saved;

    for (size_t i = 0; ok && i < view->n; i++)
        ok = isfinite(s[i]) && (i == 2 || s[i] >= 0) && s[i] <= 1e15;
    if (!ok || s[4] > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "%.*s: expected lambda, kappa, explained, items, events and %d weights, "
                        "finite and not below 0",
                        TDL_FMT(view->name), TDL_CONTENT_BLOCKS_N);
    map->lambda = s[0];
    map->kappa = s[1];
    map->explained = s[2];
    map->items_n = (size_t)s[3];
    map->events_least = (unsigned)s[4];
    for (size_t b = 0; b < TDL_CONTENT_BLOCKS_N; b++)
        map->weights.block[b] = (float)s[5 + b];
    return TDL_OK;
}

tdl_status tdl_content_map_load(const tdl_st_file *file, const char *prefix, size_t d,
                                tdl_content_map **ret, tdl_report *why)
{
    char settings_name[NAME_MAX_BYTES], name[NAME_MAX_BYTES];
    const tdl_st_view *settings, *matrix;
    tdl_content_map *map = NULL;
    tdl_status st;

    snprintf(settings_name, sizeof settings_name, "%s/map_settings", prefix);
    snprintf(name, sizeof name, "%s/map", prefix);
    if ((st = tdl_st_get(file, settings_name, TDL_F64, 1, &settings, why)) ||
        (st = tdl_st_get(file, name, TDL_F32, 2, &matrix, why)))
        return st;
    if (matrix->shape[0] != D + 1 || matrix->shape[1] != d || d < 1 || d > TDL_CONTENT_MAP_D_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s is [%zu][%zu], expected [%d][%zu]", name,
                        matrix->shape[0], matrix->shape[1], D + 1, d);
    for (size_t i = 0; i < matrix->n; i++)
        if (!isfinite(((const float *)matrix->data)[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s: row %zu, column %zu is not finite", name,
                            i / d, i % d);
    if ((st = new_map(d, &map, why)))
        return st;
    memcpy(map->matrix, matrix->data, matrix->n * sizeof *map->matrix);
    if ((st = read_settings(settings, map, why))) {
        tdl_content_map_free(map);
        return st;
    }
    *ret = map;
    return TDL_OK;
}
