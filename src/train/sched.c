#include "train/sched.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PI 3.14159265358979323846

static const double DESCENT_MIN = 0.51;
static const double STEADY = 0.8; /* share of the total at the full rate: wsd */
enum { WINDOW_MAX = 1000000 };

/* ---- the shapes, behind the warm-up ---- */

struct tdl_sched_shape {
    const char *name;
    bool needs_total, needs_gamma, needs_every, needs_warmup, looks_at_loss;
    double (*factor)(const tdl_sched_config *c, double t);
};

/* How far t is from `from` to `to`, at most 1. */
static double way(double t, double from, double to)
{
    return t < to ? (t - from) / (to - from) : 1;
}

static double constant(const tdl_sched_config *c, double t)
{
    TDL_UNUSED(c);
    TDL_UNUSED(t);
    return 1;
}

static double step(const tdl_sched_config *c, double t)
{
    return pow(c->gamma, floor(t / (double)c->every));
}

static double exponential(const tdl_sched_config *c, double t)
{
    return pow(c->gamma, t - (double)c->warmup);
}

static double cosine(const tdl_sched_config *c, double t)
{
    double r = way(t, (double)c->warmup, (double)c->total);

    return c->floor + (1 - c->floor) * (1 + cos(PI * r)) / 2;
}

static double linear(const tdl_sched_config *c, double t)
{
    return 1 - way(t, (double)c->warmup, (double)c->total) * (1 - c->floor);
}

static double wsd(const tdl_sched_config *c, double t)
{
    double total = (double)c->total, from = STEADY * total;

    return t <= from ? 1 : c->floor + (1 - sqrt(way(t, from, total))) * (1 - c->floor);
}

static double inverse_root(const tdl_sched_config *c, double t)
{
    return sqrt((double)c->warmup / (t + 1));
}

static const tdl_sched_shape SHAPES[] = {
    {.name = "constant", .factor = constant},
    {.name = "step", .needs_gamma = true, .needs_every = true, .factor = step},
    {.name = "exponential", .needs_gamma = true, .factor = exponential},
    {.name = "cosine", .needs_total = true, .factor = cosine},
    {.name = "linear", .needs_total = true, .factor = linear},
    {.name = "wsd", .needs_total = true, .factor = wsd},
    {.name = "inverse_root", .needs_warmup = true, .factor = inverse_root},
    {.name = "plateau", .looks_at_loss = true, .factor = constant},
};

/* ---- settings ---- */

static tdl_status find(const char *name, const tdl_sched_shape **ret, tdl_report *why)
{
    for (size_t i = 0; i < sizeof SHAPES / sizeof *SHAPES; i++)
        if (!strcmp(SHAPES[i].name, name)) {
            *ret = &SHAPES[i];
            return TDL_OK;
        }
    return TDL_FAIL_HINT(
        why, TDL_E_INVALID,
        "there are constant, step, exponential, cosine, linear, wsd, inverse_root and plateau",
        "no schedule is called \"%s\"", name);
}

static tdl_status check(const tdl_sched_config *c, const tdl_sched_shape *s, tdl_report *why)
{
    if (s->needs_total && c->total == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "total: %s needs the number of steps", s->name);
    if (s->needs_total && c->warmup > c->total)
        return TDL_FAIL(why, TDL_E_INVALID, "warmup: %llu steps are more than the total of %llu",
                        (unsigned long long)c->warmup, (unsigned long long)c->total);
    if (s->needs_warmup && c->warmup == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "warmup: %s needs at least 1 step", s->name);
    if (s->needs_every && c->every == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "every: %s needs at least 1 step", s->name);
    if (s->needs_gamma && !(c->gamma > 0 && c->gamma <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "gamma: %g is not in (0, 1]", c->gamma);
    if (!(c->floor >= 0 && c->floor <= 1))
        return TDL_FAIL(why, TDL_E_INVALID, "floor: %g is not in [0, 1]", c->floor);
    if (!(c->factor > 0 && c->factor < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "factor: %g is not in (0, 1)", c->factor);
    if (c->window < 3 || c->window > WINDOW_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "window: %llu losses are not in [3, %d]",
                        (unsigned long long)c->window, WINDOW_MAX);
    return TDL_OK;
}

static void fill_in(tdl_sched_config *c)
{
    if (!c->name)
        c->name = "constant";
    if (c->factor == 0)
        c->factor = 0.1;
    if (c->window == 0)
        c->window = TDL_PLATEAU_WINDOW;
}

tdl_status tdl_sched_init(tdl_sched *sched, const tdl_sched_config *config, tdl_report *why)
{
    tdl_sched made = {.config = *config, .shrunk = 1};
    tdl_status st;

    fill_in(&made.config);
    if ((st = find(made.config.name, &made.shape, why)) ||
        (st = check(&made.config, made.shape, why)))
        return st;
    made.config.name = made.shape->name;
    if (made.shape->looks_at_loss) {
        made.loss = calloc((size_t)made.config.window, sizeof *made.loss);
        if (!made.loss)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a window of %llu losses",
                            (unsigned long long)made.config.window);
    }
    *sched = made;
    return TDL_OK;
}

void tdl_sched_release(tdl_sched *sched)
{
    free(sched->loss);
    *sched = (tdl_sched){0};
}

double tdl_sched_factor(const tdl_sched *sched, uint64_t at)
{
    const tdl_sched_config *c = &sched->config;

    if (at < c->warmup)
        return sched->shrunk * (double)(at + 1) / (double)c->warmup;
    return sched->shrunk * sched->shape->factor(c, (double)at);
}

/* ---- plateau ---- */

/* Sums in the order of time: `first` is where the oldest of the ring y[n] lies. */
static double chance_in_ring(size_t n, const double *y, size_t first)
{
    double count = (double)n, middle = (count - 1) / 2, sxx = count * (count * count - 1) / 12;
    double mean = 0, sxy = 0, syy = 0;

    for (size_t i = 0, at = first; i < n; i++, at = at + 1 < n ? at + 1 : 0)
        mean += y[at] / count;
    for (size_t i = 0, at = first; i < n; i++, at = at + 1 < n ? at + 1 : 0) {
        double away = y[at] - mean;
        sxy += ((double)i - middle) * away;
        syy += away * away;
    }
    double slope = sxy / sxx, left = (syy - slope * sxy) / (count - 2);
    if (!(left > 0)) // a line without noise
        return slope < 0 ? 1 : slope > 0 ? 0 : 0.5;
    return erfc(slope / sqrt(2 * left / sxx)) / 2;
}

double tdl_chance_of_descent(size_t n, const double *y)
{
    return chance_in_ring(n, y, 0);
}

bool tdl_sched_observe(tdl_sched *sched, double loss)
{
    size_t window = (size_t)sched->config.window;

    if (!sched->loss)
        return false;
    sched->loss[sched->at] = loss;
    sched->at = (sched->at + 1) % window;
    if (sched->seen < window)
        sched->seen++;
    if (sched->seen < window || chance_in_ring(window, sched->loss, sched->at) >= DESCENT_MIN)
        return false;
    sched->shrunk *= sched->config.factor;
    sched->seen = sched->at = 0;
    return true;
}
