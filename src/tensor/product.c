#include "tensor/product.h"

#include <string.h>

enum {
    TILES_AT_ONCE = 8,        /* of rows: their part of A stays in L2 while all panels pass by */
    ROWS_AT_ONCE = 112,       /* the most that 8 tiles of any kernel have */
    DIRECT_COLUMNS = 512,     /* up to so many, packing A costs more than it saves */
    WORTH_SPLITTING = 1 << 20 /* multiply-adds; below, waking threads costs more than it saves */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t steps_of(const tdl_tiles *tiles, size_t k)
{
    return k / tiles->group + (k % tiles->group != 0);
}

size_t tdl_panels_of(const tdl_tiles *tiles, size_t n)
{
    return n / tiles->nr + (n % tiles->nr != 0);
}

size_t tdl_panel_units(const tdl_tiles *tiles, size_t k)
{
    return steps_of(tiles, k) * tiles->b_units * tiles->nr;
}

void tdl_pack_panels(const tdl_tiles *tiles, const float *b, size_t ldb, bool along_k, size_t n,
                     size_t k, float *panels, size_t panel_step, size_t begin, size_t end)
{
    size_t nr = tiles->nr;

    for (size_t p = begin; p < end; p++) {
        float *panel = panels + p * panel_step;
        size_t width = least(n - p * nr, nr);

        if (width < nr)
            memset(panel, 0, tdl_panel_units(tiles, k) * sizeof *panel);
        tiles->pack_b(along_k ? b + p * nr * ldb : b + p * nr, ldb, along_k, width, k, panel, nr);
    }
}

/* Rows fall into tiles of nearly equal height: 16 rows are 8 + 8, not 14 + 2, because a low tile
 * has too few independent sums to keep the multipliers busy. */
typedef struct tiling {
    size_t rows, tiles;
} tiling;

static tiling tiling_of(size_t rows, size_t mr)
{
    return (tiling){rows, rows / mr + (rows % mr != 0)};
}

/* The row at which tile `i` begins; rows for i = tiles. */
static size_t tile_begin(const tiling *t, size_t i)
{
    size_t each = t->rows / t->tiles, extra = t->rows % t->tiles;

    return i * each + least(i, extra);
}

/* What one thread does: rows [row0, row1) of A against panels [panel0, panel1). */
typedef struct share {
    const tdl_product *p;
    size_t row0, row1, panel0, panel1;
    float *buffer;
    size_t buffer_floats;
} share;

/* Some tiles of rows and a chunk of k. Packed: per block of k, per tile, [kc][height]; or as they
 * are, `row` apart. */
typedef struct packed_rows {
    const float *at;
    size_t row; /* 0 = packed */
    const tiling *tiles;
    size_t tile0, tile1;
    size_t row0, rows; /* of C */
    size_t k0, k1;
} packed_rows;

static bool reads_directly(const tdl_product *p)
{
    return p->tiles->direct && !p->ta && p->lda && p->n <= DIRECT_COLUMNS &&
           p->m > p->tiles->pair_mr;
}

static packed_rows pack_rows(const share *s, const tiling *tiles, size_t tile0, size_t tile1,
                             size_t k0, size_t k1)
{
    const tdl_product *p = s->p;
    size_t first = tile_begin(tiles, tile0);
    packed_rows packed = {.at = s->buffer,
                          .tiles = tiles,
                          .tile0 = tile0,
                          .tile1 = tile1,
                          .row0 = s->row0 + first,
                          .rows = tile_begin(tiles, tile1) - first,
                          .k0 = k0,
                          .k1 = k1};
    float *to = s->buffer;

    if (reads_directly(p)) {
        packed.row = p->lda;
        packed.at = p->a + packed.row0 * p->lda + k0;
        return packed;
    }
    for (size_t k = k0; k < k1; k += p->tiles->k_block) {
        size_t kc = least(k1 - k, p->tiles->k_block);

        for (size_t t = tile0; t < tile1; t++) {
            size_t row = s->row0 + tile_begin(tiles, t);
            size_t height = tile_begin(tiles, t + 1) - tile_begin(tiles, t);

            p->tiles->pack_a(p->ta ? p->a + k * p->lda + row : p->a + row * p->lda + k, p->lda,
                             !p->ta, height, kc, to, height);
            to += steps_of(p->tiles, kc) * p->tiles->a_units * height;
        }
    }
    return packed;
}

/* The first tiles of a group fetch the block of the panel that comes after `block`, each as many
 * lines as it has steps of k; by the time it is needed all of it is near. A single tile is left to
 * the hardware, and so are the tiles past the block: they name what is in the cache anyhow. */
static const float *next_of(const tdl_tiles *tiles, const packed_rows *a, size_t tile, size_t steps,
                            const float *block)
{
    size_t units = tiles->b_units * tiles->nr;
    size_t tiles_needed = (units + TDL_LINE_FLOATS - 1) / TDL_LINE_FLOATS;
    size_t i = tile - a->tile0;

    if (a->tile1 - a->tile0 == 1 || i >= tiles_needed)
        return block;
    return block + steps * units + i * steps * TDL_LINE_FLOATS;
}

/* c[rows][nr] = or += packed rows times the chunk's part of one panel. */
static void multiply(const tdl_tiles *tiles, const packed_rows *a, const float *panel, float *c,
                     size_t ldc, bool add)
{
    const float *from = a->at;

    for (size_t k = a->k0; k < a->k1; k += tiles->k_block, add = true) {
        size_t steps = steps_of(tiles, least(a->k1 - k, tiles->k_block));
        const float *block = panel + tdl_panel_units(tiles, k);
        float *to = c;
        size_t row = 0;

        for (size_t t = a->tile0; t < a->tile1; t++) {
            size_t height = tile_begin(a->tiles, t + 1) - tile_begin(a->tiles, t);

            const float *next = next_of(tiles, a, t, steps, block);

            if (a->row) {
                tiles->direct[height](steps, a->at + row * a->row + k - a->k0, a->row, block, to,
                                      ldc, add, next);
            } else {
                tiles->tile[height](steps, from, block, to, ldc, add, next);
                from += steps * tiles->a_units * height;
            }
            row += height;
            to += height * ldc;
        }
    }
}

/* As multiply for rows of one low tile, over two panels at once: twice the independent sums, and
 * two streams from memory, each unbroken when the caller goes on with the next panels. */
static void multiply_pair(const tdl_tiles *tiles, const packed_rows *a, const float *panel,
                          size_t panel_step, float *c, size_t c_step, size_t ldc, bool add)
{
    const float *from = a->at;

    for (size_t k = a->k0; k < a->k1; k += tiles->k_block, add = true) {
        size_t steps = steps_of(tiles, least(a->k1 - k, tiles->k_block));

        tiles->pair[a->rows](steps, from, panel + tdl_panel_units(tiles, k), panel_step, c, c_step,
                             ldc, add);
        from += steps * tiles->a_units * a->rows;
    }
}

static void copy_rows(size_t rows, size_t n, const float *from, size_t ld_from, float *to,
                      size_t ld_to)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * ld_to, from + i * ld_from, n * sizeof *to);
}

/* As multiply, through a stage: for a panel that reaches over the right edge of C, and for sums
 * that must be whole before they are added. */
static void multiply_staged(const tdl_product *p, const packed_rows *a, const float *panel,
                            size_t width, float *c, tdl_into into)
{
    float stage[ROWS_AT_ONCE * TDL_NR_MAX] __attribute__((aligned(64)));
    size_t nr = p->tiles->nr;

    if (into == TDL_INTO_SUM)
        copy_rows(a->rows, width, c, p->ldc, stage, nr);
    multiply(p->tiles, a, panel, stage, nr, into == TDL_INTO_SUM);
    if (into != TDL_INTO_ADD) {
        copy_rows(a->rows, width, stage, nr, c, p->ldc);
        return;
    }
    for (size_t i = 0; i < a->rows; i++)
        for (size_t j = 0; j < width; j++)
            // NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): the tiles filled it
            c[i * p->ldc + j] += stage[i * nr + j];
}

void tdl_finish_map(const tdl_product *p, size_t row, size_t rows, size_t column, size_t n,
                    float *c)
{
    TDL_UNUSED(row);
    p->kernel->map_rows(p->f, rows, n, c, p->ldc, p->bias ? p->bias + column : NULL, c, p->ldc);
}

static void finish(const tdl_product *p, const packed_rows *a, size_t panel, float *c)
{
    size_t column = panel * p->tiles->nr;

    p->finish(p, a->row0, a->rows, column, least(p->n - column, p->tiles->nr), c);
}

static void pass_panel(const tdl_product *p, const packed_rows *a, size_t panel, tdl_into into)
{
    size_t nr = p->tiles->nr, width = least(p->n - panel * nr, nr);
    const float *at = p->panels + panel * p->panel_step;
    float *c = p->c + a->row0 * p->ldc + panel * nr;

    if (width == nr && into != TDL_INTO_ADD)
        multiply(p->tiles, a, at, c, p->ldc, into == TDL_INTO_SUM);
    else
        multiply_staged(p, a, at, width, c, into);
}

/* All panels of a share: a low tile takes one from each half of them at a time. */
static void pass_panels(const share *s, const packed_rows *a, tdl_into into, bool last)
{
    const tdl_product *p = s->p;
    size_t nr = p->tiles->nr, panels = s->panel1 - s->panel0;
    size_t whole = least(s->panel1, p->n / nr) - s->panel0;
    size_t pair_mr = a->row ? 0 : p->tiles->pair_mr;
    size_t half = a->rows <= pair_mr && into != TDL_INTO_ADD ? whole / 2 : 0;
    float *c = p->c + a->row0 * p->ldc;

    for (size_t i = s->panel0; i < s->panel0 + half; i++) {
        multiply_pair(p->tiles, a, p->panels + i * p->panel_step, half * p->panel_step, c + i * nr,
                      half * nr, p->ldc, into == TDL_INTO_SUM);
        if (last && p->finish) {
            finish(p, a, i, c + i * nr);
            finish(p, a, i + half, c + (i + half) * nr);
        }
    }
    for (size_t i = s->panel0 + 2 * half; i < s->panel0 + panels; i++) {
        pass_panel(p, a, i, into);
        if (last && p->finish)
            finish(p, a, i, c + i * nr);
    }
}

static void run_share(const share *s)
{
    const tdl_product *p = s->p;
    size_t mr = p->tiles->mr, k_block = p->tiles->k_block;
    tiling tiles = tiling_of(s->row1 - s->row0, mr);
    size_t chunk = least(p->k, TDL_BLOCKS_AT_ONCE * k_block), at_once;

    while (chunk > k_block && mr * chunk > s->buffer_floats)
        chunk = (chunk - 1) / k_block * k_block; /* k is cut between blocks only */
    at_once = least(least(s->buffer_floats / (mr * chunk), TILES_AT_ONCE), tiles.tiles);
    size_t groups = (tiles.tiles + at_once - 1) / at_once;
    for (size_t g = 0; g < groups; g++)
        for (size_t k = 0; k < p->k; k += chunk) {
            size_t k1 = least(p->k, k + chunk);
            packed_rows a = pack_rows(s, &tiles, tiles.tiles * g / groups,
                                      tiles.tiles * (g + 1) / groups, k, k1);

            pass_panels(s, &a, k && p->into == TDL_INTO_NEW ? TDL_INTO_SUM : p->into, k1 == p->k);
        }
}

/* ---- threads ---- */

typedef struct job {
    const tdl_product *p;
    bool by_rows;
    float *buffer;
    size_t buffer_floats;
} job;

static void run_part(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    share s = {.p = j->p,
               .row1 = j->p->m,
               .panel1 = tdl_panels_of(j->p->tiles, j->p->n),
               .buffer = j->buffer + part * j->buffer_floats,
               .buffer_floats = j->buffer_floats};

    if (begin == end)
        return;
    if (j->by_rows) {
        s.row0 = begin;
        s.row1 = end;
    } else {
        s.panel0 = begin;
        s.panel1 = end;
    }
    run_share(&s);
}

static void run_empty(const tdl_product *p)
{
    for (size_t i = 0; i < p->m && p->into == TDL_INTO_NEW; i++)
        memset(p->c + i * p->ldc, 0, p->n * sizeof *p->c);
    if (p->finish)
        p->finish(p, 0, p->m, 0, p->n, p->c);
}

size_t tdl_product_least(const tdl_tiles *tiles)
{
    size_t floats = tiles->mr * tiles->k_block;

    return (floats + TDL_LINE_FLOATS - 1) / TDL_LINE_FLOATS * TDL_LINE_FLOATS;
}

size_t tdl_product_buffer(const tdl_product *p)
{
    size_t tiles = tiling_of(p->m, p->tiles->mr).tiles;
    size_t depth = least(p->k, TDL_BLOCKS_AT_ONCE * p->tiles->k_block);
    size_t floats = least(tiles, TILES_AT_ONCE) * p->tiles->mr * depth + TDL_LINE_FLOATS;
    size_t at_least = tdl_product_least(p->tiles);

    floats = floats / TDL_LINE_FLOATS * TDL_LINE_FLOATS;
    return floats > at_least ? floats : at_least;
}

tdl_pool *tdl_product_pool(size_t m, size_t n, size_t k, tdl_pool *pool)
{
    return (double)m * (double)n * (double)k < WORTH_SPLITTING ? NULL : pool;
}

void tdl_product_run(const tdl_product *p, float *buffer, size_t buffer_floats, tdl_pool *pool)
{
    size_t panels = tdl_panels_of(p->tiles, p->n);
    job j = {.p = p, .buffer = buffer, .buffer_floats = buffer_floats};

    if (!p->m || !p->n)
        return;
    if (!p->k) {
        run_empty(p);
        return;
    }
    j.by_rows = tiling_of(p->m, p->tiles->mr).tiles > panels;
    tdl_pool_run(pool, j.by_rows ? p->m : panels, j.by_rows ? p->tiles->mr : 1, run_part, &j);
}
