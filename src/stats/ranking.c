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
