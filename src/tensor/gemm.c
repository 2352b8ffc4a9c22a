/* tdl_gemm: pack the right side a part at a time, multiply by it. */
#include "tensor/gemm.h"

#include <stdlib.h>

#include "tensor/product.h"
#include "tensor/scratch.h"

enum { PANEL_FLOATS = 1 << 20 }; /* of the right side packed at once: 4 MB */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

typedef struct right_side {
    const tdl_tiles *tiles;
    const float *b;
    size_t ldb, n, k;
    bool tb;
    float *panels;
    size_t panel_step;
} right_side;

static void pack_share(void *context, size_t begin, size_t end, unsigned part)
{
    const right_side *r = context;

    TDL_UNUSED(part);
    tdl_pack_panels(r->tiles, r->b, r->ldb, r->tb, r->n, r->k, r->panels, r->panel_step, begin,
                    end);
}

/* c = or += op(A) op(B); with TDL_INTO_ADD for k of one chunk only. */
static tdl_status multiply(tdl_product p, const float *b, size_t ldb, bool tb, tdl_pool *pool,
                           tdl_report *why)
{
    const tdl_tiles *tiles = p.tiles;
    size_t m = p.m, n = p.n, k = p.k, buffer_floats = tdl_product_buffer(&p);
    size_t k_step = least(k, TDL_BLOCKS_AT_ONCE * tiles->k_block);
    size_t n_step = PANEL_FLOATS / k_step / tiles->nr * tiles->nr;
    size_t panels_floats = tdl_panels_of(tiles, least(n, n_step)) * tdl_panel_units(tiles, k_step);
    float *scratch = tdl_scratch(panels_floats + tdl_pool_threads(pool) * buffer_floats);
    const float *a = p.a;
    float *c = p.c;

    if (!scratch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "matrix product [%zu][%zu] [%zu][%zu]: no memory", m,
                        k, k, n);
    /* The panels come last: with the buffers' size a multiple of a line, all stays aligned. */
    float *panels = scratch + tdl_pool_threads(pool) * buffer_floats;
    for (size_t j = 0; j < n; j += n_step)
        for (size_t l = 0; l < k; l += k_step) {
            right_side r = {.tiles = tiles,
                            .b = tb ? b + j * ldb + l : b + l * ldb + j,
                            .ldb = ldb,
                            .n = least(n - j, n_step),
                            .k = least(k - l, k_step),
                            .tb = tb,
                            .panels = panels,
                            .panel_step = tdl_panel_units(tiles, least(k - l, k_step))};

            tdl_pool_run(pool, tdl_panels_of(tiles, r.n), 1, pack_share, &r);
            p.n = r.n;
            p.k = r.k;
            p.a = p.ta ? a + l * p.lda : a + l;
            p.c = c + j;
            p.panels = r.panels;
            p.panel_step = r.panel_step;
            if (l)
                p.into = TDL_INTO_SUM;
            else if (p.into == TDL_INTO_SUM)
                p.into = TDL_INTO_NEW;
            tdl_product_run(&p, scratch, buffer_floats, pool);
        }
    return TDL_OK;
}

/* k of several chunks: the product is formed on its own, then added once. */
static tdl_status multiply_and_add(tdl_product p, const float *b, size_t ldb, bool tb,
                                   tdl_pool *pool, tdl_report *why)
{
    float *to = p.c, *whole = NULL;
    size_t ldc = p.ldc, floats;
    tdl_status st;

    if (!__builtin_mul_overflow(p.m, p.n, &floats))
        whole = tdl_floats_new(floats);
    if (!whole)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "matrix product [%zu][%zu]: no memory", p.m, p.n);
    p.c = whole;
    p.ldc = p.n;
    p.into = TDL_INTO_NEW;
    st = multiply(p, b, ldb, tb, pool, why);
    for (size_t i = 0; !st && i < p.m; i++)
        for (size_t j = 0; j < p.n; j++)
            to[i * ldc + j] += whole[i * p.n + j];
    free(whole);
    return st;
}

tdl_status tdl_gemm_on(const tdl_kernel *kernel, const tdl_tiles *tiles, bool ta, bool tb, size_t m,
                       size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                       float *c, size_t ldc, bool add, tdl_pool *pool, tdl_report *why)
{
    tdl_product p = {.kernel = kernel,
                     .tiles = tiles,
                     .m = m,
                     .n = n,
                     .k = k,
                     .a = a,
                     .lda = lda,
                     .ta = ta,
                     .c = c,
                     .ldc = ldc,
                     .into = add ? TDL_INTO_ADD : TDL_INTO_NEW};

    pool = tdl_product_pool(m, n, k, pool);
    if (!m || !n || !k) {
        tdl_product_run(&p, NULL, 0, NULL);
        return TDL_OK;
    }
    return add && k > TDL_BLOCKS_AT_ONCE * tiles->k_block
               ? multiply_and_add(p, b, ldb, tb, pool, why)
               : multiply(p, b, ldb, tb, pool, why);
}

tdl_status tdl_gemm(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add, tdl_pool *pool,
                    tdl_report *why)
{
    const tdl_kernel *kernel = tdl_kernel_get();

    return tdl_gemm_on(kernel, kernel->f32, ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, pool,
                       why);
}

tdl_status tdl_gemm_bf16(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                         const float *b, size_t ldb, float *c, size_t ldc, bool add, tdl_pool *pool,
                         tdl_report *why)
{
    const tdl_kernel *kernel = tdl_kernel_get();

    return tdl_gemm_on(kernel, tdl_tiles_of(kernel, TDL_PRECISION_BF16), ta, tb, m, n, k, a, lda, b,
                       ldb, c, ldc, add, pool, why);
}
