#include "apps/recommend/content.h"

#include <math.h>
#include <stdlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE static inline __attribute__((always_inline))

enum { PAGE = 1024, LANES = 16 /* of which every block is a multiple */ };
enum { HIGH_MOST = INT16_MAX, LOW_MANY = 256 };

struct tdl_content {
    tdl_content_code **page; /* [pages_n] of PAGE codes; NULL: none of them says anything */
    size_t pages_n, used_n;  /* used: pages that are there */
};

tdl_content *tdl_content_new(void)
{
    return calloc(1, sizeof(tdl_content));
}

void tdl_content_free(tdl_content *c)
{
    for (size_t i = 0; c && i < c->pages_n; i++)
        free(c->page[i]);
    if (c)
        free(c->page);
    free(c);
}

size_t tdl_content_bytes(const tdl_content *c)
{
    return sizeof *c + c->pages_n * sizeof *c->page + c->used_n * PAGE * sizeof(tdl_content_code);
}

static bool grow(tdl_content *c, size_t pages_n)
{
    size_t cap = c->pages_n ? c->pages_n : 16;

    while (cap < pages_n)
        cap *= 2;
    if (cap == c->pages_n)
        return true;
    tdl_content_code **page = realloc(c->page, cap * sizeof *page);
    if (!page)
        return false;
    for (size_t i = c->pages_n; i < cap; i++)
        page[i] = NULL;
    c->page = page;
    c->pages_n = cap;
    return true;
}

void tdl_content_put(tdl_content *c, int32_t item, const tdl_content_code *code)
{
    size_t at = (size_t)item / PAGE;
    bool there = at < c->pages_n && c->page[at];

    if (item < 0 || (!there && !tdl_content_says(code)) || !grow(c, at + 1))
        return;
    if (!there) {
        if (!(c->page[at] = calloc(PAGE, sizeof **c->page)))
            return;
        c->used_n++;
    }
    c->page[at][item % PAGE] = *code;
}

const tdl_content_code *tdl_content_at(const tdl_content *c, int32_t item)
{
    size_t at = (size_t)item / PAGE;

    if (item < 0 || at >= c->pages_n || !c->page[at] ||
        !tdl_content_says(&c->page[at][item % PAGE]))
        return NULL;
    return &c->page[at][item % PAGE];
}

void tdl_content_fetch(const tdl_content *c, int32_t item)
{
    enum { LINE = 64 };
    size_t at = (size_t)item / PAGE;

    if (item < 0 || at >= c->pages_n || !c->page[at])
        return;
    const char *code = (const char *)&c->page[at][item % PAGE];
    for (size_t i = 0; i < sizeof(tdl_content_code); i += LINE)
        __builtin_prefetch(code + i);
}

/* ---- vectors ---- */

/* Adds factor times the code at length 1. */
INLINE void add_cells(const tdl_content_code *code, const tdl_content_weights *weights,
                      double factor, float *cell)
{
    double length = tdl_content_length(code, weights);

    for (tdl_content_block b = 0; length > 0 && b < TDL_CONTENT_BLOCKS_N; b++) {
        size_t from = tdl_content_cell(b), end = from + tdl_content_cells(b);
        float scale = code->scale[b] * weights->block[b], by = (float)(factor / length);
        for (size_t i = from; scale > 0 && i < end; i++)
            cell[i] += by * (scale * (float)code->cell[i]);
    }
}

/* Sums of products with both parts of a taste's numbers; n a multiple of LANES. */
typedef struct sums {
    int32_t high, low;
} sums;

typedef sums sums_fn(const int16_t *high, const int16_t *low, const int8_t *cell, size_t n);

INLINE sums sums_plain(const int16_t *high, const int16_t *low, const int8_t *cell, size_t n)
{
    sums s = {0};

    for (size_t i = 0; i < n; i++) {
        s.high += high[i] * cell[i];
        s.low += low[i] * cell[i];
    }
    return s;
}

INLINE double multiply_blocks(const tdl_content_taste *taste, const tdl_content_code *code,
                              sums_fn *product)
{
    double dot = 0;

    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++) {
        size_t from = tdl_content_cell(b);
        float scale = code->scale[b] * taste->weights.block[b];
        if (!(code->scale[b] > 0))
            continue; // it says nothing of this kind
        sums s =
            product(taste->high + from, taste->low + from, code->cell + from, tdl_content_cells(b));
        dot += (double)scale * taste->unit[b] * (double)((int64_t)s.high * LOW_MANY + s.low);
    }
    return dot;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void add_code_avx2(const tdl_content_code *code,
                                                          const tdl_content_weights *weights,
                                                          double factor, float *cell)
{
    add_cells(code, weights, factor, cell);
}

INLINE __attribute__((target("avx2"))) int32_t add_lanes(__m256i x)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));

    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
}

INLINE __attribute__((target("avx2"))) sums sums_avx2(const int16_t *high, const int16_t *low,
                                                      const int8_t *cell, size_t n)
{
    __m256i highs = _mm256_setzero_si256(), lows = highs;

    for (size_t i = 0; i < n; i += LANES) {
        __m256i cells =
            _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(cell + i)));
        __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)(high + i));
        __m256i l = _mm256_loadu_si256((const __m256i *)(const void *)(low + i));
        highs = _mm256_add_epi32(highs, _mm256_madd_epi16(cells, h));
        lows = _mm256_add_epi32(lows, _mm256_madd_epi16(cells, l));
    }
    return (sums){add_lanes(highs), add_lanes(lows)};
}

__attribute__((target("avx2"))) static double multiply_avx2(const tdl_content_taste *taste,
                                                            const tdl_content_code *code)
{
    return multiply_blocks(taste, code, sums_avx2);
}
#endif

static void add_code(const tdl_content_code *code, const tdl_content_weights *weights,
                     double factor, float *cell)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        add_code_avx2(code, weights, factor, cell);
        return;
    }
#endif
    add_cells(code, weights, factor, cell);
}

static double multiply(const tdl_content_taste *taste, const tdl_content_code *code)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return multiply_avx2(taste, code);
#endif
    return multiply_blocks(taste, code, sums_plain);
}

/* Whole numbers of 23 bits: their products with a code's are exact, and so the same whatever a
 * processor can do. */
void tdl_content_taste_pack(tdl_content_taste *taste)
{
    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++) {
        size_t from = tdl_content_cell(b), end = from + tdl_content_cells(b);
        double most = 0;
        bool finite = true;
        for (size_t i = from; i < end; i++) {
            finite = finite && isfinite(taste->cell[i]);
            most = fmax(most, fabs((double)taste->cell[i]));
        }
        taste->unit[b] = finite ? most / (HIGH_MOST * LOW_MANY) : 0;
        for (size_t i = from; i < end; i++) {
            long whole = taste->unit[b] > 0 ? lrint((double)taste->cell[i] / taste->unit[b]) : 0;
            long high = (whole + HIGH_MOST * (long)LOW_MANY + LOW_MANY / 2) / LOW_MANY - HIGH_MOST;
            taste->high[i] = (int16_t)high;
            taste->low[i] = (int16_t)(whole - high * LOW_MANY);
        }
    }
}

void tdl_content_taste_seal(tdl_content_taste *taste)
{
    double length = 0;

    for (size_t i = 0; i < TDL_CONTENT_D; i++)
        length += (double)taste->cell[i] * (double)taste->cell[i];
    taste->length = sqrt(length);
    for (size_t i = 0; length > 0 && i < TDL_CONTENT_D; i++)
        taste->cell[i] = (float)((double)taste->cell[i] / taste->length);
    tdl_content_taste_pack(taste);
}

void tdl_content_taste_of(const tdl_content *c, const tdl_content_weights *weights,
                          const int32_t *item, const int64_t *time_us, size_t n,
                          tdl_content_taste *ret)
{
    *ret = (tdl_content_taste){.weights = *weights};
    for (size_t i = 0; i < n; i++) {
        const tdl_content_code *code = tdl_content_at(c, item[i]);
        double age = time_us ? (double)time_us[n - 1] - (double)time_us[i] : 0;
        if (code)
            add_code(code, weights, exp2(-fmax(age, 0) / (double)TDL_CONTENT_HALF_LIFE_US),
                     ret->cell);
    }
    tdl_content_taste_seal(ret);
}

double tdl_content_liked(const tdl_content_taste *taste, const tdl_content_code *code)
{
    if (!code || !(taste->length > 0))
        return 0;
    double dot = multiply(taste, code);
    if (taste->mapped)
        return dot + (double)taste->constant;
    double length = tdl_content_length(code, &taste->weights);
    return length > 0 ? dot / length : 0;
}
