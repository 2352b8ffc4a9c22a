/* exp, log and the activations of one instruction set, with the activations' slopes; a template,
 * see vec_kern.h.
 *
 * No call of libm: its results change with version and machine. The polynomials are minimax fits of
 * our own (Remez exchange in 50 digits; interval, weight and error stand beside each).
 * Where a product meets a sum it says FMA() or rounds twice: vec_kern.h.
 */
#ifndef TDL_TENSOR_VMATH_KERN_H
#define TDL_TENSOR_VMATH_KERN_H

#include "tensor/kernel.h"
#include "tensor/vec_kern.h"

static const float LOG2_E = 0x1.715476p+0f;
static const float LEAK = .01f; /* slope of the leaky ReLU below 0 */
static const float LN2_HIGH = 0x1.62ep-1f, LN2_LOW = 0x1.0bfbe8p-15f;

/* 2^n p for n from -150 to 128, in two steps so that results below 2^-126 round once. */
KERN_INLINE vec scale_by_power(vec p, vec_bits n)
{
    vec_bits half = (n + splat_bits(256)) >> 1; /* (n + 256) / 2, never negative */
    vec_bits rest = n + splat_bits(256) - half;

    p *= from_bits((half - splat_bits(1)) << 23); /* 127 - 128 = -1 */
    return p * from_bits((rest - splat_bits(1)) << 23);
}

/* x = n ln 2 + r, exp(x) = 2^n exp(r), exp(r) = 1 + r + r^2 q(r) on |r| <= ln(2)/2 * 1.001,
 * relative error of the fit .05 x 2^-24. Measured at most 1 ulp over all x. */
KERN_INLINE vec exp_of(vec x, bool has_low, vec x_low)
{
    const float round = 0x1.8p+23f; /* adding it leaves a rounded integer in the low bits */
    vec low = splat(-104.f), high = splat(89.f); /* past these: 0 and infinity */
    vec t, n, r, q;

    x = choose(x < low, low, x);
    x = choose(x > high, high, x);
    t = FMA(x, splat(LOG2_E), splat(round));
    n = t - splat(round);
    r = FMA(n, splat(-LN2_HIGH), x);
    r = FMA(n, splat(-LN2_LOW), r);
    if (has_low) /* exp(x + x_low), |x_low| far below 1 */
        r += x_low;
    q = FMA(splat(0x1.6a2350p-10f), r, splat(0x1.123a6ap-7f));
    q = FMA(q, r, splat(0x1.5558f4p-5f));
    q = FMA(q, r, splat(0x1.555490p-3f));
    q = FMA(q, r, splat(0x1.fffffcp-2f));
    q = FMA(q, r * r, r);
    return scale_by_power(q + splat(1), bits_of(t) - bits_of(splat(round)));
}

KERN_INLINE vec vec_exp(vec x)
{
    return exp_of(x, false, x);
}

/* x = 2^e (1 + f), 1 + f from sqrt(1/2) to sqrt(2); log(1 + f) = f - f^2/2 + f^3 q(f), relative
 * error of the fit .1 x 2^-24. */
KERN_INLINE vec vec_log(vec x)
{
    const uint32_t root_half = 0x3f3504f3; /* sqrt(1/2) */
    vec_int tiny = x < splat(0x1p-126f);
    vec scaled = choose(tiny, x * splat(0x1p24f), x);
    vec_bits shifted = bits_of(scaled) - splat_bits(root_half) + splat_bits(0x3f800000);
    vec_bits power = (shifted >> 23) + splat_bits(0x4b400000 - 127); /* as low bits of 1.5 x 2^23 */
    vec e = from_bits(power) - splat(0x1.8p+23f) - choose(tiny, splat(24), splat(0));
    vec f = from_bits((shifted & splat_bits(0x7fffff)) + splat_bits(root_half)) - splat(1);
    vec square = f * f, q, y;

    q = FMA(splat(-0x1.38b594p-4f), f, splat(0x1.055b6ep-3f));
    q = FMA(q, f, splat(-0x1.0d853ep-3f));
    q = FMA(q, f, splat(0x1.22da1cp-3f));
    q = FMA(q, f, splat(-0x1.547244p-3f));
    q = FMA(q, f, splat(0x1.99a008p-3f));
    q = FMA(q, f, splat(-0x1.000226p-2f));
    q = FMA(q, f, splat(0x1.555554p-2f));
    y = FMA(q, square * f, e * splat(LN2_LOW));
    y = FMA(square, splat(-.5f), y) + f;
    y = FMA(e, splat(LN2_HIGH), y);
    y = choose(x > splat(0x1.fffffep127f), x, y); /* infinity */
    y = choose(x == splat(0), splat(-INFINITY), y);
    return choose(x >= splat(0), y, x - x + splat(NAN)); /* negative or NaN */
}

/* From exp(-|x|), so that nothing overflows and small results keep their digits. */
KERN_INLINE vec vec_sigmoid(vec x)
{
    vec e = vec_exp(from_bits(bits_of(x) | splat_bits(0x80000000)));

    return choose(x < splat(0), e, splat(1)) / (splat(1) + e);
}

/* |x| < .625: x + x^3 p(x^2), relative error of the fit .07 x 2^-24. Else 1 - 2 / (exp(2|x|) + 1).
 */
KERN_INLINE vec vec_tanh(vec x)
{
    vec size = absolute(x), square = x * x, p, far;

    p = FMA(splat(-0x1.75e1e8p-8f), square, splat(0x1.5226a2p-6f));
    p = FMA(p, square, splat(-0x1.b83c5ap-5f));
    p = FMA(p, square, splat(0x1.110726p-3f));
    p = FMA(p, square, splat(-0x1.555532p-2f));
    p = FMA(p * square, x, x);
    far = splat(1) - splat(2) / (vec_exp(size + size) + splat(1));
    far = from_bits(bits_of(far) | (bits_of(x) & splat_bits(0x80000000)));
    return choose(size < splat(.625f), p, far);
}

/* The tanh form, x/2 (1 + tanh(u)) with u = sqrt(2/pi)(x + .044715 x^3), as x sigmoid(2u). */
KERN_INLINE vec vec_gelu(vec x)
{
    vec twice_u = x * FMA(x * x, splat(0x1.2444f2p-4f), splat(0x1.988454p+0f));

    return x * vec_sigmoid(twice_u);
}

/* The normal distribution beyond t = |x|, 1 <= t <= 14.5 (where it is 0), is exp(-t^2/2) times
 * p(u) / (t + 4) with u = (t - 4) / (t + 4), relative error of the fit .15 x 2^-24. The rounding
 * error of t^2 goes along into the exponential, or it would cost 80 ulp. */
typedef struct normal_tail {
    vec exp, p, below; /* exp(-t^2/2), p(u), t + 4 */
} normal_tail;

KERN_INLINE vec tail_begin(vec x)
{
    vec t = absolute(x);

    return choose(t > splat(14.5f), splat(14.5f), t);
}

KERN_INLINE normal_tail tail_of(vec t)
{
    vec square = t * t, error = FMA(t, t, -square), below = t + splat(4);
    vec u = (t - splat(4)) / below, p;

    p = FMA(splat(-0x1.14c3ccp-13f), u, splat(0x1.78221ep-13f));
    p = FMA(p, u, splat(0x1.9b8bc8p-10f));
    p = FMA(p, u, splat(-0x1.cc65c2p-9f));
    p = FMA(p, u, splat(-0x1.ed2d1ap-8f));
    p = FMA(p, u, splat(0x1.eed404p-5f));
    p = FMA(p, u, splat(-0x1.7ep-3f));
    p = FMA(p, u, splat(0x1.8c6d9ep-2f));
    p = FMA(p, u, splat(-0x1.373e38p-1f));
    p = FMA(p, u, splat(0x1.82b4bcp-1f));
    return (normal_tail){exp_of(square * splat(-.5f), true, error * splat(-.5f)), p, below};
}

/* The normal distribution up to x, |x| <= 1: 1/2 + x q(x^2), error of the fit .03 x 2^-24. */
KERN_INLINE vec normal_near(vec x)
{
    vec square = x * x, q;

    q = FMA(splat(-0x1.010b86p-17f), square, splat(0x1.dc102ap-14f));
    q = FMA(q, square, splat(-0x1.36fe32p-10f));
    q = FMA(q, square, splat(0x1.46ce58p-7f));
    q = FMA(q, square, splat(-0x1.105832p-4f));
    q = FMA(q, square, splat(0x1.988454p-2f));
    return FMA(x, q, splat(.5f));
}

/* The erf form, x times the normal distribution up to x. */
KERN_INLINE vec vec_gelu_erf(vec x)
{
    vec t = tail_begin(x), tail;
    normal_tail n = tail_of(t);

    tail = n.exp * t * n.p / n.below;
    tail = choose(x < splat(0), -tail, x - tail);
    return choose(absolute(x) < splat(1), x * normal_near(x), tail);
}

KERN_INLINE vec vec_leaky_relu(vec x)
{
    return choose(x < splat(0), x * splat(LEAK), x);
}

KERN_INLINE vec apply(tdl_map f, vec x)
{
    switch (f) {
    case TDL_MAP_GELU_ERF:
        return vec_gelu_erf(x);
    case TDL_MAP_SILU:
        return x * vec_sigmoid(x);
    case TDL_MAP_LEAKY_RELU:
        return vec_leaky_relu(x);
    case TDL_MAP_RELU:
        return choose(x < splat(0), splat(0), x); /* NaN stays */
    case TDL_MAP_TANH:
        return vec_tanh(x);
    case TDL_MAP_SIGMOID:
        return vec_sigmoid(x);
    case TDL_MAP_GELU:
        return vec_gelu(x);
    case TDL_MAP_EXP:
        return vec_exp(x);
    case TDL_MAP_LOG:
        return vec_log(x);
    case TDL_MAP_COPY:
        break;
    }
    return x;
}

/* ---- slopes ---- */

/* s = sigmoid(x) and 1 - s, which keeps its digits: both from one exponential. */
KERN_INLINE vec sigmoid_and_rest(vec x, vec *ret_rest)
{
    vec e = vec_exp(-absolute(x)), large = splat(1) / (splat(1) + e), small = e * large;

    *ret_rest = choose(x < splat(0), large, small);
    return choose(x < splat(0), small, large);
}

KERN_INLINE vec silu_slope(vec x)
{
    vec rest, s = sigmoid_and_rest(x, &rest);

    return s * FMA(x, rest, splat(1));
}

/* s + 2 x s (1 - s) sqrt(2/pi) (1 + 3 x .044715 x^2), s = sigmoid(2u) of vec_gelu. */
KERN_INLINE vec gelu_slope(vec x)
{
    const float scale = 0x1.988454p+0f, cubic = 0x1.12ba9ep-3f; /* 2 sqrt(2/pi), 3 x .044715 */
    vec square = x * x, rest, s;

    s = sigmoid_and_rest(x * FMA(square, splat(0x1.2444f2p-4f), splat(scale)), &rest);
    return s * FMA(x * FMA(square * splat(cubic), splat(scale), splat(scale)), rest, splat(1));
}

KERN_INLINE vec gelu_erf_slope(vec x)
{
    vec t = tail_begin(x);
    normal_tail n = tail_of(t);
    vec density = n.exp * splat(0x1.988454p-2f); /* 1 / sqrt(2 pi) */
    vec below = n.exp * n.p / n.below;

    below = FMA(-t, density, below);
    below = choose(x < splat(0), below, splat(1) - below);
    return choose(t < splat(1), FMA(x, density, normal_near(x)), below);
}

/* dy f'(x), from x or, where that is enough, from y = f(x): rows.h says which. */
KERN_INLINE vec apply_backward(tdl_map f, vec saved, vec dy)
{
    switch (f) {
    case TDL_MAP_RELU:
        return choose(saved > splat(0), dy, splat(0));
    case TDL_MAP_LEAKY_RELU:
        return choose(saved > splat(0), dy, dy * splat(LEAK));
    case TDL_MAP_TANH:
        return dy * (splat(1) - saved * saved);
    case TDL_MAP_SIGMOID:
        return dy * (saved * (splat(1) - saved));
    case TDL_MAP_GELU:
        return dy * gelu_slope(saved);
    case TDL_MAP_GELU_ERF:
        return dy * gelu_erf_slope(saved);
    case TDL_MAP_SILU:
        return dy * silu_slope(saved);
    case TDL_MAP_COPY:
    case TDL_MAP_EXP:
    case TDL_MAP_LOG:
        break;
    }
    return dy;
}

#endif
