/* Weights packed once for serving, and the linear layer over them. */
#include <stdlib.h>

#include "tensor/product.h"
#include "tensor/scratch.h"

struct tdl_packed {
    const tdl_kernel *kernel;
    size_t in, out;
    float *panels; /* [panels of out][in][nr] */
};

tdl_status tdl_pack_on(const tdl_kernel *kernel, const float *w, bool transposed, size_t in,
                       size_t out, tdl_packed **ret, tdl_report *why)
{
    size_t panels = tdl_panels_of(kernel, out), columns, floats;
    tdl_packed *packed = calloc(1, sizeof *packed);

    if (!packed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    packed->kernel = kernel;
    packed->in = in;
    packed->out = out;
    if (!__builtin_mul_overflow(panels, kernel->nr, &columns) &&
        !__builtin_mul_overflow(in, columns, &floats))
        packed->panels = tdl_floats_new(floats);
    if (!packed->panels) {
        tdl_packed_free(packed);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to pack weights of %zu x %zu", in, out);
    }
    tdl_pack_panels(kernel, w, transposed ? in : out, transposed, out, in, packed->panels,
                    in * kernel->nr, 0, panels);
    *ret = packed;
    return TDL_OK;
}

tdl_status tdl_pack(const float *w, bool transposed, size_t in, size_t out, tdl_packed **ret,
                    tdl_report *why)
{
    return tdl_pack_on(tdl_kernel_get(), w, transposed, in, out, ret, why);
}

void tdl_packed_free(tdl_packed *packed)
{
    if (packed)
        free(packed->panels);
    free(packed);
}

size_t tdl_packed_bytes(const tdl_packed *packed)
{
    size_t columns = tdl_panels_of(packed->kernel, packed->out) * packed->kernel->nr;

    return sizeof *packed + packed->in * columns * sizeof *packed->panels;
}

/* Never fails: without memory for a good buffer it goes in small steps, to the same bits. */
void tdl_linear(const tdl_packed *w, size_t m, const float *x, size_t ldx, const float *bias,
                tdl_act act, float *y, size_t ldy, tdl_pool *pool)
{
    enum { LEAST = 16 * TDL_K_BLOCK }; /* tdl_product_least of any kernel */
    tdl_product p = {.kernel = w->kernel,
                     .m = m,
                     .n = w->out,
                     .k = w->in,
                     .a = x,
                     .lda = ldx,
                     .panels = w->panels,
                     .panel_step = w->in * w->kernel->nr,
                     .c = y,
                     .ldc = ldy,
                     .finish = bias || act != TDL_ACT_NONE,
                     .f = tdl_map_of_act(act),
                     .bias = bias};
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
