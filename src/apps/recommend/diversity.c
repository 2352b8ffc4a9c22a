#include "apps/recommend/diversity.h"

#include <math.h>
#include <string.h>

static const double ridge = 1e-3, smallest_residual = 1e-12;

/* What is not finite becomes the smallest of those that are. */
static void repair(double *values, size_t n, double *ret_low, double *ret_high)
{
    double low = INFINITY, high = -INFINITY;

    for (size_t i = 0; i < n; i++)
        if (isfinite(values[i])) {
            low = fmin(low, values[i]);
            high = fmax(high, values[i]);
        }
    if (low > high)
        low = high = 0;
    for (size_t i = 0; i < n; i++)
        values[i] = isfinite(values[i]) ? values[i] : low;
    *ret_low = low;
    *ret_high = high;
}

/* Similarities of `i` with others, in [0, 1]; NaN too is 0. */
static void compare(const tdl_diversity *d, size_t i, const size_t *other, size_t n)
{
    if (d->similarity)
        d->similarity(d->context, i, other, n, d->near);
    for (size_t k = 0; k < n; k++) {
        double cosine = d->similarity ? d->near[k] : i == other[k];
        d->near[k] = cosine > 0 ? fmin(cosine, 1) : 0;
    }
}

static void start_mmr(tdl_diversity *d, double low, double high)
{
    for (size_t i = 0; i < d->n; i++) {
        d->relevance[i] = high > low ? (d->relevance[i] - low) / (high - low) : 0;
        d->nearest[i] = 0;
        d->met[i] = 0;
        d->objective[i] = d->options.lambda * d->relevance[i];
    }
}

/* exp(theta rel), small enough for its square to be finite. */
static double weight_of(const tdl_diversity *d, size_t i)
{
    return exp(fmin(d->options.theta * d->relevance[i], 300));
}

static void start_dpp(tdl_diversity *d)
{
    for (size_t i = 0; i < d->n; i++) {
        double weight = weight_of(d, i);
        d->all[i] = i;
        compare(d, i, &d->all[i], 1);
        d->residual[i] = weight * d->near[0] * weight + ridge;
        d->objective[i] = log(d->residual[i]);
    }
}

bool tdl_diversity_start(tdl_diversity *d, const tdl_diversity_options *options,
                         const double *relevance, size_t n, size_t slots,
                         tdl_similarity_fn *similarity, const void *context, tdl_arena *arena)
{
    bool mmr = options->kind == TDL_DIVERSITY_MMR, dpp = options->kind == TDL_DIVERSITY_DPP;
    double low, high;

    *d = (tdl_diversity){.options = *options,
                         .similarity = similarity,
                         .context = context,
                         .n = n,
                         .slots = slots,
                         .relevance = tdl_arena_alloc(arena, n, sizeof(double)),
                         .objective = tdl_arena_alloc(arena, n, sizeof(double)),
                         .chosen = tdl_arena_alloc(arena, slots, sizeof(size_t)),
                         .near = tdl_arena_alloc(arena, dpp && n ? n : 1, sizeof(double)),
                         .nearest = tdl_arena_alloc(arena, mmr ? n : 0, sizeof(double)),
                         .met = tdl_arena_alloc(arena, mmr ? n : 0, sizeof(size_t)),
                         .residual = tdl_arena_alloc(arena, dpp ? n : 0, sizeof(double)),
                         .row = tdl_arena_alloc(arena, dpp ? n : 0, slots * sizeof(double)),
                         .all = tdl_arena_alloc(arena, dpp ? n : 0, sizeof(size_t))};
    if (!d->relevance || !d->objective || !d->chosen || !d->near || !d->nearest || !d->met ||
        !d->residual || !d->row || !d->all)
        return false;
    if (n)
        memcpy(d->relevance, relevance, n * sizeof *relevance);
    repair(d->relevance, n, &low, &high);
    if (mmr)
        start_mmr(d, low, high);
    else if (dpp)
        start_dpp(d);
    else if (n)
        memcpy(d->objective, d->relevance, n * sizeof *d->objective);
    return true;
}

/* Compares `i` with those chosen that it did not meet yet, while its objective is above `than`. */
static bool is_above(tdl_diversity *d, size_t i, double than)
{
    double lambda = d->options.lambda;

    while (d->options.kind == TDL_DIVERSITY_MMR && d->met[i] < d->taken && d->objective[i] > than) {
        compare(d, i, &d->chosen[d->met[i]++], 1);
        d->nearest[i] = fmax(d->nearest[i], d->near[0]);
        d->objective[i] = lambda * d->relevance[i] - (1 - lambda) * d->nearest[i];
    }
    return d->objective[i] > than;
}

double tdl_diversity_at(tdl_diversity *d, size_t i)
{
    is_above(d, i, -INFINITY);
    return d->objective[i];
}

size_t tdl_diversity_best(tdl_diversity *d, const size_t *candidate, size_t n)
{
    size_t best = 0;
    double most = tdl_diversity_at(d, candidate[0]);

    for (size_t k = 1; k < n; k++)
        if (d->objective[candidate[k]] > most && is_above(d, candidate[k], most)) {
            best = k;
            most = d->objective[candidate[k]];
        }
    return best;
}

/* The next row of the factor L of the chosen ones' kernel, extended to all candidates: L[t][i] =
 * (K[chosen][i] - sum over s < t of L[s][chosen] L[s][i]) / sqrt(residual of chosen). */
static void take_dpp(tdl_diversity *d, size_t chosen)
{
    double *row = d->row + d->taken * d->n, root = sqrt(d->residual[chosen]);
    double weight = weight_of(d, chosen);

    compare(d, chosen, d->all, d->n);
    for (size_t i = 0; i < d->n; i++) {
        double value = weight * d->near[i] * weight_of(d, i);
        for (size_t s = 0; s < d->taken; s++)
            value -= d->row[s * d->n + chosen] * d->row[s * d->n + i];
        row[i] = value / root;
    }
    for (size_t i = 0; i < d->n; i++) {
        d->residual[i] = fmax(d->residual[i] - row[i] * row[i], smallest_residual);
        d->objective[i] = log(d->residual[i]);
    }
}

void tdl_diversity_take(tdl_diversity *d, size_t i)
{
    if (d->taken == d->slots || i >= d->n)
        return;
    if (d->options.kind == TDL_DIVERSITY_DPP)
        take_dpp(d, i);
    d->chosen[d->taken++] = i;
}
