#include "apps/recommend/content.h"

#include <math.h>
#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

enum { PAGE = 1024, LANES = 16 /* of which every block is a multiple */ };

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

/* Their product; and the blocks' lengths are not asked for. */
INLINE double multiply_cells(const tdl_content_taste *taste, const tdl_content_code *code)
{
    double dot = 0;

    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++) {
        size_t from = tdl_content_cell(b), end = from + tdl_content_cells(b);
        float part[LANES] = {0}, scale = code->scale[b] * taste->weights.block[b];
        double sum = 0;
        if (!(code->scale[b] > 0))
            continue; // says nothing of this kind
        for (size_t i = from; i < end; i += LANES)
            for (size_t k = 0; k < LANES; k++)
                part[k] += taste->cell[i + k] * (float)code->cell[i + k];
        for (size_t k = 0; k < LANES / 4; k++) // four sums that do not wait for each other
            sum += ((double)part[k] + (double)part[k + 4]) +
                   ((double)part[k + 8] + (double)part[k + 12]);
        dot += (double)scale * sum;
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

__attribute__((target("avx2"))) static double multiply_avx2(const tdl_content_taste *taste,
                                                            const tdl_content_code *code)
{
    return multiply_cells(taste, code);
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
    return multiply_cells(taste, code);
}

bool tdl_content_vector(const tdl_content *c, int32_t item, const tdl_content_weights *weights,
                        float *ret)
{
    const tdl_content_code *code = tdl_content_at(c, item);

    memset(ret, 0, TDL_CONTENT_D * sizeof *ret);
    if (code)
        add_code(code, weights, 1, ret);
    return code != NULL;
}

void tdl_content_taste_seal(tdl_content_taste *taste)
{
    double length = 0;

    for (size_t i = 0; i < TDL_CONTENT_D; i++)
        length += (double)taste->cell[i] * (double)taste->cell[i];
    taste->length = sqrt(length);
    for (size_t i = 0; length > 0 && i < TDL_CONTENT_D; i++)
        taste->cell[i] = (float)((double)taste->cell[i] / taste->length);
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

void tdl_content_score(const tdl_content *c, const tdl_content_taste *taste, size_t items_n,
                       float *scores)
{
    for (size_t i = 0; i < items_n; i++)
        scores[i] = (float)tdl_content_liked(taste, tdl_content_at(c, (int32_t)i));
}
