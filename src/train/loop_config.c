#include "train/loop_state.h"

#include <math.h>
#include <stdio.h>

/* ---- options ---- */

static tdl_status check_limits(const tdl_loop_options *o, tdl_report *why)
{
    if ((o->epochs == 0 && o->steps == 0) || o->batch == 0)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%u epochs (or %llu steps) of batches of %zu: both must be at least 1",
                        o->epochs, (unsigned long long)o->steps, o->batch);
    if (!(o->clip >= 0) || !isfinite(o->clip))
        return TDL_FAIL(why, TDL_E_INVALID, "clip: %g is not a number >= 0", o->clip);
    if (!isfinite(o->stop_loss))
        return TDL_FAIL(why, TDL_E_INVALID, "stop_loss: %g is not a number", o->stop_loss);
    if (!(o->seconds >= 0) || !isfinite(o->seconds))
        return TDL_FAIL(why, TDL_E_INVALID, "seconds: %g is not a number >= 0", o->seconds);
    if (o->checkpoint.resume && !o->checkpoint.folder)
        return TDL_FAIL(why, TDL_E_INVALID, "checkpoint: resume without a folder");
    return TDL_OK;
}

tdl_status tdl_loop_check(const tdl_trainee *trainee, const tdl_loop_options *o, tdl_report *why)
{
    tdl_status st = check_limits(o, why);

    if (st)
        return st;
    if (o->patience && !trainee->validate)
        return TDL_FAIL(why, TDL_E_INVALID, "patience: %u without validation data", o->patience);
    if ((o->eval_every || o->stop_on_validation) && !trainee->validate)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: there is no validation data",
                        o->eval_every ? "eval_every" : "stop_on_validation");
    if (trainee->examples_n > UINT32_MAX || o->sampler.epoch_n > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu examples, %zu positions in an epoch",
                        trainee->examples_n, o->sampler.epoch_n);
    return TDL_OK;
}

/* ---- the configuration as texts ---- */

void tdl_put_text(json_t *texts, const char *key, const char *value)
{
    json_object_set_new(texts, key, json_string(value));
}

void tdl_put_whole(json_t *texts, const char *key, uint64_t value)
{
    char text[32];

    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    tdl_put_text(texts, key, text);
}

void tdl_put_real(json_t *texts, const char *key, double value)
{
    char text[40];

    snprintf(text, sizeof text, "%.17g", value);
    tdl_put_text(texts, key, isnan(value) ? "nan" : text);
}

static void put_optim(json_t *texts, const tdl_optim_config *c)
{
    tdl_put_text(texts, "optimiser", c->name);
    tdl_put_real(texts, "lr", c->lr);
    tdl_put_real(texts, "momentum", c->momentum);
    tdl_put_real(texts, "beta1", c->beta1);
    tdl_put_real(texts, "beta2", c->beta2);
    tdl_put_real(texts, "alpha", c->alpha);
    tdl_put_real(texts, "eps", c->eps);
    tdl_put_real(texts, "l1", c->l1);
    tdl_put_real(texts, "l2", c->l2);
    tdl_put_real(texts, "decay", c->decay);
    tdl_put_real(texts, "ema", c->ema);
}

static void put_sched(json_t *texts, const tdl_sched_config *c)
{
    tdl_put_text(texts, "schedule", c->name);
    tdl_put_whole(texts, "warmup", c->warmup);
    tdl_put_whole(texts, "total", c->total);
    tdl_put_whole(texts, "every", c->every);
    tdl_put_real(texts, "gamma", c->gamma);
    tdl_put_real(texts, "floor", c->floor);
    tdl_put_real(texts, "factor", c->factor);
    tdl_put_whole(texts, "window", c->window);
}

json_t *tdl_loop_describe(const tdl_loop_state *s)
{
    const tdl_loop_options *o = s->options;
    json_t *texts = json_object();

    tdl_put_whole(texts, "seed", o->seed);
    tdl_put_whole(texts, "batch", o->batch);
    tdl_put_whole(texts, "micro_batch", o->micro_batch);
    tdl_put_whole(texts, "examples", s->trainee->examples_n);
    tdl_put_whole(texts, "epoch_examples", s->epoch_n);
    tdl_put_real(texts, "clip", o->clip);
    put_optim(texts, &s->optim.config);
    put_sched(texts, &s->sched.config);
    tdl_put_whole(texts, "guard.outlier", s->guard.config.outlier);
    tdl_put_real(texts, "guard.z", s->guard.config.z);
    tdl_put_whole(texts, "guard.in_a_row", s->guard.config.in_a_row_max);
    tdl_put_whole(texts, "guard.roll_backs", s->guard.config.roll_backs_max);
    tdl_put_whole(texts, "keeps_best", s->best != NULL);
    for (size_t i = 0; i < o->checkpoint.facts_n; i++)
        tdl_put_text(texts, o->checkpoint.fact[i].key, o->checkpoint.fact[i].value);
    return texts;
}
