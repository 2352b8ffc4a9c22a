#include "nn/params.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, PER_LINE = ALIGNMENT / sizeof(tdl_real) };

static bool make_room(tdl_params *params)
{
    int cap = params->slices_cap ? 2 * params->slices_cap : 16;

    if (params->slices_n < params->slices_cap)
        return true;
    tdl_slice *grown = realloc(params->slice, (size_t)cap * sizeof *grown);
    if (!grown)
        return false;
    params->slice = grown;
    params->slices_cap = cap;
    return true;
}

int tdl_params_add(tdl_params *params, const char *name, size_t rows, size_t cols, bool decay)
{
    if (params->value || !make_room(params)) {
        params->failed = true;
        return 0;
    }
    tdl_slice *slice = &params->slice[params->slices_n];
    *slice = (tdl_slice){.rows = rows, .cols = cols, .decay = decay};
    snprintf(slice->name, sizeof slice->name, "%s", name);
    return params->slices_n++;
}

static bool lay_out(tdl_params *params)
{
    size_t at = 0;

    for (int i = params->slices_n; i-- > 0;) {
        tdl_slice *slice = &params->slice[i];
        size_t n;

        if (__builtin_mul_overflow(slice->rows, slice->cols, &n) || n > SIZE_MAX / 64 ||
            at > SIZE_MAX / 64)
            return false;
        slice->offset = at;
        at += (n + PER_LINE - 1) / PER_LINE * PER_LINE;
    }
    params->n = at;
    return true;
}

static tdl_real *new_block(size_t n)
{
    size_t bytes = n * sizeof(tdl_real) + ALIGNMENT;
    tdl_real *block = aligned_alloc(ALIGNMENT, bytes / ALIGNMENT * ALIGNMENT);

    if (block)
        memset(block, 0, n * sizeof *block);
    return block;
}

tdl_status tdl_params_seal(tdl_params *params, tdl_report *why)
{
    if (params->failed || !lay_out(params))
        return TDL_FAIL(why, TDL_E_INVALID, "a model whose parameters do not fit into memory");
    params->value = new_block(params->n);
    params->grad = new_block(params->n);
    if (params->value && params->grad)
        return TDL_OK;
    size_t n = params->n;
    tdl_params_release(params);
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu parameters", n);
}

void tdl_params_release(tdl_params *params)
{
    free(params->slice);
    free(params->value);
    free(params->grad);
    free(params->mask);
    *params = (tdl_params){0};
}

void tdl_params_freeze(tdl_params *params)
{
    free(params->grad);
    params->grad = NULL;
}

tdl_real *tdl_params_value(const tdl_params *params, int slice)
{
    return params->value + params->slice[slice].offset;
}

tdl_real *tdl_params_grad(const tdl_params *params, int slice)
{
    return params->grad + params->slice[slice].offset;
}
