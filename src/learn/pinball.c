#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/pinball.h"
#include "stats/bootstrap.h"
#include "stats/cholesky.h"

enum { STEPS = 500 };

typedef struct fit {
    const tdl_problem *p;
    double q, lambda, unit; /* unit: the scale of y */
    size_t n;               /* cols + 1 */
    double *residual;       /* [rows] */
    double *curve;          /* [rows] */
    double *gram;           /* [n][n] */
    double *right;          /* [n] */
} fit;

static double weight_of(const fit *f, size_t i)
{
    return f->p->weight ? (double)f->p->weight[i] : 1;
}

static double residuals(fit *f, const double *w)
{
    double loss = 0;

    tdl_design_apply(f->p->x, w, 1, f->p->pool, f->residual);
    for (size_t i = 0; i < f->p->x->rows; i++) {
        double e = (double)f->p->y[i] - f->residual[i];

        f->residual[i] = e;
        loss += weight_of(f, i) * fmax(f->q * e, (f->q - 1) * e);
    }
    for (size_t j = 0; j + 1 < f->n; j++)
        loss += f->lambda / 2 * w[j] * w[j];
    return loss;
}

/* rho(e) <= (e^2 / (eps + |e0|) + (4 q - 2) e) / 4 + constant, equal at e0 up to eps. Its minimum
 * over w solves (X' A X / 2 + lambda) w = X' (A y / 2 + q - 1/2), A = 1 / (eps + |e0|). */
static tdl_status step(fit *f, double eps, double *w, tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    double most = 0;
    tdl_status st;

    for (size_t i = 0; i < x->rows; i++) {
        f->curve[i] = weight_of(f, i) / 2 / (eps + fabs(f->residual[i]));
        f->residual[i] = f->curve[i] * (double)f->p->y[i] + weight_of(f, i) * (f->q - 0.5);
    }
    if ((st = tdl_design_gram(x, f->curve, f->p->pool, f->gram, why)))
        return st;
    tdl_design_gradient(x, f->residual, 1, f->p->pool, f->right);
    for (size_t j = 0; j < f->n; j++)
        most = fmax(most, f->gram[j * f->n + j]);
    for (size_t j = 0; j < f->n; j++)
        f->gram[j * f->n + j] += (j + 1 < f->n ? f->lambda : 0) + 1e-12 * most + 1e-300;
    if ((st = tdl_cholesky(f->gram, f->n, why)))
        return st;
    tdl_cholesky_solve(f->gram, f->n, f->right, 1);
    memcpy(w, f->right, f->n * sizeof *w);
    return TDL_OK;
}

static tdl_status run(fit *f, double *w, tdl_report *why)
{
    double eps = f->unit / 10, before = residuals(f, w), loss;
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < STEPS; i++, before = loss) {
        if (f->p->stop && atomic_load(f->p->stop))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        if ((st = step(f, eps, w, why)))
            return st;
        loss = residuals(f, w);
        if (fabs(before - loss) > 1e-6 * loss)
            continue;
        if (eps <= 1e-6 * f->unit)
            break;
        eps /= 5;
    }
    return st;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

tdl_status tdl_pinball_fit(const tdl_problem *problem, double quantile, double lambda, double *w,
                           tdl_report *why)
{
    size_t rows = problem->x->rows;
    fit f = {.p = problem, .q = quantile, .lambda = lambda, .n = problem->x->cols + 1};
    double *all;
    tdl_status st = tdl_design_check(problem->x, why);

    if (st)
        return st;
    if (f.n > 4000)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "quantile regression of %zu features", f.n - 1);
    if (!(all = malloc((2 * rows + f.n * f.n + f.n) * sizeof *all)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", rows);
    f.residual = all;
    f.curve = f.residual + rows;
    f.gram = f.curve + rows;
    f.right = f.gram + f.n * f.n;
    for (size_t i = 0; i < rows; i++)
        f.curve[i] = (double)problem->y[i];
    qsort(f.curve, rows, sizeof *f.curve, by_size);
    memset(w, 0, f.n * sizeof *w);
    w[f.n - 1] = tdl_quantile(f.curve, rows, quantile);
    f.unit = tdl_quantile(f.curve, rows, 0.9) - tdl_quantile(f.curve, rows, 0.1);
    if (!(f.unit > 0))
        f.unit = fmax(f.curve[rows - 1] - f.curve[0], 1e-9 * (1 + fabs(f.curve[0])));
    st = run(&f, w, why);
    free(all);
    return st;
}
