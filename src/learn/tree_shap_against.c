/* Interventional TreeSHAP: tdl_tree_shap_against of tree_shap.h.
 *
 * Against one background row, a leaf is reached by a coalition exactly when it holds all features
 * that only the row passes on the way (A of them) and none of those that only the background passes
 * (B). Such a leaf v gives each of the first v! B! / (A+B)!, takes v A! (B-1)! / (A+B)! from
 * each of the second. Ways that neither passes are never entered.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "learn/tree_shap.h"

enum { NEITHER, ROW_ONLY, BACKGROUND_ONLY };

typedef struct pass {
    const tdl_forest *forest;
    const float *row, *background;
    uint8_t *which;                       /* [features] since the root, of this way */
    int32_t on_way[TDL_FOREST_DEPTH_MAX]; /* features with one */
    size_t row_only, background_only;
    double factorial[2 * TDL_FOREST_DEPTH_MAX + 1]; /* its logarithm */
    double *phi;                                    /* [features] */
    double reference;                               /* sum of the background's leaves */
} pass;

static bool goes_left(const tdl_forest_node *node, const float *x)
{
    float value = x[node->feature];

    return fabsf(value) <= 3.402823466e38f ? value < node->value : !node->missing;
}

static void at_leaf(pass *p, double value)
{
    size_t a = p->row_only, b = p->background_only;
    double whole = p->factorial[a + b];
    double give = a ? value * exp(p->factorial[a - 1] + p->factorial[b] - whole) : 0;
    double lose = b ? value * exp(p->factorial[a] + p->factorial[b - 1] - whole) : 0;

    if (!a)
        p->reference += value;
    for (size_t i = 0; i < a + b; i++)
        p->phi[p->on_way[i]] += p->which[p->on_way[i]] == ROW_ONLY ? give : -lose;
}

static void enter(pass *p, int32_t at)
{
    const tdl_forest_node *node = &p->forest->node[at];

    if (node->feature < 0) {
        at_leaf(p, (double)node->value);
        return;
    }
    int32_t of_row = node->left + !goes_left(node, p->row);
    int32_t of_background = node->left + !goes_left(node, p->background);
    uint8_t *which = &p->which[node->feature];
    if (of_row == of_background || *which == ROW_ONLY) {
        enter(p, of_row);
    } else if (*which == BACKGROUND_ONLY) {
        enter(p, of_background);
    } else {
        p->on_way[p->row_only + p->background_only] = node->feature;
        *which = ROW_ONLY;
        p->row_only++;
        enter(p, of_row);
        p->row_only--;
        *which = BACKGROUND_ONLY;
        p->background_only++;
        enter(p, of_background);
        p->background_only--;
        *which = NEITHER;
    }
}

typedef struct job {
    const tdl_forest *forest;
    const float *x, *background;
    size_t background_n, group;
    double *ret, *base;
    atomic_bool failed;
} job;

static void against_all(const job *j, pass *p, size_t row)
{
    const tdl_forest *f = j->forest;
    size_t features = f->features_n;
    double *phi = j->ret + row * features;

    p->row = j->x + row * features;
    p->phi = phi;
    p->reference = 0;
    for (size_t k = 0; k < features; k++)
        phi[k] = 0;
    for (size_t b = 0; b < j->background_n; b++) {
        p->background = j->background + b * features;
        for (size_t t = 0; t < f->trees_n; t++)
            if ((size_t)f->group[t] == j->group)
                enter(p, f->first[t]);
    }
    for (size_t k = 0; k < features; k++)
        phi[k] /= (double)j->background_n;
    j->base[row] = f->base[j->group] + p->reference / (double)j->background_n;
}

static void against_share(void *context, size_t begin, size_t end, unsigned part)
{
    job *j = context;
    pass p = {.forest = j->forest, .which = calloc(j->forest->features_n, 1)};

    TDL_UNUSED(part);
    if (!p.which) {
        atomic_store(&j->failed, true);
        return;
    }
    for (size_t i = 1; i < sizeof p.factorial / sizeof p.factorial[0]; i++)
        p.factorial[i] = p.factorial[i - 1] + log((double)i);
    for (size_t row = begin; row < end; row++)
        against_all(j, &p, row);
    free(p.which);
}

tdl_status tdl_tree_shap_against(const tdl_forest *forest, const float *x, size_t rows,
                                 const float *background, size_t background_n, size_t group,
                                 tdl_pool *pool, double *ret, double *base, tdl_report *why)
{
    job j = {.forest = forest,
             .x = x,
             .background = background,
             .background_n = background_n,
             .group = group,
             .ret = ret,
             .base = base};

    if (group >= forest->groups_n || !background_n)
        return TDL_FAIL(why, TDL_E_INVALID, "score %zu of %zu, against %zu rows", group,
                        forest->groups_n, background_n);
    tdl_pool_run(pool, rows, 1, against_share, &j);
    if (atomic_load(&j.failed))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", rows);
    return TDL_OK;
}
