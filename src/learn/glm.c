#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/design.h"
#include "learn/glm.h"
#include "learn/huber.h"
#include "learn/lbfgs.h"
#include "stats/cholesky.h"

/* Above so many parameters the square of their number costs more than L-BFGS's many steps. */
enum {
    NEWTON_MOST = 300,
    GAUSSIAN_MOST = 2000,
    NEWTON_STEPS = 50,
    LBFGS_STEPS = 1000,
    HUBER_TURNS = 200
};

typedef struct glm {
    const tdl_problem *p;
    tdl_glm_family family;
    size_t heads, n; /* n = cols + 1 */
    double lambda, parameter;
    double *eta;  /* [rows][heads]; after row_losses: the residuals */
    double *loss; /* [rows] */
    double *prob; /* [rows][heads] of softmax, curvature of the others [rows]; NULL: not asked */
} glm;

/* The next three: eta becomes d loss / d eta. */

static double huber(double *eta, double y, double d, double *ret_curve)
{
    double r = *eta - y, size = fabs(r);

    *eta = fmin(fmax(r, -d), d);
    *ret_curve = size <= d;
    return size <= d ? r * r / 2 : d * (size - d / 2);
}

static double tweedie(double *eta, double y, double p, double *ret_curve)
{
    double high = exp((2 - p) * *eta), low = y * exp((1 - p) * *eta);

    *eta = high - low;
    *ret_curve = (2 - p) * high - (1 - p) * low;
    return high / (2 - p) - low / (1 - p);
}

static double row_loss(const glm *g, double *eta, double y, double *ret_curve)
{
    double mean, most, sum = 0, own;

    switch (g->family) {
    case TDL_GLM_GAUSSIAN:
        *eta -= y;
        *ret_curve = 1;
        return *eta * *eta / 2;
    case TDL_GLM_BINOMIAL:
        own = (*eta > 0 ? *eta : 0) + log1p(exp(-fabs(*eta))) - y * *eta;
        mean = 1 / (1 + exp(-*eta));
        *eta = mean - y;
        *ret_curve = mean * (1 - mean);
        return own;
    case TDL_GLM_POISSON:
        mean = exp(*eta);
        own = mean - y * *eta;
        *eta = mean - y;
        *ret_curve = mean;
        return own;
    case TDL_GLM_HUBER:
        return huber(eta, y, g->parameter, ret_curve);
    case TDL_GLM_TWEEDIE:
        return tweedie(eta, y, g->parameter, ret_curve);
    case TDL_GLM_SOFTMAX:
        break;
    }
    most = eta[0];
    for (size_t c = 1; c < g->heads; c++)
        most = fmax(most, eta[c]);
    own = eta[(size_t)y] - most;
    for (size_t c = 0; c < g->heads; c++)
        sum += eta[c] = exp(eta[c] - most);
    for (size_t c = 0; c < g->heads; c++) {
        eta[c] /= sum;
        if (g->prob)
            ret_curve[c] = eta[c];
    }
    eta[(size_t)y] -= 1;
    return log(sum) - own;
}

static void row_losses(void *context, size_t begin, size_t end, unsigned part)
{
    const glm *g = context;
    bool softmax = g->family == TDL_GLM_SOFTMAX;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++) {
        double weight = g->p->weight ? (double)g->p->weight[i] : 1, curve;
        double *eta = g->eta + i * g->heads;
        double *at = !g->prob ? &curve : g->prob + (softmax ? i * g->heads : i);

        g->loss[i] = weight * row_loss(g, eta, (double)g->p->y[i], at);
        for (size_t c = 0; c < g->heads; c++)
            eta[c] *= weight;
        if (!softmax)
            *at *= weight;
    }
}

/* Value, gradient, and the curvatures if asked for. */
static tdl_status evaluate(void *context, const double *w, double *ret_gradient, double *ret_value,
                           tdl_report *why)
{
    glm *g = context;
    const tdl_matrix *x = g->p->x;
    double value = 0;

    if (g->p->stop && atomic_load(g->p->stop))
        return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
    tdl_design_apply(x, w, g->heads, g->p->pool, g->eta);
    tdl_pool_run(x->rows * g->heads < 1 << 12 ? NULL : g->p->pool, x->rows, 1, row_losses, g);
    for (size_t i = 0; i < x->rows; i++)
        value += g->loss[i];
    tdl_design_gradient(x, g->eta, g->heads, g->p->pool, ret_gradient);
    for (size_t c = 0; c < g->heads; c++)
        for (size_t j = 0; j + 1 < g->n; j++) {
            double at = w[c * g->n + j];

            value += g->lambda / 2 * at * at;
            ret_gradient[c * g->n + j] += g->lambda * at;
        }
    *ret_value = value;
    return TDL_OK;
}

/* ---- Newton ---- */

typedef struct newton {
    double *hessian;                                /* [m][m], m = heads * n */
    double *factor;                                 /* [m][m] */
    double *block;                                  /* [n][n] */
    double *curve;                                  /* [rows] of a pair of heads */
    double *gradient, *step, *next, *next_gradient; /* [m] */
} newton;

/* Curvature by row of a pair of softmax heads: w p_a (1[a = b] - p_b). */
static void fill_curve(const glm *g, size_t a, size_t b, double *curve)
{
    for (size_t i = 0; i < g->p->x->rows; i++) {
        const double *p = g->prob + i * g->heads;

        curve[i] = p[a] * ((double)(a == b) - p[b]);
        curve[i] *= g->p->weight ? (double)g->p->weight[i] : 1;
    }
}

static tdl_status fill_hessian(const glm *g, newton *q, tdl_report *why)
{
    size_t n = g->n, m = g->heads * n;
    tdl_status st;

    if (g->family != TDL_GLM_SOFTMAX)
        return tdl_design_gram(g->p->x, g->prob, g->p->pool, q->hessian, why);
    for (size_t a = 0; a < g->heads; a++)
        for (size_t b = 0; b <= a; b++) {
            fill_curve(g, a, b, q->curve);
            if ((st = tdl_design_gram(g->p->x, q->curve, g->p->pool, q->block, why)))
                return st;
            for (size_t j = 0; j < n; j++)
                for (size_t k = 0; k < n; k++)
                    q->hessian[(a * n + j) * m + b * n + k] =
                        j >= k ? q->block[j * n + k] : q->block[k * n + j];
        }
    return TDL_OK;
}

/* step = - (H + ridge)^-1 gradient. Softmax does not tell intercepts from each other plus a
 * constant, and lambda 0 not columns that are alike: a ridge as small as works is put on both. */
static tdl_status solve(const glm *g, newton *q, tdl_report *why)
{
    size_t m = g->heads * g->n;
    double most = 0;
    tdl_status st = TDL_E_INVALID;

    for (size_t j = 0; j < m; j++)
        most = fmax(most, q->hessian[j * m + j]);
    for (double extra = 1e-10; st && extra < 1; extra *= 100) {
        memcpy(q->factor, q->hessian, m * m * sizeof *q->factor);
        for (size_t j = 0; j < m; j++)
            q->factor[j * m + j] += (j % g->n == g->n - 1 ? 0 : g->lambda) + extra * most + 1e-300;
        st = tdl_cholesky(q->factor, m, why);
    }
    if (st)
        return st;
    for (size_t j = 0; j < m; j++)
        q->step[j] = -q->gradient[j];
    tdl_cholesky_solve(q->factor, m, q->step, 1);
    return TDL_OK;
}

static tdl_status run_newton(glm *g, newton *q, double *w, size_t *ret_steps, tdl_report *why)
{
    size_t m = g->heads * g->n;
    double value, next;
    tdl_status st = evaluate(g, w, q->gradient, &value, why);
    size_t steps = 0;

    for (; !st && steps < NEWTON_STEPS; steps++) {
        double decrement = 0, rate = 1;

        if ((st = fill_hessian(g, q, why)) || (st = solve(g, q, why)))
            return st;
        for (size_t j = 0; j < m; j++)
            decrement -= q->step[j] * q->gradient[j];
        if (decrement < 1e-14 * fmax(1, fabs(value)))
            break;
        for (;; rate /= 2) {
            for (size_t j = 0; j < m; j++)
                q->next[j] = w[j] + rate * q->step[j];
            if ((st = evaluate(g, q->next, q->next_gradient, &next, why)))
                return st;
            if (next <= value - 1e-4 * rate * decrement || rate < 1e-10)
                break;
        }
        if (!(next < value))
            break;
        memcpy(w, q->next, m * sizeof *w);
        memcpy(q->gradient, q->next_gradient, m * sizeof *w);
        value = next;
    }
    *ret_steps = steps;
    return st;
}

static tdl_status by_newton(glm *g, double *w, size_t *ret_steps, tdl_report *why)
{
    size_t m = g->heads * g->n, rows = g->p->x->rows;
    newton q = {0};
    double *all = malloc((2 * m * m + g->n * g->n + rows + 4 * m) * sizeof *all);
    tdl_status st;

    if (!all || !(g->prob = malloc((rows * g->heads + 1) * sizeof *g->prob))) {
        free(all);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu parameters", m);
    }
    q.hessian = all;
    q.factor = q.hessian + m * m;
    q.block = q.factor + m * m;
    q.curve = q.block + g->n * g->n;
    q.gradient = q.curve + rows;
    q.step = q.gradient + m;
    q.next = q.step + m;
    q.next_gradient = q.next + m;
    st = run_newton(g, &q, w, ret_steps, why);
    free(all);
    return st;
}

/* ---- both ---- */

static bool needs_counts(tdl_glm_family family)
{
    return family == TDL_GLM_POISSON || family == TDL_GLM_TWEEDIE;
}

tdl_status tdl_glm_fit(const tdl_problem *problem, tdl_glm_family family, double parameter,
                       size_t heads, double lambda, double *w, size_t *ret_steps, tdl_report *why)
{
    size_t rows = problem->x->rows, m, n_eta, steps = 0;
    glm g = {.p = problem,
             .family = family,
             .heads = heads,
             .n = problem->x->cols + 1,
             .lambda = lambda,
             .parameter = parameter};
    tdl_status st = tdl_design_check(problem->x, why);

    if (st)
        return st;
    for (size_t i = 0; needs_counts(family) && i < rows; i++)
        if (problem->y[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "row %zu: a count of %g", i, (double)problem->y[i]);
    if (__builtin_mul_overflow(heads, g.n, &m) || __builtin_mul_overflow(rows, heads, &n_eta) ||
        n_eta >= SIZE_MAX / sizeof *g.eta)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu rows of %zu scores", rows, heads);
    g.eta = malloc((n_eta + 1) * sizeof *g.eta);
    g.loss = malloc((rows + 1) * sizeof *g.loss);
    if (!g.eta || !g.loss) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", rows);
        goto out;
    }
    if (m <= (family == TDL_GLM_GAUSSIAN ? GAUSSIAN_MOST : NEWTON_MOST))
        st = by_newton(&g, w, &steps, why);
    else
        st = tdl_lbfgs(evaluate, &g, w, m, 1e-5, LBFGS_STEPS, &steps, why);
    if (!st && ret_steps)
        *ret_steps = steps;
out:
    free(g.eta);
    free(g.loss);
    free(g.prob);
    return st;
}

/* ---- Huber, with a scale of its own ---- */

/* |y - eta| of every row, sorted; their robust deviation. */
static double missed_scale(const tdl_problem *p, const double *w, double *missed)
{
    tdl_design_apply(p->x, w, 1, p->pool, missed);
    for (size_t i = 0; i < p->x->rows; i++)
        missed[i] -= (double)p->y[i];
    return tdl_robust_deviation(missed, p->x->rows);
}

tdl_status tdl_glm_fit_huber(const tdl_problem *p, double lambda, double *w, double *ret_delta,
                             size_t *ret_steps, tdl_report *why)
{
    double *missed = malloc((p->x->rows + 1) * sizeof *missed), scale, next = 0;
    size_t steps = 0, all = 0;
    tdl_status st = missed
                        ? tdl_glm_fit(p, TDL_GLM_GAUSSIAN, 0, 1, lambda, w, &all, why)
                        : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", p->x->rows);

    scale = st ? 0 : missed_scale(p, w, missed);
    for (int turn = 0; !st && turn < HUBER_TURNS && scale > 0; turn++, scale = next) {
        st = tdl_glm_fit(p, TDL_GLM_HUBER, tdl_huber_tuning * scale, 1, lambda, w, &steps, why);
        all += steps;
        next = st ? 0 : missed_scale(p, w, missed);
        if (fabs(next - scale) <= 1e-9 * scale)
            break;
    }
    if (!st && ret_delta)
        *ret_delta = tdl_huber_tuning * scale;
    if (!st && ret_steps)
        *ret_steps = all;
    free(missed);
    return st;
}
