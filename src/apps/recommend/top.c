#include "apps/recommend/top.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 32, BLOCKS = 1024 /* looked over at a time */ };

static bool worse(tdl_scored a, tdl_scored b)
{
    return a.score < b.score || (a.score == b.score && a.item > b.item);
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

/* The largest of BLOCK scores; -INFINITY when there is none. */
static float largest_of_block(const float *scores)
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

/* The best so far, and which scores may still be among them. */
typedef struct best {
    tdl_scored *heap; /* [n <= k] */
    size_t n, k;
    const uint64_t *blocked;
    float above, below;
} best;

static void look_at(best *b, const float *scores, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        tdl_scored one = {scores[i], (int32_t)i};
        if (!(one.score > b->above && one.score < b->below) ||
            (b->blocked && tdl_bits_has(b->blocked, one.item)))
            continue;
        if (b->n < b->k)
            sift_up(b->heap, b->n++, one);
        else
            sift_down(b->heap, b->n, 0, one);
        if (b->n == b->k && b->heap[0].score > b->above)
            b->above = b->heap[0].score; // an equal score later has a higher number: not better
    }
}

/* At most BLOCKS blocks, from `begin` on. */
static void look_over(best *b, const float *scores, size_t begin, size_t end)
{
    float largest[BLOCKS];
    size_t whole = (end - begin) / BLOCK;

    for (size_t i = 0; i < whole; i++)
        largest[i] = largest_of_block(scores + begin + i * BLOCK);
    if (!b->n && !b->blocked && b->below == INFINITY)
        b->above = tighten(largest, whole, b->above, b->k);
    for (size_t i = 0; i < whole; i++)
        if (largest[i] > b->above)
            look_at(b, scores, begin + i * BLOCK, begin + (i + 1) * BLOCK);
    look_at(b, scores, begin + whole * BLOCK, end);
}

size_t tdl_top(const float *scores, size_t scores_n, const uint64_t *blocked, float above,
               float below, tdl_scored *ret, size_t k)
{
    enum { STRETCH = BLOCK * BLOCKS };
    best b = {.heap = ret, .k = k, .blocked = blocked, .above = above, .below = below};

    if (!k)
        return 0;
    for (size_t begin = 0; begin < scores_n; begin += STRETCH)
        look_over(&b, scores, begin, scores_n - begin < STRETCH ? scores_n : begin + STRETCH);
    for (size_t left = b.n; left > 1; left--) { // heap sort: the worst goes last
        tdl_scored last = ret[left - 1];
        ret[left - 1] = ret[0];
        sift_down(ret, left - 1, 0, last);
    }
    return b.n;
}

size_t tdl_top_spoken(const float *scores, size_t scores_n, const uint64_t *blocked,
                      tdl_scored *ret, size_t k)
{
    size_t n = tdl_top(scores, scores_n, blocked, 0, INFINITY, ret, k);

    if (n < k)
        n += tdl_top(scores, scores_n, blocked, -INFINITY, 0, ret + n, k - n);
    return n;
}
