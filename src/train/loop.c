#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

enum { STREAM_ORDER = 0x7368 }; /* apart from the streams of initialisation */

typedef struct loop {
    const tdl_trainee *trainee;
    const tdl_loop_options *options;
    tdl_loop_result *ret;
    tdl_adamw optim;
    uint32_t *order; /* [examples_n] */
    tdl_real *best;  /* [params->n] parameters worth going back to */
} loop;

void tdl_epoch_order(uint64_t seed, unsigned epoch, uint32_t *order, size_t n)
{
    tdl_rng rng = tdl_rng_make(seed, (uint64_t)STREAM_ORDER << 32 | epoch);

    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    tdl_rng_shuffle(&rng, order, n);
}

static tdl_status check(const tdl_trainee *trainee, const tdl_loop_options *o, tdl_report *why)
{
    if (o->epochs == 0 || o->batch == 0)
        return TDL_FAIL(why, TDL_E_INVALID, "%u epochs of batches of %zu: both must be at least 1",
                        o->epochs, o->batch);
    if (!(o->clip >= 0) || !isfinite(o->clip))
        return TDL_FAIL(why, TDL_E_INVALID, "clip %g is not a number >= 0", o->clip);
    if (o->patience && !trainee->validate)
        return TDL_FAIL(why, TDL_E_INVALID, "patience %u without validation data", o->patience);
    if (trainee->examples_n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu examples", trainee->examples_n);
    return TDL_OK;
}

static void remember(loop *l)
{
    const tdl_params *p = l->trainee->params;

    memcpy(l->best, p->value, p->n * sizeof *l->best);
}

static void go_back(loop *l)
{
    const tdl_params *p = l->trainee->params;

    memcpy(p->value, l->best, p->n * sizeof *l->best);
    memset(p->grad, 0, p->n * sizeof *p->grad);
}

static tdl_status tell(const loop *l, size_t done, const char *detail, tdl_report *why)
{
    const tdl_loop_options *o = l->options;
    double epoch = l->trainee->examples_n ? (double)done / (double)l->trainee->examples_n : 1;
    double whole = (l->ret->epochs_run + epoch) / o->epochs;

    if (!o->tell || o->tell(o->tell_context, whole < 1 ? whole : 1, detail))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_STOPPED, "training stopped in epoch %u", l->ret->epochs_run + 1);
}

static tdl_status run_step(loop *l, const uint32_t *example, size_t n, double *ret_loss,
                           tdl_report *why)
{
    const tdl_loop_options *o = l->options;
    tdl_params *params = l->trainee->params;
    uint64_t step = l->ret->steps;
    double norm;
    tdl_status st;

    if ((st = l->trainee->gradient(l->trainee->model, example, n, step, o->pool, ret_loss, why)))
        return st;
    if ((st = tdl_global_norm(params->grad, params->n, o->pool, &norm, why)))
        return st;
    if (!isfinite(*ret_loss) || !isfinite(norm))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "use a smaller learning rate",
                             "step %llu (epoch %u): loss %g, gradient norm %g",
                             (unsigned long long)step, l->ret->epochs_run + 1, *ret_loss, norm);
    if (o->clip > 0)
        tdl_clip(params, norm, o->clip, o->pool);
    tdl_adamw_step(&l->optim, params, o->pool);
    l->ret->steps++;
    return TDL_OK;
}

static tdl_status run_epoch(loop *l, tdl_report *why)
{
    size_t examples = l->trainee->examples_n;
    double sum = 0;
    char detail[80];
    tdl_status st;

    tdl_epoch_order(l->options->seed, l->ret->epochs_run, l->order, examples);
    for (size_t at = 0; at < examples;) {
        size_t left = examples - at, n = left < l->options->batch ? left : l->options->batch;
        double loss = 0;

        snprintf(detail, sizeof detail, "epoch %u", l->ret->epochs_run + 1);
        if ((st = tell(l, at, detail, why)) || (st = run_step(l, l->order + at, n, &loss, why)))
            return st;
        sum += loss * (double)n;
        at += n;
    }
    l->ret->train_loss = examples ? sum / (double)examples : 0;
    return TDL_OK;
}

/* Validate, and keep the parameters when they are the best so far. */
static tdl_status judge(loop *l, double *ret, tdl_report *why)
{
    tdl_loop_result *r = l->ret;
    tdl_status st = l->trainee->validate(l->trainee->model, l->options->pool, ret, why);

    if (st)
        return st;
    if (isnan(r->best) || *ret < r->best) {
        r->best = *ret;
        r->epochs_best = r->epochs_run + 1;
        remember(l);
    }
    return TDL_OK;
}

static void describe(const tdl_loop_result *r, double validation, char *ret, size_t size)
{
    if (isnan(r->best))
        snprintf(ret, size, "epoch %u: loss %.4f", r->epochs_run, r->train_loss);
    else
        snprintf(ret, size, "epoch %u: loss %.4f, validation %.4f", r->epochs_run, r->train_loss,
                 validation);
}

static tdl_status run_epochs(loop *l, tdl_report *why)
{
    const tdl_loop_options *o = l->options;
    tdl_loop_result *r = l->ret;
    char detail[120];
    tdl_status st = TDL_OK;

    while (r->epochs_run < o->epochs) {
        double validation = NAN;

        if (!o->patience) {
            remember(l);
            r->epochs_best = r->epochs_run + 1;
        }
        if ((st = run_epoch(l, why)) || (o->patience && (st = judge(l, &validation, why))))
            return st;
        r->epochs_run++;
        describe(r, validation, detail, sizeof detail);
        if ((st = tell(l, 0, detail, why)))
            return st;
        if (o->patience && r->epochs_run - r->epochs_best >= o->patience)
            break;
    }
    return TDL_OK;
}

tdl_status tdl_loop_run(const tdl_trainee *trainee, const tdl_loop_options *options,
                        tdl_loop_result *ret, tdl_report *why)
{
    tdl_loop_result result = {.best = NAN};
    loop l = {.trainee = trainee, .options = options, .ret = &result};
    tdl_status st = check(trainee, options, why);

    if (st || (st = tdl_adamw_init(&l.optim, &options->optim, trainee->params, why)))
        return st;
    l.order = malloc((trainee->examples_n + 1) * sizeof *l.order);
    l.best = malloc((trainee->params->n + 1) * sizeof *l.best);
    if (!l.order || !l.best) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to train on %zu examples",
                      trainee->examples_n);
        goto out;
    }
    remember(&l);
    memset(trainee->params->grad, 0, trainee->params->n * sizeof *trainee->params->grad);
    st = run_epochs(&l, why);
    if (st || options->patience)
        go_back(&l);
    if (!st)
        *ret = result;
out:
    tdl_adamw_release(&l.optim);
    free(l.order);
    free(l.best);
    return st;
}
