#include "apps/decide/peeking.h"

#include <math.h>
#include <stdlib.h>

#include "base/rng.h"
#include "stats/anytime.h"
#include "stats/distribution.h"

#define MIXTURE_TAU .01

enum { STEP_MAX = 1 << 20 };

/* Draws from a binomial distribution by its inverse. */
typedef struct binomial {
    size_t n;
    double *below; /* [n + 1]: P(X <= k) */
} binomial;

static tdl_status binomial_make(binomial *b, size_t n, double p, tdl_report *why)
{
    double sum = 0;

    b->n = n;
    if (!(b->below = calloc(n + 1, sizeof *b->below)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for steps of %zu units", n);
    for (size_t k = 0; k <= n; k++) {
        double log_choose = -log((double)n + 1) - tdl_log_beta((double)k + 1, (double)(n - k) + 1);
        sum += exp(log_choose + (double)k * log(p) + (double)(n - k) * log1p(-p));
        b->below[k] = sum;
    }
    b->below[n] = 1;
    return TDL_OK;
}

static size_t binomial_draw(const binomial *b, tdl_rng *rng)
{
    double u = tdl_rng_uniform(rng);
    size_t low = 0, high = b->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->below[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* By how many standard errors a look must exceed nothing, one per method and look. */
static double limit_of(tdl_peeking_method method, const tdl_peeking_options *o, size_t look)
{
    size_t step = o->units_per_arm / o->looks;
    double n = 2 * (double)(step * (look + 1));

    switch (method) {
    case TDL_PEEK_ANYTIME:
        return tdl_anytime_half(1, n, 2 * (double)o->units_per_arm, o->alpha);
    case TDL_PEEK_ANYTIME_5000:
        return tdl_anytime_half(1, n, TDL_ANYTIME_PLANNED, o->alpha);
    case TDL_PEEK_FIXED:
        if (look + 1 < o->looks)
            return INFINITY;
        return tdl_student_limit(o->alpha, INFINITY);
    default:
        return tdl_student_limit(o->alpha, INFINITY);
    }
}

typedef struct run {
    const tdl_peeking_options *o;
    const binomial *a, *b;
    const double *limit; /* [looks][methods] */
} run;

/* One experiment: at which look each method stops; looks = never. */
static void run_once(const run *r, tdl_rng *rng, size_t stop[TDL_PEEK_METHODS])
{
    const tdl_peeking_options *o = r->o;
    size_t step = o->units_per_arm / o->looks;
    double won_a = 0, won_b = 0;

    for (size_t m = 0; m < TDL_PEEK_METHODS; m++)
        stop[m] = o->looks;
    for (size_t look = 0; look < o->looks; look++) {
        double n = (double)(step * (look + 1));
        won_a += (double)binomial_draw(r->a, rng);
        won_b += (double)binomial_draw(r->b, rng);
        tdl_effect effect =
            tdl_effect_absolute(tdl_arm_proportion(won_a, n), tdl_arm_proportion(won_b, n));
        if (effect.gap)
            continue;
        for (size_t m = 0; m < TDL_PEEK_METHODS; m++) {
            double half = m == TDL_PEEK_MIXTURE ? tdl_mixture_half(effect.se, MIXTURE_TAU, o->alpha)
                                                : effect.se * r->limit[look * TDL_PEEK_METHODS + m];
            if (stop[m] == o->looks && fabs(effect.estimate) > half)
                stop[m] = look;
        }
    }
}

static tdl_status check(const tdl_peeking_options *o, tdl_report *why)
{
    if (!(o->rate > 0 && o->rate < 1) || !(o->rate + o->lift > 0 && o->rate + o->lift < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a rate of %g and one of %g: both must be in (0, 1)",
                        o->rate, o->rate + o->lift);
    if (!(o->alpha > 0 && o->alpha < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "alpha %g is not in (0, 1)", o->alpha);
    if (!o->looks || !o->runs || !o->units_per_arm || o->units_per_arm % o->looks)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu units are not a multiple of %zu looks",
                        o->units_per_arm, o->looks);
    if (o->units_per_arm / o->looks > STEP_MAX || o->looks > STEP_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than %d units between two looks, or looks",
                        STEP_MAX);
    return TDL_OK;
}

tdl_status tdl_peeking_simulate(const tdl_peeking_options *o, tdl_peeking_result *ret,
                                tdl_report *why)
{
    binomial a = {0}, b = {0};
    double *limit = NULL;
    tdl_status st = check(o, why);

    *ret = (tdl_peeking_result){0};
    if (st)
        return st;
    size_t step = o->units_per_arm / o->looks;
    if ((st = binomial_make(&a, step, o->rate, why)) ||
        (st = binomial_make(&b, step, o->rate + o->lift, why)))
        goto out;
    if (!(limit = calloc(o->looks, TDL_PEEK_METHODS * sizeof *limit))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu looks", o->looks);
        goto out;
    }
    for (size_t look = 0; look < o->looks; look++)
        for (size_t m = 0; m < TDL_PEEK_METHODS; m++)
            limit[look * TDL_PEEK_METHODS + m] = limit_of((tdl_peeking_method)m, o, look);
    run r = {o, &a, &b, limit};
    for (size_t i = 0; i < o->runs; i++) {
        tdl_rng rng = tdl_rng_make(o->seed, i);
        size_t stop[TDL_PEEK_METHODS];
        run_once(&r, &rng, stop);
        for (size_t m = 0; m < TDL_PEEK_METHODS; m++) {
            bool called = stop[m] < o->looks;
            double taken = called ? (double)(stop[m] + 1) / (double)o->looks : 1;
            ret->called[m] += called / (double)o->runs;
            ret->stop[m] += taken / (double)o->runs;
        }
    }
out:
    free(limit);
    free(a.below);
    free(b.below);
    return st;
}
