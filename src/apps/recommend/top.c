#include "apps/recommend/top.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

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
    lane_bits more = a > than;

    return (lanes)((more & (lane_bits)a) | (~more & (lane_bits)than));
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

/* Keep `one` if it is among the best k so far. */
static size_t offer(tdl_scored *heap, size_t n, size_t k, tdl_scored one)
{
    if (n < k)
        sift_up(heap, n++, one);
    else if (one.score > heap[0].score) // an equal score later has a higher number: not better
        sift_down(heap, n, 0, one);
    return n;
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

static bool is_taken(tdl_scored one, const uint64_t *blocked, float above, float below)
{
    return one.score > above && one.score < below && !(blocked && tdl_bits_has(blocked, one.item));
}

size_t tdl_top(const float *scores, size_t scores_n, const uint64_t *blocked, float above,
               float below, tdl_scored *ret, size_t k)
{
    float largest[BLOCKS];
    size_t n = 0;

    for (size_t begin = 0; k && begin < scores_n; begin += BLOCK * BLOCKS) {
        size_t end = scores_n - begin < BLOCK * BLOCKS ? scores_n : begin + BLOCK * BLOCKS;
        size_t whole = (end - begin) / BLOCK; // blocks; the rest is looked at one by one
        for (size_t i = 0; i < whole; i++)
            largest[i] = largest_of_block(scores + begin + i * BLOCK);
        if (!n && !blocked && below == INFINITY)
            above = tighten(largest, whole, above, k);
        for (size_t i = begin; i < end;) {
            size_t block = (i - begin) / BLOCK;
            if (block < whole && !(largest[block] > above)) {
                i += BLOCK;
                continue;
            }
            size_t stop = block < whole ? i + BLOCK : end;
            for (; i < stop; i++) {
                tdl_scored one = {scores[i], (int32_t)i};
                if (is_taken(one, blocked, above, below))
                    n = offer(ret, n, k, one);
            }
            if (n == k && ret[0].score > above)
                above = ret[0].score;
        }
    }
    for (size_t left = n; left > 1; left--) { // heap sort: the worst goes last
        tdl_scored last = ret[left - 1];
        ret[left - 1] = ret[0];
        sift_down(ret, left - 1, 0, last);
    }
    return n;
}

size_t tdl_top_spoken(const float *scores, size_t scores_n, const uint64_t *blocked,
                      tdl_scored *ret, size_t k)
{
    size_t n = tdl_top(scores, scores_n, blocked, 0, INFINITY, ret, k);

    if (n < k)
        n += tdl_top(scores, scores_n, blocked, -INFINITY, 0, ret + n, k - n);
    return n;
}
