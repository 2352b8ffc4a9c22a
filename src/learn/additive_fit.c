#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/timestamp.h"
#include "learn/additive_fit.h"
#include "learn/additive_step.h"
#include "learn/summary.h"

enum { BINS = TDL_ADDITIVE_BINS, COARSE = TDL_ADDITIVE_COARSE, TABLE = COARSE * COARSE };
#define HELD_SHARE 0.15

typedef struct fit fit;

/* One bag: what it has learnt, and how its rows stand. */
typedef struct bag {
    const fit *f;
    bool *held;            /* [rows] */
    double *score;         /* [heads][rows] */
    double *slope, *curve; /* [heads][rows] derivatives of the loss, 0 in rows held out */
    double *intercept;     /* [heads] */
    double *main;          /* [cols][heads][BINS] */
    double *pair;          /* [pairs][heads][TABLE] */
    double *best;          /* copy of what is being learnt, at the round of least loss */
    size_t rounds;         /* of curves, to the best */
} bag;

struct fit {
    const tdl_problem *p;
    const tdl_additive_options *o;
    tdl_additive_model *m;
    size_t rows, cols, heads;
    uint8_t *bin;     /* [cols][rows] */
    double *y;        /* [rows] in units of `unit`, less `shift`, for regression */
    double unit;      /* */
    double shift;     /* */
    int64_t deadline; /* monotonic, microseconds; 0 = none */
    bag *bag;         /* [bags] */
};

/* ---- loss ---- */

static double weight_of(const fit *f, size_t i)
{
    return f->p->weight ? (double)f->p->weight[i] : 1;
}

/* Derivatives at row i, and its loss. */
static double differentiate(const bag *b, size_t i, double *slope, double *curve)
{
    const fit *f = b->f;
    double y = f->y[i], s = b->score[i], most, sum = 0, loss;

    switch (f->p->task) {
    case TDL_TASK_BINARY:
        *slope = 1 / (1 + exp(-s)) - y;
        *curve = (*slope + y) * (1 - *slope - y);
        return fmax(s, 0) + log1p(exp(-fabs(s))) - y * s;
    case TDL_TASK_COUNT:
        s = fmin(s, 30);
        *curve = exp(s);
        *slope = *curve - y;
        return *curve - y * s;
    case TDL_TASK_CLASSES:
    case TDL_TASK_ORDINAL:
        most = s;
        for (size_t c = 1; c < f->heads; c++)
            most = fmax(most, b->score[c * f->rows + i]);
        for (size_t c = 0; c < f->heads; c++)
            sum += slope[c * f->rows] = exp(b->score[c * f->rows + i] - most);
        loss = log(sum) + most - b->score[(size_t)y * f->rows + i];
        for (size_t c = 0; c < f->heads; c++) {
            double share = slope[c * f->rows] / sum;

            slope[c * f->rows] = share - ((size_t)y == c);
            curve[c * f->rows] = share * (1 - share);
        }
        return loss;
    default:
        *slope = s - y;
        *curve = 1;
        return *slope * *slope / 2;
    }
}

/* Derivatives of all rows; returns the mean loss of those held out. */
static double refresh(bag *b)
{
    const fit *f = b->f;
    double loss = 0, weights = 0;

    for (size_t i = 0; i < f->rows; i++) {
        double w = weight_of(f, i), own = differentiate(b, i, b->slope + i, b->curve + i);

        loss += b->held[i] ? w * own : 0;
        weights += b->held[i] ? w : 0;
        w = b->held[i] ? 0 : w;
        for (size_t c = 0; c < f->heads; c++) {
            b->slope[c * f->rows + i] *= w;
            b->curve[c * f->rows + i] *= w;
        }
    }
    return weights > 0 ? loss / weights : 0;
}

/* ---- steps ---- */

/* Feature j's turn at score c. The slopes follow to first order; each round starts from exact ones.
 */
static void turn(bag *b, size_t j, size_t c)
{
    const fit *f = b->f;
    const uint8_t *bin = f->bin + j * f->rows;
    double *slope = b->slope + c * f->rows, *curve = b->curve + c * f->rows;
    double *score = b->score + c * f->rows, *into = b->main + (j * f->heads + c) * BINS;
    size_t bins = (size_t)f->m->edges_n[j] + 2;
    tdl_additive_sums sum[BINS] = {0};
    double step[BINS];

    for (size_t i = 0; i < f->rows; i++) {
        sum[bin[i]].g += slope[i];
        sum[bin[i]].h += curve[i];
    }
    if (!tdl_additive_grow(sum, bins, f->o->rate, f->o->ridge, step))
        return;
    for (size_t k = 0; k < bins; k++)
        into[k] += step[k];
    for (size_t i = 0; i < f->rows; i++) {
        score[i] += step[bin[i]];
        slope[i] += curve[i] * step[bin[i]];
    }
}

static void intercept_turn(bag *b, size_t c)
{
    const fit *f = b->f;
    double *slope = b->slope + c * f->rows, *curve = b->curve + c * f->rows;
    tdl_additive_sums all = {0};
    double step;

    for (size_t i = 0; i < f->rows; i++) {
        all.g += slope[i];
        all.h += curve[i];
    }
    step = all.h > 0 ? -0.5 * all.g / all.h : 0;
    b->intercept[c] += step;
    for (size_t i = 0; i < f->rows; i++) {
        b->score[c * f->rows + i] += step;
        slope[i] += curve[i] * step;
    }
}

/* Pair k's turn at score c. */
static void pair_turn(bag *b, size_t k, size_t c)
{
    const fit *f = b->f;
    size_t first = (size_t)f->m->member[2 * k], second = (size_t)f->m->member[2 * k + 1];
    const uint8_t *bin_a = f->bin + first * f->rows, *bin_b = f->bin + second * f->rows;
    const int32_t *of_a = f->m->coarse + first * BINS, *of_b = f->m->coarse + second * BINS;
    double *slope = b->slope + c * f->rows, *curve = b->curve + c * f->rows;
    double *score = b->score + c * f->rows, *into = b->pair + (k * f->heads + c) * TABLE;
    tdl_additive_sums below[COARSE + 1][COARSE + 1] = {0};
    double step[4], table[TABLE];
    size_t x = 0, y = 0;

    for (size_t i = 0; i < f->rows; i++) {
        tdl_additive_sums *cell = &below[of_a[bin_a[i]] + 1][of_b[bin_b[i]] + 1];

        cell->g += slope[i];
        cell->h += curve[i];
    }
    for (size_t a = 1; a <= COARSE; a++)
        for (size_t e = 1; e <= COARSE; e++) {
            below[a][e].g += below[a - 1][e].g + below[a][e - 1].g - below[a - 1][e - 1].g;
            below[a][e].h += below[a - 1][e].h + below[a][e - 1].h - below[a - 1][e - 1].h;
        }
    if (!tdl_additive_quadrants(below, f->o->rate, f->o->ridge, &x, &y, step))
        return;
    for (size_t a = 0; a < COARSE; a++)
        for (size_t e = 0; e < COARSE; e++) {
            table[a * COARSE + e] = step[2 * (a >= x) + (e >= y)];
            into[a * COARSE + e] += table[a * COARSE + e];
        }
    for (size_t i = 0; i < f->rows; i++) {
        double by = table[of_a[bin_a[i]] * COARSE + of_b[bin_b[i]]];

        score[i] += by;
        slope[i] += curve[i] * by;
    }
}

/* ---- a bag ---- */

static bool must_stop(const fit *f)
{
    return f->p->stop && atomic_load(f->p->stop);
}

/* Rounds until those held out have not got better for long. n numbers at `learnt` are put back to
 * what they were at their best. */
static void boost(bag *b, bool pairs, double *learnt, size_t n)
{
    const fit *f = b->f;
    double least = INFINITY;
    size_t since = 0;

    for (size_t round = 0; round <= f->o->rounds; round++) {
        double loss = refresh(b);

        if (loss < least - 1e-7 * fabs(least) || round == 0) {
            memcpy(b->best, learnt, n * sizeof *learnt);
            least = loss;
            since = 0;
            if (!pairs)
                b->rounds = round;
        } else if (++since > f->o->patience) {
            break;
        }
        if (must_stop(f) || (f->deadline && tdl_time_monotonic() > f->deadline))
            break;
        for (size_t c = 0; c < f->heads; c++) {
            intercept_turn(b, c);
            for (size_t j = 0; j < (pairs ? f->m->pairs_n : f->cols); j++)
                pairs ? pair_turn(b, j, c) : turn(b, j, c);
        }
    }
    memcpy(learnt, b->best, n * sizeof *learnt);
}

/* Scores from what has been learnt. */
static void rescore(bag *b)
{
    const fit *f = b->f;

    for (size_t c = 0; c < f->heads; c++) {
        double *score = b->score + c * f->rows;

        for (size_t i = 0; i < f->rows; i++)
            score[i] = b->intercept[c];
        for (size_t j = 0; j < f->cols; j++)
            for (size_t i = 0; i < f->rows; i++)
                score[i] += b->main[(j * f->heads + c) * BINS + f->bin[j * f->rows + i]];
    }
}

/* Intercepts, curves and tables lie one after the other, so that one copy holds them. */
static void fit_mains(void *context, size_t begin, size_t end, unsigned part)
{
    bag *bags = context;

    TDL_UNUSED(part);
    for (size_t k = begin; k < end; k++) {
        bag *b = &bags[k];

        rescore(b);
        boost(b, false, b->intercept, b->f->heads + b->f->cols * b->f->heads * BINS);
        rescore(b);
        refresh(b);
    }
}

static void fit_pairs(void *context, size_t begin, size_t end, unsigned part)
{
    bag *bags = context;

    TDL_UNUSED(part);
    for (size_t k = begin; k < end; k++) {
        bag *b = &bags[k];

        boost(b, true, b->intercept,
              b->f->heads * (1 + b->f->cols * BINS + b->f->m->pairs_n * TABLE));
    }
}

/* Held out: 15 % of the rows, by the seed. */
static tdl_status start_bag(fit *f, bag *b, uint64_t stream, const double *start, tdl_report *why)
{
    size_t n = f->heads * (1 + f->cols * BINS + TDL_ADDITIVE_PAIRS * TABLE);
    tdl_rng rng = tdl_rng_make(f->p->seed, stream);

    b->f = f;
    b->held = calloc(f->rows, sizeof *b->held);
    b->score = malloc(3 * f->heads * f->rows * sizeof *b->score);
    b->intercept = calloc(2 * n, sizeof *b->intercept);
    if (!b->held || !b->score || !b->intercept)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a bag of %zu rows", f->rows);
    b->slope = b->score + f->heads * f->rows;
    b->curve = b->slope + f->heads * f->rows;
    b->main = b->intercept + f->heads;
    b->pair = b->main + f->cols * f->heads * BINS;
    b->best = b->intercept + n;
    memcpy(b->intercept, start, f->heads * sizeof *start);
    for (size_t i = 0; i < f->rows; i++)
        b->held[i] = tdl_rng_uniform(&rng) < HELD_SHARE;
    return TDL_OK;
}

/* ---- the model ---- */

static void average(fit *f, bool pairs)
{
    size_t n = f->cols * f->heads * BINS, p = f->m->pairs_n * f->heads * TABLE;
    double share = 1 / (double)f->o->bags;

    memset(f->m->intercept, 0, f->heads * sizeof *f->m->intercept);
    memset(f->m->curve, 0, n * sizeof *f->m->curve);
    for (size_t k = 0; k < f->o->bags; k++) {
        const bag *b = &f->bag[k];

        for (size_t c = 0; c < f->heads; c++)
            f->m->intercept[c] += share * b->intercept[c];
        for (size_t i = 0; i < n; i++)
            f->m->curve[i] += share * b->main[i];
        for (size_t i = 0; pairs && i < p; i++)
            f->m->pair[i] += share * b->pair[i];
    }
}

static void centre(fit *f)
{
    double weights = 0;

    for (size_t i = 0; i < f->rows; i++)
        weights += weight_of(f, i);
    for (size_t j = 0; j < f->cols + f->m->pairs_n; j++)
        for (size_t c = 0; c < f->heads; c++) {
            bool pair = j >= f->cols;
            size_t k = j - f->cols, n = pair ? TABLE : BINS;
            double *of = pair ? f->m->pair + (k * f->heads + c) * TABLE
                              : f->m->curve + (j * f->heads + c) * BINS;
            double mean = 0;

            for (size_t i = 0; i < f->rows; i++) {
                size_t at;

                if (pair) {
                    size_t a = (size_t)f->m->member[2 * k], e = (size_t)f->m->member[2 * k + 1];

                    at = (size_t)f->m->coarse[a * BINS + f->bin[a * f->rows + i]] * COARSE +
                         (size_t)f->m->coarse[e * BINS + f->bin[e * f->rows + i]];
                } else {
                    at = f->bin[j * f->rows + i];
                }
                mean += weight_of(f, i) * of[at] / fmax(weights, 1e-300);
            }
            for (size_t i = 0; i < n; i++)
                of[i] = (of[i] - mean) * f->unit;
            f->m->intercept[c] += mean;
        }
    for (size_t c = 0; c < f->heads; c++)
        f->m->intercept[c] = f->m->intercept[c] * f->unit + f->shift;
}

static tdl_status run_bags(fit *f, double *ret_rounds, tdl_report *why)
{
    double *slope = malloc(2 * f->heads * f->rows * sizeof *slope);
    size_t n = f->heads * f->rows;
    tdl_status st = TDL_OK;

    if (!slope)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", f->rows);
    tdl_pool_run(f->p->pool, f->o->bags, 1, fit_mains, f->bag);
    average(f, false);
    *ret_rounds = 0;
    for (size_t k = 0; k < f->o->bags; k++)
        *ret_rounds += (double)f->bag[k].rounds / (double)f->o->bags;
    if (f->o->pairs && f->cols > 1 && !must_stop(f)) {
        memset(slope, 0, 2 * n * sizeof *slope);
        for (size_t k = 0; k < f->o->bags; k++)
            for (size_t i = 0; i < n; i++) {
                slope[i] += f->bag[k].slope[i];
                slope[n + i] += f->bag[k].curve[i];
            }
        if ((st = tdl_additive_rank_pairs(f->m, f->bin, f->rows, slope, slope + n, f->heads,
                                          f->o->ridge, f->p->pool, f->o->pairs, f->m->member,
                                          &f->m->pairs_n, why)))
            goto out;
        tdl_pool_run(f->p->pool, f->o->bags, 1, fit_pairs, f->bag);
    }
    average(f, true);
    centre(f);
    if (must_stop(f))
        st = TDL_FAIL(why, TDL_E_STOPPED, "stopped");
out:
    free(slope);
    return st;
}

/* Targets of a regression in units of their deviation, from their mean. */
static void scale_targets(fit *f)
{
    double weights = 0, mean = 0, squares = 0;

    f->unit = 1;
    for (size_t i = 0; i < f->rows; i++) {
        f->y[i] = (double)f->p->y[i];
        weights += weight_of(f, i);
        mean += weight_of(f, i) * f->y[i];
    }
    if (f->p->task != TDL_TASK_REGRESSION && f->p->task != TDL_TASK_RANKING)
        return;
    f->shift = mean / fmax(weights, 1e-300);
    for (size_t i = 0; i < f->rows; i++)
        squares += weight_of(f, i) * (f->y[i] - f->shift) * (f->y[i] - f->shift);
    if (squares > 0)
        f->unit = sqrt(squares / weights);
    for (size_t i = 0; i < f->rows; i++)
        f->y[i] = (f->y[i] - f->shift) / f->unit;
}

tdl_status tdl_additive_fit(const tdl_problem *problem, const tdl_additive_options *options,
                            tdl_additive_model *model, double *ret_rounds, tdl_report *why)
{
    const tdl_matrix *x = problem->x;
    fit f = {.p = problem,
             .o = options,
             .m = model,
             .rows = x->rows,
             .cols = x->cols,
             .heads = model->heads};
    double *start = calloc(f.heads, sizeof *start);
    tdl_status st = TDL_OK;

    f.bin = malloc(f.rows * f.cols + 1);
    f.y = malloc(f.rows * sizeof *f.y);
    f.bag = calloc(options->bags, sizeof *f.bag);
    if (!start || !f.bin || !f.y || !f.bag) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", f.rows);
        goto out;
    }
    if (problem->seconds > 0)
        f.deadline = tdl_time_monotonic() + (int64_t)(problem->seconds * 1e6);
    for (size_t j = 0; j < f.cols; j++)
        for (size_t i = 0; i < f.rows; i++)
            f.bin[j * f.rows + i] = (uint8_t)tdl_additive_bin(model, j, x->x[i * f.cols + j]);
    scale_targets(&f);
    if (problem->task != TDL_TASK_REGRESSION && problem->task != TDL_TASK_RANKING)
        tdl_summary(problem, NULL, f.rows, NULL, NULL, start);
    for (size_t k = 0; k < options->bags && !st; k++)
        st = start_bag(&f, &f.bag[k], k, start, why);
    if (!st)
        st = run_bags(&f, ret_rounds, why);
out:
    for (size_t k = 0; f.bag && k < options->bags; k++) {
        free(f.bag[k].held);
        free(f.bag[k].score);
        free(f.bag[k].intercept);
    }
    free(f.bag);
    free(f.bin);
    free(f.y);
    free(start);
    return st;
}
