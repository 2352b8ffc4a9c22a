/* Activations. With s = sigmoid(x), t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3):
 *
 *     relu     max(x, 0)            1 where y > 0, 0 at 0
 *     tanh     tanh(x)              1 - y^2
 *     sigmoid  1 / (1 + exp(-x))    y (1 - y)
 *     gelu     x/2 (1 + t)          (1 + t)/2 + x/2 (1 - t^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2)
 *                                   (Hendrycks and Gimpel 2016, the tanh form)
 *     gelu_erf x P(x)               P + x exp(-x^2/2) / sqrt(2 pi), P the normal distribution
 *     silu     x s                  s (1 + x (1 - s))
 *     leaky    max(x, 0.01 x)       1 where y > 0, else 0.01
 */
#include <math.h>

#include "nn/real.h"

enum { BLOCK = 256 };

static const tdl_real LEAKY_SLOPE = (tdl_real)0.01;

bool tdl_act_needs_input(tdl_act act)
{
    return act == TDL_ACT_GELU || act == TDL_ACT_GELU_ERF || act == TDL_ACT_SILU;
}

#ifdef TDL_REAL_DOUBLE

static const tdl_real GELU_SCALE = 0.79788456080286535588, GELU_CUBIC = 0.044715;

static double act_of(tdl_act act, double x)
{
    switch (act) {
    case TDL_ACT_RELU:
        return x > 0 ? x : 0;
    case TDL_ACT_TANH:
        return tanh(x);
    case TDL_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case TDL_ACT_GELU:
        return x / 2 * (1 + tanh(GELU_SCALE * (x + GELU_CUBIC * x * x * x)));
    case TDL_ACT_GELU_ERF:
        return x / 2 * erfc(-x * sqrt(0.5));
    case TDL_ACT_SILU:
        return x / (1 + exp(-x));
    case TDL_ACT_LEAKY_RELU:
        return x > 0 ? x : LEAKY_SLOPE * x;
    case TDL_ACT_NONE:
        break;
    }
    return x;
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

#else

#include "tensor/rows.h"

static const tdl_real GELU_SCALE = 0.79788456F, GELU_CUBIC = 0.044715F; /* sqrt(2 / pi) */

/* The three that the kernels do not have yet. */
static void finish_plainly(tdl_act act, size_t n, tdl_real *y)
{
    tdl_real s[BLOCK];

    for (size_t at = 0; at < n; at += BLOCK, y += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;

        tdl_put(false, m, y, s);
        if (act == TDL_ACT_SILU)
            tdl_finish_rows(1, m, NULL, TDL_ACT_SIGMOID, s, m);
        for (size_t i = 0; i < m; i++)
            if (act == TDL_ACT_SILU)
                y[i] *= s[i];
            else if (act == TDL_ACT_LEAKY_RELU)
                y[i] = y[i] > 0 ? y[i] : LEAKY_SLOPE * y[i];
            else
                y[i] = (float)((double)y[i] / 2 * erfc((double)-y[i] * sqrt(0.5)));
    }
}

void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y)
{
    tdl_finish_rows(1, n, bias, act, y, n);
    if (act == TDL_ACT_SILU || act == TDL_ACT_LEAKY_RELU || act == TDL_ACT_GELU_ERF)
        finish_plainly(act, n, y);
}

void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y)
{
    for (size_t r = 0; r < rows; r++)
        tdl_act_forward(act, n, bias, y + r * n);
}

#endif

/* dy[n] *= gelu'(x), through the vector kernel's tanh a block at a time. */
static void gelu_backward(size_t n, const tdl_real *x, tdl_real *dy)
{
    tdl_real t[BLOCK];

    for (size_t at = 0; at < n; at += BLOCK, x += BLOCK, dy += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;

        for (size_t i = 0; i < m; i++)
            t[i] = GELU_SCALE * (x[i] + GELU_CUBIC * x[i] * x[i] * x[i]);
        tdl_act_forward(TDL_ACT_TANH, m, NULL, t);
        for (size_t i = 0; i < m; i++)
            dy[i] *= (1 + t[i]) / 2 +
                     x[i] / 2 * (1 - t[i] * t[i]) * GELU_SCALE * (1 + 3 * GELU_CUBIC * x[i] * x[i]);
    }
}

/* P(x) is had from x P(x), so that forward and backward have the same error. */
static void gelu_erf_backward(size_t n, const tdl_real *x, tdl_real *dy)
{
    const tdl_real density_at_0 = (tdl_real)0.39894228040143267794; /* 1 / sqrt(2 pi) */
    tdl_real y[BLOCK], density[BLOCK];

    for (size_t at = 0; at < n; at += BLOCK, x += BLOCK, dy += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;

        for (size_t i = 0; i < m; i++) {
            y[i] = x[i];
            density[i] = -x[i] * x[i] / 2;
        }
        tdl_act_forward(TDL_ACT_GELU_ERF, m, NULL, y);
        tdl_real_exp(1, m, density, m);
        for (size_t i = 0; i < m; i++)
            dy[i] *= (x[i] != 0 ? y[i] / x[i] : (tdl_real)0.5) + x[i] * density[i] * density_at_0;
    }
}

static void silu_backward(size_t n, const tdl_real *x, tdl_real *dy)
{
    tdl_real s[BLOCK];

    for (size_t at = 0; at < n; at += BLOCK, x += BLOCK, dy += BLOCK) {
        size_t m = n - at < BLOCK ? n - at : BLOCK;

        tdl_put(false, m, x, s);
        tdl_act_forward(TDL_ACT_SIGMOID, m, NULL, s);
        for (size_t i = 0; i < m; i++)
            dy[i] *= s[i] * (1 + x[i] * (1 - s[i]));
    }
}

void tdl_act_backward(tdl_act act, size_t n, const tdl_real *saved, tdl_real *dy)
{
    switch (act) {
    case TDL_ACT_NONE:
        break;
    case TDL_ACT_RELU:
        for (size_t i = 0; i < n; i++)
            dy[i] = saved[i] > 0 ? dy[i] : 0;
        break;
    case TDL_ACT_TANH:
        for (size_t i = 0; i < n; i++)
            dy[i] *= 1 - saved[i] * saved[i];
        break;
    case TDL_ACT_SIGMOID:
        for (size_t i = 0; i < n; i++)
            dy[i] *= saved[i] * (1 - saved[i]);
        break;
    case TDL_ACT_GELU:
        gelu_backward(n, saved, dy);
        break;
    case TDL_ACT_GELU_ERF:
        gelu_erf_backward(n, saved, dy);
        break;
    case TDL_ACT_SILU:
        silu_backward(n, saved, dy);
        break;
    case TDL_ACT_LEAKY_RELU:
        for (size_t i = 0; i < n; i++)
            dy[i] = saved[i] > 0 ? dy[i] : LEAKY_SLOPE * dy[i];
        break;
    }
}
