#include "stats/best_arm.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/sorted.h"
#include "stats/distribution.h"

/* Where a density is cut into pieces, in its own deviations. Beyond the last it is below 1e-18. */
static const double cut[] = {-9, -6.5, -4.5, -3, -2, -1, 0, 1, 2, 3, 4.5, 6.5, 9};
enum { CUTS_N = sizeof cut / sizeof *cut };

typedef struct posteriors {
    size_t n;
    const double *mean, *sd; /* of normal ones */
    const tdl_beta *beta;    /* or of these; NULL = normal */
    double low, high;        /* where a value can be */
} posteriors;

static double density(const posteriors *arms, size_t i, double x)
{
    if (!arms->beta)
        return tdl_normal_density((x - arms->mean[i]) / arms->sd[i]) / arms->sd[i];
    tdl_beta b = arms->beta[i];
    return exp((b.a - 1) * log(x) + (b.b - 1) * log1p(-x) - tdl_log_beta(b.a, b.b));
}

static double below(const posteriors *arms, size_t i, double x)
{
    return arms->beta ? tdl_beta_below(x, arms->beta[i].a, arms->beta[i].b)
                      : tdl_normal_below((x - arms->mean[i]) / arms->sd[i]);
}

/* What one point of the quadrature adds to every arm's chance. `under` is P(value <= x) of each.
 * For each arm the product over all others is that of those before it and those after it; a pair
 * of such products (none above, exactly one above) also tells who is second. */
static void add_point(const double *under, const double *mass, size_t n, double *ret_best,
                      double *ret_second)
{
    double none[TDL_ARMS_MAX + 1], one[TDL_ARMS_MAX + 1]; // of the arms before
    double none_after = 1, one_after = 0;

    none[0] = 1;
    one[0] = 0;
    for (size_t i = 0; i < n; i++) {
        none[i + 1] = none[i] * under[i];
        one[i + 1] = one[i] * under[i] + none[i] * (1 - under[i]);
    }
    for (size_t i = n; i-- > 0;) {
        ret_best[i] += mass[i] * none[i] * none_after;
        if (ret_second)
            ret_second[i] += mass[i] * (none[i] * one_after + one[i] * none_after);
        one_after = one_after * under[i] + none_after * (1 - under[i]);
        none_after *= under[i];
    }
}

static void add_piece(const posteriors *arms, double from, double to, double *ret_best,
                      double *ret_second)
{
    double under[TDL_ARMS_MAX], mass[TDL_ARMS_MAX];

    for (int k = 0; k < TDL_LEGENDRE_N; k++) {
        double x = (from + to) / 2 + (to - from) / 2 * tdl_legendre_node[k];
        for (size_t i = 0; i < arms->n; i++) {
            under[i] = below(arms, i, x);
            mass[i] = density(arms, i, x) * tdl_legendre_weight[k] * (to - from) / 2;
        }
        add_point(under, mass, arms->n, ret_best, ret_second);
    }
}

/* Rounding and the cut tails are shared out, so that chances add up to 1. */
static void normalise(double *chance, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += chance[i];
    for (size_t i = 0; i < n; i++)
        chance[i] = sum > 0 ? chance[i] / sum : 1 / (double)n;
}

static tdl_status integrate(const posteriors *arms, const double *mean, const double *sd,
                            double *ret_best, double *ret_second, tdl_report *why)
{
    size_t n = arms->n, cuts_n = n * CUTS_N;
    double *at = malloc(cuts_n * sizeof *at);

    if (!at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu arms", n);
    for (size_t i = 0; i < n; i++) {
        ret_best[i] = 0;
        if (ret_second)
            ret_second[i] = 0;
        for (size_t k = 0; k < CUTS_N; k++)
            at[i * CUTS_N + k] = fmin(arms->high, fmax(arms->low, mean[i] + cut[k] * sd[i]));
    }
    tdl_sort_numbers(at, cuts_n);
    for (size_t k = 0; k + 1 < cuts_n; k++)
        if (at[k + 1] > at[k])
            add_piece(arms, at[k], at[k + 1], ret_best, ret_second);
    free(at);
    normalise(ret_best, n);
    if (ret_second)
        normalise(ret_second, n);
    return TDL_OK;
}

tdl_status tdl_best_of_normal(const double *mean, const double *sd, size_t n, double *ret_best,
                              double *ret_second, tdl_report *why)
{
    double width[TDL_ARMS_MAX], least = 0;

    if (!n || n > TDL_ARMS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu arms: 1 to %d are possible", n, TDL_ARMS_MAX);
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(mean[i]) || !isfinite(sd[i]) || sd[i] < 0)
            return TDL_FAIL(why, TDL_E_INVALID, "arm %zu has no finite mean and deviation", i);
        least = fmax(least, fmax(sd[i], fabs(mean[i])));
    }
    for (size_t i = 0; i < n; i++) // what is certain is as good as certain
        width[i] = fmax(sd[i], fmax(least * 1e-9, DBL_MIN * 1e9));
    posteriors arms = {.n = n, .mean = mean, .sd = width, .low = -INFINITY, .high = INFINITY};
    return integrate(&arms, mean, width, ret_best, ret_second, why);
}

tdl_status tdl_best_of_beta(const tdl_beta *beta, size_t n, double *ret_best)
{
    double mean[TDL_ARMS_MAX], sd[TDL_ARMS_MAX];

    if (!n || n > TDL_ARMS_MAX)
        return TDL_E_INVALID;
    for (size_t i = 0; i < n; i++) {
        double sum = beta[i].a + beta[i].b;
        if (!(beta[i].a > 0 && beta[i].b > 0) || isinf(sum))
            return TDL_E_INVALID;
        mean[i] = beta[i].a / sum;
        sd[i] = sqrt(mean[i] * (1 - mean[i]) / (sum + 1));
    }
    posteriors arms = {.n = n, .beta = beta, .low = 0, .high = 1};
    return integrate(&arms, mean, sd, ret_best, NULL, NULL);
}

/* ---- from chances to probabilities ---- */

void tdl_weights_floor(double *weights, size_t n, double floor)
{
    double left = 1 - (double)n * floor;

    for (size_t i = 0; i < n; i++)
        weights[i] = left > 0 ? floor + left * weights[i] : 1 / (double)n;
}

void tdl_weights_top_two(const double *best, const double *second, size_t n, double *ret)
{
    for (size_t i = 0; i < n; i++)
        ret[i] = (best[i] + second[i]) / 2;
}

void tdl_weights_greedy(const double *mean, size_t n, double epsilon, double *ret)
{
    double most = -INFINITY;
    size_t ties = 0;

    for (size_t i = 0; i < n; i++) {
        ties = mean[i] > most ? 1 : ties + (mean[i] == most);
        most = fmax(most, mean[i]);
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = epsilon / (double)n + (mean[i] == most ? (1 - epsilon) / (double)ties : 0);
}

void tdl_weights_softmax(const double *mean, size_t n, double temperature, double *ret)
{
    double most = -INFINITY;

    for (size_t i = 0; i < n; i++)
        most = fmax(most, mean[i]);
    for (size_t i = 0; i < n; i++)
        ret[i] = exp((mean[i] - most) / temperature);
    normalise(ret, n);
}
