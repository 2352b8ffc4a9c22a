#include "stats/tied.h"

#include <math.h>

#include "base/sorted.h"

/* Targets of one score, and the candidates around them. */
typedef struct tie {
    double score;
    size_t targets; /* that score so */
    size_t above;   /* candidates that score more */
    size_t tied;    /* that score the same, targets among them */
} tie;

static double as_number(float score)
{
    return isnan(score) ? -INFINITY : (double)score;
}

/* The first of descending ties whose score is <= `score`; ties_n when there is none. */
static size_t find_tie(const tie *ties, size_t ties_n, double score)
{
    size_t low = 0, high = ties_n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ties[middle].score > score)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Scores of the targets, descending, equal ones as one. */
static size_t make_ties(const float *scores, const int32_t *target, size_t target_n, double *sorted,
                        tie *ties)
{
    size_t n = 0;

    for (size_t i = 0; i < target_n; i++)
        sorted[i] = as_number(scores[target[i]]);
    tdl_sort_numbers(sorted, target_n);
    for (size_t i = target_n; i-- > 0;) {
        if (!n || ties[n - 1].score != sorted[i])
            ties[n++] = (tie){.score = sorted[i]};
        ties[n - 1].targets++;
    }
    return n;
}

static void count_candidates(const float *scores, const bool *excluded, size_t n, tie *ties,
                             size_t ties_n)
{
    if (!ties_n)
        return;
    double least = ties[ties_n - 1].score;
    for (size_t i = 0; i < n; i++) {
        double score = as_number(scores[i]);
        if (score < least || (excluded && excluded[i]))
            continue;
        size_t at = find_tie(ties, ties_n, score);
        if (ties[at].score == score)
            ties[at].tied++;
        else
            ties[at].above++;
    }
    for (size_t i = 1; i < ties_n; i++) // so far only those since the tie before
        ties[i].above += ties[i - 1].above + ties[i - 1].tied;
}

static double discount_sum(size_t r)
{
    double sum = 0;

    for (size_t x = 0; x < r; x++)
        sum += 1 / log2((double)x + 2);
    return sum;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Of `tied` items in random order `targets` are relevant: the chance that the first relevant one
 * stands at place 1, 2, ... of at most `places`; what that is worth is 1/(above + place). */
static void best_of_tie(const tie *t, size_t k, double *ret_hit, double *ret_rr)
{
    size_t places = k > t->above ? smaller(k - t->above, t->tied) : 0;
    double here = (double)t->targets / (double)t->tied, hit = 0, rr = 0;

    for (size_t x = 1; x <= places && here > 0; x++) {
        hit += here;
        rr += here / (double)(t->above + x);
        double left = (double)(t->tied - x), others = left - (double)t->targets + 1;
        here *= left > 0 && others > 0 ? others / left : 0;
    }
    *ret_hit = hit < 1 ? hit : 1;
    *ret_rr = rr;
}

static tdl_tied at_cut(const tie *ties, size_t ties_n, size_t relevant_n, size_t k)
{
    tdl_tied ret = {0};

    if (ties_n)
        best_of_tie(&ties[0], k, &ret.hr, &ret.mrr);
    for (size_t i = 0; i < ties_n && ties[i].above < k; i++) {
        const tie *t = &ties[i];
        size_t end = smaller(t->above + t->tied, k);
        double share = (double)t->targets / (double)t->tied;
        ret.recall += share * (double)(end - t->above);
        for (size_t x = t->above; x < end; x++)
            ret.ndcg += share / log2((double)x + 2);
    }
    ret.recall /= (double)smaller(k, relevant_n);
    ret.ndcg /= discount_sum(smaller(k, relevant_n));
    return ret;
}

tdl_status tdl_tied_metrics(const float *scores, const bool *excluded, size_t n,
                            const int32_t *target, size_t target_n, size_t relevant_n,
                            const size_t *k, size_t k_n, tdl_arena *scratch, tdl_tied *ret)
{
    double *sorted = tdl_arena_alloc(scratch, target_n, sizeof *sorted);
    tie *ties = tdl_arena_alloc(scratch, target_n, sizeof *ties);

    if (!sorted || !ties)
        return TDL_E_NO_MEMORY;
    size_t ties_n = make_ties(scores, target, target_n, sorted, ties);
    count_candidates(scores, excluded, n, ties, ties_n);
    for (size_t i = 0; i < k_n; i++)
        ret[i] = at_cut(ties, ties_n, relevant_n, k[i]);
    return TDL_OK;
}
