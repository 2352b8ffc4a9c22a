#include "tensor/small.h"

#include <assert.h>
#include <string.h>

#include "tensor/kernel.h"

enum { ROWS_AT_ONCE = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Some rows of A in tiles of nearly equal height, each packed [k][height]. */
typedef struct packed_rows {
    const tdl_tiles *kernel;
    size_t rows, tiles, k;
    const float *at;
    const size_t *n_of, *k_of; /* [rows] or NULL */
} packed_rows;

static size_t tile_begin(const packed_rows *a, size_t tile)
{
    return a->rows * tile / a->tiles;
}

static void pack_rows(packed_rows *to, bool ta, const float *a, size_t lda, float *buffer)
{
    const tdl_tiles *kernel = to->kernel;

    to->tiles = (to->rows + kernel->mr - 1) / kernel->mr;
    to->at = buffer;
    for (size_t t = 0; t < to->tiles; t++) {
        size_t row = tile_begin(to, t), height = tile_begin(to, t + 1) - row;

        kernel->pack_a(ta ? a + row : a + row * lda, lda, !ta, height, to->k, buffer + row * to->k,
                       height);
    }
}

/* Columns [j, j + nr) of C. */
static void multiply(const packed_rows *a, const float *panel, size_t j, float *c, size_t ldc,
                     bool add)
{
    for (size_t t = 0; t < a->tiles; t++) {
        size_t row = tile_begin(a, t), end = tile_begin(a, t + 1);

        if (a->n_of && a->n_of[end - 1] <= j)
            continue;
        a->kernel->tile[end - row](a->k_of ? a->k_of[end - 1] : a->k, a->at + row * a->k, panel,
                                   c + row * ldc, ldc, add, panel);
    }
}

/* A panel that reaches past the right edge of C goes through a stage. */
static void multiply_edge(const packed_rows *a, const float *panel, size_t j, size_t width,
                          float *c, size_t ldc, bool add)
{
    float stage[ROWS_AT_ONCE * TDL_NR_MAX] __attribute__((aligned(64)));
    size_t nr = a->kernel->nr;

    for (size_t i = 0; add && i < a->rows; i++)
        memcpy(stage + i * nr, c + i * ldc, width * sizeof *c);
    multiply(a, panel, j, stage, nr, add);
    for (size_t i = 0; i < a->rows; i++)
        // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): the tiles filled what is wanted
        memcpy(c + i * ldc, stage + i * nr, width * sizeof *c);
}

void tdl_gemm_small_on(const tdl_kernel *kernel, bool ta, bool tb, size_t m, size_t n, size_t k,
                       const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
                       bool add, const size_t *n_of, const size_t *k_of)
{
    float buffer[ROWS_AT_ONCE * TDL_K_BLOCK] __attribute__((aligned(64)));
    float panel[TDL_K_BLOCK * TDL_NR_MAX] __attribute__((aligned(64)));
    const tdl_tiles *tiles = kernel->f32;
    size_t nr = tiles->nr;

    assert(k <= TDL_K_BLOCK);
    for (size_t i = 0; i < m; i += ROWS_AT_ONCE) {
        packed_rows rows = {.kernel = tiles,
                            .rows = least(m - i, ROWS_AT_ONCE),
                            .k = k,
                            .n_of = n_of ? n_of + i : NULL,
                            .k_of = k_of ? k_of + i : NULL};

        pack_rows(&rows, ta, ta ? a + i : a + i * lda, lda, buffer);
        for (size_t j = 0; j < n; j += nr) {
            size_t width = least(n - j, nr);
            float *to = c + i * ldc + j;

            if (width < nr)
                memset(panel, 0, k * nr * sizeof *panel);
            tiles->pack_b(tb ? b + j * ldb : b + j, ldb, tb, width, k, panel, nr);
            if (width == nr)
                multiply(&rows, panel, j, to, ldc, add);
            else
                multiply_edge(&rows, panel, j, width, to, ldc, add);
        }
    }
}

void tdl_gemm_small(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add, const size_t *n_of,
                    const size_t *k_of)
{
    tdl_gemm_small_on(tdl_kernel_get(), ta, tb, m, n, k, a, lda, b, ldb, c, ldc, add, n_of, k_of);
}

void tdl_vec_exp(size_t rows, size_t n, float *x, size_t ld)
{
    tdl_kernel_get()->map_rows(TDL_MAP_EXP, rows, n, x, ld, NULL, x, ld);
}

void tdl_vec_log(size_t n, float *x)
{
    tdl_kernel_get()->map_rows(TDL_MAP_LOG, 1, n, x, n, NULL, x, n);
}
