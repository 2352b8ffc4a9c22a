#include "learn/tree_shap.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = 8,         /* rows that a tree is walked for at once */
    CHUNK = 8 * LANES, /* rows that its constants are made for */
    NO_EDGE = -1
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

/* ---- one tree ---- */

/* The edge into a node. */
typedef struct edge {
    int32_t feature, parent;
    int32_t above; /* the node nearest above whose edge is of the same feature; NO_EDGE */
    double z;      /* share of cover let through by all edges of the feature down to here */
} edge;

/* A tree's constants and the state of LANES rows in it; indices are local to the tree.
 *
 * On an edge the product at point t changes by a factor that depends on whether the row has passed
 * all splits on the feature down to here (pass), all but this one (block), or not even those before
 * (off). A unit of leaf below then adds `gain` of the point where o = 1, `loss` where o = 0. */
typedef struct walk {
    const tdl_forest *forest;
    size_t group, points_max, nodes_max;
    double *point, *point_weight; /* [points_max][points_max]: row n - 1 has n points */
    size_t points;
    double *loss;                      /* [points] */
    edge *edge;                        /* [nodes] */
    double *pass, *block, *off, *gain; /* [nodes][points] */
    double *share;                     /* [nodes] of the root's cover */
    double *product;                   /* [nodes][points][LANES] going down; sums going up */
    double *open;                      /* [nodes][LANES] o: 0 or 1 */
    float *x;                          /* [features][CHUNK] */
    double *phi;                       /* [features][CHUNK] */
} walk;

static void walk_release(walk *w)
{
    void *all[] = {w->point, w->point_weight, w->loss,    w->edge, w->pass, w->block, w->off,
                   w->gain,  w->share,        w->product, w->open, w->x,    w->phi};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

/* As many points as the deepest way of the tree needs. */
static size_t points_of(const tdl_forest *f, size_t tree)
{
    size_t most = (size_t)f->depth[tree];

    most = most < f->features_n ? most : f->features_n;
    return most ? (most + 1) / 2 : 1;
}

static bool walk_init(walk *w, const tdl_forest *f, size_t group)
{
    size_t nodes = 1, points = 1, most = 0;

    *w = (walk){.forest = f, .group = group};
    for (size_t t = 0; t < f->trees_n; t++) {
        size_t n = (size_t)(f->first[t + 1] - f->first[t]), p = points_of(f, t);
        nodes = n > nodes ? n : nodes;
        points = p > points ? p : points;
    }
    /* nodes < 2^28, points <= 32, LANES * sizeof(double) = 64: no overflow of 64 bits */
    most = nodes * points;
    w->points_max = points;
    w->nodes_max = nodes;
    w->point = malloc(points * points * sizeof(double));
    w->point_weight = malloc(points * points * sizeof(double));
    w->loss = malloc(points * sizeof(double));
    w->edge = malloc(nodes * sizeof(edge));
    w->pass = malloc(most * sizeof(double));
    w->block = malloc(most * sizeof(double));
    w->off = malloc(most * sizeof(double));
    w->gain = malloc(most * sizeof(double));
    w->share = malloc(nodes * sizeof(double));
    w->product = malloc(most * LANES * sizeof(double));
    w->open = malloc(nodes * LANES * sizeof(double));
    w->x = malloc(f->features_n * CHUNK * sizeof(float));
    w->phi = malloc(f->features_n * CHUNK * sizeof(double));
    if (!w->point || !w->point_weight || !w->loss || !w->edge || !w->pass || !w->block || !w->off ||
        !w->gain || !w->share || !w->product || !w->open || !w->x || !w->phi)
        return false;
    for (size_t n = 1; n <= points; n++)
        quadrature(n, w->point + (n - 1) * points, w->point_weight + (n - 1) * points);
    return true;
}

/* Share of the cover of split `at` that goes to its left child, both in the forest. */
static double left_share(const tdl_forest *f, int32_t at)
{
    double left = (double)f->cover[f->node[at].left],
           right = (double)f->cover[f->node[at].left + 1];

    return left + right > 0 ? left / (left + right) : .5;
}

static void set_edge(walk *w, int32_t parent, int32_t child, int32_t feature, double share)
{
    size_t points = w->points, at = (size_t)child * points;
    const double *t = w->point + (points - 1) * w->points_max;
    const double *weight = w->point_weight + (points - 1) * w->points_max;
    int32_t above = parent;

    while (above != 0 && w->edge[above].feature != feature)
        above = w->edge[above].parent;
    above = above == 0 ? NO_EDGE : above;
    double z_above = above == NO_EDGE ? 1 : w->edge[above].z, z = z_above * share;
    w->edge[child] = (edge){feature, parent, above, z};
    w->share[child] = w->share[parent] * share;
    for (size_t q = 0; q < points; q++) {
        double pass = t[q] + (1 - t[q]) * z, block = (1 - t[q]) * z;
        double so_far = above == NO_EDGE ? 1 : t[q] + (1 - t[q]) * z_above;

        w->pass[at + q] = pass / so_far;
        w->block[at + q] = block / so_far;
        w->off[at + q] = share;
        w->gain[at + q] = weight[q] * (1 - z) / pass;
    }
}

/* Constants of a tree; returns what it gives when nothing is known. */
static double set_tree(walk *w, size_t tree)
{
    const tdl_forest *f = w->forest;
    int32_t begin = f->first[tree], end = f->first[tree + 1];
    double mean = 0;

    w->points = points_of(f, tree);
    for (size_t q = 0; q < w->points; q++) {
        double t = w->point[(w->points - 1) * w->points_max + q];
        w->loss[q] = -w->point_weight[(w->points - 1) * w->points_max + q] / (1 - t);
    }
    w->share[0] = 1;
    for (int32_t at = begin; at < end; at++) {
        const tdl_forest_node *node = &f->node[at];
        int32_t left = node->left - begin;

        if (node->feature < 0) {
            mean += w->share[at - begin] * (double)node->value;
            continue;
        }
        double share = left_share(f, at);
        set_edge(w, at - begin, left, node->feature, share);
        set_edge(w, at - begin, left + 1, node->feature, 1 - share);
    }
    return mean;
}

/* ---- rows in it ---- */

/* Products of child `c`, given those of its parent. passed[l]: row l goes into this child */
static void step_down(walk *w, size_t c, const double *passed)
{
    const edge *e = &w->edge[c];
    size_t points = w->points;
    const double *from = w->product + (size_t)e->parent * points * LANES;
    double *to = w->product + c * points * LANES, *open = w->open + c * LANES;

    if (e->above == NO_EDGE) {
        memcpy(open, passed, LANES * sizeof *open);
        for (size_t q = 0; q < points; q++) {
            double pass = w->pass[c * points + q], block = w->block[c * points + q];
            for (size_t l = 0; l < LANES; l++)
                to[q * LANES + l] = from[q * LANES + l] * (open[l] > 0 ? pass : block);
        }
        return;
    }
    const double *above = w->open + (size_t)e->above * LANES;
    for (size_t l = 0; l < LANES; l++)
        open[l] = above[l] * passed[l];
    for (size_t q = 0; q < points; q++) {
        double pass = w->pass[c * points + q], block = w->block[c * points + q];
        double off = w->off[c * points + q];
        for (size_t l = 0; l < LANES; l++) {
            double closed = above[l] > 0 ? block : off;
            to[q * LANES + l] = from[q * LANES + l] * (open[l] > 0 ? pass : closed);
        }
    }
}

static void go_down(walk *w, int32_t begin, size_t n, size_t lane0)
{
    const tdl_forest_node *node = w->forest->node + begin;
    size_t points = w->points;
    double left[LANES], right[LANES];

    for (size_t i = 0; i < points * LANES; i++)
        w->product[i] = 1;
    for (size_t at = 0; at < n; at++) {
        double *own = w->product + at * points * LANES;

        if (node[at].feature < 0) {
            for (size_t i = 0; i < points * LANES; i++)
                own[i] *= (double)node[at].value;
            continue;
        }
        const float *x = w->x + (size_t)node[at].feature * CHUNK + lane0;
        float threshold = node[at].value;
        double missing = node[at].missing ? 0 : 1;
        for (size_t l = 0; l < LANES; l++) {
            double below = x[l] < threshold ? 1 : 0;
            left[l] = x[l] == x[l] ? below : missing;
            right[l] = 1 - left[l];
        }
        step_down(w, (size_t)(node[at].left - begin), left);
        step_down(w, (size_t)(node[at].left - begin) + 1, right);
        memset(own, 0, points * LANES * sizeof *own); /* the leaves below add up here */
    }
}

static void go_up(walk *w, size_t n, size_t lane0)
{
    size_t points = w->points;

    for (size_t c = n - 1; c > 0; c--) {
        const edge *e = &w->edge[c];
        const double *sum = w->product + c * points * LANES, *open = w->open + c * LANES;
        double *parent = w->product + (size_t)e->parent * points * LANES;
        double *phi = w->phi + (size_t)e->feature * CHUNK + lane0;
        double part[LANES] = {0};

        for (size_t q = 0; q < points; q++) {
            double gain = w->gain[c * points + q], loss = w->loss[q];
            for (size_t l = 0; l < LANES; l++) {
                part[l] += sum[q * LANES + l] * (open[l] > 0 ? gain : loss);
                parent[q * LANES + l] += sum[q * LANES + l];
            }
        }
        if (e->above != NO_EDGE) { /* what the edge above will add for these leaves is not so */
            const double *above = w->open + (size_t)e->above * LANES;
            const double *gains = w->gain + (size_t)e->above * points;
            for (size_t q = 0; q < points; q++)
                for (size_t l = 0; l < LANES; l++)
                    part[l] -= sum[q * LANES + l] * (above[l] > 0 ? gains[q] : w->loss[q]);
        }
        for (size_t l = 0; l < LANES; l++)
            phi[l] += part[l];
    }
}

/* ---- all trees, shares of rows ---- */

typedef struct job {
    const tdl_forest *forest;
    const float *x;
    size_t group;
    double *ret, *base;
    atomic_bool failed;
} job;

static void load_rows(walk *w, const float *x, size_t rows)
{
    size_t features = w->forest->features_n;

    for (size_t j = 0; j < features; j++)
        for (size_t i = 0; i < CHUNK; i++) {
            float value = i < rows ? x[i * features + j] : 0;
            w->x[j * CHUNK + i] = fabsf(value) <= 3.402823466e38f ? value : NAN;
        }
    memset(w->phi, 0, features * CHUNK * sizeof *w->phi);
}

static void shap_chunk(walk *w, const job *j, size_t row, size_t rows)
{
    const tdl_forest *f = w->forest;
    size_t features = f->features_n;
    double mean = f->base[w->group];

    load_rows(w, j->x + row * features, rows);
    for (size_t t = 0; t < f->trees_n; t++) {
        if ((size_t)f->group[t] != w->group)
            continue;
        mean += set_tree(w, t);
        for (size_t lane0 = 0; lane0 < rows; lane0 += LANES) {
            go_down(w, f->first[t], (size_t)(f->first[t + 1] - f->first[t]), lane0);
            go_up(w, (size_t)(f->first[t + 1] - f->first[t]), lane0);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        j->base[row + i] = mean;
        for (size_t k = 0; k < features; k++)
            j->ret[(row + i) * features + k] = w->phi[k * CHUNK + i];
    }
}

static void shap_share(void *context, size_t begin, size_t end, unsigned part)
{
    job *j = context;
    walk w;

    TDL_UNUSED(part);
    if (walk_init(&w, j->forest, j->group))
        for (size_t row = begin; row < end; row += CHUNK)
            shap_chunk(&w, j, row, end - row < CHUNK ? end - row : CHUNK);
    else
        atomic_store(&j->failed, true);
    walk_release(&w);
}

tdl_status tdl_tree_shap(const tdl_forest *forest, const float *x, size_t rows, size_t group,
                         tdl_pool *pool, double *ret, double *base, tdl_report *why)
{
    job j = {.forest = forest, .x = x, .group = group, .ret = ret, .base = base};

    if (group >= forest->groups_n)
        return TDL_FAIL(why, TDL_E_INVALID, "score %zu of %zu", group, forest->groups_n);
    tdl_pool_run(pool, rows, CHUNK, shap_share, &j);
    if (atomic_load(&j.failed))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", rows);
    return TDL_OK;
}
