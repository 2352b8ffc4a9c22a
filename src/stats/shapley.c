#include "stats/shapley.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AT_ONCE = 256, PAIRS_AT_ONCE = 8, PAIRS_BY_DEFAULT = 64 };

static tdl_status check(const tdl_game *game, size_t most, tdl_report *why)
{
    if (!game->groups_n || game->groups_n > most)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu groups of features; 1 to %zu can be attributed to",
                        game->groups_n, most);
    return TDL_OK;
}

/* Values of coalitions, which must be finite. */
static tdl_status ask(const tdl_game *game, const bool *take, size_t coalitions_n, double *ret,
                      tdl_shapley *count, tdl_report *why)
{
    tdl_status st = game->value(game->context, take, coalitions_n, ret, why);

    if (st)
        return st;
    for (size_t c = 0; c < coalitions_n; c++)
        if (!isfinite(ret[c]))
            return TDL_FAIL(why, TDL_E_INVALID, "the score of coalition %zu is not a finite number",
                            count->coalitions_n + c);
    count->coalitions_n += coalitions_n;
    return TDL_OK;
}

static void finish(const tdl_game *game, const double *value, tdl_shapley *s)
{
    double sum = 0;

    for (size_t i = 0; i < game->groups_n; i++)
        sum += value[i];
    s->completeness_error = fabs(sum - (s->full - s->base));
}

/* ---- exact ---- */

/* v [2^n] by the bits of the coalition. */
static void weigh_coalitions(const double *v, size_t n, double *ret)
{
    double weight[TDL_SHAPLEY_EXACT_MAX]; /* by size of S: s! (n - s - 1)! / n! */

    weight[0] = 1.0 / (double)n;
    for (size_t s = 1; s < n; s++)
        weight[s] = weight[s - 1] * (double)s / (double)(n - s);
    for (size_t i = 0; i < n; i++)
        ret[i] = 0;
    for (size_t s = 0; s < (size_t)1 << n; s++) {
        size_t size = (size_t)__builtin_popcountll(s);

        for (size_t i = 0; i < n; i++)
            if (!(s >> i & 1))
                ret[i] += weight[size] * (v[s | (size_t)1 << i] - v[s]);
    }
}

tdl_status tdl_shapley_exact(const tdl_game *game, double *ret_value, tdl_shapley *ret,
                             tdl_report *why)
{
    size_t n = game->groups_n, all;
    double *v = NULL;
    bool *take = NULL;
    tdl_shapley s = {0};
    tdl_status st;

    if ((st = check(game, TDL_SHAPLEY_EXACT_MAX, why)))
        return st;
    all = (size_t)1 << n;
    v = calloc(all, sizeof *v);
    take = calloc(AT_ONCE, n * sizeof *take);
    if (!v || !take) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu coalitions", all);
        goto out;
    }
    for (size_t first = 0; first < all; first += AT_ONCE) {
        size_t count = all - first < AT_ONCE ? all - first : AT_ONCE;

        for (size_t c = 0; c < count; c++)
            for (size_t i = 0; i < n; i++)
                take[c * n + i] = (first + c) >> i & 1;
        if ((st = ask(game, take, count, v + first, &s, why)))
            goto out;
    }
    s.base = v[0];
    s.full = v[all - 1];
    weigh_coalitions(v, n, ret_value);
    finish(game, ret_value, &s);
    *ret = s;
out:
    free(v);
    free(take);
    return st;
}

/* ---- by permutations ---- */

typedef struct walker {
    const tdl_game *game;
    uint32_t *order;       /* [groups_n], shuffled on */
    uint32_t *orders;      /* [PAIRS_AT_ONCE][groups_n] */
    bool *take;            /* [PAIRS_AT_ONCE * 2 (groups_n - 1)][groups_n] */
    double *v;             /* [PAIRS_AT_ONCE * 2 (groups_n - 1)] */
    double *mean, *moment; /* [groups_n] of pairs so far: Welford */
    double *sample;        /* [groups_n] */
} walker;

/* Coalitions along an order, both ways, without the first (none) and the last (all). */
static void lay_out(const walker *w, const uint32_t *order, bool *take)
{
    size_t n = w->game->groups_n;

    memset(take, 0, 2 * (n - 1) * n * sizeof *take);
    for (size_t step = 0; step + 1 < n; step++) {
        bool *forward = take + step * n, *backward = take + (n - 1 + step) * n;

        for (size_t i = 0; i <= step; i++) {
            forward[order[i]] = true;
            backward[order[n - 1 - i]] = true;
        }
    }
}

/* What each group added on both walks, halved, into the running mean. */
static void take_in(walker *w, const uint32_t *order, const double *v, tdl_shapley *s)
{
    size_t n = w->game->groups_n;

    for (size_t step = 0; step < n; step++) {
        double from = step ? v[step - 1] : s->base, to = step + 1 < n ? v[step] : s->full;
        const double *back = v + n - 1;
        double back_from = step ? back[step - 1] : s->base;
        double back_to = step + 1 < n ? back[step] : s->full;

        if (step == 0)
            memset(w->sample, 0, n * sizeof *w->sample);
        w->sample[order[step]] += (to - from) / 2;
        w->sample[order[n - 1 - step]] += (back_to - back_from) / 2;
    }
    s->pairs_n++;
    for (size_t i = 0; i < n; i++) {
        double off = w->sample[i] - w->mean[i];

        w->mean[i] += off / (double)s->pairs_n;
        w->moment[i] += off * (w->sample[i] - w->mean[i]);
    }
}

static double error_of(const walker *w, size_t i, size_t pairs)
{
    return pairs < 2 ? (double)NAN : sqrt(w->moment[i] / (double)(pairs - 1) / (double)pairs);
}

static bool is_precise(const walker *w, double error, const tdl_shapley *s)
{
    double most = 0;

    if (!(error > 0) || s->pairs_n < 2)
        return false;
    for (size_t i = 0; i < w->game->groups_n; i++)
        most = fmax(most, error_of(w, i, s->pairs_n));
    return most <= error * fabs(s->full - s->base);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static tdl_status walk(walker *w, const tdl_shapley_options *options, tdl_rng *rng, tdl_shapley *s,
                       tdl_report *why)
{
    size_t pairs = options && options->pairs ? options->pairs : PAIRS_BY_DEFAULT;
    double error = options ? options->error : 0, seconds = options ? options->seconds : 0;
    size_t n = w->game->groups_n, each = 2 * (n - 1);
    double begin = now();
    tdl_status st;

    while (s->pairs_n < pairs && !is_precise(w, error, s)) {
        size_t count = pairs - s->pairs_n < PAIRS_AT_ONCE ? pairs - s->pairs_n : PAIRS_AT_ONCE;

        if (seconds > 0 && s->pairs_n >= 2 && now() - begin > seconds)
            break;
        for (size_t k = 0; k < count; k++) {
            tdl_rng_shuffle(rng, w->order, n);
            memcpy(w->orders + k * n, w->order, n * sizeof *w->order);
            lay_out(w, w->order, w->take + k * each * n);
        }
        if (each && (st = ask(w->game, w->take, count * each, w->v, s, why)))
            return st;
        for (size_t k = 0; k < count; k++)
            take_in(w, w->orders + k * n, w->v + k * each, s);
    }
    return TDL_OK;
}

tdl_status tdl_shapley_sample(const tdl_game *game, const tdl_shapley_options *options,
                              tdl_rng *rng, double *ret_value, double *ret_error, tdl_shapley *ret,
                              tdl_report *why)
{
    size_t n = game->groups_n, rows;
    walker w = {.game = game};
    tdl_shapley s = {0};
    double ends[2];
    tdl_status st;

    if ((st = check(game, TDL_SHAPLEY_GROUPS_MAX, why)))
        return st;
    rows = PAIRS_AT_ONCE * 2 * n;
    w.order = calloc(n, sizeof *w.order);
    w.orders = calloc(PAIRS_AT_ONCE * n, sizeof *w.orders);
    w.take = calloc(rows, n * sizeof *w.take);
    w.v = calloc(rows, sizeof *w.v);
    w.mean = calloc(3 * n, sizeof *w.mean);
    if (!w.order || !w.orders || !w.take || !w.v || !w.mean) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to attribute to %zu groups", n);
        goto out;
    }
    w.moment = w.mean + n;
    w.sample = w.moment + n;
    for (uint32_t i = 0; i < n; i++) {
        w.order[i] = i;
        w.take[n + i] = true; /* none, then all */
    }
    if ((st = ask(game, w.take, 2, ends, &s, why)))
        goto out;
    s.base = ends[0];
    s.full = ends[1];
    if ((st = walk(&w, options, rng, &s, why)))
        goto out;
    for (size_t i = 0; i < n; i++) {
        ret_value[i] = w.mean[i];
        ret_error[i] = error_of(&w, i, s.pairs_n);
    }
    finish(game, ret_value, &s);
    *ret = s;
out:
    free(w.order);
    free(w.orders);
    free(w.take);
    free(w.v);
    free(w.mean);
    return st;
}

tdl_status tdl_shapley_values(const tdl_game *game, const tdl_shapley_options *options,
                              tdl_rng *rng, double *ret_value, double *ret_error, tdl_shapley *ret,
                              tdl_report *why)
{
    tdl_status st;

    if (game->groups_n > TDL_SHAPLEY_EXACT_MAX)
        return tdl_shapley_sample(game, options, rng, ret_value, ret_error, ret, why);
    if ((st = tdl_shapley_exact(game, ret_value, ret, why)))
        return st;
    for (size_t i = 0; i < game->groups_n; i++)
        ret_error[i] = 0;
    return TDL_OK;
}
