#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/summary.h"
#include "learn/tree_fit.h"
#include "learn/tree_prune.h"

enum { FOLDS = 5 };

typedef struct fit {
    const tdl_problem *p;
    const tdl_tree_options *o;
    size_t classes;        /* 0 = numbers */
    float *column;         /* [cols][rows] */
    uint32_t *sorted;      /* [cols][rows] all rows by each feature, missing ones last */
    uint32_t *order;       /* [cols][rows] likewise within each node */
    uint32_t *row;         /* [rows] the rows of each node together */
    uint32_t *swap;        /* [rows] */
    bool *left;            /* [rows] of the node that is being split */
    double *below, *above; /* [classes or 3] sums on each side */
} fit;

static double weight_of(const fit *f, size_t i)
{
    return f->p->weight ? (double)f->p->weight[i] : 1;
}

/* Sums of a side: class weights, or weight, weighted sum and weighted squares. */
static void move(const fit *f, double *into, size_t i, double sign)
{
    double w = sign * weight_of(f, i), y = (double)f->p->y[i];

    if (f->classes) {
        into[(size_t)y] += w;
    } else {
        into[0] += w;
        into[1] += w * y;
        into[2] += w * y * y;
    }
}

static double impurity_of(const fit *f, const double *sums)
{
    double total = 0, squares = 0;

    if (!f->classes)
        return sums[0] > 0 ? fmax(sums[2] - sums[1] * sums[1] / sums[0], 0) : 0;
    for (size_t c = 0; c < f->classes; c++) {
        total += sums[c];
        squares += sums[c] * sums[c];
    }
    return total > 0 ? fmax(total - squares / total, 0) : 0;
}

static size_t sums_n(const fit *f)
{
    return f->classes ? f->classes : 3;
}

typedef struct cell {
    float x;
    uint32_t row;
} cell;

static int by_x(const void *a, const void *b)
{
    const cell *p = a, *q = b;

    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->row > q->row) - (p->row < q->row);
}

/* Sort all rows by each feature, once. */
static tdl_status sort_columns(fit *f, tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    cell *cells = malloc(x->rows * sizeof *cells);

    if (!cells)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to sort %zu rows", x->rows);
    for (size_t j = 0; j < x->cols; j++) {
        size_t known = 0, missing = x->rows;

        for (size_t i = 0; i < x->rows; i++) {
            float value = x->x[i * x->cols + j];

            f->column[j * x->rows + i] = value;
            if (isfinite(value))
                cells[known++] = (cell){value, (uint32_t)i};
            else
                cells[--missing] = (cell){0, (uint32_t)i};
        }
        qsort(cells, known, sizeof *cells, by_x);
        for (size_t i = 0; i < x->rows; i++)
            f->sorted[j * x->rows + i] = cells[i].row;
    }
    free(cells);
    return TDL_OK;
}

typedef struct split {
    double gain, threshold;
    size_t feature;
    bool missing_left;
} split;

/* Scan known rows upwards; the missing ones lie on one side all along. */
static void scan(fit *f, const uint32_t *order, size_t known, size_t n, bool missing_left,
                 size_t feature, double whole, split *best)
{
    const float *x = f->column + feature * f->p->x->rows;
    size_t missing = n - known, size = sums_n(f) * sizeof *f->below;

    memset(f->below, 0, size);
    memset(f->above, 0, size);
    for (size_t k = 0; k < n; k++)
        move(f, k >= known && missing_left ? f->below : f->above, order[k], 1);
    for (size_t k = 1; k < known; k++) {
        size_t left = k + (missing_left ? missing : 0);
        double gain, low = (double)x[order[k - 1]], high = (double)x[order[k]], middle;

        move(f, f->below, order[k - 1], 1);
        move(f, f->above, order[k - 1], -1);
        if (!(low < high) || left < f->o->rows_least || n - left < f->o->rows_least)
            continue;
        gain = whole - impurity_of(f, f->below) - impurity_of(f, f->above);
        if (!(gain > best->gain))
            continue;
        middle = low + (high - low) / 2;
        *best = (split){.gain = gain,
                        .threshold = middle > low ? middle : high,
                        .feature = feature,
                        .missing_left = missing_left};
    }
}

/* Best split of the node's rows [begin, end); false when none gains. */
static bool find_split(fit *f, size_t begin, size_t end, double whole, split *ret)
{
    size_t rows = f->p->x->rows, n = end - begin;

    *ret = (split){.gain = 1e-9 * whole + 1e-12};
    for (size_t j = 0; j < f->p->x->cols; j++) {
        const uint32_t *order = f->order + j * rows + begin;
        size_t known = n;

        while (known > 0 && !isfinite(f->column[j * rows + order[known - 1]]))
            known--;
        scan(f, order, known, n, known * 2 >= n, j, whole, ret);
        if (known < n)
            scan(f, order, known, n, known * 2 < n, j, whole, ret);
    }
    return ret->gain > 1e-9 * whole + 1e-12;
}

static bool goes_left(float x, double threshold, bool missing_left)
{
    return isfinite(x) ? (double)x < threshold : missing_left;
}

/* Those of the left child first, each side in its order. Returns how many. */
static size_t part_one(const fit *f, uint32_t *row, size_t n)
{
    size_t left = 0, right = 0;

    for (size_t k = 0; k < n; k++)
        if (f->left[row[k]])
            row[left++] = row[k];
        else
            f->swap[right++] = row[k];
    memcpy(row + left, f->swap, right * sizeof *row);
    return left;
}

/* Returns where the right child begins. */
static size_t part(fit *f, size_t begin, size_t end, const split *s)
{
    size_t rows = f->p->x->rows;

    for (size_t k = begin; k < end; k++)
        f->left[f->row[k]] =
            goes_left(f->column[s->feature * rows + f->row[k]], s->threshold, s->missing_left);
    for (size_t j = 0; j < f->p->x->cols; j++)
        part_one(f, f->order + j * rows + begin, end - begin);
    return begin + part_one(f, f->row + begin, end - begin);
}

static size_t add_node(fit *f, tdl_tree_grown *g, size_t begin, size_t end)
{
    size_t at = g->nodes_n++;

    g->feature[at] = -1;
    g->left[at] = g->right[at] = g->missing_left[at] = 0;
    g->threshold[at] = 0;
    g->begin[at] = begin;
    g->end[at] = end;
    memset(f->below, 0, sums_n(f) * sizeof *f->below);
    for (size_t k = begin; k < end; k++)
        move(f, f->below, f->row[k], 1);
    g->impurity[at] = impurity_of(f, f->below);
    return at;
}

/* From the rows that are not held out, node by node, breadth first, so that children stand after
 * their parents. */
static tdl_status grow(fit *f, const bool *held, tdl_tree_grown *g, tdl_report *why)
{
    size_t level_end = 1, depth = 0, rows = f->p->x->rows, rows_n = 0;

    for (size_t i = 0; i < rows; i++)
        if (!held || !held[i])
            f->row[rows_n++] = (uint32_t)i;
    for (size_t j = 0; j < f->p->x->cols; j++)
        for (size_t i = 0, at = j * rows; i < rows; i++)
            if (!held || !held[f->sorted[j * rows + i]])
                f->order[at++] = f->sorted[j * rows + i];

    g->nodes_n = 0;
    add_node(f, g, 0, rows_n);
    for (size_t at = 0; at < g->nodes_n; at++) {
        split s;
        size_t middle;

        if (f->p->stop && atomic_load(f->p->stop))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        if (at == level_end) {
            depth++;
            level_end = g->nodes_n;
        }
        if (depth >= f->o->depth || g->nodes_n + 2 > TDL_TREE_NODES ||
            g->end[at] - g->begin[at] < 2 * f->o->rows_least ||
            !find_split(f, g->begin[at], g->end[at], g->impurity[at], &s))
            continue;
        middle = part(f, g->begin[at], g->end[at], &s);
        g->feature[at] = (int32_t)s.feature;
        g->threshold[at] = s.threshold;
        g->missing_left[at] = s.missing_left;
        g->left[at] = (int32_t)add_node(f, g, g->begin[at], middle);
        g->right[at] = (int32_t)add_node(f, g, middle, g->end[at]);
    }
    return TDL_OK;
}

/* The node in which the row ends, when a leaf costs `prune`. */
static size_t find_leaf(const tdl_tree_grown *g, const float *x, double prune)
{
    size_t at = 0;

    while (g->link[at] > prune)
        at = (size_t)(goes_left(x[g->feature[at]], g->threshold[at], g->missing_left[at])
                          ? g->left[at]
                          : g->right[at]);
    return at;
}

/* ---- the cost of a leaf, by five folds ---- */

static double row_loss(const fit *f, const double *score, double y)
{
    double most = score[0], sum = 0;

    switch (f->p->task) {
    case TDL_TASK_BINARY:
        return fmax(score[0], 0) + log1p(exp(-fabs(score[0]))) - y * score[0];
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        for (size_t c = 1; c < f->classes; c++)
            most = fmax(most, score[c]);
        for (size_t c = 0; c < f->classes; c++)
            sum += exp(score[c] - most);
        return most + log(sum) - score[(size_t)y];
    case TDL_TASK_COUNT:
        return exp(fmin(score[0], 30)) - y * score[0];
    default:
        return (y - score[0]) * (y - score[0]);
    }
}

/* Loss of held rows at each cost, added. costs falling: nodes only get deeper. */
static tdl_status measure(const fit *f, const tdl_tree_grown *g, const bool *held,
                          const double *prior, const double *cost, size_t costs_n, double *loss,
                          tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    size_t n = tdl_problem_scores(f->p);
    double *score = malloc(g->nodes_n * n * sizeof *score);

    if (!score)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to prune %zu nodes", g->nodes_n);
    for (size_t at = 0; at < g->nodes_n; at++)
        tdl_summary(f->p, f->row + g->begin[at], g->end[at] - g->begin[at], prior, NULL,
                    score + at * n);
    for (size_t i = 0; i < x->rows; i++)
        for (size_t k = 0; held[i] && k < costs_n; k++)
            loss[k] +=
                weight_of(f, i) * row_loss(f, score + find_leaf(g, x->x + i * x->cols, cost[k]) * n,
                                           (double)f->p->y[i]);
    free(score);
    return TDL_OK;
}

static void fill_prior(const fit *f, double *prior)
{
    double total = 0;

    for (size_t i = 0; i < f->p->x->rows; i++) {
        total += weight_of(f, i);
        prior[f->classes ? (size_t)f->p->y[i] : 0] +=
            weight_of(f, i) * (f->classes ? 1 : (double)f->p->y[i]);
    }
    for (size_t c = 0; c < (f->classes ? f->classes : 1); c++)
        prior[c] /= fmax(total, 1e-300);
}

static tdl_status choose_cost(fit *f, tdl_tree_grown *g, const double *prior, double *ret,
                              tdl_report *why)
{
    size_t rows = f->p->x->rows, costs_n;
    tdl_rng rng = tdl_rng_make(f->p->seed, 0);
    double cost[TDL_TREE_COSTS], loss[TDL_TREE_COSTS] = {0};
    bool *held = calloc(rows, sizeof *held);
    uint32_t *fold_of = malloc(rows * sizeof *fold_of);
    tdl_status st = TDL_OK;
    size_t best = 0;

    if (!held || !fold_of) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for five folds of %zu rows", rows);
        goto out;
    }
    costs_n = tdl_tree_costs(g, cost);
    for (size_t i = 0; i < rows; i++)
        fold_of[i] = (uint32_t)i;
    tdl_rng_shuffle(&rng, fold_of, rows);
    for (size_t fold = 0; fold < FOLDS && !st; fold++) {
        for (size_t i = 0; i < rows; i++)
            held[i] = fold_of[i] % FOLDS == fold;
        if ((st = grow(f, held, g, why)))
            break;
        tdl_tree_links(g);
        st = measure(f, g, held, prior, cost, costs_n, loss, why);
    }
    for (size_t k = 1; k < costs_n; k++)
        if (loss[k] < loss[best])
            best = k;
    *ret = cost[best];
out:
    free(held);
    free(fold_of);
    return st;
}

/* ---- the tree ---- */

/* Nodes that the cost leaves, in their order. */
static tdl_status keep(fit *f, const tdl_tree_grown *g, double prune, const double *prior,
                       tdl_tree *tree, tdl_report *why)
{
    size_t scores_n = tdl_problem_scores(f->p);
    bool sorts = f->p->task == TDL_TASK_QUANTILE;
    double *scratch = sorts ? malloc(2 * f->p->x->rows * sizeof *scratch) : NULL;
    int32_t number[TDL_TREE_NODES] = {0};
    bool wanted[TDL_TREE_NODES] = {true};
    size_t n = 0;

    if (sorts && !scratch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for quantiles");
    for (size_t at = 0; at < g->nodes_n; at++) {
        if (!wanted[at])
            continue;
        number[at] = (int32_t)n++;
        if (g->link[at] > prune)
            wanted[g->left[at]] = wanted[g->right[at]] = true;
    }
    for (size_t at = 0; at < g->nodes_n; at++) {
        bool inner = g->link[at] > prune;
        size_t to, rows_n = g->end[at] - g->begin[at];

        if (!wanted[at])
            continue;
        to = (size_t)number[at];
        tree->feature[to] = inner ? g->feature[at] : -1;
        tree->threshold[to] = inner ? g->threshold[at] : 0;
        tree->missing_left[to] = inner ? g->missing_left[at] : 0;
        tree->left[to] = inner ? number[g->left[at]] : 0;
        tree->right[to] = inner ? number[g->right[at]] : 0;
        tree->rows[to] = 0;
        for (size_t k = g->begin[at]; k < g->end[at]; k++)
            tree->rows[to] += weight_of(f, f->row[k]);
        tdl_summary(f->p, f->row + g->begin[at], rows_n, sorts ? NULL : prior, scratch,
                    tree->score + to * scores_n);
    }
    tree->nodes_n = n;
    free(scratch);
    return TDL_OK;
}

tdl_status tdl_tree_fit(const tdl_problem *problem, const tdl_tree_options *options, tdl_tree *tree,
                        double *ret_prune, tdl_report *why)
{
    size_t rows = problem->x->rows, n;
    fit f = {.p = problem, .o = options, .classes = problem->classes_n};
    tdl_tree_grown *g = calloc(1, sizeof *g);
    double *prior = calloc(3 * (f.classes + 3), sizeof *prior);
    tdl_status st = TDL_OK;

    f.row = malloc(rows * sizeof *f.row);
    f.swap = malloc(rows * sizeof *f.swap);
    f.left = calloc(rows, sizeof *f.left);
    if (!__builtin_mul_overflow(rows, problem->x->cols + 1, &n) &&
        n < SIZE_MAX / sizeof *f.column) {
        f.column = calloc(n, sizeof *f.column);
        f.sorted = malloc(n * sizeof *f.sorted);
        f.order = malloc(n * sizeof *f.order);
    }
    if (!g || !prior || !f.row || !f.swap || !f.left || !f.column || !f.sorted || !f.order) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to grow a tree of %zu rows", rows);
        goto out;
    }
    f.below = prior + f.classes + 3;
    f.above = f.below + f.classes + 3;
    fill_prior(&f, prior);
    if ((st = sort_columns(&f, why)))
        goto out;
    *ret_prune = options->prune;
    for (int again = 0; again < 2; again++) { // to find costs to try; then to be pruned
        if ((st = grow(&f, NULL, g, why)))
            goto out;
        tdl_tree_links(g);
        if (again || options->prune >= 0 || problem->task == TDL_TASK_QUANTILE)
            break;
        if ((st = choose_cost(&f, g, prior, ret_prune, why)))
            goto out;
    }
    st = keep(&f, g, fmax(*ret_prune, 0), prior, tree, why);
out:
    free(g);
    free(prior);
    free(f.row);
    free(f.swap);
    free(f.left);
    free(f.column);
    free(f.sorted);
    free(f.order);
    return st;
}
