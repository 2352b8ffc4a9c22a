#include "apps/recommend/top.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { BLOCK = 32 };

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

typedef float lanes __attribute__((vector_size(16)));
typedef int32_t lane_bits __attribute__((vector_size(16)));
enum { LANES = sizeof(lanes) / sizeof(float) };

/* Any of BLOCK scores inside (above, below)? */
static bool any_inside(const float *scores, float above, float below)
{
    lanes low = {above, above, above, above}, high = {below, below, below, below};
    lane_bits any = {0};

    for (size_t i = 0; i < BLOCK; i += LANES) {
        lanes four;
        memcpy(&four, scores + i, sizeof four);
        any |= (four > low) & (four < high);
    }
    return any[0] | any[1] | any[2] | any[3];
}

size_t tdl_top(const float *scores, size_t scores_n, const uint64_t *blocked, float above,
               float below, tdl_scored *ret, size_t k)
{
    size_t n = 0;

    if (!k)
        return 0;
    for (size_t begin = 0; begin < scores_n; begin += BLOCK) {
        size_t end = begin + BLOCK < scores_n ? begin + BLOCK : scores_n;
        if (end - begin == BLOCK && !any_inside(scores + begin, above, below))
            continue;
        for (size_t i = begin; i < end; i++) {
            tdl_scored one = {scores[i], (int32_t)i};
            if (!(one.score > above && one.score < below) ||
                (blocked && tdl_bits_has(blocked, one.item)))
                continue;
            if (n < k)
                sift_up(ret, n++, one);
            else
                sift_down(ret, n, 0, one);
            if (n == k)
                above = ret[0].score; // an equal score later has a higher number: not better
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
