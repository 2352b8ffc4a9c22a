/* Activations. With s = sigmoid(x), t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3), P the standard
 * normal distribution and p its density:
 *
 *     relu        max(x, 0)          1 where y > 0, 0 at 0
 *     leaky relu  x, .01 x below 0   1 where y > 0, else .01
 *     tanh        tanh(x)            1 - y^2
 *     sigmoid     s                  y (1 - y)
 *     silu        x s                s (1 + x (1 - s))
 *     gelu        x/2 (1 + t)        (1 + t)/2 + x/2 (1 - t^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2)
 *                                    (Hendrycks and Gimpel 2016, the tanh form)
 *     gelu erf    x P(x)             P(x) + x p(x)
 */
#include "nn/real.h"

bool tdl_act_needs_input(tdl_act act)
{
    return act == TDL_ACT_GELU || act == TDL_ACT_GELU_ERF || act == TDL_ACT_SILU;
}

#ifdef TDL_REAL_DOUBLE

#include <math.h>

static const double GELU_SCALE = 0.79788456080286535588, GELU_CUBIC = 0.044715, LEAK = 0.01;
static const double ROOT_HALF = 0.70710678118654752440, ROOT_2_PI = 2.50662827463100050242;

static double act_of(tdl_act act, double x)
{
    switch (act) {
    case TDL_ACT_RELU:
        return x > 0 ? x : 0;
    case TDL_ACT_LEAKY_RELU:
        return x > 0 ? x : LEAK * x;
    case TDL_ACT_TANH:
        return tanh(x);
    case TDL_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case TDL_ACT_SILU:
        return x / (1 + exp(-x));
    case TDL_ACT_GELU:
        return x / 2 * (1 + tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x)));
    case TDL_ACT_GELU_ERF:
        return x / 2 * erfc(-x * ROOT_HALF);
    case TDL_ACT_NONE:
        break;
    }
    return x;
}

static double gelu_slope(double x)
{
    double t = tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x));

    return (1 + t) / 2 + x / 2 * (1 - t * t) * GELU_SCALE * (1 + 3 * GELU_CUBIC * x * x);
}

static double slope_of(tdl_act act, double saved)
{
    double s = 1 / (1 + exp(-saved));

    switch (act) {
    case TDL_ACT_RELU:
        return saved > 0 ? 1 : 0;
    case TDL_ACT_LEAKY_RELU:
        return saved > 0 ? 1 : LEAK;
    case TDL_ACT_TANH:
        return 1 - saved * saved;
    case TDL_ACT_SIGMOID:
        return saved * (1 - saved);
    case TDL_ACT_SILU:
        return s * (1 + saved * (1 - s));
    case TDL_ACT_GELU:
        return gelu_slope(saved);
    case TDL_ACT_GELU_ERF:
        return erfc(-saved * ROOT_HALF) / 2 + saved * exp(-saved * saved / 2) / ROOT_2_PI;
    case TDL_ACT_NONE:
        break;
    }
    return 1;
}

void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = act_of(act, y[i] + (bias ? bias[i] : 0));
}

void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y)
{
    for (size_t r = 0; r < rows; r++)
        tdl_act_forward(act, n, bias, y + r * n);
}

void tdl_act_backward(tdl_act act, size_t n, const tdl_real *saved, tdl_real *dy)
{
    for (size_t i = 0; act != TDL_ACT_NONE && i < n; i++)
        dy[i] *= slope_of(act, saved[i]);
}

#else

#include "tensor/rows.h"

void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y)
{
    tdl_finish_rows(1, n, bias, act, y, n);
}

void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y)
{
    tdl_finish_rows(rows, n, bias, act, y, n);
}

void tdl_act_backward(tdl_act act, size_t n, const tdl_real *saved, tdl_real *dy)
{
    tdl_act_backward_rows(1, n, act, saved, dy, NULL);
}

#endif
