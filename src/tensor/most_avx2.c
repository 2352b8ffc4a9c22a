/* The largest product of each block with AVX2: 16-bit sums, see most.h for why they hold. */
#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tensor/most_kern.h"

/* Four queries share half a block: eight sums, two vectors of rows and what passes through fit the
 * 16 registers. One alone reads whole blocks, front to back. */
enum { WIDTH = 8, VECTORS = TDL_MOST_BLOCK / WIDTH, TOGETHER = 4 };
/* Results are gathered before they go out: a line each of so many arrays might be of one cache set.
 */
enum { TILE = 16 };
enum { BYTES = 32, UNIT_BYTES = TDL_MOST_BLOCK * TDL_MOST_UNIT, AHEAD = 2048, LINE = 64 };

#ifdef __clang__
#define UNROLL    _Pragma("clang loop unroll(full)")
#define NO_UNROLL _Pragma("clang loop unroll(disable)")
#else
#define UNROLL    _Pragma("GCC unroll 16")
#define NO_UNROLL _Pragma("GCC unroll 1")
#endif
#define INLINE static inline __attribute__((always_inline))

INLINE __m256i unit_of(const int8_t *q)
{
    int32_t unit;

    memcpy(&unit, q, sizeof unit);
    return _mm256_set1_epi32(unit);
}

typedef struct sums {
    __m256i v[TOGETHER][VECTORS];
} sums;

/* Sums in 16 bits of units [first, end) of one span, over `vectors` of rows from w on, with n
 * queries. A row is kept as q + 128, because there is no product of signed bytes: sums begin at
 * what is too much, and wrap around to what they are. */
INLINE sums span_of(const int8_t *w, size_t vectors, const int8_t *const *q, size_t width,
                    size_t first, size_t end, size_t n)
{
    sums sum;

    UNROLL for (size_t i = 0; i < n; i++)
    {
        __m256i start = unit_of(q[i] + width + first / TDL_MOST_SPAN_UNITS * TDL_MOST_UNIT);

        UNROLL for (size_t j = 0; j < vectors; j++) sum.v[i][j] = start;
    }
    w += first * UNIT_BYTES;
    for (size_t u = first; u < end; u++, w += UNIT_BYTES) {
        __m256i row[VECTORS];

        UNROLL for (size_t j = 0; j < vectors; j++) row[j] =
            _mm256_loadu_si256((const __m256i *)(const void *)(w + j * BYTES));
        UNROLL for (size_t at = 0; at < vectors * BYTES; at += LINE)
            _mm_prefetch((const char *)w + AHEAD + at, _MM_HINT_T0);
        UNROLL for (size_t i = 0; i < n; i++)
        {
            __m256i x = unit_of(q[i] + u * TDL_MOST_UNIT);

            UNROLL for (size_t j = 0; j < vectors; j++) sum.v[i][j] =
                _mm256_add_epi16(sum.v[i][j], _mm256_maddubs_epi16(row[j], x));
        }
    }
    return sum;
}

/* A function of its own: inlined twice into what else there is, its sums leave the registers. */
static __attribute__((noinline)) void span_of_four(const int8_t *w, const int8_t *const *q,
                                                   size_t width, size_t first, size_t end,
                                                   sums *ret)
{
    *ret = span_of(w, VECTORS / 2, q, width, first, end, TOGETHER);
}

INLINE sums any_span_of(const int8_t *w, size_t vectors, const int8_t *const *q, size_t width,
                        size_t first, size_t end, size_t n)
{
    sums sum;

    if (n == 1)
        return span_of(w, vectors, q, width, first, end, n);
    span_of_four(w, q, width, first, end, &sum);
    return sum;
}

typedef struct products {
    __m256 v[TOGETHER][VECTORS];
} products;

/* Of `vectors` of a block's rows, from vector `from` on, with n queries. */
INLINE products products_of(const tdl_most *table, size_t block, size_t from, size_t vectors,
                            const int8_t *const *q, size_t n)
{
    const int8_t *w = table->rows + block * table->units * UNIT_BYTES + from * BYTES;
    const float *scale = table->scale + block * TDL_MOST_BLOCK + from * WIDTH;
    const __m256i ones = _mm256_set1_epi16(1);
    size_t units = table->units, width = units * TDL_MOST_UNIT, end = TDL_MOST_SPAN_UNITS;
    sums total = any_span_of(w, vectors, q, width, 0, units < end ? units : end, n);
    products ret;

    UNROLL for (size_t i = 0; i < n; i++)
    {
        UNROLL for (size_t j = 0; j < vectors; j++) total.v[i][j] =
            _mm256_madd_epi16(total.v[i][j], ones);
    }
    for (size_t first = end; first < units; first = end) {
        end = units - first < TDL_MOST_SPAN_UNITS ? units : first + TDL_MOST_SPAN_UNITS;
        sums span = any_span_of(w, vectors, q, width, first, end, n);
        UNROLL for (size_t i = 0; i < n; i++)
        {
            UNROLL for (size_t j = 0; j < vectors; j++) total.v[i][j] =
                _mm256_add_epi32(total.v[i][j], _mm256_madd_epi16(span.v[i][j], ones));
        }
    }
    UNROLL for (size_t i = 0; i < n; i++)
    {
        UNROLL for (size_t j = 0; j < vectors; j++) ret.v[i][j] =
            _mm256_mul_ps(_mm256_cvtepi32_ps(total.v[i][j]), _mm256_loadu_ps(scale + j * WIDTH));
    }
    return ret;
}

/* Lanes whose bit is set become -INFINITY. */
INLINE __m256 leave_out(__m256 v, uint32_t bits)
{
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i out = _mm256_and_si256(_mm256_set1_epi32((int)bits), lane);

    return _mm256_blendv_ps(v, _mm256_set1_ps(-INFINITY),
                            _mm256_castsi256_ps(_mm256_cmpeq_epi32(out, lane)));
}

/* The largest of each of four vectors. */
INLINE __m128 largest_of_each(const __m256 v[TOGETHER])
{
    __m256 a = _mm256_max_ps(_mm256_unpacklo_ps(v[0], v[1]), _mm256_unpackhi_ps(v[0], v[1]));
    __m256 b = _mm256_max_ps(_mm256_unpacklo_ps(v[2], v[3]), _mm256_unpackhi_ps(v[2], v[3]));
    __m256 c = _mm256_max_ps(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(1, 0, 1, 0)),
                             _mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 2, 3, 2)));

    return _mm_max_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1));
}

/* Of four queries and a block of rows all of which count, of one span: nothing leaves the registers
 * but what is largest. */
static __attribute__((noinline)) void ask_whole_block(const tdl_most *table, size_t block,
                                                      const tdl_most_query *queries,
                                                      float (*ret)[TILE], size_t at)
{
    enum { HALF = VECTORS / 2 };
    const int8_t *w = table->rows + block * table->units * UNIT_BYTES;
    const float *scale = table->scale + block * TDL_MOST_BLOCK;
    const int8_t *const q[TOGETHER] = {queries[0].q, queries[1].q, queries[2].q, queries[3].q};
    size_t units = table->units, width = units * TDL_MOST_UNIT;
    __m256 most[TOGETHER];
    float largest[TOGETHER];

    NO_UNROLL for (size_t half = 0; half < 2; half++, w += HALF * BYTES, scale += HALF * WIDTH)
    {
        sums sum = span_of(w, HALF, q, width, 0, units, TOGETHER);
        const __m256i ones = _mm256_set1_epi16(1);

        UNROLL for (size_t i = 0; i < TOGETHER; i++)
        {
            UNROLL for (size_t j = 0; j < HALF; j++)
            {
                __m256 v = _mm256_cvtepi32_ps(_mm256_madd_epi16(sum.v[i][j], ones));

                v = _mm256_mul_ps(v, _mm256_loadu_ps(scale + j * WIDTH));
                most[i] = half || j ? _mm256_max_ps(most[i], v) : v;
            }
        }
    }
    _mm_storeu_ps(largest, largest_of_each(most));
    UNROLL for (size_t i = 0; i < TOGETHER; i++) ret[i][at] = largest[i];
}

/* No row of the block is left out by any of four queries. */
INLINE bool is_whole(const tdl_most *table, size_t block, const tdl_most_query *queries)
{
    uint32_t out = 0;

    if (table->units > TDL_MOST_SPAN_UNITS)
        return false;
    UNROLL for (size_t i = 0; i < TOGETHER; i++) out |=
        tdl_most_left_out(table, block, queries[i].blocked);
    return !out;
}

/* n is 1 or TOGETHER. ret[n] */
INLINE void ask_block(const tdl_most *table, size_t block, const tdl_most_query *queries, size_t n,
                      float (*ret)[TILE], size_t at)
{
    const size_t vectors = n == 1 ? VECTORS : VECTORS / 2;
    const int8_t *q[TOGETHER];
    __m256 most[TOGETHER];
    float largest[TOGETHER];

    UNROLL for (size_t i = 0; i < TOGETHER; i++)
    {
        q[i] = queries[i < n ? i : 0].q;
        most[i] = _mm256_set1_ps(-INFINITY);
    }
    NO_UNROLL for (size_t from = 0; from < VECTORS; from += vectors)
    {
        products p = products_of(table, block, from, vectors, q, n);

        UNROLL for (size_t i = 0; i < n; i++)
        {
            uint32_t out = tdl_most_left_out(table, block, queries[i].blocked) >> from * WIDTH;

            if (__builtin_expect(out != 0, 0))
                UNROLL for (size_t j = 0; j < vectors; j++) p.v[i][j] =
                    leave_out(p.v[i][j], out >> j * WIDTH);
            UNROLL for (size_t j = 0; j < vectors; j++) most[i] = _mm256_max_ps(most[i], p.v[i][j]);
        }
    }
    _mm_storeu_ps(largest, largest_of_each(most));
    UNROLL for (size_t i = 0; i < n; i++) ret[i][at] = largest[i];
}

static void ask(const tdl_most *table, const tdl_most_query *queries, size_t queries_n)
{
    float tile[TDL_MOST_TOGETHER][TILE];

    for (size_t first = 0; first < table->blocks_n; first += TILE) {
        size_t n = table->blocks_n - first < TILE ? table->blocks_n - first : TILE;

        for (size_t b = 0; b < n; b++) {
            size_t i = 0;

            for (; i + TOGETHER <= queries_n; i += TOGETHER)
                if (is_whole(table, first + b, queries + i))
                    ask_whole_block(table, first + b, queries + i, tile + i, b);
                else
                    ask_block(table, first + b, queries + i, TOGETHER, tile + i, b);
            for (; i < queries_n; i++)
                ask_block(table, first + b, queries + i, 1, tile + i, b);
        }
        for (size_t i = 0; i < queries_n; i++)
            if (n == TILE) // a length known to the compiler
                memcpy(queries[i].ret + first, tile[i], sizeof tile[i]);
            else
                memcpy(queries[i].ret + first, tile[i], n * sizeof(float));
    }
}

static void products_of_block(const tdl_most *table, size_t block, const int8_t *q, float *ret)
{
    products p = products_of(table, block, 0, VECTORS, &q, 1);

    for (size_t j = 0; j < VECTORS; j++)
        _mm256_storeu_ps(ret + j * WIDTH, p.v[0][j]);
}

const tdl_most_ops tdl_most_avx2 = {ask, products_of_block};
