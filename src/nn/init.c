#include "nn/init.h"

#include <math.h>

#include "base/rng.h"

static double bound_of(const tdl_slice *slice, tdl_init init)
{
    double in = (double)slice->rows, out = (double)slice->cols;

    return init == TDL_INIT_HE ? sqrt(6 / in) : sqrt(6 / (in + out));
}

void tdl_init_slice(tdl_params *params, int slice, tdl_init init, double scale, uint64_t seed)
{
    const tdl_slice *shape = &params->slice[slice];
    tdl_real *value = tdl_params_value(params, slice);
    size_t n = shape->rows * shape->cols;
    double bound = n ? scale * bound_of(shape, init) : 0;
    tdl_rng rng = tdl_rng_make(seed, (uint64_t)slice);

    for (size_t i = 0; i < n; i++) {
        double draw = 0;
        if (init == TDL_INIT_GAUSSIAN)
            draw = scale * tdl_rng_normal(&rng);
        else if (init != TDL_INIT_ZERO)
            draw = bound * (2 * tdl_rng_uniform(&rng) - 1);
        value[i] = (tdl_real)draw;
    }
}
