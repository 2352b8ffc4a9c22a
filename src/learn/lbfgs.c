#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/lbfgs.h"

enum { MEMORY = 10 };

typedef struct search {
    size_t n;
    double *x, *g;              /* [n] the point and its gradient */
    double *next, *next_g, *to; /* [n] the point tried, its gradient; the direction */
    double *s, *y;              /* [MEMORY][n] past steps and changes of the gradient */
    double rho[MEMORY];
    size_t kept, newest;
} search;

static double dot(const double *a, const double *b, size_t n)
{
    double s[4] = {0};
    size_t k = 0;

    for (; k + 4 <= n; k += 4)
        for (size_t c = 0; c < 4; c++)
            s[c] += a[k + c] * b[k + c];
    for (; k < n; k++)
        s[0] += a[k] * b[k];
    return (s[0] + s[1]) + (s[2] + s[3]);
}

static double largest(const double *a, size_t n)
{
    double most = 0;

    for (size_t k = 0; k < n; k++)
        most = fmax(most, fabs(a[k]));
    return most;
}

/* to = - H g by the two loops. */
static void direction(search *q)
{
    double alpha[MEMORY];
    double scale = 1;

    for (size_t k = 0; k < q->n; k++)
        q->to[k] = -q->g[k];
    for (size_t i = 0; i < q->kept; i++) {
        size_t at = (q->newest + MEMORY - i) % MEMORY;

        alpha[at] = q->rho[at] * dot(q->s + at * q->n, q->to, q->n);
        for (size_t k = 0; k < q->n; k++)
            q->to[k] -= alpha[at] * q->y[at * q->n + k];
    }
    if (q->kept) {
        const double *y = q->y + q->newest * q->n;

        scale = 1 / (q->rho[q->newest] * dot(y, y, q->n));
    } else {
        scale = 1 / fmax(1, sqrt(dot(q->g, q->g, q->n)));
    }
    for (size_t k = 0; k < q->n; k++)
        q->to[k] *= scale;
    for (size_t i = q->kept; i-- > 0;) {
        size_t at = (q->newest + MEMORY - i) % MEMORY;
        double beta = q->rho[at] * dot(q->y + at * q->n, q->to, q->n);

        for (size_t k = 0; k < q->n; k++)
            q->to[k] += q->s[at * q->n + k] * (alpha[at] - beta);
    }
}

static void remember(search *q)
{
    size_t at = q->kept ? (q->newest + 1) % MEMORY : 0;
    double curvature;

    for (size_t k = 0; k < q->n; k++) {
        q->s[at * q->n + k] = q->next[k] - q->x[k];
        q->y[at * q->n + k] = q->next_g[k] - q->g[k];
    }
    curvature = dot(q->s + at * q->n, q->y + at * q->n, q->n);
    if (!(curvature > 0))
        return; // rounding alone: such a pair would turn the direction uphill
    q->rho[at] = 1 / curvature;
    q->newest = at;
    if (q->kept < MEMORY)
        q->kept++;
}

static tdl_status run(search *q, tdl_lbfgs_fn *fn, void *context, double tolerance, size_t steps,
                      size_t *ret_steps, tdl_report *why)
{
    double value, next_value;
    tdl_status st = fn(context, q->x, q->g, &value, why);
    size_t step = 0;

    for (; !st && step < steps && largest(q->g, q->n) > tolerance; step++) {
        double slope, rate = 1, gain;

        direction(q);
        slope = dot(q->g, q->to, q->n);
        for (;; rate /= 2) {
            for (size_t k = 0; k < q->n; k++)
                q->next[k] = q->x[k] + rate * q->to[k];
            if ((st = fn(context, q->next, q->next_g, &next_value, why)))
                return st;
            if (next_value <= value + 1e-4 * rate * slope || rate < 1e-12)
                break;
        }
        gain = value - next_value;
        if (!(gain > 0))
            break;
        remember(q);
        memcpy(q->x, q->next, q->n * sizeof *q->x);
        memcpy(q->g, q->next_g, q->n * sizeof *q->g);
        value = next_value;
        if (gain < 1e-15 * fabs(value))
            break;
    }
    if (ret_steps)
        *ret_steps = step;
    return st;
}

tdl_status tdl_lbfgs(tdl_lbfgs_fn *fn, void *context, double *x, size_t n, double tolerance,
                     size_t steps, size_t *ret_steps, tdl_report *why)
{
    search q = {.n = n, .x = x};
    double *all = NULL;
    size_t bytes;
    tdl_status st;

    if (__builtin_mul_overflow(n, (2 * MEMORY + 4) * sizeof *all, &bytes) || !(all = malloc(bytes)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu parameters", n);
    q.g = all;
    q.next = q.g + n;
    q.next_g = q.next + n;
    q.to = q.next_g + n;
    q.s = q.to + n;
    q.y = q.s + MEMORY * n;
    st = run(&q, fn, context, tolerance, steps, ret_steps, why);
    free(all);
    return st;
}
