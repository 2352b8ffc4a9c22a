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

/* c(r) */
static double discount_sum(size_t r)
{
    double sum = 0;

    for (size_t x = 0; x < r; x++)
        sum += 1 / log2((double)x + 2);
    return sum;
}

static bool is_one_of(size_t item, const int32_t *of, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((size_t)of[i] == item)
            return true;
    return false;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

tdl_list_worth tdl_list_expected(const float *scores, const bool *excluded, size_t n,
                                 const int32_t *relevant, size_t relevant_n, size_t k)
{
    tdl_list_worth worth = {0};
    size_t most = least(k, relevant_n);

    for (size_t t = 0; t < relevant_n; t++) {
        float own = comparable(scores[relevant[t]]);
        size_t above = 0, tied = 0;

        for (size_t i = 0; i < n; i++) {
            float other = comparable(scores[i]);

            if (other < own || (excluded && excluded[i] && !is_one_of(i, relevant, relevant_n)))
                continue;
            above += other > own;
            tied += other == own;
        }
        size_t first = least(above, k), after = least(above + tied, k);
        if (after == first)
            continue;
        worth.recall += (double)(after - first) / (double)tied;
        worth.ndcg += (discount_sum(after) - discount_sum(first)) / (double)tied;
    }
    worth.recall /= (double)most;
    worth.ndcg /= discount_sum(most);
    return worth;
}
