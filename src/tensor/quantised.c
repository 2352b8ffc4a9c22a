/* Integer weights: quantised once when packed; activations when they are read. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats.h"
#include "tensor/lowp.h"
#include "tensor/packed.h"
#include "tensor/product.h"
#include "tensor/scratch.h"

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t divide_up(size_t n, size_t by)
{
    return n / by + (n % by != 0);
}

void tdl_pack_units(const float *src, size_t ld, bool along_k, size_t width, size_t kc, float *ret,
                    size_t step)
{
    tdl_kernel_get()->f32->pack_b(src, ld, along_k, width, kc, ret, step);
}

void tdl_pack_pairs(const float *src, size_t ld, bool along_k, size_t width, size_t kc, float *ret,
                    size_t step)
{
    tdl_kernel_get()->bf16->pack_b(src, ld, along_k, width, kc, ret, step);
}

size_t tdl_row_units(tdl_precision type, size_t in)
{
    return type == TDL_PRECISION_INT8 ? divide_up(in, TDL_S8_UNIT)
                                      : divide_up(in, TDL_Q4_BLOCK) * TDL_Q4_A_UNITS;
}

/* ---- weights ---- */

/* One output's weights, w[k * step], become units of B. */
static void quantise_int8(tdl_packed *packed, size_t output, const float *row, float *units)
{
    int8_t *q = (int8_t *)units;

    memset(units, 0, packed->k * sizeof *units);
    packed->w_scale[output] = packed->kernel->int8_scale(row, packed->in);
    packed->kernel->quantise(row, packed->in, packed->w_scale[output], q);
    packed->w_sums[output] = 0;
    for (size_t k = 0; k < packed->in; k++)
        packed->w_sums[output] += q[k];
}

static void quantise_int4(const tdl_packed *packed, const float *row, float *units)
{
    for (size_t k = 0; k < packed->in; k += TDL_Q4_BLOCK, units += TDL_Q4_B_UNITS) {
        float x[TDL_Q4_BLOCK] = {0};
        tdl_q4 block;

        memcpy(x, row + k, least(packed->in - k, TDL_Q4_BLOCK) * sizeof *x);
        tdl_q4_of(x, 1, &block);
        memcpy(units, block.q, sizeof block.q);
        units[TDL_Q4_B_UNITS - 1] = tdl_f16_to_float(block.d);
    }
}

/* Rows of B's units for the columns of one panel, then the panel. */
static tdl_status quantise_panel(tdl_packed *packed, size_t panel, const float *w, bool transposed,
                                 float *row, float *units, size_t units_n, tdl_report *why)
{
    size_t nr = packed->tiles->nr, first = panel * nr, width = least(packed->out - first, nr);
    float *to = packed->panels + panel * tdl_panel_units(packed->tiles, packed->k);

    for (size_t j = 0; j < width; j++) {
        for (size_t k = 0; k < packed->in; k++) {
            row[k] = transposed ? w[(first + j) * packed->in + k] : w[k * packed->out + first + j];
            if (!isfinite(row[k]))
                return TDL_FAIL(why, TDL_E_INVALID, "weight of input %zu, output %zu: %g", k,
                                first + j, (double)row[k]);
        }
        if (packed->type == TDL_PRECISION_INT8)
            quantise_int8(packed, first + j, row, units + j * units_n);
        else
            quantise_int4(packed, row, units + j * units_n);
    }
    if (width < nr)
        memset(to, 0, units_n * nr * sizeof *to);
    tdl_pack_units(units, units_n, true, width, units_n, to, nr);
    return TDL_OK;
}

tdl_status tdl_quantise_weights(tdl_packed *packed, const float *w, bool transposed,
                                tdl_report *why)
{
    size_t units_n = tdl_panel_units(packed->tiles, packed->k) / packed->tiles->nr;
    float *row = tdl_floats_new(packed->in);
    float *units = tdl_floats_new(packed->tiles->nr * units_n);
    tdl_status st = TDL_OK;

    if (packed->type == TDL_PRECISION_INT8 && packed->in > TDL_INT8_IN_MAX)
        st = TDL_FAIL_HINT(why, TDL_E_INVALID, "use bf16 for this layer",
                           "int8 weights of %zu inputs: the sums may not fit 32 bits", packed->in);
    else if (!row || !units)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to quantise weights");
    for (size_t p = 0; !st && p < tdl_panels_of(packed->tiles, packed->out); p++)
        st = quantise_panel(packed, p, w, transposed, row, units, units_n, why);
    free(row);
    free(units);
    return st;
}

/* ---- activations ---- */

/* Rows [row, row + rows) of x, units [k0, k0 + k_n) of each, for the product. */
typedef struct piece {
    const tdl_packed *w;
    const float *x; /* [rows][in] from the first row on */
    size_t ldx, rows, k0, k_n;
    float *scale; /* [rows], int8: of the whole row */
    float *units; /* [rows][k_n] */
} piece;

static void fill_int8(const piece *p, size_t row)
{
    size_t first = p->k0 * TDL_S8_UNIT, n = least(p->w->in - first, p->k_n * TDL_S8_UNIT);
    int8_t *q = (int8_t *)(p->units + row * p->k_n);

    memset(q, 0, p->k_n * sizeof *p->units);
    p->w->kernel->quantise(p->x + row * p->ldx + first, n, p->scale[row], q);
    for (size_t i = 0; p->w->tiles->x_offset && i < n; i++)
        q[i] = (int8_t)(uint8_t)(q[i] + p->w->tiles->x_offset);
}

static void fill_int4(const piece *p, size_t row)
{
    const tdl_kernel *kernel = p->w->kernel;
    float *units = p->units + row * p->k_n;
    size_t first = p->k0 / TDL_Q4_A_UNITS, end = first + p->k_n / TDL_Q4_A_UNITS;

    for (size_t block = first; block < end; block++, units += TDL_Q4_A_UNITS) {
        size_t k = block * TDL_Q4_BLOCK, n = least(p->w->in - k, TDL_Q4_BLOCK);
        const float *x = p->x + row * p->ldx + k;
        int8_t q[TDL_Q4_BLOCK] = {0};
        int32_t sum = 0;

        units[8] = kernel->int8_scale(x, n);
        kernel->quantise(x, n, units[8], q);
        for (size_t i = 0; i < TDL_Q4_BLOCK; i++)
            sum -= 8 * q[i];
        memcpy(units, q, sizeof q);
        memcpy(units + 9, &sum, sizeof sum);
    }
}

static void finish_int8(const tdl_product *p, size_t row, size_t rows, size_t column, size_t n,
                        float *c)
{
    for (size_t i = 0; i < rows; i++)
        p->kernel->dequantise(n, p->x_scale[row + i], p->w_scale + column,
                              p->w_sums ? p->w_sums + column : NULL, c + i * p->ldc);
    if (p->bias || p->f != TDL_MAP_COPY)
        tdl_finish_map(p, row, rows, column, n, c);
}

static void quantise_piece(const piece *p)
{
    for (size_t r = 0; r < p->rows; r++) {
        if (p->w->type == TDL_PRECISION_INT8)
            fill_int8(p, r);
        else
            fill_int4(p, r);
    }
}

/* Where the quantised activations and the product's buffers are; how much at a time. */
typedef struct workspace {
    size_t rows, k; /* of a piece */
    float *scale, *units, *buffer;
    size_t buffer_floats;
} workspace;

static void run(const tdl_product *whole, const tdl_packed *w, const float *x, size_t ldx,
                const workspace *room, tdl_pool *pool)
{
    for (size_t r = 0; r < whole->m; r += room->rows) {
        piece at = {.w = w,
                    .x = x + r * ldx,
                    .ldx = ldx,
                    .rows = least(whole->m - r, room->rows),
                    .scale = room->scale,
                    .units = room->units};

        for (size_t i = 0; w->type == TDL_PRECISION_INT8 && i < at.rows; i++)
            at.scale[i] = w->kernel->int8_scale(at.x + i * ldx, w->in);
        for (at.k0 = 0; at.k0 < w->k || !w->k; at.k0 += room->k) {
            tdl_product p = *whole;

            at.k_n = least(w->k - at.k0, room->k);
            quantise_piece(&at);
            p.m = at.rows;
            p.k = p.lda = at.k_n;
            p.a = at.units;
            p.panels += tdl_panel_units(w->tiles, at.k0);
            p.c += r * p.ldc;
            p.x_scale = at.scale;
            p.into = at.k0 ? TDL_INTO_SUM : TDL_INTO_NEW;
            if (at.k0 + at.k_n < w->k)
                p.finish = NULL;
            tdl_product_run(&p, room->buffer, room->buffer_floats, pool);
            if (!w->k)
                break;
        }
    }
}

static tdl_product product_of(const tdl_packed *w, size_t m, const float *bias, tdl_act act,
                              float *y, size_t ldy)
{
    tdl_finish_fn *map = bias || act != TDL_ACT_NONE ? tdl_finish_map : NULL;

    return (tdl_product){.kernel = w->kernel,
                         .tiles = w->tiles,
                         .m = m,
                         .n = w->out,
                         .k = w->k,
                         .panels = w->panels,
                         .panel_step = tdl_panel_units(w->tiles, w->k),
                         .c = y,
                         .ldc = ldy,
                         .finish = w->type == TDL_PRECISION_INT8 ? finish_int8 : map,
                         .f = tdl_map_of_act(act),
                         .bias = bias,
                         .w_scale = w->w_scale,
                         .w_sums = w->tiles->x_offset ? w->w_sums : NULL};
}

void tdl_linear_in_small_steps(const tdl_packed *w, size_t m, const float *x, size_t ldx,
                               const float *bias, tdl_act act, float *y, size_t ldy)
{
    enum { LEAST = 16 * TDL_K_BLOCK }; /* tdl_product_least of any tiles */
    float buffer[LEAST] __attribute__((aligned(64))), units[TDL_K_BLOCK], scale;
    tdl_product p = product_of(w, m, bias, act, y, ldy);
    workspace room = {.rows = 1,
                      .k = w->tiles->k_block,
                      .scale = &scale,
                      .units = units,
                      .buffer = buffer,
                      .buffer_floats = LEAST};

    run(&p, w, x, ldx, &room, NULL);
}

void tdl_linear_quantised(const tdl_packed *w, size_t m, const float *x, size_t ldx,
                          const float *bias, tdl_act act, float *y, size_t ldy, tdl_pool *pool)
{
    enum { ROWS_MAX = 512 };
    tdl_product p = product_of(w, least(m, ROWS_MAX), bias, act, y, ldy);
    workspace room = {.rows = p.m, .k = w->k, .buffer_floats = tdl_product_buffer(&p)};

    pool = tdl_product_pool(m, w->out, w->in, pool);
    size_t buffers = tdl_pool_threads(pool) * room.buffer_floats;

    room.buffer = tdl_scratch(buffers + room.rows * (1 + w->k));
    if (!room.buffer) {
        tdl_linear_in_small_steps(w, m, x, ldx, bias, act, y, ldy);
        return;
    }
    room.scale = room.buffer + buffers;
    room.units = room.scale + room.rows;
    p.m = m;
    run(&p, w, x, ldx, &room, pool);
}
