/* The real-valued data types of foreign files as float. */
#include "train/safetensors.h"

#include "tensor/formats.h"

bool tdl_st_is_real(tdl_dtype dtype)
{
    return dtype == TDL_F32 || dtype == TDL_F64 || dtype == TDL_F16 || dtype == TDL_BF16;
}

void tdl_st_read_f32(const tdl_st_view *view, size_t first, size_t n, float *ret)
{
    const float *f32 = view->data;
    const double *f64 = view->data;
    const uint16_t *bits = view->data;

    for (size_t i = 0; i < n; i++) {
        if (view->dtype == TDL_F32)
            ret[i] = f32[first + i];
        else if (view->dtype == TDL_F64)
            ret[i] = (float)f64[first + i];
        else if (view->dtype == TDL_F16)
            ret[i] = tdl_f16_to_float(bits[first + i]);
        else
            ret[i] = tdl_bf16_to_float(bits[first + i]);
    }
}
