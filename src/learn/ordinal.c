#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/ordinal.h"
#include "stats/cholesky.h"

enum { STEPS = 100 };

/* Parameters are w [p], then thresholds [t]. A row of class k lies between the thresholds k - 1 and
 * k; its loss depends on a = threshold[k] - eta and b = threshold[k - 1] - eta. */
typedef struct fit {
    const tdl_problem *p;
    size_t cols, t, m; /* m = cols + t */
    double lambda;
    double *eta, *slope, *curve; /* [rows]; d/d eta, d2/d eta2 */
    double *by_t;                /* [rows][t] d2 / d eta d threshold */
    double *gram;                /* [cols + 1][cols + 1] */
    double *cross;               /* [t][cols + 1] */
    double *hessian;             /* [m][m] */
    double *gradient, *step;     /* [m] */
    double *next;                /* [m] */
    double *w;                   /* [cols + 1] for the products */
} fit;

static double sigmoid(double t)
{
    return 1 / (1 + exp(-t));
}

/* -log P, and with all: derivatives by the two ends. P = F(a) - F(b) = F(a) F(-b) (1 - e^(b - a)):
 * log-concave in (a, b). */
typedef struct ends {
    double da, db, daa, dbb, dab; /* of -log P */
} ends;

static double row_loss(double a, double b, bool has_a, bool has_b, ends *ret)
{
    double value = 0, gap = has_a && has_b ? exp(b - a) : 0; // in [0, 1)

    *ret = (ends){0};
    if (has_a) {
        double f = sigmoid(a);

        value += a > 0 ? log1p(exp(-a)) : -a + log1p(exp(a));
        ret->da -= 1 - f;
        ret->daa += f * (1 - f);
    }
    if (has_b) {
        double f = sigmoid(b);

        value += b > 0 ? b + log1p(exp(-b)) : log1p(exp(b));
        ret->db += f;
        ret->dbb += f * (1 - f);
    }
    if (has_a && has_b) {
        double first = gap / (1 - gap), second = gap / ((1 - gap) * (1 - gap));

        value -= log1p(-gap);
        ret->da -= first;
        ret->db += first;
        ret->daa += second;
        ret->dbb += second;
        ret->dab -= second;
    }
    return value;
}

static bool rising(const fit *f, const double *at)
{
    for (size_t k = 1; k < f->t; k++)
        if (!(at[f->cols + k] > at[f->cols + k - 1]))
            return false;
    return true;
}

/* Row i's part in the gradient and the Hessian: slope and curve by eta, the rest by thresholds. */
static void add_row(fit *f, size_t i, double weight, bool has_a, bool has_b, const ends *e)
{
    size_t m = f->m, t = f->t, k = (size_t)f->p->y[i];

    f->slope[i] = -weight * (e->da + e->db);
    f->curve[i] = weight * (e->daa + 2 * e->dab + e->dbb);
    if (has_a) {
        f->gradient[f->cols + k] += weight * e->da;
        f->hessian[(f->cols + k) * m + f->cols + k] += weight * e->daa;
        f->by_t[i * t + k] = -weight * (e->daa + e->dab);
    }
    if (has_b) {
        f->gradient[f->cols + k - 1] += weight * e->db;
        f->hessian[(f->cols + k - 1) * m + f->cols + k - 1] += weight * e->dbb;
        f->by_t[i * t + k - 1] = -weight * (e->dbb + e->dab);
    }
    if (has_a && has_b)
        f->hessian[(f->cols + k) * m + f->cols + k - 1] += weight * e->dab;
}

/* Value at `at`; with `all` the gradient and the Hessian too. */
static tdl_status evaluate(fit *f, const double *at, bool all, double *ret, tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    const double *threshold = at + f->cols;
    size_t m = f->m, t = f->t;
    double value = 0;
    tdl_status st;

    *ret = INFINITY;
    if (!rising(f, at))
        return TDL_OK;
    memcpy(f->w, at, f->cols * sizeof *f->w);
    f->w[f->cols] = 0;
    tdl_design_apply(x, f->w, 1, f->p->pool, f->eta);
    if (all) {
        memset(f->hessian, 0, m * m * sizeof *f->hessian);
        memset(f->gradient, 0, m * sizeof *f->gradient);
        memset(f->by_t, 0, x->rows * t * sizeof *f->by_t);
    }
    for (size_t i = 0; i < x->rows; i++) {
        double weight = f->p->weight ? (double)f->p->weight[i] : 1;
        size_t k = (size_t)f->p->y[i];
        bool has_a = k<t, has_b = k> 0;
        double a = has_a ? threshold[k] - f->eta[i] : 0;
        double b = has_b ? threshold[k - 1] - f->eta[i] : 0;
        ends e;

        value += weight * row_loss(a, b, has_a, has_b, &e);
        if (all)
            add_row(f, i, weight, has_a, has_b, &e);
    }
    for (size_t j = 0; j < f->cols; j++)
        value += f->lambda / 2 * at[j] * at[j];
    *ret = value;
    if (!all)
        return TDL_OK;
    if ((st = tdl_design_gram(x, f->curve, f->p->pool, f->gram, why)))
        return st;
    tdl_design_gradient(x, f->by_t, t, f->p->pool, f->cross);
    tdl_design_gradient(x, f->slope, 1, f->p->pool, f->w);
    for (size_t j = 0; j < f->cols; j++) {
        f->gradient[j] = f->w[j] + f->lambda * at[j];
        for (size_t k = 0; k <= j; k++)
            f->hessian[j * m + k] = f->gram[j * (f->cols + 1) + k];
        f->hessian[j * m + j] += f->lambda;
        for (size_t k = 0; k < t; k++)
            f->hessian[(f->cols + k) * m + j] = f->cross[k * (f->cols + 1) + j];
    }
    return TDL_OK;
}

/* Thresholds at the logits of the shares, a class without rows getting a little. */
static void start(const fit *f, double *at)
{
    double below = 0, sum = 0;

    memset(at, 0, f->m * sizeof *at);
    for (size_t i = 0; i < f->p->x->rows; i++)
        sum += f->p->weight ? (double)f->p->weight[i] : 1;
    for (size_t k = 0; k < f->t; k++) {
        for (size_t i = 0; i < f->p->x->rows; i++)
            if ((size_t)f->p->y[i] == k)
                below += f->p->weight ? (double)f->p->weight[i] : 1;
        double share = (below + 0.5 * (double)(k + 1)) / (sum + 0.5 * (double)(f->t + 1));
        at[f->cols + k] = log(share / (1 - share));
    }
}

/* step = -H^-1 gradient, with a ridge that only singular ones feel. *ret_decrement: -step gradient,
 * about twice what the value can still fall. */
static tdl_status newton_step(fit *f, double *ret_decrement, tdl_report *why)
{
    double decrement = 0, most = 0;
    size_t m = f->m;
    tdl_status st;

    for (size_t j = 0; j < m; j++) {
        most = fmax(most, f->hessian[j * m + j]);
        f->step[j] = -f->gradient[j];
    }
    for (size_t j = 0; j < m; j++)
        f->hessian[j * m + j] += 1e-10 * most + 1e-300;
    if ((st = tdl_cholesky(f->hessian, m, why)))
        return st;
    tdl_cholesky_solve(f->hessian, m, f->step, 1);
    for (size_t j = 0; j < m; j++)
        decrement -= f->step[j] * f->gradient[j];
    *ret_decrement = decrement;
    return TDL_OK;
}

/* next = at + rate step, the rate halved until the value falls enough. *ret: the value there. */
static tdl_status search_line(fit *f, const double *at, double value, double decrement, double *ret,
                              tdl_report *why)
{
    tdl_status st;

    for (double rate = 1;; rate /= 2) {
        for (size_t j = 0; j < f->m; j++)
            f->next[j] = at[j] + rate * f->step[j];
        if ((st = evaluate(f, f->next, false, ret, why)))
            return st;
        if (*ret <= value - 1e-4 * rate * decrement || rate < 1e-10)
            return TDL_OK;
    }
}

static tdl_status run(fit *f, double *at, size_t *ret_steps, tdl_report *why)
{
    double value = 0, next = 0;
    size_t steps = 0;
    tdl_status st = TDL_OK;

    for (start(f, at); steps < STEPS; steps++) {
        double decrement = 0;

        if (f->p->stop && atomic_load(f->p->stop))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        if ((st = evaluate(f, at, true, &value, why)) || (st = newton_step(f, &decrement, why)))
            return st;
        if (decrement < 1e-13 * fmax(1, fabs(value)))
            break;
        if ((st = search_line(f, at, value, decrement, &next, why)))
            return st;
        if (!(next < value))
            break;
        memcpy(at, f->next, f->m * sizeof *at);
    }
    if (ret_steps)
        *ret_steps = steps;
    return st;
}

tdl_status tdl_ordinal_fit(const tdl_problem *problem, double lambda, double *w, double *threshold,
                           size_t *ret_steps, tdl_report *why)
{
    size_t cols = problem->x->cols, rows = problem->x->rows, t = problem->classes_n - 1;
    size_t m = cols + t, c1 = cols + 1;
    fit f = {.p = problem, .cols = cols, .t = t, .m = m, .lambda = lambda};
    double *all = NULL, *at;
    tdl_status st = tdl_design_check(problem->x, why);

    if (st)
        return st;
    if (m > 4000)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "proportional odds of %zu features", cols);
    all = calloc(rows * (3 + t) + c1 * c1 + t * c1 + m * m + 4 * m + c1, sizeof *all);
    if (!all)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", rows);
    f.eta = all;
    f.slope = f.eta + rows;
    f.curve = f.slope + rows;
    f.by_t = f.curve + rows;
    f.gram = f.by_t + rows * t;
    f.cross = f.gram + c1 * c1;
    f.hessian = f.cross + t * c1;
    f.gradient = f.hessian + m * m;
    f.step = f.gradient + m;
    f.next = f.step + m;
    at = f.next + m;
    f.w = at + m;
    if (!(st = run(&f, at, ret_steps, why))) {
        memcpy(w, at, cols * sizeof *w);
        w[cols] = 0;
        memcpy(threshold, at + cols, t * sizeof *threshold);
    }
    free(all);
    return st;
}
