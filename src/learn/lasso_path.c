#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/lasso_path.h"

enum { SWEEPS = 2000, REWEIGHTS = 30 };

/* Products of columns are formed once a reweighting; a step then costs columns, not rows. */
typedef struct fit {
    const tdl_problem *p;
    const tdl_lasso_options *o;
    size_t n;       /* cols + 1 */
    bool worked;    /* squares: products and slopes are kept along the path */
    double *given;  /* [rows] they sum to 1; 0 = held out */
    double *weight; /* [rows] working */
    double *eta;    /* [rows] */
    double *pull;   /* [rows] weight * working residual */
    double *gram;   /* [n][n] */
    double *slope;  /* [n] sum of weight x residual */
    double *w;      /* [n] */
    double *before; /* [n] */
} fit;

static double soft(double value, double by)
{
    return value > by ? value - by : value < -by ? value + by : 0;
}

/* Working response at the present scores. */
static tdl_status rework(fit *f, tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    tdl_status st;

    tdl_design_apply(x, f->w, 1, NULL, f->eta);
    for (size_t i = 0; i < x->rows; i++) {
        double curve = 1, mean = f->eta[i];

        if (f->o->binomial) {
            mean = 1 / (1 + exp(-f->eta[i]));
            curve = fmax(mean * (1 - mean), 1e-5);
        }
        f->weight[i] = f->given[i] * curve;
        f->pull[i] = f->given[i] * ((double)f->p->y[i] - mean);
    }
    if ((st = tdl_design_gram(x, f->weight, NULL, f->gram, why)))
        return st;
    for (size_t j = 0; j < f->n; j++)
        for (size_t k = j + 1; k < f->n; k++)
            f->gram[j * f->n + k] = f->gram[k * f->n + j];
    tdl_design_gradient(x, f->pull, 1, NULL, f->slope);
    return TDL_OK;
}

/* One coordinate, the last the intercept; returns how much it gained, about. */
static double turn(fit *f, size_t j, double lambda)
{
    const double *row = f->gram + j * f->n;
    bool intercept = j + 1 == f->n;
    double l1 = intercept ? 0 : lambda * f->o->mix, l2 = intercept ? 0 : lambda * (1 - f->o->mix);
    double by;

    if (!(row[j] > 1e-12))
        return 0;
    by = soft(f->slope[j] + row[j] * f->w[j], l1) / (row[j] + l2) - f->w[j];
    if (by == 0)
        return 0;
    f->w[j] += by;
    for (size_t k = 0; k < f->n; k++)
        f->slope[k] -= by * row[k];
    return row[j] * by * by;
}

/* Sweeps over those that are not 0 until they settle, then over all, until no other comes in. */
static void descend(fit *f, double lambda)
{
    double least = f->o->tolerance * f->o->tolerance;

    for (size_t sweep = 0; sweep < SWEEPS; sweep++) {
        double most = 0;

        for (size_t j = 0; j < f->n; j++)
            most = fmax(most, turn(f, j, lambda));
        if (most < least)
            return;
        for (; most >= least && sweep < SWEEPS; sweep++) {
            most = turn(f, f->n - 1, lambda);
            for (size_t j = 0; j + 1 < f->n; j++)
                if (f->w[j] != 0)
                    most = fmax(most, turn(f, j, lambda));
        }
    }
}

static tdl_status fit_one(fit *f, double lambda, tdl_report *why)
{
    tdl_status st;

    for (size_t k = 0; k < REWEIGHTS; k++) {
        double most = 0;

        if (f->p->stop && atomic_load(f->p->stop))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        memcpy(f->before, f->w, f->n * sizeof *f->w);
        if (!f->worked && (st = rework(f, why)))
            return st;
        f->worked = !f->o->binomial;
        descend(f, lambda);
        for (size_t j = 0; j < f->n; j++) {
            double by = f->w[j] - f->before[j];

            most = fmax(most, f->gram[j * f->n + j] * by * by);
        }
        if (!f->o->binomial || most < f->o->tolerance * f->o->tolerance)
            break;
    }
    return TDL_OK;
}

static bool kept(const tdl_lasso_options *o, size_t i)
{
    return !o->held || !o->held[i];
}

static void start(fit *f)
{
    size_t rows = f->p->x->rows;
    double weights = 0, mean = 0;

    for (size_t i = 0; i < rows; i++) {
        f->given[i] = !kept(f->o, i) ? 0 : f->p->weight ? (double)f->p->weight[i] : 1;
        weights += f->given[i];
        mean += f->given[i] * (double)f->p->y[i];
    }
    weights = fmax(weights, 1e-300);
    mean /= weights;
    for (size_t i = 0; i < rows; i++)
        f->given[i] /= weights;
    mean = f->o->binomial ? fmin(fmax(mean, 1e-6), 1 - 1e-6) : mean;
    f->w[f->n - 1] = f->o->binomial ? log(mean / (1 - mean)) : mean;
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
    size_t rows = problem->x->rows, n = problem->x->cols + 1;
    fit f = {.p = problem, .o = options, .n = n};
    double *all = calloc(4 * rows + n * n + 3 * n, sizeof *all);
    tdl_status st = TDL_OK;

    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the products of %zu columns", n);
    f.given = all;
    f.weight = f.given + rows;
    f.eta = f.weight + rows;
    f.pull = f.eta + rows;
    f.gram = f.pull + rows;
    f.slope = f.gram + n * n;
    f.w = f.slope + n;
    f.before = f.w + n;
    start(&f);
    for (size_t k = 0; k < options->lambdas_n && !st; k++) {
        st = fit_one(&f, options->lambda[k], why);
        memcpy(ret_w + k * n, f.w, n * sizeof *f.w);
    }
    free(all);
    return st;
}
