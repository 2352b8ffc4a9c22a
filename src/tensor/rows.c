#include "tensor/rows.h"

#include "tensor/kernel.h"

typedef struct softmax_job {
    size_t n, ldx;
    float *x, *lse;
} softmax_job;

static void softmax_share(void *context, size_t begin, size_t end, unsigned part)
{
    const softmax_job *job = context;
    const tdl_kernel *kernel = tdl_kernel_get();

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        float lse = kernel->softmax(job->x + r * job->ldx, job->n);
        if (job->lse)
            job->lse[r] = lse;
    }
}

void tdl_softmax_rows(size_t rows, size_t n, float *x, size_t ldx, float *ret_lse, tdl_pool *pool)
{
    softmax_job job = {n, ldx, x, ret_lse};

    if (n)
        tdl_pool_run(pool, rows, 1, softmax_share, &job);
}

tdl_map tdl_map_of_act(tdl_act act)
{
    switch (act) {
    case TDL_ACT_RELU:
        return TDL_MAP_RELU;
    case TDL_ACT_TANH:
        return TDL_MAP_TANH;
    case TDL_ACT_SIGMOID:
        return TDL_MAP_SIGMOID;
    case TDL_ACT_GELU:
        return TDL_MAP_GELU;
    case TDL_ACT_GELU_ERF:
    case TDL_ACT_SILU:
    case TDL_ACT_LEAKY_RELU:
    case TDL_ACT_NONE:
        break;
    }
    return TDL_MAP_COPY;
}

void tdl_finish_rows(size_t rows, size_t n, const float *bias, tdl_act act, float *y, size_t ldy)
{
    tdl_kernel_get()->map_rows(tdl_map_of_act(act), rows, n, y, ldy, bias, y, ldy);
}

float tdl_dot(const float *x, const float *y, size_t n)
{
    return tdl_kernel_get()->dot(x, y, n);
}
