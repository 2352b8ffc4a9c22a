#include "tensor/small.h"

#include <assert.h>
#include <string.h>

#include "tensor/kernel.h"

enum { ROWS_AT_ONCE = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows of A in tiles of nearly equal height, each packed [k][height]. */
typedef struct packed_rows {
    const tdl_kernel *kernel;
    size_t rows, tiles, k;
    const float *at;
} packed_rows;

static size_t tile_begin(const packed_rows *a, size_t tile)
{
    return a->rows * tile / a->tiles;
}

static packed_rows pack_rows(const tdl_kernel *kernel, bool ta, size_t rows, size_t k,
                             const float *a, size_t lda, float *buffer)
{
    packed_rows packed = {kernel, rows, (rows + kernel->mr - 1) / kernel->mr, k, buffer};

    for (size_t t = 0; t < packed.tiles; t++) {
        size_t row = tile_begin(&packed, t), height = tile_begin(&packed, t + 1) - row;

        kernel->pack(ta ? a + row : a + row * lda, lda, !ta, height, k, buffer + row * k, height);
    }
    return packed;
}

static void multiply(const packed_rows *a, const float *panel, float *c, size_t ldc, bool add)
{
    for (size_t t = 0; t < a->tiles; t++) {
        size_t row = tile_begin(a, t), height = tile_begin(a, t + 1) - row;

        a->kernel->tile[height](a->k, a->at + row * a->k, panel, c + row * ldc, ldc, add, panel);
    }
}

/* A panel that reaches past the right edge of C goes through a stage. */
static void multiply_edge(const packed_rows *a, const float *panel, size_t width, float *c,
                          size_t ldc, bool add)
{
    float stage[ROWS_AT_ONCE * TDL_NR_MAX] __attribute__((aligned(64)));
    size_t nr = a->kernel->nr;

    multiply(a, panel, stage, nr, false);
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < width; j++)
            // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): the tiles filled it
            c[i * ldc + j] = add ? c[i * ldc + j] + stage[i * nr + j] : stage[i * nr + j];
}

void tdl_gemm_small(bool ta, bool tb, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float *c, size_t ldc, bool add)
{
    float rows[ROWS_AT_ONCE * TDL_K_BLOCK] __attribute__((aligned(64)));
    float panel[TDL_K_BLOCK * TDL_NR_MAX] __attribute__((aligned(64)));
    const tdl_kernel *kernel = tdl_kernel_get();
    size_t nr = kernel->nr;

    assert(k <= TDL_K_BLOCK);
    for (size_t i = 0; i < m; i += ROWS_AT_ONCE) {
        packed_rows packed = pack_rows(kernel, ta, least(m - i, ROWS_AT_ONCE), k,
                                       ta ? a + i : a + i * lda, lda, rows);

        for (size_t j = 0; j < n; j += nr) {
            size_t width = least(n - j, nr);
            float *to = c + i * ldc + j;

            if (width < nr)
                memset(panel, 0, k * nr * sizeof *panel);
            kernel->pack(tb ? b + j * ldb : b + j, ldb, tb, width, k, panel, nr);
            if (width == nr)
                multiply(&packed, panel, to, ldc, add);
            else
                multiply_edge(&packed, panel, width, to, ldc, add);
        }
    }
}

static void map(tdl_map f, size_t n, float *x)
{
    tdl_kernel_get()->map_rows(f, 1, n, x, n, NULL, x, n);
}

void tdl_vec_exp(size_t n, float *x)
{
    map(TDL_MAP_EXP, n, x);
}

void tdl_vec_log(size_t n, float *x)
{
    map(TDL_MAP_LOG, n, x);
}
