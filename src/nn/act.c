/* Activations. With s = sigmoid(x), t = tanh(u), u = sqrt(2/pi) (x + 0.044715 x^3):
 *
 *     relu     max(x, 0)            1 where y > 0, 0 at 0
 *     tanh     tanh(x)              1 - y^2
 *     sigmoid  1 / (1 + exp(-x))    y (1 - y)
 *     gelu     x/2 (1 + t)          (1 + t)/2 + x/2 (1 - t^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2)
 *                                   (Hendrycks and Gimpel 2016, the tanh form)
 */
#include <math.h>

#include "nn/real.h"

bool tdl_act_needs_input(tdl_act act)
{
    return act == TDL_ACT_GELU;
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

void tdl_act_forward(tdl_act act, size_t n, const tdl_real *bias, tdl_real *y)
{
    tdl_finish_rows(1, n, bias, act, y, n);
}

void tdl_act_rows(tdl_act act, size_t rows, size_t n, const tdl_real *bias, tdl_real *y)
{
    tdl_finish_rows(rows, n, bias, act, y, n);
}

#endif

/* dy[n] *= gelu'(x), through the vector kernel's tanh a block at a time. */
static void gelu_backward(size_t n, const tdl_real *x, tdl_real *dy)
{
    enum { BLOCK = 256 };
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
    }
}
