/* Exponential smoothing with additive errors (Hyndman, Koehler, Ord and Snyder 2008): trend none,
 * additive or damped, season none, additive or multiplicative; the form by AIC.
 *
 *     mu = (l + phi b) + s            or (l + phi b) s
 *     e  = y - mu                     (multiplicative: divided by s for level and slope)
 *     l  = l + phi b + alpha e,  b = phi b + beta e,  s = s + gamma e   (mult.: e / (l + phi b))
 *
 * Parameters by Nelder and Mead (1965) on the sum of squared one-step errors; starting states from
 * the first seasons. Parameters are kept in [1e-4, 1) and beta below alpha, gamma below 1 - alpha,
 * phi in [.8, .98]: what the R package `forecast` calls usual.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forecast/member.h"
#include "forecast/season.h"

enum { PARAMETERS = 4, EVALUATIONS = 160, SEASON_MAX = 48 };

typedef enum trend { TREND_NONE, TREND_ADDITIVE, TREND_DAMPED } trend;
typedef enum season_form { SEASON_NONE, SEASON_ADDITIVE, SEASON_MULTIPLICATIVE } season_form;

typedef struct ets {
    const double *y; /* [n] */
    size_t n, period;
    trend trend;
    season_form season;
    double level0, slope0;
    const double *index; /* [period] seasonal states at the start */
    double *s;           /* [period] */
    double level, slope; /* after the last point */
} ets;

typedef struct parameters {
    double alpha, beta, gamma, phi;
} parameters;

static double squash(double x, double low, double high)
{
    return low + (high - low) / (1 + exp(-x));
}

static parameters parameters_of(const ets *m, const double x[PARAMETERS])
{
    double alpha = squash(x[0], 1e-4, .9999);

    return (parameters){
        .alpha = alpha,
        .beta = m->trend ? squash(x[1], 1e-4, 1) * alpha : 0,
        .gamma = m->season ? squash(x[2], 1e-4, 1) * (1 - alpha) : 0,
        .phi =
            m->trend == TREND_DAMPED ? squash(x[3], .8, .98) : (double)(m->trend == TREND_ADDITIVE),
    };
}

/* Sum of squared one-step errors; leaves the states after the last point. */
static double run(ets *m, const double x[PARAMETERS])
{
    parameters p = parameters_of(m, x);
    double level = m->level0, slope = m->slope0, sum = 0;
    size_t at = 0;

    memcpy(m->s, m->index, m->period * sizeof *m->s);
    for (size_t t = 0; t < m->n; t++) {
        double base = level + p.phi * slope, s = m->s[at], error, step;

        if (m->season == SEASON_MULTIPLICATIVE) {
            error = m->y[t] - base * s;
            step = fabs(s) > 1e-8 ? error / s : 0;
            if (fabs(base) > 1e-8)
                m->s[at] = s + p.gamma * error / base;
        } else {
            step = error = m->y[t] - base - s;
            m->s[at] = s + p.gamma * error;
        }
        level = base + p.alpha * step;
        slope = p.phi * slope + p.beta * step;
        sum += error * error;
        if (++at == m->period)
            at = 0;
    }
    m->level = level;
    m->slope = slope;
    return isfinite(sum) ? sum : HUGE_VAL;
}

/* ---- Nelder and Mead over the parameters that the form has ---- */

typedef struct corner {
    double x[PARAMETERS], value;
} corner;

static void sort_corners(corner *c, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && c[j - 1].value > c[j].value; j--) {
            corner swap = c[j];
            c[j] = c[j - 1];
            c[j - 1] = swap;
        }
}

static corner toward(ets *m, const double *centre, const corner *from, double factor,
                     const size_t *free_, size_t k)
{
    corner c = *from;

    for (size_t i = 0; i < k; i++)
        c.x[free_[i]] = centre[i] + factor * (from->x[free_[i]] - centre[i]);
    c.value = run(m, c.x);
    return c;
}

/* Which parameters the form has. */
static size_t list_free(const ets *m, size_t ret[PARAMETERS])
{
    size_t k = 0;

    ret[k++] = 0;
    if (m->trend)
        ret[k++] = 1;
    if (m->season)
        ret[k++] = 2;
    if (m->trend == TREND_DAMPED)
        ret[k++] = 3;
    return k;
}

/* All corners half the way to the best one. */
static void shrink(ets *m, corner *c, const size_t *free_, size_t k)
{
    for (size_t i = 1; i <= k; i++) {
        for (size_t j = 0; j < k; j++)
            c[i].x[free_[j]] = (c[i].x[free_[j]] + c[0].x[free_[j]]) / 2;
        c[i].value = run(m, c[i].x);
    }
}

static double minimise(ets *m, double x[PARAMETERS])
{
    size_t free_[PARAMETERS] = {0}, k = list_free(m, free_);
    corner c[PARAMETERS + 1];

    for (size_t i = 0; i <= k; i++) {
        memcpy(c[i].x, x, sizeof c[i].x);
        if (i)
            c[i].x[free_[i - 1]] += 1.5;
        c[i].value = run(m, c[i].x);
    }
    for (size_t used = k + 1; used < EVALUATIONS; used++) {
        double centre[PARAMETERS] = {0};

        sort_corners(c, k + 1);
        if (c[k].value - c[0].value <= 1e-6 * fabs(c[0].value))
            break;
        for (size_t i = 0; i < k; i++)
            for (size_t j = 0; j < k; j++)
                centre[i] += c[j].x[free_[i]] / (double)k;
        corner next = toward(m, centre, &c[k], -1, free_, k);
        if (next.value < c[0].value) {
            corner further = toward(m, centre, &c[k], -2, free_, k);
            used++;
            c[k] = further.value < next.value ? further : next;
        } else if (next.value < c[k - 1].value) {
            c[k] = next;
        } else {
            corner inner = toward(m, centre, &c[k], next.value < c[k].value ? -.5 : .5, free_, k);
            used++;
            if (inner.value < c[k].value) {
                c[k] = inner;
            } else {
                shrink(m, c, free_, k);
                used += k;
            }
        }
    }
    sort_corners(c, k + 1);
    memcpy(x, c[0].x, sizeof c[0].x);
    return c[0].value;
}

/* ---- one form, then the best of them ---- */

static void start(ets *m)
{
    size_t m1 = m->season ? m->period : 1, span = m->n < 10 * m1 ? m->n : 10 * m1;
    double first = 0, last = 0;
    size_t part = m->season ? m1 : (span < 4 ? 1 : span / 4);

    for (size_t t = 0; t < part; t++) { // means of the first and the last of the span
        double a = m->y[t], b = m->y[span - part + t];
        size_t ia = t % m1, ib = (span - part + t) % m1;

        if (m->season == SEASON_ADDITIVE) {
            a -= m->index[ia];
            b -= m->index[ib];
        }
        first += a / (double)part;
        last += b / (double)part;
    }
    m->slope0 = m->trend && span > part ? (last - first) / (double)(span - part) : 0;
    m->level0 = first - m->slope0 * (double)(part + 1) / 2;
}

static double aic(const ets *m, double sum)
{
    size_t k =
        2u + (m->trend ? 2u : 0u) + (m->trend == TREND_DAMPED) + (m->season ? m->period : 0u);
    double n = (double)m->n, mean = sum / n;
    double penalty = m->n > k + 2 ? (double)(2 * k) * n / (n - (double)k - 1) : HUGE_VAL;

    return n * log(mean > 1e-300 ? mean : 1e-300) + penalty;
}

static void forecast_form(ets *m, const double x[PARAMETERS], size_t horizon, double *ret)
{
    parameters p = parameters_of(m, x);
    double phi = p.phi, along = 0;

    run(m, x);
    for (size_t h = 0; h < horizon; h++) {
        double base, s = m->s[(m->n + h) % m->period];

        along += phi;
        phi *= p.phi;
        base = m->level + along * m->slope;
        ret[h] = m->season == SEASON_MULTIPLICATIVE ? base * s : base + s;
    }
}

static tdl_status try_forms(const double *y, size_t n, size_t period, bool positive, size_t horizon,
                            double *ret, tdl_report *why)
{
    double *index = malloc(period * sizeof *index), *s = malloc(period * sizeof *s);
    double best = HUGE_VAL;
    tdl_status st = TDL_OK;

    if (!index || !s) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a season of %zu", period);
        goto out;
    }
    for (int form = SEASON_NONE; form <= SEASON_MULTIPLICATIVE; form++) {
        if (form && period < 2)
            break;
        if (form == SEASON_MULTIPLICATIVE && !positive)
            break;
        if (form == SEASON_NONE && period > 1)
            continue; // a season that was found is kept
        if ((st = tdl_season_index(y, n, period, form == SEASON_MULTIPLICATIVE, index, why)))
            goto out;
        for (int t = TREND_NONE; t <= TREND_DAMPED; t++) {
            ets m = {.y = y,
                     .n = n,
                     .period = period,
                     .trend = (trend)t,
                     .season = (season_form)form,
                     .index = index,
                     .s = s};
            double x[PARAMETERS] = {0, -2, -2, 1}, score;

            start(&m);
            score = aic(&m, minimise(&m, x));
            if (score < best || best == HUGE_VAL) {
                best = score;
                forecast_form(&m, x, horizon, ret);
            }
        }
    }
out:
    free(index);
    free(s);
    return st;
}

static size_t variants(const tdl_forecast_task *task)
{
    return task->shortest >= 8;
}

static void label(const tdl_forecast_task *task, size_t variant, char ret[TDL_VARIANT_NAME_MAX])
{
    TDL_UNUSED(task);
    TDL_UNUSED(variant);
    snprintf(ret, TDL_VARIANT_NAME_MAX, "ets");
}

static tdl_status forecast(const tdl_forecast_task *task, const double *y, size_t n, size_t which,
                           double *ret, tdl_report *why)
{
    size_t season = task->periods_n ? task->period[0] : 1;
    bool positive = true;

    TDL_UNUSED(which);
    for (size_t t = 0; t < n; t++)
        positive &= y[t] > 0;
    if (season > SEASON_MAX || n < 2 * season + 4)
        season = 1;
    return try_forms(y, n, season, positive, task->horizon, ret, why);
}

const tdl_member_ops tdl_member_ets = {
    .name = "ets", .variants = variants, .label = label, .forecast = forecast};
