/* Ranking pairs: FAST, by the gain of the best cut into four quadrants. */
#include <stdlib.h>
#include <string.h>

#include "learn/additive_fit.h"

enum { BINS = TDL_ADDITIVE_BINS, COARSE = TDL_ADDITIVE_COARSE, COLUMNS_MOST = 60 };

typedef struct ranked {
    double gain;
    int32_t member[2];
} ranked;

typedef struct ranking {
    const tdl_additive_model *m;
    const uint8_t *bin;
    size_t rows, heads;
    const double *slope, *curve; /* [heads][rows] */
    double ridge;
    ranked *pair; /* [pairs] */
} ranking;

typedef struct sums {
    double g, h;
} sums;

static double worth(sums s, double ridge)
{
    return s.h > 1e-6 ? s.g * s.g / (s.h + ridge) : 0;
}

static sums minus(sums a, sums b)
{
    return (sums){a.g - b.g, a.h - b.h};
}

/* What the best four quadrants gain over the best that rows and columns alone could. */
static double best_gain(sums table[COARSE][COARSE], double ridge)
{
    sums below[COARSE + 1][COARSE + 1] = {0}; /* of all cells before */
    sums all;
    double best = 0;

    for (size_t a = 0; a < COARSE; a++)
        for (size_t b = 0; b < COARSE; b++) {
            sums s = table[a][b];

            s.g += below[a][b + 1].g + below[a + 1][b].g - below[a][b].g;
            s.h += below[a][b + 1].h + below[a + 1][b].h - below[a][b].h;
            below[a + 1][b + 1] = s;
        }
    all = below[COARSE][COARSE];
    for (size_t a = 1; a < COARSE; a++)
        for (size_t b = 1; b < COARSE; b++) {
            sums low = below[a][b], left = minus(below[a][COARSE], low);
            sums right = minus(below[COARSE][b], low);
            sums high = minus(minus(minus(all, low), left), right);
            double gain = worth(low, ridge) + worth(left, ridge) + worth(right, ridge) +
                          worth(high, ridge) - worth(all, ridge);

            best = gain > best ? gain : best;
        }
    return best;
}

static void rank_some(void *context, size_t begin, size_t end, unsigned part)
{
    const ranking *r = context;

    TDL_UNUSED(part);
    for (size_t k = begin; k < end; k++) {
        size_t a = (size_t)r->pair[k].member[0], b = (size_t)r->pair[k].member[1];
        const uint8_t *bin_a = r->bin + a * r->rows, *bin_b = r->bin + b * r->rows;
        const int32_t *of_a = r->m->coarse + a * BINS, *of_b = r->m->coarse + b * BINS;

        for (size_t c = 0; c < r->heads; c++) {
            sums table[COARSE][COARSE] = {0};

            for (size_t i = 0; i < r->rows; i++) {
                sums *cell = &table[of_a[bin_a[i]]][of_b[bin_b[i]]];

                cell->g += r->slope[c * r->rows + i];
                cell->h += r->curve[c * r->rows + i];
            }
            r->pair[k].gain += best_gain(table, r->ridge);
        }
    }
}

static int by_gain(const void *a, const void *b)
{
    const ranked *x = a, *y = b;

    if (x->gain != y->gain)
        return x->gain < y->gain ? 1 : -1;
    if (x->member[0] != y->member[0])
        return x->member[0] < y->member[0] ? -1 : 1;
    return x->member[1] < y->member[1] ? -1 : 1;
}

/* Features of the most varied curves first, when there are too many for all their pairs. */
static size_t list_columns(const tdl_additive_model *m, ranked *ret)
{
    size_t n = 0, cols = m->learner.cols;

    for (size_t j = 0; j < cols; j++) {
        double most = 0;

        for (size_t k = 0; k < m->heads * BINS; k++) {
            double value = m->curve[j * m->heads * BINS + k];

            most += value * value;
        }
        if (m->edges_n[j] > 0)
            ret[n++] = (ranked){.gain = most, .member = {(int32_t)j, 0}};
    }
    qsort(ret, n, sizeof *ret, by_gain);
    return n < COLUMNS_MOST ? n : COLUMNS_MOST;
}

tdl_status tdl_additive_rank_pairs(const tdl_additive_model *m, const uint8_t *bin, size_t rows,
                                   const double *slope, const double *curve, size_t heads,
                                   double ridge, tdl_pool *pool, size_t most, int32_t *ret_member,
                                   size_t *ret_n, tdl_report *why)
{
    ranking r = {.m = m,
                 .bin = bin,
                 .rows = rows,
                 .heads = heads,
                 .slope = slope,
                 .curve = curve,
                 .ridge = ridge};
    ranked *column = malloc((m->learner.cols + 1) * sizeof *column);
    size_t columns_n, n = 0;

    r.pair = malloc(COLUMNS_MOST * COLUMNS_MOST / 2 * sizeof *r.pair);
    if (!column || !r.pair) {
        free(column);
        free(r.pair);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank pairs");
    }
    columns_n = list_columns(m, column);
    for (size_t a = 0; a < columns_n; a++)
        for (size_t b = a + 1; b < columns_n; b++) {
            int32_t x = column[a].member[0], y = column[b].member[0];

            r.pair[n++] = (ranked){.member = {x < y ? x : y, x < y ? y : x}};
        }
    tdl_pool_run(pool, n, 1, rank_some, &r);
    qsort(r.pair, n, sizeof *r.pair, by_gain);
    *ret_n = 0;
    for (size_t k = 0; k < n && *ret_n < most && r.pair[k].gain > 0; k++, ++*ret_n)
        memcpy(ret_member + 2 * k, r.pair[k].member, sizeof r.pair[k].member);
    free(column);
    free(r.pair);
    return TDL_OK;
}
