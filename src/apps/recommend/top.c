#include "apps/recommend/top.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = TDL_TOP_BLOCK, BLOCKS = 1024 /* looked over at a time */ };

/* A number that rises with the score, and of equal scores with a lower item: one comparison, no
 * branch. */
static int64_t key_of(tdl_scored one)
{
    float score = one.score + 0.0F; // no -0
    int32_t bits;

    memcpy(&bits, &score, sizeof bits);
    bits ^= (int32_t)((uint32_t)(bits >> 31) >> 1); // below 0 the larger bits are the lesser
    return (int64_t)((uint64_t)(uint32_t)bits << 32 | (uint32_t)~one.item);
}

static bool worse(tdl_scored a, tdl_scored b)
{
    return key_of(a) < key_of(b);
}

/* heap[0] is the worst of the n kept. Put `one` at `at` or below. */
static void sift_down(tdl_scored *heap, size_t n, size_t at, tdl_scored one)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            break;
        if (child + 1 < n && worse(heap[child + 1], heap[child]))
            child++;
        if (!worse(heap[child], one))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = one;
}

static void sift_up(tdl_scored *heap, size_t at, tdl_scored one)
{
    while (at && worse(one, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = one;
}

/* NaN never is. */
static float larger(float a, float than)
{
    return a > than ? a : than;
}

typedef float lanes __attribute__((vector_size(16)));
typedef int32_t lane_bits __attribute__((vector_size(16)));
enum { LANES = sizeof(lanes) / sizeof(float) };

static lanes larger_lanes(lanes a, lanes than)
{
#ifdef __SSE2__
    return _mm_max_ps(a, than); // the same in one instruction, which compilers do not find
#else
    lane_bits more = a > than;

    return (lanes)((more & (lane_bits)a) | (~more & (lane_bits)than));
#endif
}

float tdl_largest_of_block(const float *scores)
{
    lanes a = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}, b = a, four;

    for (size_t i = 0; i < BLOCK; i += 2 * LANES) {
        memcpy(&four, scores + i, sizeof four);
        a = larger_lanes(four, a);
        memcpy(&four, scores + i + LANES, sizeof four);
        b = larger_lanes(four, b);
    }
    a = larger_lanes(a, b);
    return larger(larger(a[0], a[1]), larger(a[2], a[3]));
}

static size_t count_above(const float *values, size_t n, float bound)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += values[i] > bound;
    return count;
}

/* A bound that at least k scores are above, found from the largest of each block: k blocks hold one
 * each. Halving is quicker than sorting, and any bound that leaves about k blocks will do. `above`
 * when there are fewer such blocks. */
static float tighten(const float *largest, size_t blocks_n, float above, size_t k)
{
    enum { HALVINGS = 12 };
    float high = above;

    for (size_t i = 0; i < blocks_n; i++)
        high = larger(largest[i], high);
    if (!(high < INFINITY) || above == -INFINITY || count_above(largest, blocks_n, above) < k)
        return above;
    for (int left = HALVINGS; left; left--) {
        float middle = above + (high - above) / 2;
        size_t n = count_above(largest, blocks_n, middle);
        if (n < k)
            high = middle;
        else
            above = middle;
        if (n >= k && n <= k + k / 4)
            break;
    }
    return above;
}

void tdl_best_offer(tdl_best *best, tdl_scored one)
{
    if (!(one.score > best->above))
        return;
    if (best->n < best->k)
        sift_up(best->heap, best->n++, one);
    else
        sift_down(best->heap, best->n, 0, one);
    if (best->n == best->k && best->heap[0].score > best->above)
        best->above = best->heap[0].score; // an equal score later has a higher number: not better
}

static tdl_scored of_key(int64_t key)
{
    int32_t bits = (int32_t)(key >> 32);
    tdl_scored one = {.item = (int32_t) ~(uint32_t)key};

    bits ^= (int32_t)((uint32_t)(bits >> 31) >> 1);
    memcpy(&one.score, &bits, sizeof bits);
    return one;
}

/* Merges runs of `run` that stand side by side, the largest first. */
static void merge(const int64_t *from, size_t n, size_t run, int64_t *to)
{
    for (size_t begin = 0; begin < n; begin += 2 * run) {
        size_t middle = begin + run < n ? begin + run : n;
        size_t end = middle + run < n ? middle + run : n;
        size_t left = begin, right = middle, at = begin;
        for (; left < middle && right < end; at++) {
            bool from_right = from[left] < from[right];
            to[at] = from_right ? from[right] : from[left];
            left += !from_right;
            right += from_right;
        }
        memcpy(to + at, from + left, (middle - left) * sizeof *to);
        memcpy(to + at + (middle - left), from + right, (end - right) * sizeof *to);
    }
}

enum { FEW = 256 };

static void sort_few(tdl_scored *ret, size_t n)
{
    int64_t room[2][FEW], *from = room[0], *to = room[1], *swap;

    for (size_t i = 0; i < n; i++)
        from[i] = key_of(ret[i]);
    for (size_t run = 1; run < n; run *= 2) {
        merge(from, n, run, to);
        swap = from;
        from = to;
        to = swap;
    }
    for (size_t i = 0; i < n; i++)
        ret[i] = of_key(from[i]);
}

void tdl_best_sort(tdl_best *best)
{
    if (best->n <= FEW) {
        sort_few(best->heap, best->n);
        return;
    }
    for (size_t left = best->n; left > 1; left--) { // heap sort: the worst goes last
        tdl_scored last = best->heap[left - 1];
        best->heap[left - 1] = best->heap[0];
        sift_down(best->heap, left - 1, 0, last);
    }
}

/* The best so far, and which scores may still be among them. */
typedef struct looking {
    tdl_best best;
    const uint64_t *blocked;
    float below;
} looking;

static void look_at(looking *l, const float *scores, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        tdl_scored one = {scores[i], (int32_t)i};
        if (one.score > l->best.above && one.score < l->below &&
            !(l->blocked && tdl_bits_has(l->blocked, one.item)))
            tdl_best_offer(&l->best, one);
    }
}

/* At most BLOCKS blocks, from `begin` on. */
static void look_over(looking *l, const float *scores, size_t begin, size_t end)
{
    float largest[BLOCKS];
    size_t whole = (end - begin) / BLOCK;

    for (size_t i = 0; i < whole; i++)
        largest[i] = tdl_largest_of_block(scores + begin + i * BLOCK);
    if (!l->best.n && !l->blocked && l->below == INFINITY)
        l->best.above = tighten(largest, whole, l->best.above, l->best.k);
    for (size_t i = 0; i < whole; i++)
        if (largest[i] > l->best.above)
            look_at(l, scores, begin + i * BLOCK, begin + (i + 1) * BLOCK);
    look_at(l, scores, begin + whole * BLOCK, end);
}

size_t tdl_top(const float *scores, size_t scores_n, const uint64_t *blocked, float above,
               float below, tdl_scored *ret, size_t k)
{
    enum { STRETCH = BLOCK * BLOCKS };
    looking l = {.best = {.heap = ret, .k = k, .above = above}, .blocked = blocked, .below = below};

    if (!k)
        return 0;
    for (size_t begin = 0; begin < scores_n; begin += STRETCH)
        look_over(&l, scores, begin, scores_n - begin < STRETCH ? scores_n : begin + STRETCH);
    tdl_best_sort(&l.best);
    return l.best.n;
}

size_t tdl_top_among(const float *scores, const uint64_t *among, size_t words,
                     const uint64_t *blocked, float above, tdl_scored *ret, size_t k)
{
    tdl_best best = {.heap = ret, .k = k, .above = above};

    for (size_t at = 0; k && at < words; at++)
        for (uint64_t w = blocked ? among[at] & ~blocked[at] : among[at]; w; w &= w - 1) {
            int32_t item = tdl_bits_first(w, at);
            tdl_best_offer(&best, (tdl_scored){scores[item], item});
        }
    tdl_best_sort(&best);
    return best.n;
}

size_t tdl_top_spoken(const float *scores, size_t scores_n, const uint64_t *blocked,
                      tdl_scored *ret, size_t k)
{
    size_t n = tdl_top(scores, scores_n, blocked, 0, INFINITY, ret, k);

    if (n < k)
        n += tdl_top(scores, scores_n, blocked, -INFINITY, 0, ret + n, k - n);
    return n;
}
