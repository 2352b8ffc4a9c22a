#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/lasso_path.h"

enum { SWEEPS = 1000, REWEIGHTS = 30 };
#define TOLERANCE 1e-7

typedef struct fit {
    const tdl_problem *p;
    const tdl_lasso_options *o;
    size_t rows, n;     /* n = cols + 1; rows that are not held out */
    double *x;          /* [n - 1][rows], column by column */
    double *y, *given;  /* [rows]; weights sum to 1 */
    double *weight;     /* [rows] working */
    double *left;       /* [rows] working residuals */
    double *eta;        /* [rows] */
    double *square;     /* [n - 1] sum of weight x^2 */
    double *w, *before; /* [n] */
} fit;

static double soft(double value, double by)
{
    return value > by ? value - by : value < -by ? value + by : 0;
}

/* Working response at the present scores. */
static void rework(fit *f)
{
    for (size_t i = 0; i < f->rows; i++) {
        double curve = 1, mean = f->eta[i];

        if (f->o->binomial) {
            mean = 1 / (1 + exp(-f->eta[i]));
            curve = fmax(mean * (1 - mean), 1e-5);
        }
        f->weight[i] = f->given[i] * curve;
        f->left[i] = (f->y[i] - mean) / curve;
    }
    for (size_t j = 0; j + 1 < f->n; j++) {
        const double *x = f->x + j * f->rows;

        f->square[j] = 0;
        for (size_t i = 0; i < f->rows; i++)
            f->square[j] += f->weight[i] * x[i] * x[i];
    }
}

/* One coordinate; returns how much it moved, in units of the loss. */
static double turn(fit *f, size_t j, double lambda)
{
    const double *x = f->x + j * f->rows;
    double sum = 0, now, by;

    if (!(f->square[j] > 0))
        return 0;
    for (size_t i = 0; i < f->rows; i++)
        sum += f->weight[i] * x[i] * f->left[i];
    now = soft(sum + f->square[j] * f->w[j], lambda * f->o->mix) /
          (f->square[j] + lambda * (1 - f->o->mix));
    by = now - f->w[j];
    if (by == 0)
        return 0;
    f->w[j] = now;
    for (size_t i = 0; i < f->rows; i++)
        f->left[i] -= by * x[i];
    return f->square[j] * by * by;
}

static double intercept_turn(fit *f)
{
    double sum = 0, weights = 0, by;

    for (size_t i = 0; i < f->rows; i++) {
        sum += f->weight[i] * f->left[i];
        weights += f->weight[i];
    }
    by = sum / weights;
    f->w[f->n - 1] += by;
    for (size_t i = 0; i < f->rows; i++)
        f->left[i] -= by;
    return weights * by * by;
}

/* Sweeps over those that are not 0 until they settle, then over all, until no other comes in. */
static void descend(fit *f, double lambda)
{
    for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
        double most = intercept_turn(f);

        for (size_t j = 0; j + 1 < f->n; j++)
            most = fmax(most, turn(f, j, lambda));
        if (most < TOLERANCE * TOLERANCE)
            return;
        for (; most >= TOLERANCE * TOLERANCE && sweep < SWEEPS; sweep++) {
            most = intercept_turn(f);
            for (size_t j = 0; j + 1 < f->n; j++)
                if (f->w[j] != 0)
                    most = fmax(most, turn(f, j, lambda));
        }
    }
}

static void fit_one(fit *f, double lambda)
{
    for (size_t k = 0; k < (f->o->binomial ? REWEIGHTS : 1); k++) {
        double most = 0;

        memcpy(f->before, f->w, f->n * sizeof *f->w);
        rework(f);
        descend(f, lambda);
        memset(f->eta, 0, f->rows * sizeof *f->eta);
        for (size_t j = 0; j < f->n; j++) {
            const double *x = f->x + j * f->rows;

            most = fmax(most, fabs(f->w[j] - f->before[j]));
            for (size_t i = 0; i < f->rows && f->w[j] != 0; i++)
                f->eta[i] += f->w[j] * (j + 1 < f->n ? x[i] : 1);
        }
        if (most < TOLERANCE)
            return;
    }
}

/* ---- rows ---- */

static bool kept(const tdl_lasso_options *o, size_t i)
{
    return !o->held || !o->held[i];
}

static void start(fit *f)
{
    const tdl_matrix *x = f->p->x;
    double weights = 0, mean = 0;
    size_t at = 0;

    for (size_t i = 0; i < x->rows; i++) {
        if (!kept(f->o, i))
            continue;
        f->y[at] = (double)f->p->y[i];
        f->given[at] = f->p->weight ? (double)f->p->weight[i] : 1;
        weights += f->given[at];
        mean += f->given[at] * f->y[at];
        for (size_t j = 0; j < x->cols; j++)
            f->x[j * f->rows + at] = (double)x->x[i * x->cols + j];
        at++;
    }
    weights = fmax(weights, 1e-300);
    mean /= weights;
    for (size_t i = 0; i < f->rows; i++)
        f->given[i] /= weights;
    mean = f->o->binomial ? fmin(fmax(mean, 1e-6), 1 - 1e-6) : mean;
    f->w[f->n - 1] = f->o->binomial ? log(mean / (1 - mean)) : mean;
    for (size_t i = 0; i < f->rows; i++)
        f->eta[i] = f->w[f->n - 1];
}

double tdl_lasso_most(const tdl_problem *p, const tdl_lasso_options *o)
{
    double weights = 0, mean = 0, most = 0;

    for (size_t i = 0; i < p->x->rows; i++) {
        double w = kept(o, i) ? p->weight ? (double)p->weight[i] : 1 : 0;

        weights += w;
        mean += w * (double)p->y[i];
    }
    mean /= fmax(weights, 1e-300);
    for (size_t j = 0; j < p->x->cols; j++) {
        double sum = 0;

        for (size_t i = 0; i < p->x->rows; i++) {
            double w = kept(o, i) ? p->weight ? (double)p->weight[i] : 1 : 0;

            sum += w * (double)p->x->x[i * p->x->cols + j] * ((double)p->y[i] - mean);
        }
        most = fmax(most, fabs(sum));
    }
    return most / fmax(weights, 1e-300) / o->mix;
}

tdl_status tdl_lasso_path(const tdl_problem *problem, const tdl_lasso_options *options,
                          double *ret_w, tdl_report *why)
{
    fit f = {.p = problem, .o = options, .n = problem->x->cols + 1};
    double *all = NULL;
    size_t count;

    for (size_t i = 0; i < problem->x->rows; i++)
        f.rows += kept(options, i);
    if (__builtin_mul_overflow(f.rows, f.n + 5, &count) ||
        count + 3 * f.n > SIZE_MAX / sizeof *all || !(all = calloc(count + 3 * f.n, sizeof *all)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", f.rows);
    f.x = all;
    f.y = f.x + (f.n - 1) * f.rows;
    f.given = f.y + f.rows;
    f.weight = f.given + f.rows;
    f.left = f.weight + f.rows;
    f.eta = f.left + f.rows;
    f.square = f.eta + f.rows;
    f.w = f.square + f.n;
    f.before = f.w + f.n;
    start(&f);
    for (size_t k = 0; k < options->lambdas_n; k++) {
        if (problem->stop && atomic_load(problem->stop)) {
            free(all);
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        }
        fit_one(&f, options->lambda[k]);
        memcpy(ret_w + k * f.n, f.w, f.n * sizeof *f.w);
    }
    free(all);
    return TDL_OK;
}
