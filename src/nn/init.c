#include "nn/init.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

static const char *const NAMES[] = {
    [TDL_INIT_ZERO] = "zero",
    [TDL_INIT_GAUSSIAN] = "gaussian",
    [TDL_INIT_XAVIER] = "xavier_uniform",
    [TDL_INIT_HE] = "he_uniform",
    [TDL_INIT_XAVIER_NORMAL] = "xavier_normal",
    [TDL_INIT_HE_NORMAL] = "he_normal",
};

tdl_status tdl_init_find(const char *name, tdl_init *ret, tdl_report *why)
{
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        if (!strcmp(NAMES[i], name)) {
            *ret = (tdl_init)i;
            return TDL_OK;
        }
    return TDL_FAIL_HINT(
        why, TDL_E_INVALID,
        "there are zero, gaussian, xavier_uniform, xavier_normal, he_uniform and he_normal",
        "no initialisation is called \"%s\"", name);
}

static bool is_normal(tdl_init init)
{
    return init == TDL_INIT_GAUSSIAN || init == TDL_INIT_XAVIER_NORMAL ||
           init == TDL_INIT_HE_NORMAL;
}

/* Bound of the uniform kinds, deviation of the normal ones. */
static double spread_of(const tdl_slice *slice, tdl_init init, double scale)
{
    double in = (double)slice->rows, out = (double)slice->cols;

    switch (init) {
    case TDL_INIT_ZERO:
        break;
    case TDL_INIT_GAUSSIAN:
        return scale;
    case TDL_INIT_XAVIER:
        return scale * sqrt(6 / (in + out));
    case TDL_INIT_HE:
        return scale * sqrt(6 / in);
    case TDL_INIT_XAVIER_NORMAL:
        return scale * sqrt(2 / (in + out));
    case TDL_INIT_HE_NORMAL:
        return scale * sqrt(2 / in);
    }
    return 0;
}

static void fill(tdl_params *params, int slice, tdl_init init, double mean, double scale,
                 uint64_t seed)
{
    const tdl_slice *shape = &params->slice[slice];
    tdl_real *value = tdl_params_value(params, slice);
    size_t n = shape->rows * shape->cols;
    double spread = n ? spread_of(shape, init, scale) : 0;
    tdl_rng rng = tdl_rng_make(seed, (uint64_t)slice);

    for (size_t i = 0; i < n; i++) {
        double draw = 0;
        if (is_normal(init))
            draw = mean + spread * tdl_rng_normal(&rng);
        else if (init != TDL_INIT_ZERO)
            draw = spread * (2 * tdl_rng_uniform(&rng) - 1);
        value[i] = (tdl_real)draw;
    }
}

tdl_status tdl_init_fill(tdl_params *params, int slice, const tdl_init_config *config,
                         uint64_t seed, tdl_report *ret_note, tdl_report *why)
{
    const tdl_slice *shape = &params->slice[slice];
    double gain = config->gain == 0 ? 1 : config->gain;
    bool gaussian = config->kind == TDL_INIT_GAUSSIAN;

    if (gaussian && !isfinite(config->mean))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: mean %g is not a number", shape->name,
                        config->mean);
    if (gaussian && !(config->std >= 0 && isfinite(config->std)))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: std %g is not a number >= 0", shape->name,
                        config->std);
    if (!(gain > 0 && isfinite(gain)))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: gain %g is not a number > 0", shape->name, gain);
    fill(params, slice, config->kind, gaussian ? config->mean : 0, gaussian ? config->std : gain,
         seed);
    if (config->kind == TDL_INIT_ZERO && shape->decay && shape->cols > 1 && ret_note)
        tdl_report_set(ret_note, TDL_OK, "use xavier_uniform or he_uniform",
                       "%s: weights start at zero: hidden units stay identical", shape->name);
    return TDL_OK;
}

void tdl_init_slice(tdl_params *params, int slice, tdl_init init, double scale, uint64_t seed)
{
    fill(params, slice, init, 0, scale, seed);
}
