/* softplus(x) = max(x, 0) + log1p(exp(-|x|)).
 *
 * In float the second term comes from s = sigmoid(-|x|), which the vector kernels give with the
 * same bits everywhere: log1p(exp(-|x|)) = 2 atanh(u) with u = s / (2 - s) in [0, 1/3], and the
 * series of atanh falls by 9 with each term.
 */
#include "nn/softplus.h"

#include <math.h>

#ifdef TDL_REAL_DOUBLE

void tdl_softplus(size_t n, const tdl_real *x, tdl_real *y, tdl_real *slope)
{
    for (size_t i = 0; i < n; i++) {
        double e = exp(-fabs(x[i])), at = x[i];

        y[i] = fmax(at, 0) + log1p(e);
        if (slope)
            slope[i] = at >= 0 ? 1 / (1 + e) : e / (1 + e);
    }
}

#else

static float two_atanh(float u)
{
    float q = u * u, sum = 1.0F / 15;

    for (int k = 13; k > 0; k -= 2)
        sum = sum * q + 1.0F / (float)k;
    return 2 * u * sum;
}

void tdl_softplus(size_t n, const tdl_real *x, tdl_real *y, tdl_real *slope)
{
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] > 0 ? -x[i] : x[i];
    tdl_act_forward(TDL_ACT_SIGMOID, n, NULL, y);
    for (size_t i = 0; i < n; i++) {
        float s = y[i], at = x[i];

        y[i] = (at > 0 ? at : 0) + two_atanh(s / (2 - s));
        if (slope)
            slope[i] = at > 0 ? 1 - s : s;
    }
}

#endif
