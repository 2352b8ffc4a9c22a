#include "learn/forest_refit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a row misses, and its weight. */
typedef struct miss {
    double value, weight;
} miss;

typedef struct refit {
    const tdl_forest *forest;
    const tdl_refit_rows *rows, *held;
    double quantile, rate;
    double *score, *held_score; /* [rows] */
    int32_t *leaf;              /* [rows] node of the tree */
    miss *miss;                 /* [rows] */
    size_t *end;                /* [nodes of the largest tree + 1] */
    float *value;               /* [nodes of the largest tree] of its leaves */
} refit;

static double weight_of(const tdl_refit_rows *r, size_t i)
{
    return r->weight ? (double)r->weight[i] : 1;
}

static double middle_of_three(double a, double b, double c)
{
    return fmax(fmin(a, b), fmin(fmax(a, b), c));
}

static void swap(miss *a, miss *b)
{
    miss was = *a;

    *a = *b;
    *b = was;
}

typedef struct parted { /* below | at | above the pivot */
    size_t at, above;
    double below_weight, at_weight;
} parted;

/* (Dijkstra's Dutch flag) */
static parted part_at(miss *at, size_t n, double pivot)
{
    parted p = {.above = n};

    for (size_t i = 0; i < p.above;) {
        if (at[i].value < pivot) {
            p.below_weight += at[i].weight;
            swap(&at[i++], &at[p.at++]);
        } else if (at[i].value > pivot) {
            swap(&at[i], &at[--p.above]);
        } else {
            p.at_weight += at[i++].weight;
        }
    }
    return p;
}

/* The lowest value that at least `quantile` of the weight does not exceed: there the pinball loss
 * is lowest. 0 of nothing. By parts, not by sorting (Hoare, 1961). */
static double quantile_of(miss *at, size_t n, double quantile)
{
    double all = 0, below = 0, pivot = 0;

    for (size_t i = 0; i < n; i++)
        all += at[i].weight;
    while (n) {
        pivot = middle_of_three(at[0].value, at[n / 2].value, at[n - 1].value);
        parted p = part_at(at, n, pivot);

        if (p.at && p.below_weight > 0 && below + p.below_weight >= quantile * all) {
            n = p.at;
        } else if (p.above == n ||
                   (p.at_weight > 0 && below + p.below_weight + p.at_weight >= quantile * all)) {
            return pivot;
        } else {
            below += p.below_weight + p.at_weight;
            at += p.above;
            n -= p.above;
        }
    }
    return pivot;
}

/* Rows of a leaf side by side in `miss`; leaf k's end before end[k]. */
static void sort_into_leaves(const refit *f, size_t nodes_n)
{
    size_t sum = 0;

    memset(f->end, 0, (nodes_n + 1) * sizeof *f->end);
    for (size_t i = 0; i < f->rows->rows; i++)
        f->end[f->leaf[i]]++;
    for (size_t k = 0; k < nodes_n; k++) {
        size_t n = f->end[k];

        f->end[k] = sum;
        sum += n;
    }
    for (size_t i = 0; i < f->rows->rows; i++)
        f->miss[f->end[f->leaf[i]]++] =
            (miss){(double)f->rows->y[i] - f->score[i], weight_of(f->rows, i)};
}

static void refit_tree(const refit *f, size_t tree)
{
    const tdl_forest *forest = f->forest;
    int32_t root = forest->first[tree];
    size_t nodes_n = (size_t)(forest->first[tree + 1] - root), first = 0, cols = forest->features_n;

    for (size_t i = 0; i < f->rows->rows; i++)
        f->leaf[i] = tdl_forest_leaf(forest, tree, f->rows->x + i * cols) - root;
    sort_into_leaves(f, nodes_n);
    for (size_t k = 0; k < nodes_n; first = f->end[k++])
        f->value[k] =
            (float)(f->rate * quantile_of(f->miss + first, f->end[k] - first, f->quantile));
    for (size_t i = 0; i < f->rows->rows; i++)
        f->score[i] += (double)f->value[f->leaf[i]];
    for (size_t i = 0; f->held && i < f->held->rows; i++)
        f->held_score[i] +=
            (double)f->value[tdl_forest_leaf(forest, tree, f->held->x + i * cols) - root];
}

static double held_loss(const refit *f)
{
    double sum = 0;

    for (size_t i = 0; i < f->held->rows; i++) {
        double e = (double)f->held->y[i] - f->held_score[i];

        sum += weight_of(f->held, i) * (e > 0 ? f->quantile * e : (f->quantile - 1) * e);
    }
    return sum;
}

/* Splits as they are, leaves from f->value. */
static void put_tree(const refit *f, size_t tree, tdl_forest *ret)
{
    const tdl_forest *from = f->forest;

    ret->first[tree] = from->first[tree];
    ret->first[tree + 1] = from->first[tree + 1];
    ret->depth[tree] = from->depth[tree];
    for (int32_t k = from->first[tree]; k < from->first[tree + 1]; k++) {
        ret->node[k] = from->node[k];
        ret->cover[k] = from->cover[k];
        if (ret->node[k].feature < 0)
            ret->node[k].value = f->value[k - from->first[tree]];
    }
}

static double start(const refit *f)
{
    for (size_t i = 0; i < f->rows->rows; i++)
        f->miss[i] = (miss){(double)f->rows->y[i], weight_of(f->rows, i)};
    return (double)(float)quantile_of(f->miss, f->rows->rows, f->quantile);
}

static tdl_status take_memory(refit *f, size_t trees_n, tdl_report *why)
{
    size_t n = f->rows->rows + 1, held_n = f->held ? f->held->rows + 1 : 1, nodes = 1;

    for (size_t t = 0; t < trees_n; t++) {
        size_t own = (size_t)(f->forest->first[t + 1] - f->forest->first[t]);

        nodes = own > nodes ? own : nodes;
    }
    f->score = calloc(n, sizeof *f->score);
    f->held_score = calloc(held_n, sizeof *f->held_score);
    f->leaf = calloc(n, sizeof *f->leaf);
    f->miss = calloc(n, sizeof *f->miss);
    f->end = calloc(nodes + 1, sizeof *f->end);
    f->value = calloc(nodes + 1, sizeof *f->value);
    return f->score && f->held_score && f->leaf && f->miss && f->end && f->value
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to refit trees to %zu rows", n);
}

tdl_status tdl_forest_refit(const tdl_forest *forest, size_t trees_n, const tdl_refit_rows *rows,
                            const tdl_refit_rows *held, double quantile, double rate,
                            tdl_forest *ret, double *ret_loss, tdl_report *why)
{
    refit f = {.forest = forest, .rows = rows, .held = held, .quantile = quantile, .rate = rate};
    tdl_forest made = {0};
    tdl_status st = take_memory(&f, trees_n, why);

    if (!st && ret)
        st = tdl_forest_alloc(forest->features_n, 1, trees_n, (size_t)forest->first[trees_n], &made,
                              why);
    if (st)
        goto out;
    double base = start(&f);
    if (ret)
        made.base[0] = base;
    for (size_t i = 0; i < rows->rows; i++)
        f.score[i] = base;
    for (size_t i = 0; held && i < held->rows; i++)
        f.held_score[i] = base;
    if (ret_loss)
        ret_loss[0] = held_loss(&f);
    for (size_t t = 0; t < trees_n; t++) {
        refit_tree(&f, t);
        if (ret)
            put_tree(&f, t, &made);
        if (ret_loss)
            ret_loss[t + 1] = held_loss(&f);
    }
    if (ret)
        *ret = made;
out:
    free(f.score);
    free(f.held_score);
    free(f.leaf);
    free(f.miss);
    free(f.end);
    free(f.value);
    return st;
}
