#include "stats/posterior.h"

#include <math.h>

#include "stats/best_arm.h"
#include "stats/distribution.h"

/* ---- proportions ---- */

/* ln of the i-th term of P(B > A). */
static double log_term(tdl_beta a, tdl_beta b, double i)
{
    return tdl_log_beta(a.a + i, a.b + b.b) - log(b.b + i) - tdl_log_beta(1 + i, b.b) -
           tdl_log_beta(a.a, a.b);
}

/* P(B > A) for whole b.a: terms rise to one peak and fall, so the sum starts there and ends on each
 * side where nothing more is added. */
static double chance_by_sum(tdl_beta a, tdl_beta b)
{
    double s = a.b + b.b, last = b.a - 1;
    double peak = fmin(last, fmax(0, floor((a.a * b.b - a.a - s) / (a.b + 1)) + 1));
    double start = exp(log_term(a, b, peak)), sum = start, term = start;

    for (double i = peak; i < last && term > sum * 1e-18; i++) {
        term *= (a.a + i) * (b.b + i) / ((a.a + i + s) * (1 + i));
        sum += term;
    }
    term = start;
    for (double i = peak; i > 0 && term > sum * 1e-18; i--) {
        term *= (a.a + i - 1 + s) * i / ((a.a + i - 1) * (b.b + i - 1));
        sum += term;
    }
    return fmin(1, sum);
}

static double chance_that_b(tdl_beta a, tdl_beta b)
{
    if (b.a == floor(b.a) && b.a < 1e9)
        return chance_by_sum(a, b);
    tdl_beta arms[2] = {a, b};
    double best[2];
    return tdl_best_of_beta(arms, 2, best) ? NAN : best[1];
}

tdl_posterior tdl_posterior_proportions(tdl_beta a, tdl_beta b)
{
    double mean_a = a.a / (a.a + a.b), mean_b = b.a / (b.a + b.b);
    tdl_beta more_a = {a.a + 1, a.b}, more_b = {b.a + 1, b.b};

    // E[max(A - B, 0)] = mean_a P(A' > B) - mean_b P(A > B'), and by symmetry for the other
    return (tdl_posterior){
        .chance = chance_that_b(a, b),
        .loss_b = mean_a * chance_that_b(b, more_a) - mean_b * chance_that_b(more_b, a),
        .loss_a = mean_b * chance_that_b(a, more_b) - mean_a * chance_that_b(more_a, b),
    };
}

/* ---- effects ---- */

tdl_posterior tdl_posterior_effect(tdl_effect effect, double prior_mean, double prior_sd)
{
    if (effect.gap)
        return (tdl_posterior){.chance = .5};
    double of_data = 1 / (effect.se * effect.se);
    double of_prior = isinf(prior_sd) ? 0 : 1 / (prior_sd * prior_sd);
    double precision = of_data + of_prior, sd = 1 / sqrt(precision);
    double mean = (effect.estimate * of_data + prior_mean * of_prior) / precision, z = mean / sd;
    tdl_posterior ret = {.chance = tdl_normal_below(z), .mean = mean, .sd = sd};

    if (fabs(z) > 37) { // the tail is less than the smallest double
        ret.loss_b = fmax(-mean, 0);
        ret.loss_a = fmax(mean, 0);
    } else {
        ret.loss_b = sd * tdl_normal_density(z) - mean * tdl_normal_below(-z);
        ret.loss_a = sd * tdl_normal_density(z) + mean * tdl_normal_below(z);
    }
    return ret;
}

tdl_range tdl_posterior_interval(tdl_posterior posterior, double alpha)
{
    double half = tdl_student_limit(alpha, INFINITY) * posterior.sd;

    return (tdl_range){posterior.mean - half, posterior.mean + half};
}

double tdl_effects_shrink(tdl_effect *effects, size_t n)
{
    double weights = 0, squares = 0, sum = 0, q = 0, count = 0;

    for (size_t i = 0; i < n; i++)
        if (!effects[i].gap) {
            double w = 1 / (effects[i].se * effects[i].se);
            weights += w;
            squares += w * w;
            sum += w * effects[i].estimate;
            count++;
        }
    if (count < 2)
        return 0;
    double common = sum / weights;
    for (size_t i = 0; i < n; i++)
        if (!effects[i].gap) {
            double z = (effects[i].estimate - common) / effects[i].se;
            q += z * z;
        }
    double between = fmax(0, (q - (count - 1)) / (weights - squares / weights));
    double centre = 0, centre_weights = 0;
    for (size_t i = 0; i < n; i++)
        if (!effects[i].gap) {
            double w = 1 / (effects[i].se * effects[i].se + between);
            centre += w * effects[i].estimate;
            centre_weights += w;
        }
    centre /= centre_weights;
    for (size_t i = 0; i < n; i++)
        if (!effects[i].gap) {
            double variance = effects[i].se * effects[i].se;
            double own = between / (between + variance); // share of the segment's own word
            effects[i].estimate = own * effects[i].estimate + (1 - own) * centre;
            // its own part, and what is not known of the centre
            effects[i].se = sqrt(own * variance + (1 - own) * (1 - own) / centre_weights);
        }
    return between;
}
