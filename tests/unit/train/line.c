#include "line.h"

#include <math.h>
#include <time.h>

static float predict(const line *l, float x)
{
    float w = tdl_params_value(&l->params, 0)[0], b = tdl_params_value(&l->params, 1)[0];

    return w * ((x - l->middle) / l->spread) + b;
}

static void begin(void *model, const tdl_batch_place *place)
{
    ((line *)model)->place = *place;
}

static double weigh(void *model, const uint32_t *example, size_t n)
{
    const line *l = model;
    double sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += (double)l->weight[example[i]];
    return sum;
}

static void take_note(line *l, const uint32_t *example, size_t n, uint64_t step, double loss)
{
    for (size_t i = 0; i < n && l->seen_n < LINE_CALLS_MAX; i++)
        l->seen[l->seen_n++] = example[i];
    if (l->calls < LINE_CALLS_MAX)
        l->batch[l->calls] = n;
    if (step < LINE_CALLS_MAX)
        l->loss[step] = loss;
    l->calls++;
}

static tdl_status gradient(void *model, const uint32_t *example, size_t n, double scale,
                           uint64_t step, tdl_pool *pool, double *ret_loss, tdl_report *why)
{
    line *l = model;
    float *dw = tdl_params_grad(&l->params, 0), *db = tdl_params_grad(&l->params, 1);
    double sum = 0;

    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    if (l->sleep_ms)
        nanosleep(&(struct timespec){.tv_nsec = 1000000L * l->sleep_ms}, NULL);
    for (size_t i = 0; i < n; i++) {
        float x = l->x[example[i]], error = predict(l, x) - l->y[example[i]];
        float slope = 2 * error * l->weight[example[i]] * (float)scale;
        *dw += slope * ((x - l->middle) / l->spread);
        *db += slope;
        sum += (double)(error * error * l->weight[example[i]]);
    }
    float w = tdl_params_value(&l->params, 0)[0];
    if ((l->calls >= l->bad_from && l->calls < l->bad_to) ||
        (l->bad_above > 0 && fabsf(w) > l->bad_above))
        sum = NAN;
    take_note(l, example, n, step, sum);
    *ret_loss = sum;
    return TDL_OK;
}

double line_error(const line *l)
{
    double worst = 0;

    for (int x = 6; x <= 10; x++)
        worst = fmax(worst, fabs((double)predict(l, (float)x) - (x - 1)));
    return worst;
}

static tdl_status validate(void *model, tdl_pool *pool, double *ret, tdl_report *why)
{
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    *ret = line_error(model);
    return TDL_OK;
}

static tdl_status changed(void *model, tdl_pool *pool, tdl_report *why)
{
    TDL_UNUSED(pool);
    TDL_UNUSED(why);
    ((line *)model)->changes++;
    return TDL_OK;
}

tdl_trainee line_open(line *l)
{
    *l = (line){.spread = 1};
    for (int i = 0; i < LINE_POINTS; i++) {
        l->x[i] = (float)(i + 1);
        l->y[i] = (float)i;
        l->weight[i] = 1;
    }
    tdl_params_add(&l->params, "w", 1, 1, true);
    tdl_params_add(&l->params, "b", 1, 1, false);
    if (tdl_params_seal(&l->params, NULL))
        return (tdl_trainee){0};
    return (tdl_trainee){.model = l,
                         .params = &l->params,
                         .examples_n = LINE_POINTS,
                         .begin = begin,
                         .weight = weigh,
                         .gradient = gradient,
                         .validate = validate,
                         .changed = changed};
}
