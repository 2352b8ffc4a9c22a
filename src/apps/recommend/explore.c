#include "apps/recommend/explore.h"

#include <math.h>
#include <sodium.h>
#include <string.h>

static const char *const names[] = {[TDL_EXPLORE_OFF] = "off",
                                    [TDL_EXPLORE_EPSILON] = "epsilon",
                                    [TDL_EXPLORE_PLACKETT_LUCE] = "plackett_luce",
                                    [TDL_EXPLORE_THOMPSON] = "thompson",
                                    [TDL_EXPLORE_SQUARECB] = "squarecb"};

const char *tdl_explore_name(tdl_explore_kind kind)
{
    return names[kind];
}

bool tdl_explore_parse(tdl_str name, tdl_explore_kind *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (tdl_str_is(name, names[i])) {
            *ret = (tdl_explore_kind)i;
            return true;
        }
    return false;
}

static size_t best_of(const double *values, size_t n)
{
    size_t best = 0;

    for (size_t i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static void softmax(const double *scores, size_t n, double temperature, double *chance)
{
    double highest = scores[best_of(scores, n)], sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += chance[i] = exp((scores[i] - highest) / temperature);
    for (size_t i = 0; i < n; i++)
        chance[i] /= sum;
}

static void thompson(const double *scores, size_t n, double spread, tdl_rng *rng, double *chance)
{
    for (size_t i = 0; i < n; i++)
        chance[i] = 1;
    for (size_t draw = 0; draw < TDL_THOMPSON_DRAWS; draw++) {
        double highest = -INFINITY;
        size_t best = 0;
        for (size_t i = 0; i < n; i++) {
            double value = scores[i] + spread * tdl_rng_normal(rng);
            if (value > highest) {
                highest = value;
                best = i;
            }
        }
        chance[best]++;
    }
    for (size_t i = 0; i < n; i++)
        chance[i] /= (double)(TDL_THOMPSON_DRAWS + n);
}

void tdl_explore_squarecb(const double *costs, size_t n, double gamma, double *chance)
{
    size_t best = 0;
    double rest = 1;

    for (size_t i = 1; i < n; i++)
        if (costs[i] < costs[best])
            best = i;
    for (size_t i = 0; i < n; i++)
        if (i != best)
            rest -= chance[i] = 1 / ((double)n + gamma * (costs[i] - costs[best]));
    chance[best] = rest;
}

static void squarecb_of_scores(const double *scores, size_t n, double gamma, double *chance)
{
    double high = scores[0], low = scores[0];

    for (size_t i = 1; i < n; i++) {
        high = fmax(high, scores[i]);
        low = fmin(low, scores[i]);
    }
    for (size_t i = 0; i < n; i++)
        chance[i] = high > low ? (high - scores[i]) / (high - low) : 0;
    tdl_explore_squarecb(chance, n, gamma, chance); // each cost is read before its place is used
}

void tdl_explore_chances(const tdl_explore_options *o, const double *scores, size_t n, tdl_rng *rng,
                         double *chance)
{
    double floor = o->kind == TDL_EXPLORE_EPSILON ? o->epsilon / (double)n : 0;

    switch (o->kind) {
    case TDL_EXPLORE_PLACKETT_LUCE:
        softmax(scores, n, o->temperature, chance);
        return;
    case TDL_EXPLORE_THOMPSON:
        thompson(scores, n, o->spread, rng, chance);
        return;
    case TDL_EXPLORE_SQUARECB:
        squarecb_of_scores(scores, n, o->gamma, chance);
        return;
    case TDL_EXPLORE_OFF:
    case TDL_EXPLORE_EPSILON:
        break;
    }
    for (size_t i = 0; i < n; i++)
        chance[i] = floor;
    chance[best_of(scores, n)] += o->kind == TDL_EXPLORE_EPSILON ? 1 - o->epsilon : 1;
}

void tdl_explore_mix_new(double share, const bool *is_new, size_t n, double *chance)
{
    size_t new_n = 0;

    for (size_t i = 0; i < n; i++)
        new_n += is_new[i];
    double each = new_n ? share / (double)new_n : 0;
    for (size_t i = 0; new_n && i < n; i++)
        chance[i] = (1 - share) * chance[i] + (is_new[i] ? each : 0);
}

size_t tdl_explore_draw(const double *chance, size_t n, double u)
{
    double below = 0;
    size_t last = 0;

    for (size_t i = 0; i < n; i++) {
        if (chance[i] > 0)
            last = i;
        below += chance[i];
        if (u < below && chance[i] > 0)
            return i;
    }
    return last; // what rounding left over
}

size_t tdl_explore_draw_best(const tdl_explore_options *o, size_t best, const bool *is_new,
                             size_t n, bool explored, double u, double *ret_chance)
{
    double floor = o->kind == TDL_EXPLORE_EPSILON ? o->epsilon / (double)n : 0, below = 0;
    double first = floor + (o->kind == TDL_EXPLORE_EPSILON ? 1 - o->epsilon : 1), each = 0;
    double chance[2][2] = {{floor, floor}, {first, first}}; /* [is best][is new] */
    size_t new_n = 0, last = 0;

    for (size_t i = 0; explored && o->impressions && i < n; i++)
        new_n += is_new[i];
    each = new_n ? o->share / (double)new_n : 0;
    for (size_t k = 0; new_n && k < 2; k++) {
        chance[k][0] = (1 - o->share) * chance[k][0];
        chance[k][1] = (1 - o->share) * chance[k][1] + each;
    }
    for (size_t i = 0; i < n; i++) {
        double one = chance[i == best][is_new[i]];
        below += one;
        last = one > 0 ? i : last;
        if (u < below && one > 0)
            break;
    }
    *ret_chance = chance[last == best][is_new[last]];
    return last; // or what rounding left over
}

tdl_rng tdl_explore_rng(const char *decision_id, size_t slot)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES];
    unsigned char hash[crypto_shorthash_BYTES];
    uint64_t seed;

    crypto_shorthash(hash, (const unsigned char *)decision_id, strlen(decision_id), key);
    memcpy(&seed, hash, sizeof seed);
    return tdl_rng_make(seed, slot);
}
