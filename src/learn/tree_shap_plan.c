#include "learn/tree_shap_plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The way into a split, while its tree is made. */
typedef struct way {
    double z;     /* share of cover let through by all splits on the feature down to here */
    double share; /* of the root's cover that comes here at all */
} way;

struct tdl_shap_maker {
    const tdl_forest *forest;
    size_t pairs_max;
    double *point, *weight; /* [pairs_max][2 * pairs_max]: for p pairs, row p - 1; padded */
    int32_t *split_of;      /* [nodes of a tree] number among the splits, -1 = a leaf */
    way *way;               /* [splits] */
    tdl_shap_split *split;  /* [splits] */
    tdl_shap_pair *factor;  /* [splits][2][2][states][pairs] at most */
};

/* ---- Gauss-Legendre on [0, 1] ---- */

/* Roots of the Legendre polynomial of degree n by Newton's method from Tricomi's guess. */
static void quadrature(size_t n, double *point, double *weight)
{
    double degree = (double)n;

    for (size_t i = 0; i < n; i++) {
        double x = cos(3.14159265358979323846 * ((double)i + .75) / (degree + .5)), slope = 1;

        for (int step = 0; step < 8; step++) {
            double p = 1, before = 0;
            for (size_t k = 0; k < n; k++) {
                double next = ((2 * (double)k + 1) * x * p - (double)k * before) / ((double)k + 1);
                before = p;
                p = next;
            }
            slope = degree * (x * p - before) / (x * x - 1);
            x -= p / slope;
        }
        point[i] = (1 - x) / 2;
        weight[i] = 1 / ((1 - x * x) * slope * slope);
    }
}

/* ---- sizes ---- */

static size_t nodes_of(const tdl_forest *f, size_t tree)
{
    return (size_t)f->first[tree + 1] - (size_t)f->first[tree];
}

static size_t pairs_of(const tdl_forest *f, size_t tree)
{
    size_t features = (size_t)f->depth[tree];

    features = features < f->features_n ? features : f->features_n;
    return features ? (features + 3) / 4 : 1;
}

size_t tdl_shap_splits_max(const tdl_forest *f)
{
    size_t most = 1;

    for (size_t t = 0; t < f->trees_n; t++)
        most = nodes_of(f, t) / 2 > most ? nodes_of(f, t) / 2 : most;
    return most;
}

size_t tdl_shap_pairs_max(const tdl_forest *f)
{
    size_t most = 1;

    for (size_t t = 0; t < f->trees_n; t++)
        most = pairs_of(f, t) > most ? pairs_of(f, t) : most;
    return most;
}

/* ---- one tree ---- */

void tdl_shap_maker_free(tdl_shap_maker *m)
{
    if (!m)
        return;
    free(m->point);
    free(m->weight);
    free(m->split_of);
    free(m->way);
    free(m->split);
    free(m->factor);
    free(m);
}

tdl_shap_maker *tdl_shap_maker_new(const tdl_forest *f)
{
    tdl_shap_maker *m = calloc(1, sizeof *m);
    size_t splits = tdl_shap_splits_max(f), pairs = tdl_shap_pairs_max(f);

    if (!m)
        return NULL;
    if (splits * 4 * TDL_SHAP_STATES * pairs > INT32_MAX) { /* offsets are int32_t */
        free(m);
        return NULL;
    }
    m->forest = f;
    m->pairs_max = pairs;
    m->point = calloc(pairs * pairs * 2, sizeof *m->point);
    m->weight = calloc(pairs * pairs * 2, sizeof *m->weight);
    m->split_of = malloc((2 * splits + 1) * sizeof *m->split_of);
    m->way = malloc(splits * sizeof *m->way);
    m->split = malloc(splits * sizeof *m->split);
    m->factor = malloc(splits * 4 * TDL_SHAP_STATES * pairs * sizeof *m->factor);
    if (!m->point || !m->weight || !m->split_of || !m->way || !m->split || !m->factor) {
        tdl_shap_maker_free(m);
        return NULL;
    }
    for (size_t p = 1; p <= pairs; p++)
        quadrature(2 * p, m->point + (p - 1) * 2 * pairs, m->weight + (p - 1) * 2 * pairs);
    return m;
}

/* Share of the cover of split `at` that goes to its left child, both in the forest. */
static double left_share(const tdl_forest *f, int32_t at)
{
    double left = (double)f->cover[f->node[at].left];
    double right = (double)f->cover[f->node[at].left + 1];

    return left + right > 0 ? left / (left + right) : .5;
}

/* Factor of the product on the way to a child, and what a unit of leaf below it then adds to the
 * feature, for each state and point. The second takes back what the way in `above`, being of the
 * same feature, would add for the same leaves.
 *   ret  [2][states][pairs] */
static void set_factors(const tdl_shap_maker *m, const tdl_shap_split *split, int side,
                        double share, size_t pairs, tdl_shap_pair *ret)
{
    const double *t = m->point + (pairs - 1) * 2 * m->pairs_max;
    const double *weight = m->weight + (pairs - 1) * 2 * m->pairs_max;
    tdl_shap_pair *adds = ret + TDL_SHAP_STATES * pairs;
    bool again = split->above != 0;
    double z_above = again ? m->way[split->above].z : 1, z = z_above * share;
    size_t passed = side ? TDL_SHAP_RIGHT : TDL_SHAP_LEFT;
    size_t blocked = side ? TDL_SHAP_LEFT : TDL_SHAP_RIGHT;

    for (size_t q = 0; q < 2 * pairs; q++) {
        double rest = 1 - t[q], pass = t[q] + rest * z;
        double so_far = again ? 1 / (t[q] + rest * z_above) : 1;
        double taken_back = again ? weight[q] * (1 - z_above) * so_far : 0;
        size_t pair = q / 2, half = q % 2;

        ret[TDL_SHAP_OFF * pairs + pair][half] = share;
        ret[passed * pairs + pair][half] = pass * so_far;
        ret[blocked * pairs + pair][half] = rest * z * so_far;
        adds[TDL_SHAP_OFF * pairs + pair][half] = 0;
        adds[passed * pairs + pair][half] = weight[q] * (1 - z) / pass - taken_back;
        adds[blocked * pairs + pair][half] = -weight[q] / rest - taken_back;
    }
}

/* The leaf's share in its split's sums. */
static void add_leaf(const tdl_shap_pair *factors, double value, size_t n, tdl_shap_pair *ret)
{
    for (size_t i = 0; i < n; i++) {
        ret[i] += value * factors[i];
        ret[n + i] += value * factors[i] * factors[n + i];
    }
}

/* Splits in the order of the nodes, so that parents come before children. */
static size_t list_splits(tdl_shap_maker *m, size_t tree)
{
    const tdl_forest *f = m->forest;
    int32_t begin = f->first[tree];
    size_t n = 0;

    for (size_t i = 0; i < nodes_of(f, tree); i++)
        m->split_of[i] = f->node[(size_t)begin + i].feature < 0 ? -1 : (int32_t)n++;
    return n;
}

static void start_split(tdl_shap_maker *m, int32_t at, int32_t parent, int side, double share,
                        double z)
{
    m->split[at] = (tdl_shap_split){
        .parent = parent, .side = TDL_SHAP_LEFT + side, .way_in = -1, .leaves = -1};
    m->way[at] = (way){.z = z, .share = share};
}

static void fill_split(tdl_shap_maker *m, int32_t at, const tdl_forest_node *node)
{
    int32_t above = at;

    /* the way into a split is of its parent's feature */
    while (above != 0 && m->split[m->split[above].parent].feature != node->feature)
        above = m->split[above].parent;
    m->split[at].threshold = node->value;
    m->split[at].feature = node->feature;
    m->split[at].missing = node->missing ? TDL_SHAP_RIGHT : TDL_SHAP_LEFT;
    m->split[at].above = above;
}

void tdl_shap_make(tdl_shap_maker *m, size_t tree, tdl_shap_tree *ret)
{
    const tdl_forest *f = m->forest;
    int32_t begin = f->first[tree];
    size_t n = list_splits(m, tree), pairs = pairs_of(f, tree), each = TDL_SHAP_STATES * pairs;
    size_t used = 0;
    double mean = n ? 0 : (double)f->node[begin].value;

    if (n)
        start_split(m, 0, 0, 0, 1, 1);
    for (size_t i = 0; i < nodes_of(f, tree); i++) {
        const tdl_forest_node *node = &f->node[(size_t)begin + i];
        int32_t at = m->split_of[i];

        if (at < 0)
            continue;
        tdl_shap_split *split = &m->split[at];
        fill_split(m, at, node);
        double left = left_share(f, begin + (int32_t)i);
        for (int side = 0; side < 2; side++) {
            int32_t to = node->left - begin + side, child = m->split_of[to];
            double share = side ? 1 - left : left;
            tdl_shap_pair *room = m->factor + used;

            set_factors(m, split, side, share, pairs, room);
            split->child[side] = child;
            if (child >= 0) {
                start_split(m, child, at, side, m->way[at].share * share,
                            (split->above ? m->way[split->above].z : 1) * share);
                m->split[child].way_in = (int32_t)used;
                used += 2 * each;
                continue;
            }
            double value = (double)f->node[begin + to].value;
            mean += m->way[at].share * share * value;
            if (split->leaves < 0) { /* the factors stay where they are until the leaf is in */
                tdl_shap_pair *sums = room + 2 * each;
                memset(sums, 0, 2 * each * sizeof *sums);
                add_leaf(room, value, each, sums);
                memcpy(room, sums, 2 * each * sizeof *sums);
                split->leaves = (int32_t)used;
                used += 2 * each;
            } else {
                add_leaf(room, value, each, m->factor + split->leaves);
            }
        }
    }
    *ret = (tdl_shap_tree){
        .splits_n = n, .pairs = pairs, .mean = mean, .split = m->split, .factor = m->factor};
}

/* ---- all trees ---- */

struct tdl_shap_plan {
    tdl_shap_tree *tree; /* [trees_n] */
    tdl_shap_split *split;
    tdl_shap_pair *factor;
};

void tdl_shap_plan_free(tdl_shap_plan *plan)
{
    if (!plan)
        return;
    free(plan->tree);
    free(plan->split);
    free(plan->factor);
    free(plan);
}

const tdl_shap_tree *tdl_shap_plan_tree(const tdl_shap_plan *plan, size_t tree)
{
    return &plan->tree[tree];
}

/* Factors of a tree: one set for each way into a split but the root, one for each split with a leaf
 * under it. */
static size_t factors_of(const tdl_forest *f, size_t tree)
{
    size_t sets = 0;

    for (size_t i = (size_t)f->first[tree]; i < (size_t)f->first[tree + 1]; i++) {
        const tdl_forest_node *node = &f->node[i];

        if (node->feature < 0)
            continue;
        sets += i != (size_t)f->first[tree];
        sets += f->node[node->left].feature < 0 || f->node[node->left + 1].feature < 0;
    }
    return sets * 2 * TDL_SHAP_STATES * pairs_of(f, tree);
}

tdl_status tdl_shap_plan_new(const tdl_forest *f, size_t budget, tdl_shap_plan **ret,
                             tdl_report *why)
{
    size_t splits = 0, factors = 0;
    tdl_shap_plan *plan = NULL;
    tdl_shap_maker *m = NULL;
    tdl_status st = TDL_OK;

    *ret = NULL;
    for (size_t t = 0; t < f->trees_n; t++) {
        splits += nodes_of(f, t) / 2;
        factors += factors_of(f, t);
    }
    if (splits * sizeof *plan->split + factors * sizeof *plan->factor > budget)
        return TDL_OK;
    plan = calloc(1, sizeof *plan);
    m = tdl_shap_maker_new(f);
    if (plan) {
        plan->tree = calloc(f->trees_n + 1, sizeof *plan->tree);
        plan->split = malloc((splits + 1) * sizeof *plan->split);
        plan->factor = malloc((factors + 1) * sizeof *plan->factor);
    }
    if (!m || !plan || !plan->tree || !plan->split || !plan->factor) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain trees");
        goto out;
    }
    splits = factors = 0;
    for (size_t t = 0; t < f->trees_n; t++) {
        tdl_shap_tree *tree = &plan->tree[t];
        size_t n = factors_of(f, t);

        tdl_shap_make(m, t, tree);
        memcpy(plan->split + splits, tree->split, tree->splits_n * sizeof *plan->split);
        memcpy(plan->factor + factors, tree->factor, n * sizeof *plan->factor);
        tree->split = plan->split + splits;
        tree->factor = plan->factor + factors;
        splits += tree->splits_n;
        factors += n;
    }
    *ret = plan;
    plan = NULL;
out:
    tdl_shap_maker_free(m);
    tdl_shap_plan_free(plan);
    return st;
}
