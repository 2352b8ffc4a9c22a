#include "stats/anytime.h"

#include <math.h>

static double rho_squared(double planned, double alpha)
{
    double twice = -2 * log(alpha);

    return (twice + log(twice + 1)) / (planned > 0 ? planned : TDL_ANYTIME_PLANNED);
}

double tdl_anytime_half(double se, double n, double planned, double alpha)
{
    double rho2 = rho_squared(planned, alpha), k = n * rho2 + 1;

    return se * sqrt(2 * k * (log(k) / 2 - log(alpha)) / (n * rho2));
}

double tdl_anytime_p(double estimate, double se, double n, double planned, double alpha)
{
    double rho2 = rho_squared(planned, alpha), k = n * rho2 + 1, z = estimate / se;

    return fmin(1, exp(log(k) / 2 - rho2 * n * z * z / (2 * k)));
}

void tdl_anytime_look(tdl_anytime *seen, tdl_effect effect, double n, double planned, double alpha)
{
    if (effect.gap || !(n > 0))
        return;
    double half = tdl_anytime_half(effect.se, n, planned, alpha);
    double p = tdl_anytime_p(effect.estimate, effect.se, n, planned, alpha);
    double low = effect.estimate - half, high = effect.estimate + half;
    bool first = seen->looks == 0;

    seen->low = first ? low : fmax(seen->low, low);
    seen->high = first ? high : fmin(seen->high, high);
    seen->p = first ? p : fmin(seen->p, p);
    seen->looks++;
}

double tdl_mixture_p(double estimate, double se, double tau)
{
    double v = se * se, mixed = v + tau * tau;
    double log_ratio = log(v / mixed) / 2 + estimate * estimate * tau * tau / (2 * v * mixed);

    return fmin(1, exp(-log_ratio));
}

double tdl_mixture_half(double se, double tau, double alpha)
{
    double v = se * se, tau2 = tau * tau, mixed = v + tau2;

    return sqrt(v * mixed / tau2 * (log(mixed / v) - 2 * log(alpha)));
}
