#include "learn/additive_step.h"

enum { COARSE = TDL_ADDITIVE_COARSE };
#define LEAF_LEAST 2.0 /* curvature, in rows of weight 1 at a regression */

static double worth(tdl_additive_sums s, double ridge)
{
    return s.g * s.g / (s.h + ridge);
}

typedef struct run {
    size_t begin, end; /* bins */
    size_t cut;        /* where it parts best, 0 = nowhere */
    double gain;
} run;

static void find_cut(const tdl_additive_sums *bin, double ridge, run *r)
{
    tdl_additive_sums all = {0}, left = {0};

    r->cut = 0;
    r->gain = 1e-10;
    for (size_t b = r->begin; b < r->end; b++) {
        all.g += bin[b].g;
        all.h += bin[b].h;
    }
    for (size_t b = r->begin; b + 1 < r->end; b++) {
        tdl_additive_sums right;
        double gain;

        left.g += bin[b].g;
        left.h += bin[b].h;
        right = (tdl_additive_sums){all.g - left.g, all.h - left.h};
        if (left.h < LEAF_LEAST || right.h < LEAF_LEAST)
            continue;
        gain = worth(left, ridge) + worth(right, ridge) - worth(all, ridge);
        if (gain > r->gain) {
            r->gain = gain;
            r->cut = b + 1;
        }
    }
}

static double step_of(tdl_additive_sums s, double rate, double ridge)
{
    return s.h > 0 ? -rate * s.g / (s.h + ridge) : 0;
}

static void fill_run(const tdl_additive_sums *bin, const run *r, double rate, double ridge,
                     double *step)
{
    tdl_additive_sums all = {0};

    for (size_t k = r->begin; k < r->end; k++) {
        all.g += bin[k].g;
        all.h += bin[k].h;
    }
    for (size_t k = r->begin; k < r->end; k++)
        step[k] = step_of(all, rate, ridge);
}

bool tdl_additive_grow(const tdl_additive_sums *bin, size_t bins, double rate, double ridge,
                       double *step)
{
    run leaf[3] = {{.begin = 1, .end = bins}};
    size_t n = 1;

    find_cut(bin, ridge, &leaf[0]);
    for (; n < 3; n++) {
        size_t best = 0;

        for (size_t k = 1; k < n; k++)
            if (leaf[k].cut && (!leaf[best].cut || leaf[k].gain > leaf[best].gain))
                best = k;
        if (!leaf[best].cut)
            break;
        leaf[n] = (run){.begin = leaf[best].cut, .end = leaf[best].end};
        leaf[best].end = leaf[best].cut;
        find_cut(bin, ridge, &leaf[best]);
        find_cut(bin, ridge, &leaf[n]);
    }
    step[0] = bin[0].h >= LEAF_LEAST ? step_of(bin[0], rate, ridge) : 0;
    if (n == 1 && step[0] == 0)
        return false;
    for (size_t k = 0; k < n; k++)
        fill_run(bin, &leaf[k], rate, ridge, step);
    return true;
}

bool tdl_additive_quadrants(tdl_additive_sums below[COARSE + 1][COARSE + 1], double rate,
                            double ridge, size_t *ret_a, size_t *ret_b, double step[4])
{
    tdl_additive_sums all = below[COARSE][COARSE];
    double most = 1e-10;

    for (size_t x = 1; x < COARSE; x++)
        for (size_t y = 1; y < COARSE; y++) {
            tdl_additive_sums q[4] = {
                below[x][y],
                {below[x][COARSE].g - below[x][y].g, below[x][COARSE].h - below[x][y].h},
                {below[COARSE][y].g - below[x][y].g, below[COARSE][y].h - below[x][y].h},
                {0, 0}};
            double gain = -worth(all, ridge);
            bool small = false;

            q[3] = (tdl_additive_sums){all.g - q[0].g - q[1].g - q[2].g,
                                       all.h - q[0].h - q[1].h - q[2].h};
            for (int k = 0; k < 4; k++) {
                small = small || q[k].h < LEAF_LEAST;
                gain += worth(q[k], ridge);
            }
            if (small || !(gain > most))
                continue;
            most = gain;
            *ret_a = x;
            *ret_b = y;
            for (int k = 0; k < 4; k++)
                step[k] = step_of(q[k], rate, ridge);
        }
    return most > 1e-10;
}
