#include "stats/ranking.h"

#include <assert.h>
#include <math.h>

static float comparable(float score)
{
    return isnan(score) ? -INFINITY : score;
}

double tdl_rank(const float *scores, const bool *excluded, size_t n, size_t target)
{
    size_t higher = 0, tied = 0;
    float own;

    assert(target < n);
    own = comparable(scores[target]);
    for (size_t i = 0; i < n; i++) {
        float other = comparable(scores[i]);

        if (i == target || (excluded && excluded[i]))
            continue;
        if (other > own)
            higher++;
        else if (other == own)
            tied++;
    }
    return 1.0 + (double)higher + 0.5 * (double)tied;
}

/* Fewer than k candidates are better; half of a tie counts as half a candidate. */
static bool is_within(double rank, size_t k)
{
    return rank - 1.0 < (double)k;
}

double tdl_hit_at(double rank, size_t k)
{
    return is_within(rank, k) ? 1.0 : 0.0;
}

double tdl_ndcg_at(double rank, size_t k)
{
    return is_within(rank, k) ? 1.0 / log2(rank + 1.0) : 0.0;
}

double tdl_reciprocal_rank(double rank)
{
    return 1.0 / rank;
}

double tdl_ndcg_list(const double *relevance, const double *score, const uint32_t *by_score,
                     const uint32_t *by_relevance, size_t n, size_t k)
{
    double gain = 0, best = 0;
    size_t end = k < n ? k : n;

    for (size_t place = 0; place < end; place++)
        best += relevance[by_relevance[n - 1 - place]] / log2((double)place + 2);
    for (size_t first = 0, after; first < end; first = after) {
        double tied = 0, discounts = 0, own = score[by_score[n - 1 - first]];

        for (after = first; after < n && score[by_score[n - 1 - after]] == own; after++) {
            tied += relevance[by_score[n - 1 - after]];
            discounts += after < end ? 1 / log2((double)after + 2) : 0;
        }
        gain += tied / (double)(after - first) * discounts;
    }
    return best > 0 ? gain / best : (double)NAN;
}
