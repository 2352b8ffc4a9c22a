/* Weights packed once for serving, and the linear layer over them. */
#include "tensor/packed.h"

#include <stdlib.h>

#include "tensor/product.h"
#include "tensor/scratch.h"

static bool is_integer(tdl_precision type)
{
    return type == TDL_PRECISION_INT8 || type == TDL_PRECISION_INT4;
}

static bool allocate(tdl_packed *packed)
{
    size_t panels = tdl_panels_of(packed->tiles, packed->out), units;
    size_t each = tdl_panel_units(packed->tiles, packed->k);

    if (packed->in > SIZE_MAX / 64 || __builtin_mul_overflow(panels, each, &units) ||
        !(packed->panels = tdl_floats_new(units)))
        return false;
    if (packed->type == TDL_PRECISION_INT8) {
        packed->w_scale = tdl_floats_new(packed->out);
        packed->w_sums = calloc(packed->out + 1, sizeof *packed->w_sums);
        return packed->w_scale && packed->w_sums;
    }
    return true;
}

tdl_status tdl_pack_on(const tdl_kernel *kernel, const tdl_tiles *tiles, tdl_precision type,
                       const float *w, bool transposed, size_t in, size_t out, tdl_packed **ret,
                       tdl_report *why)
{
    tdl_packed *packed = calloc(1, sizeof *packed);
    tdl_status st = TDL_OK;

    if (!packed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    *packed = (tdl_packed){.type = type,
                           .kernel = kernel,
                           .tiles = tiles,
                           .in = in,
                           .out = out,
                           .k = is_integer(type) ? tdl_row_units(type, in) : in};
    if (!allocate(packed))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to pack weights of %zu x %zu", in, out);
    else if (is_integer(type))
        st = tdl_quantise_weights(packed, w, transposed, why);
    else
        tdl_pack_panels(tiles, w, transposed ? in : out, transposed, out, in, packed->panels,
                        tdl_panel_units(tiles, in), 0, tdl_panels_of(tiles, out));
    if (st) {
        tdl_packed_free(packed);
        return st;
    }
    *ret = packed;
    return TDL_OK;
}

tdl_status tdl_pack_as(tdl_precision type, const float *w, bool transposed, size_t in, size_t out,
                       tdl_packed **ret, tdl_report *why)
{
    const tdl_kernel *kernel = tdl_kernel_get();

    return tdl_pack_on(kernel, tdl_tiles_of(kernel, type), type, w, transposed, in, out, ret, why);
}

tdl_status tdl_pack(const float *w, bool transposed, size_t in, size_t out, tdl_packed **ret,
                    tdl_report *why)
{
    return tdl_pack_as(TDL_PRECISION_F32, w, transposed, in, out, ret, why);
}

void tdl_packed_free(tdl_packed *packed)
{
    if (packed) {
        free(packed->panels);
        free(packed->w_scale);
        free(packed->w_sums);
    }
    free(packed);
}

size_t tdl_packed_bytes(const tdl_packed *packed)
{
    size_t units =
        tdl_panels_of(packed->tiles, packed->out) * tdl_panel_units(packed->tiles, packed->k);

    if (packed->type == TDL_PRECISION_INT8)
        units += 2 * packed->out; /* scales and sums */
    return sizeof *packed + units * sizeof *packed->panels;
}

/* Never fails: without memory for a good buffer it goes in small steps, to the same bits. */
void tdl_linear(const tdl_packed *w, size_t m, const float *x, size_t ldx, const float *bias,
                tdl_act act, float *y, size_t ldy, tdl_pool *pool)
{
    enum { LEAST = 16 * TDL_K_BLOCK }; /* tdl_product_least of any kernel */
    tdl_product p = {.kernel = w->kernel,
                     .tiles = w->tiles,
                     .m = m,
                     .n = w->out,
                     .k = w->in,
                     .a = x,
                     .lda = ldx,
                     .panels = w->panels,
                     .panel_step = tdl_panel_units(w->tiles, w->in),
                     .c = y,
                     .ldc = ldy,
                     .finish = bias || act != TDL_ACT_NONE ? tdl_finish_map : NULL,
                     .f = tdl_map_of_act(act),
                     .bias = bias};

    if (is_integer(w->type)) {
        tdl_linear_quantised(w, m, x, ldx, bias, act, y, ldy, pool);
        return;
    }
    size_t floats = tdl_product_buffer(&p);

    pool = tdl_product_pool(m, w->out, w->in, pool);
    float *buffer = tdl_scratch(tdl_pool_threads(pool) * floats);

    if (buffer) {
        tdl_product_run(&p, buffer, floats, pool);
    } else {
        float small[LEAST] __attribute__((aligned(64)));
        tdl_product_run(&p, small, LEAST, NULL);
    }
}
