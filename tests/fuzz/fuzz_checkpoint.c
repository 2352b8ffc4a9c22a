/* Checkpoints and foreign weights: any bytes are refused with a report or taken over whole; what
 * was taken over is finite and within the bounds the loop relies on. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "train/loop_state.h"
#include "train/params_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static tdl_status no_gradient(void *model, const uint32_t *example, size_t n, double scale,
                              uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    TDL_UNUSED(model);
    TDL_UNUSED(example);
    TDL_UNUSED(n);
    TDL_UNUSED(scale);
    TDL_UNUSED(step);
    TDL_UNUSED(pool);
    *ret_loss = 0;
    return TDL_FAIL(why, TDL_E_INTERNAL, "nothing is trained here");
}

static const tdl_loop_options OPTIONS = {
    .epochs = 9,
    .batch = 2,
    .patience = 3,
    .optim = {.name = "adamw", .lr = 0.5, .beta1 = 0.5, .beta2 = 0.5, .ema = 0.5},
    .sched = {.name = "plateau", .window = 4}};

static tdl_status no_validation(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    TDL_UNUSED(model);
    TDL_UNUSED(pool);
    *ret = 0;
    return TDL_FAIL(why, TDL_E_INTERNAL, "nothing is trained here");
}

static void must_be_told(tdl_status st, const tdl_report *why)
{
    if (st && (st != why->status || !why->message[0]))
        abort();
}

static void must_be_finite(const tdl_params *params)
{
    for (size_t i = 0; i < params->n; i++)
        if (!isfinite(params->value[i]))
            abort();
}

static void resume(const tdl_trainee *trainee, const tdl_st_file *file)
{
    tdl_loop_state state;
    tdl_report why = {0};

    if (!tdl_loop_state_init(&state, trainee, &OPTIONS, NULL)) {
        tdl_status st = tdl_loop_state_restore(&state, file, &why);
        must_be_told(st, &why);
        if (!st && (state.at.cursor > state.epoch_n || !(state.guard.rate_scale > 0)))
            abort();
        if (!st && tdl_loop_state_save(&state, NULL)) // what was read can be written
            abort();
    }
    tdl_loop_state_release(&state);
}

static void transfer(tdl_params *params, const tdl_st_file *file)
{
    const tdl_rename rename[] = {{"param/*", "*"}, {"*.*.weight", "w"}};
    const char *const turned[] = {"w*"};
    const tdl_load_rules rules = {
        .rename = rename, .rename_n = 2, .transpose = turned, .transpose_n = 1};
    tdl_report why = {0};

    must_be_told(tdl_params_load(file, params, &rules, NULL, NULL, &why), &why);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_params params = {0};
    tdl_trainee trainee = {
        .params = &params, .examples_n = 5, .gradient = no_gradient, .validate = no_validation};
    tdl_st_file *file = NULL;

    tdl_params_add(&params, "w", 2, 3, true);
    tdl_params_add(&params, "b", 1, 3, false);
    if (!tdl_params_seal(&params, NULL) &&
        !tdl_st_parse((tdl_str){(const char *)bytes, n}, &file, NULL)) {
        resume(&trainee, file);
        transfer(&params, file);
        must_be_finite(&params);
    }
    tdl_st_free(file);
    tdl_params_release(&params);
    return 0;
}
