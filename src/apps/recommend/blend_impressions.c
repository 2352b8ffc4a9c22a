#include "apps/recommend/blend_impressions.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/blend_feature.h"

enum {
    PLACES = 11, /* 1 to 10, and all below */
    COLUMNS = TDL_RUNG_BLEND_MAX + PLACES,
    FIRST_ROWS = 1024,
    STEPS = 30,
    SWEEPS = 200
};
static const double CLIP = 20, RIDGE = 1e-3, ENOUGH = 1e-9;
#define WEEK_US INT64_C(604800000000)

const char *const tdl_blend_verdict_name[TDL_BLEND_VERDICTS_N] = {"too_few", "no_difference",
                                                                  "better"};

typedef struct shown_slot {
    float x[TDL_RUNG_BLEND_MAX];
    float weight; /* 1 / chance, clipped */
    int64_t time_us;
    uint32_t unit;
    uint8_t place; /* < PLACES */
    bool rewarded;
} shown_slot;

struct tdl_blend_log {
    tdl_str name[TDL_RUNG_BLEND_MAX]; /* [n], owned */
    size_t n;
    shown_slot *slot; /* [cap] */
    size_t slots_n, cap;
};

tdl_blend_log *tdl_blend_log_new(const tdl_str *name, size_t n)
{
    tdl_blend_log *l = calloc(1, sizeof *l);

    for (size_t i = 0; l && i < n; i++) {
        char *text = malloc(name[i].len + 1);
        if (!text) {
            tdl_blend_log_free(l);
            return NULL;
        }
        if (name[i].len)
            memcpy(text, name[i].at, name[i].len);
        l->name[l->n++] = (tdl_str){text, name[i].len};
    }
    return l;
}

void tdl_blend_log_free(tdl_blend_log *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n; i++)
        free((char *)l->name[i].at);
    free(l->slot);
    free(l);
}

/* Where each part of the log stands among those of the answer. False: others answered. */
static bool match(const tdl_blend_log *l, const tdl_effects *e, size_t ret[TDL_RUNG_BLEND_MAX])
{
    if (e->parts_n != l->n)
        return false;
    for (size_t i = 0; i < l->n; i++) {
        ret[i] = 0;
        while (ret[i] < e->parts_n && !tdl_str_eq(e->part[ret[i]].name, l->name[i]))
            ret[i]++;
        if (ret[i] == e->parts_n)
            return false;
    }
    return true;
}

static bool make_room(tdl_blend_log *l)
{
    size_t cap = l->cap ? 2 * l->cap : FIRST_ROWS;

    if (l->slots_n < l->cap)
        return true;
    shown_slot *slot = realloc(l->slot, cap * sizeof *slot);
    if (!slot)
        return false;
    l->slot = slot;
    l->cap = cap;
    return true;
}

tdl_status tdl_blend_log_add(tdl_blend_log *l, const tdl_effects *e, const double *chance,
                             const bool *rewarded, uint32_t unit, int64_t time_us, tdl_report *why)
{
    size_t part[TDL_RUNG_BLEND_MAX];

    if (!match(l, e, part))
        return TDL_OK;
    for (size_t i = 0; i < e->slots_n && l->slots_n < TDL_BLEND_SLOTS_MAX; i++) {
        const tdl_slot_told *from = &e->slot[i];
        if (from->forced || from->estimated || !(chance[i] > 0 && chance[i] <= 1))
            continue;
        if (!make_room(l))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for what was shown");
        shown_slot *to = &l->slot[l->slots_n];
        *to = (shown_slot){.weight = (float)fmin(1 / chance[i], CLIP),
                           .time_us = time_us,
                           .unit = unit,
                           .place = (uint8_t)(i < PLACES - 1 ? i : PLACES - 1),
                           .rewarded = rewarded[i]};
        bool finite = true;
        for (size_t r = 0; r < l->n; r++) {
            to->x[r] =
                (float)tdl_blend_feature((double)from->score[part[r]], e->part[part[r]].scale);
            finite = finite && isfinite(from->score[part[r]]) && isfinite(to->x[r]);
        }
        l->slots_n += finite;
    }
    return TDL_OK;
}

/* ---- logistic regression: columns are the rungs, then the places ---- */

/* What is learnt: weights of each rung, or a slope of the former blend. */
typedef struct model {
    size_t n;             /* rungs, or 1 */
    const double *former; /* [parts] of a slope; NULL: a weight of each */
    double b[COLUMNS];    /* [n] >= 0, then [PLACES] */
} model;

static void columns_of(const tdl_blend_log *l, const model *m, const shown_slot *s, double *x)
{
    double sum = 0;

    for (size_t r = 0; r < l->n; r++) {
        if (!m->former)
            x[r] = (double)s->x[r];
        else
            sum += m->former[r] * (double)s->x[r];
    }
    if (m->former)
        x[0] = sum;
}

/* log(1 + e^z) - y z */
static double loss_at(double z, bool y)
{
    return fmax(z, 0) + log1p(exp(-fabs(z))) - (y ? z : 0);
}

static double logit(const model *m, const double *x, uint8_t place)
{
    double z = m->b[m->n + place];

    for (size_t r = 0; r < m->n; r++)
        z += m->b[r] * x[r];
    return z;
}

typedef struct slope {
    double loss, gradient[COLUMNS], curvature[COLUMNS][COLUMNS];
} slope;

/* Of what was shown before `until_us`. */
static void slope_at(const tdl_blend_log *l, const model *m, int64_t until_us, slope *ret)
{
    size_t width = m->n + PLACES;
    double total = 0;

    memset(ret, 0, sizeof *ret);
    for (size_t i = 0; i < l->slots_n; i++) {
        const shown_slot *s = &l->slot[i];
        double x[COLUMNS] = {0}, w = (double)s->weight;
        if (s->time_us >= until_us)
            continue;
        columns_of(l, m, s, x);
        double z = logit(m, x, s->place), p = 1 / (1 + exp(-z));
        x[m->n + s->place] = 1;
        total += w;
        ret->loss += w * loss_at(z, s->rewarded);
        for (size_t r = 0; r < width; r++) {
            ret->gradient[r] += w * (p - s->rewarded) * x[r];
            for (size_t c = 0; c <= r && x[r] != 0; c++)
                ret->curvature[r][c] += w * p * (1 - p) * x[r] * x[c];
        }
    }
    total = total > 0 ? total : 1;
    ret->loss /= total;
    for (size_t r = 0; r < width; r++) {
        ret->gradient[r] = ret->gradient[r] / total + RIDGE * m->b[r];
        ret->loss += RIDGE / 2 * m->b[r] * m->b[r];
        for (size_t c = 0; c <= r; c++)
            ret->curvature[c][r] = ret->curvature[r][c] =
                ret->curvature[r][c] / total + (c == r ? RIDGE : 0);
    }
}

/* Least of the local parabola, rungs not below 0, one coordinate at a time. */
static void newton_step(const model *m, const slope *s, double *ret)
{
    size_t width = m->n + PLACES;

    memcpy(ret, m->b, width * sizeof *ret);
    for (size_t sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t r = 0; r < width; r++) {
            double gradient = s->gradient[r];
            for (size_t c = 0; c < width; c++)
                gradient += s->curvature[r][c] * (ret[c] - m->b[c]);
            double to = ret[r] - gradient / s->curvature[r][r];
            ret[r] = r < m->n ? fmax(to, 0) : to;
        }
}

/* m->n and m->former are set. */
static void fit(const tdl_blend_log *l, int64_t until_us, model *m, slope room[2])
{
    size_t width = m->n + PLACES;
    slope *s = &room[0], *next = &room[1];

    memset(m->b, 0, sizeof m->b);
    slope_at(l, m, until_us, s);
    for (int step = 0; step < STEPS; step++) {
        model to = *m;
        newton_step(m, s, to.b);
        slope_at(l, &to, until_us, next);
        for (int halvings = 0; next->loss > s->loss && halvings < 20; halvings++) {
            for (size_t r = 0; r < width; r++)
                to.b[r] = (to.b[r] + m->b[r]) / 2;
            slope_at(l, &to, until_us, next);
        }
        if (!(s->loss - next->loss > ENOUGH))
            return;
        *m = to;
        slope *swap = s;
        s = next;
        next = swap;
    }
}

/* ---- progressive validation ---- */

typedef struct person {
    double gain, weight;
} person;

typedef struct judging {
    const tdl_blend_log *log;
    model learnt, slope_of_former;
    person *person; /* [people_n] by unit */
    size_t people_n;
    slope *room; /* [2] */
} judging;

static bool is_enough(const tdl_blend_log *l, int64_t until_us)
{
    size_t rewards = 0, others = 0;

    for (size_t i = 0; i < l->slots_n; i++)
        if (l->slot[i].time_us < until_us)
            *(l->slot[i].rewarded ? &rewards : &others) += 1;
    return rewards >= TDL_BLEND_REWARDS_MIN && others >= TDL_BLEND_REWARDS_MIN;
}

static void measure_week(judging *j, int64_t from_us)
{
    const tdl_blend_log *l = j->log;

    if (!is_enough(l, from_us))
        return;
    fit(l, from_us, &j->learnt, j->room);
    fit(l, from_us, &j->slope_of_former, j->room);
    for (size_t i = 0; i < l->slots_n; i++) {
        const shown_slot *s = &l->slot[i];
        double x[COLUMNS] = {0}, w = (double)s->weight;
        if (s->time_us < from_us || s->time_us - from_us >= WEEK_US)
            continue;
        columns_of(l, &j->slope_of_former, s, x);
        double former = loss_at(logit(&j->slope_of_former, x, s->place), s->rewarded);
        columns_of(l, &j->learnt, s, x);
        j->person[s->unit].gain +=
            w * (former - loss_at(logit(&j->learnt, x, s->place), s->rewarded));
        j->person[s->unit].weight += w;
    }
}

static tdl_status judge(judging *j, uint64_t seed, tdl_blend_learnt *ret, tdl_report *why)
{
    double *value = malloc((j->people_n + 1) * sizeof *value);
    tdl_rng rng = tdl_rng_make(seed, 2);
    tdl_status st = TDL_OK;

    if (!value)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to judge what was shown");
    for (size_t u = 0; u < j->people_n; u++)
        if (j->person[u].weight > 0)
            value[ret->people_n++] = j->person[u].gain / j->person[u].weight;
    if (ret->people_n >= TDL_BLEND_PEOPLE_MIN &&
        !(st = tdl_bootstrap_mean(value, ret->people_n, NULL, &rng, &ret->gain, why)))
        ret->verdict = ret->gain.low > 0 ? TDL_BLEND_BETTER : TDL_BLEND_NO_DIFFERENCE;
    free(value);
    return st;
}

/* The former's sum; the former itself where nothing speaks for any. Who has no weight keeps a
 * thousandth: of who has no part in answers no row would tell, and he could never come back. */
static void scale_to(const double *former, size_t n, tdl_blend_learnt *ret)
{
    double sum = 0, kept = 0, wanted = 0;

    for (size_t r = 0; r < n; r++) {
        sum += ret->learnt[r];
        wanted += former[r];
    }
    for (size_t r = 0; r < n; r++)
        kept += fmax(ret->learnt[r], sum / 1000);
    if (!(sum > 0))
        ret->verdict = TDL_BLEND_NO_DIFFERENCE;
    for (size_t r = 0; r < n && ret->verdict == TDL_BLEND_BETTER; r++)
        ret->weight[r] = fmax(ret->learnt[r], sum / 1000) * wanted / kept;
}

static int64_t last_of(const tdl_blend_log *l)
{
    int64_t last_us = INT64_MIN;

    for (size_t i = 0; i < l->slots_n; i++)
        last_us = l->slot[i].time_us > last_us ? l->slot[i].time_us : last_us;
    return last_us;
}

tdl_status tdl_blend_log_learn(tdl_blend_log *l, const double *former, uint64_t seed,
                               tdl_blend_learnt *ret, tdl_report *why)
{
    judging j = {.log = l,
                 .learnt = {.n = l->n},
                 .slope_of_former = {.n = 1, .former = former},
                 .room = malloc(2 * sizeof *j.room)};
    tdl_status st = TDL_OK;

    *ret = (tdl_blend_learnt){.slots_n = l->slots_n};
    memcpy(ret->weight, former, l->n * sizeof *former);
    for (size_t i = 0; i < l->slots_n; i++) {
        ret->rewards_n += l->slot[i].rewarded;
        j.people_n = l->slot[i].unit >= j.people_n ? (size_t)l->slot[i].unit + 1 : j.people_n;
    }
    j.person = calloc(j.people_n + 1, sizeof *j.person);
    if (!j.person || !j.room) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to judge what was shown");
        goto out;
    }
    if (!is_enough(l, INT64_MAX))
        goto out;
    for (int64_t week = TDL_BLEND_WEEKS; week > 0; week--)
        measure_week(&j, last_of(l) + 1 - week * WEEK_US);
    if ((st = judge(&j, seed, ret, why)) || ret->verdict == TDL_BLEND_TOO_FEW)
        goto out;
    fit(l, INT64_MAX, &j.learnt, j.room);
    memcpy(ret->learnt, j.learnt.b, l->n * sizeof *ret->learnt);
    scale_to(former, l->n, ret);
out:
    free(j.person);
    free(j.room);
    return st;
}
