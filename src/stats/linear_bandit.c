#include "stats/linear_bandit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/cholesky.h"

tdl_status tdl_linear_arm_init(tdl_linear_arm *arm, size_t d, double ridge, tdl_report *why)
{
    *arm = (tdl_linear_arm){.d = d, .ridge = ridge};
    if (!d || d > TDL_LINEAR_DIM_MAX || !(ridge > 0) || isinf(ridge))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%zu features with ridge %g: 1 to %d, above 0, are possible", d, ridge,
                        TDL_LINEAR_DIM_MAX);
    arm->a = calloc(d * d, sizeof *arm->a);
    arm->inverse = calloc(d * d, sizeof *arm->inverse);
    arm->b = calloc(d, sizeof *arm->b);
    arm->theta = calloc(d, sizeof *arm->theta);
    if (!arm->a || !arm->inverse || !arm->b || !arm->theta) {
        tdl_linear_arm_release(arm);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an arm of %zu features", d);
    }
    for (size_t i = 0; i < d; i++) {
        arm->a[i * d + i] = ridge;
        arm->inverse[i * d + i] = 1 / ridge;
    }
    return TDL_OK;
}

void tdl_linear_arm_release(tdl_linear_arm *arm)
{
    free(arm->a);
    free(arm->inverse);
    free(arm->b);
    free(arm->theta);
    *arm = (tdl_linear_arm){0};
}

/* y = M x of a symmetric matrix. */
static void multiply(const double *m, size_t d, const double *x, double *ret)
{
    for (size_t i = 0; i < d; i++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
            sum += m[i * d + j] * x[j];
        ret[i] = sum;
    }
}

/* The inverse and theta from A itself. */
static tdl_status refresh(tdl_linear_arm *arm, tdl_report *why)
{
    size_t d = arm->d;
    double *factor = calloc(d * d + 1, sizeof *factor);
    tdl_status st;

    if (!factor)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu features", d);
    memcpy(factor, arm->a, d * d * sizeof *factor);
    if (!(st = tdl_cholesky(factor, d, why))) {
        memset(arm->inverse, 0, d * d * sizeof *arm->inverse);
        for (size_t i = 0; i < d; i++)
            arm->inverse[i * d + i] = 1;
        tdl_cholesky_solve(factor, d, arm->inverse, d);
        multiply(arm->inverse, d, arm->b, arm->theta);
        arm->since = 0;
    }
    free(factor);
    return st;
}

tdl_status tdl_linear_arm_learn(tdl_linear_arm *arm, const double *x, double r, tdl_report *why)
{
    double along[TDL_LINEAR_DIM_MAX]; // A^-1 x
    size_t d = arm->d;
    double reach = 1, error = r;

    for (size_t i = 0; i < d; i++)
        if (!isfinite(x[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "feature %zu is not a finite number", i);
    if (!isfinite(r))
        return TDL_FAIL(why, TDL_E_INVALID, "the reward is not a finite number");
    multiply(arm->inverse, d, x, along);
    for (size_t i = 0; i < d; i++) {
        reach += x[i] * along[i];
        error -= x[i] * arm->theta[i];
    }
    for (size_t i = 0; i < d; i++) {
        arm->b[i] += r * x[i];
        arm->theta[i] += along[i] * error / reach;
        for (size_t j = 0; j <= i; j++)
            arm->a[i * d + j] += x[i] * x[j];
        for (size_t j = 0; j < d; j++)
            arm->inverse[i * d + j] -= along[i] * along[j] / reach;
    }
    arm->n++;
    arm->rr += r * r;
    return ++arm->since < TDL_LINEAR_REFRESH ? TDL_OK : refresh(arm, why);
}

tdl_status tdl_linear_arm_discount(tdl_linear_arm *arm, double gamma, tdl_report *why)
{
    size_t d = arm->d;

    if (!(gamma > 0 && gamma <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a discount of %g is not in (0, 1]", gamma);
    for (size_t i = 0; i < d; i++) {
        for (size_t j = 0; j <= i; j++)
            arm->a[i * d + j] *= gamma;
        arm->a[i * d + i] += (1 - gamma) * arm->ridge;
        arm->b[i] *= gamma;
    }
    arm->n *= gamma;
    arm->rr *= gamma;
    return refresh(arm, why);
}

void tdl_linear_values(const tdl_linear_arm *arms, size_t n, const double *x, double *ret_mean,
                       double *ret_width)
{
    for (size_t k = 0; k < n; k++) {
        const tdl_linear_arm *arm = &arms[k];
        size_t d = arm->d;
        double mean = 0, squared = 0;
        for (size_t i = 0; i < d; i++) {
            const double *row = arm->inverse + i * d;
            double sum = 0; // symmetric: what is left of the diagonal counts twice
            for (size_t j = 0; j < i; j++)
                sum += row[j] * x[j];
            squared += x[i] * (2 * sum + row[i] * x[i]);
            mean += x[i] * arm->theta[i];
        }
        ret_mean[k] = mean;
        ret_width[k] = sqrt(fmax(0, squared));
    }
}

double tdl_linear_noise(const tdl_linear_arm *arm, double a0, double b0)
{
    double fitted = 0; // theta' A theta = theta' b

    for (size_t i = 0; i < arm->d; i++)
        fitted += arm->theta[i] * arm->b[i];
    double a = a0 + arm->n / 2, b = b0 + fmax(0, arm->rr - fitted) / 2;
    return b / (a - 1);
}
