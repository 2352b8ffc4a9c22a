#include "train/loop.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "train/loop_state.h"

typedef tdl_loop_state loop;

const char *tdl_stop_name(tdl_stop stop)
{
#define TDL_STOP_NAME(name, text) [TDL_STOP_##name] = text,
    static const char *const names[] = {TDL_STOP_MAP(TDL_STOP_NAME)};
#undef TDL_STOP_NAME
    return names[stop];
}

/* ---- telling ---- */

static void log_scalar(const loop *l, const char *tag, double value)
{
    const tdl_train_log *log = l->options->log;

    if (log && log->scalar)
        log->scalar(log->context, tag, l->at.step, value);
}

static void log_text(const loop *l, const char *tag, const char *text)
{
    const tdl_train_log *log = l->options->log;

    if (log && log->text)
        log->text(log->context, tag, text);
}

static void log_config(const loop *l)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, l->config);
    if (!text.failed && text.len)
        log_text(l, "config", text.at);
    tdl_buf_release(&text);
}

static void log_weights(const loop *l)
{
    const tdl_train_log *log = l->options->log;
    const tdl_params *params = l->trainee->params;
    char tag[TDL_PARAM_NAME_MAX + 16];

    for (int k = 0; log && log->histogram && k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        snprintf(tag, sizeof tag, "weights/%s", slice->name);
        log->histogram(log->context, tag, l->at.step, params->value + slice->offset,
                       slice->rows * slice->cols);
    }
}

/* The share of the run that is behind us, by whichever limit is nearer. */
static double done(const loop *l)
{
    const tdl_loop_options *o = l->options;
    double epoch = l->epoch_n ? (double)l->at.cursor / (double)l->epoch_n : 1, share = 0;

    if (o->epochs)
        share = ((double)l->at.epoch + epoch) / o->epochs;
    if (o->steps)
        share = fmax(share, (double)l->at.step / (double)o->steps);
    return share < 1 ? share : 1;
}

static tdl_status tell(const loop *l, const char *detail, tdl_report *why)
{
    const tdl_loop_options *o = l->options;

    if (!o->tell || o->tell(o->tell_context, done(l), detail))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_STOPPED, "training stopped in epoch %llu",
                    (unsigned long long)l->at.epoch + 1);
}

/* ---- parameters that change other than by a step ---- */

static tdl_status announce(const loop *l, tdl_report *why)
{
    const tdl_trainee *t = l->trainee;

    return t->changed ? t->changed(t->model, l->options->pool, why) : TDL_OK;
}

static void clear_gradient(const loop *l)
{
    const tdl_params *p = l->trainee->params;

    memset(p->grad, 0, p->n * sizeof *p->grad);
}

static void copy_block(tdl_real *to, const tdl_real *from, size_t n)
{
    memcpy(to, from, n * sizeof *to);
}

static void swap_blocks(tdl_real *restrict a, tdl_real *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        tdl_real kept = a[i];
        a[i] = b[i];
        b[i] = kept;
    }
}

/* ---- evaluation: of the average of the weights, where there is one ---- */

static tdl_status validate(loop *l, double *ret, tdl_report *why)
{
    const tdl_trainee *t = l->trainee;
    const tdl_params *p = t->params;
    tdl_status st = TDL_OK;

    if (l->optim.average) {
        swap_blocks(p->value, l->optim.average, p->n);
        st = announce(l, why);
    }
    if (!st)
        st = t->validate(t->model, l->options->pool, ret, why);
    if (l->optim.average) {
        swap_blocks(p->value, l->optim.average, p->n);
        tdl_status back = announce(l, st ? NULL : why);
        st = st ? st : back;
    }
    return st;
}

/* Validate, and keep the parameters when they are the best so far. */
static tdl_status judge(loop *l, double *ret, tdl_report *why)
{
    const tdl_params *p = l->trainee->params;
    tdl_loop_progress *at = &l->at;
    tdl_status st = validate(l, ret, why);

    if (l->comm->rank > 0) // all of them have the same parameters: one answer counts
        *ret = 0;
    if ((st = tdl_ranks_sum(l, st, ret, 1, why)))
        return st;
    log_scalar(l, "validation/loss", *ret);
    if (!isfinite(*ret) || *ret >= at->best) {
        at->stale++;
        return TDL_OK;
    }
    at->best = *ret;
    at->epoch_best = at->epoch + (at->cursor > 0);
    at->step_best = at->step;
    at->stale = 0;
    if (l->best)
        copy_block(l->best, l->optim.average ? l->optim.average : p->value, p->n);
    return tdl_loop_state_save_best(l, why);
}

/* ---- one step ---- */

/* More positions than examples: one permutation behind the other. */
static void shuffle(loop *l)
{
    size_t n = l->trainee->examples_n;

    for (size_t at = 0; n && at < l->epoch_n; at += n) {
        size_t left = l->epoch_n - at;
        tdl_epoch_order(l->options->seed, (unsigned)l->at.epoch, l->order + at,
                        left < n ? left : n);
    }
}

static tdl_status choose(loop *l, tdl_report *why)
{
    const tdl_sampler *sampler = &l->options->sampler;

    for (size_t i = 0; i < l->epoch_n; i++) {
        l->order[i] =
            sampler->example(sampler->context, l->options->seed, (unsigned)l->at.epoch, i);
        if (l->order[i] >= l->trainee->examples_n)
            return TDL_FAIL(why, TDL_E_INVALID,
                            "the sampler chose example %u for position %zu, there are %zu",
                            l->order[i], i, l->trainee->examples_n);
    }
    return TDL_OK;
}

static tdl_status order_epoch(loop *l, tdl_report *why)
{
    tdl_status st = TDL_OK;

    if (l->order_epoch == l->at.epoch)
        return TDL_OK;
    if (l->options->sampler.example)
        st = choose(l, why);
    else
        shuffle(l);
    l->order_epoch = st ? UINT64_MAX : l->at.epoch;
    return st;
}

static size_t batch_size(const loop *l)
{
    size_t left = l->epoch_n - (size_t)l->at.cursor;

    return left < l->options->batch ? left : l->options->batch;
}

/* The examples of the next batch that are this rank's. */
typedef struct share {
    size_t position, n; /* in the epoch */
} share;

static share share_of(const loop *l, size_t batch)
{
    share ret;

    tdl_ranks_part(l->comm, batch, &ret.position, &ret.n);
    ret.position += (size_t)l->at.cursor;
    return ret;
}

/* What the loss of a share is divided by, were it all. */
static tdl_status weigh(const loop *l, share part, double *ret, tdl_report *why)
{
    const tdl_trainee *t = l->trainee;
    double weight =
        t->weight ? t->weight(t->model, l->order + part.position, part.n) : (double)part.n;

    if (!(weight >= 0) || !isfinite(weight))
        return TDL_FAIL(why, TDL_E_INVALID, "step %llu: the weights of its batch sum to %g",
                        (unsigned long long)l->at.step, weight);
    *ret = weight;
    return TDL_OK;
}

/* The gradient of the mean loss over this rank's share, and the sum of those losses.
 *   weight  of the batch of all ranks */
static tdl_status accumulate(const loop *l, share part, double weight, tdl_reduction *reduction,
                             double *ret_sum, tdl_report *why)
{
    const tdl_trainee *t = l->trainee;
    const tdl_loop_options *o = l->options;
    size_t micro = o->micro_batch ? o->micro_batch : part.n;
    double sum = 0;

    for (size_t at = 0; at < part.n; at += micro) {
        size_t left = part.n - at, m = left < micro ? left : micro;
        bool watched = left <= micro && l->comm->size > 1 && !o->ranks.wait;
        tdl_batch_place place = {.seed = o->seed,
                                 .step = l->at.step,
                                 .epoch = (unsigned)l->at.epoch,
                                 .position = part.position + at};
        double loss = 0;

        if (t->watch)
            t->watch(t->model, watched ? &reduction->watch : NULL);
        if (t->begin)
            t->begin(t->model, &place);
        tdl_status st = t->gradient(t->model, l->order + place.position, m, 1 / weight, l->at.step,
                                    o->pool, &loss, why);
        if (st)
            return st;
        sum += loss;
    }
    *ret_sum = sum;
    return TDL_OK;
}

/* The same over the batch of all ranks. One whose share failed, or is empty, takes part in the sums
 * that the others wait for. */
static tdl_status accumulate_all(loop *l, share part, double weight, double *ret_sum,
                                 tdl_report *why)
{
    tdl_reduction reduction;
    tdl_status st, reduced;

    *ret_sum = 0;
    tdl_reduction_begin(&reduction, l->comm, l->trainee->params, l->options->ranks.bucket_bytes);
    st = accumulate(l, part, weight, &reduction, ret_sum, why);
    reduced = tdl_reduction_finish(&reduction, st ? NULL : why);
    if (reduced)
        return st ? st : reduced;
    return tdl_ranks_sum(l, st, ret_sum, 1, why);
}

static tdl_status update(loop *l, double loss, double norm, tdl_report *why)
{
    const tdl_loop_options *o = l->options;
    double rate =
        l->optim.config.lr * tdl_sched_factor(&l->sched, l->at.step) * l->guard.rate_scale;

    tdl_optim_step(&l->optim, l->trainee->params, rate,
                   o->clip > 0 ? tdl_clip_scale(norm, o->clip) : 1, o->pool);
    log_scalar(l, "train/loss", loss);
    log_scalar(l, "train/gradient_norm", norm);
    log_scalar(l, "train/rate", rate);
    tdl_sched_observe(&l->sched, loss);
    return announce(l, why);
}

/* The last checkpoint is written once more, with the reason in it. */
static tdl_status diverge(loop *l, double loss, double norm, tdl_report *why)
{
    uint64_t step = l->at.step, epoch = l->at.epoch + 1;
    tdl_status st;

    l->stop = TDL_STOP_DIVERGED;
    log_text(l, "stop_reason", tdl_stop_name(l->stop));
    if (l->options->checkpoint.folder &&
        ((st = tdl_loop_state_roll_back(l, why)) || (st = tdl_loop_state_save(l, why))))
        return st;
    l->agreed = true; // every rank saw the same losses and norms
    return TDL_FAIL_HINT(why, TDL_E_INVALID, "use a smaller learning rate",
                         "diverged at step %llu (epoch %llu), after %llu roll-backs: loss %g, "
                         "gradient norm %g",
                         (unsigned long long)step, (unsigned long long)epoch,
                         (unsigned long long)l->guard.roll_backs, loss, norm);
}

typedef enum outcome {
    TAKEN,
    LEFT_OUT,
    WENT_BACK /* the run stands at an earlier step now */
} outcome;

/* A gradient is there: take the step, leave it out, or go back. */
static tdl_status decide(loop *l, double loss, outcome *ret, tdl_report *why)
{
    double norm = tdl_optim_norm(&l->optim, l->trainee->params, l->options->pool);
    tdl_verdict verdict = tdl_guard_judge(&l->guard, loss, norm);
    tdl_status st;

    *ret = TAKEN;
    if (verdict == TDL_VERDICT_TAKE)
        return update(l, loss, norm, why);
    *ret = LEFT_OUT;
    clear_gradient(l);
    log_scalar(l, "train/skipped", (double)l->guard.skipped);
    if (verdict == TDL_VERDICT_SKIP)
        return TDL_OK;
    if (verdict == TDL_VERDICT_DIVERGED)
        return diverge(l, loss, norm, why);
    *ret = WENT_BACK;
    log_scalar(l, "train/roll_backs", (double)l->guard.roll_backs);
    st = tdl_loop_state_roll_back(l, why);
    return st ? st : announce(l, why);
}

/* This rank's share of the next batch, and the weight of all of it. */
static tdl_status next_share(loop *l, size_t batch, share *ret, double *ret_weight, tdl_report *why)
{
    char detail[80];
    tdl_status st;

    *ret = share_of(l, batch);
    snprintf(detail, sizeof detail, "epoch %llu", (unsigned long long)l->at.epoch + 1);
    if (!(st = tell(l, detail, why)) && !(st = order_epoch(l, why)))
        st = weigh(l, *ret, ret_weight, why);
    return tdl_ranks_sum(l, st, ret_weight, 1, why);
}

/* The next batch. One of empty sequences is a step without effect. */
static tdl_status take_batch(loop *l, outcome *ret, tdl_report *why)
{
    size_t n = batch_size(l);
    double weight = 0, sum = 0;
    share part;
    tdl_status st;

    *ret = LEFT_OUT;
    if ((st = next_share(l, n, &part, &weight, why)))
        return st;
    if (weight > 0 && ((st = accumulate_all(l, part, weight, &sum, why)) ||
                       (st = decide(l, sum / weight, ret, why))))
        return st;
    if (*ret == WENT_BACK)
        return TDL_OK;
    if (*ret == TAKEN) {
        l->at.loss_sum += sum;
        l->at.weight_sum += weight;
    }
    l->at.cursor += n;
    l->at.step++;
    return TDL_OK;
}

/* ---- the run ---- */

static tdl_status end_epoch(loop *l, double validation, tdl_report *why)
{
    tdl_loop_progress *at = &l->at;
    unsigned long long number = at->epoch + 1;
    char detail[120];

    if (isfinite(validation))
        snprintf(detail, sizeof detail, "epoch %llu: loss %.4f, validation %.4f", number,
                 at->train_loss, validation);
    else
        snprintf(detail, sizeof detail, "epoch %llu: loss %.4f", number, at->train_loss);
    log_scalar(l, "epoch", (double)at->epoch + 1);
    log_scalar(l, "epoch/loss", at->train_loss);
    log_text(l, "epoch", detail);
    log_weights(l);
    at->epoch++;
    at->cursor = 0;
    at->loss_sum = at->weight_sum = 0;
    return tell(l, detail, why);
}

static bool is_evaluation_due(const loop *l, bool epoch_is_over)
{
    const tdl_loop_options *o = l->options;

    if (o->eval_every)
        return l->at.step % o->eval_every == 0;
    return epoch_is_over && (o->patience || o->stop_on_validation);
}

static bool limit_is_reached(const loop *l)
{
    const tdl_loop_options *o = l->options;

    return (o->epochs && l->at.epoch >= o->epochs) || (o->steps && l->at.step >= o->steps);
}

/* What only one rank may want, from the clock or a person: then all stop. */
typedef struct wish {
    double time, signal; /* ranks that want it */
} wish;

static tdl_status ask_all(loop *l, tdl_status so_far, int64_t started_us, wish *ret,
                          tdl_report *why)
{
    const tdl_loop_options *o = l->options;
    double late = o->seconds > 0 && (double)(tdl_time_monotonic() - started_us) >= 1e6 * o->seconds;
    double wishes[] = {late, o->stop && atomic_load(o->stop)};
    tdl_status st = tdl_ranks_sum(l, so_far, wishes, 2, why);

    *ret = (wish){wishes[0], wishes[1]};
    return st;
}

static tdl_stop stop_reason(const loop *l, double watched, wish wanted)
{
    const tdl_loop_options *o = l->options;

    if (o->stop_loss != 0 && watched < o->stop_loss)
        return TDL_STOP_LOSS_THRESHOLD;
    if (o->patience && l->at.stale >= o->patience)
        return TDL_STOP_PATIENCE;
    if (limit_is_reached(l))
        return TDL_STOP_MAX_STEPS;
    if (wanted.time > 0)
        return TDL_STOP_TIME;
    if (wanted.signal > 0)
        return TDL_STOP_SIGNAL;
    return TDL_STOP_NOT_YET;
}

/* Among bad steps there is none: it would be no place to go back to. */
static bool is_checkpoint_due(const loop *l, bool epoch_is_over)
{
    uint64_t every = l->options->checkpoint.every;

    if (l->stop)
        return l->options->checkpoint.folder != NULL;
    if (l->guard.in_a_row)
        return false;
    return every ? l->at.step % every == 0 : epoch_is_over;
}

/* A batch and all that follows from it, so that a checkpoint lies between two turns. */
static tdl_status turn(loop *l, int64_t started_us, tdl_report *why)
{
    double validation = NAN, mean = NAN;
    outcome what = LEFT_OUT;
    wish wanted;
    tdl_status st;

    if ((st = take_batch(l, &what, why)) || what == WENT_BACK)
        return st;
    bool epoch_is_over = l->at.cursor >= l->epoch_n;
    if (epoch_is_over)
        mean = l->at.train_loss = l->at.loss_sum / l->at.weight_sum;
    if (is_evaluation_due(l, epoch_is_over) && (st = judge(l, &validation, why)))
        return st;
    if (epoch_is_over)
        st = end_epoch(l, validation, why);
    if ((st = ask_all(l, st, started_us, &wanted, why)))
        return st;
    l->stop = stop_reason(l, l->options->stop_on_validation ? validation : mean, wanted);
    return is_checkpoint_due(l, epoch_is_over) ? tdl_loop_state_save(l, why) : TDL_OK;
}

static tdl_status run(loop *l, tdl_report *why)
{
    int64_t started_us = tdl_time_monotonic();
    tdl_status st;

    if ((st = announce(l, why)))
        return st;
    log_config(l);
    if (l->epoch_n == 0 || limit_is_reached(l))
        l->stop = TDL_STOP_MAX_STEPS;
    while (!l->stop)
        if ((st = turn(l, started_us, why)))
            return st;
    log_text(l, "stop_reason", tdl_stop_name(l->stop));
    return TDL_OK;
}

/* The parameters the caller gets: the best, the average, or on success just the last. */
static tdl_status settle(loop *l, tdl_status so_far, tdl_report *why)
{
    const tdl_params *p = l->trainee->params;
    tdl_status st = TDL_OK;

    clear_gradient(l);
    if (l->best && isfinite(l->at.best))
        copy_block(p->value, l->best, p->n);
    else if (so_far && l->comm->size == 1)
        st = tdl_loop_state_roll_back(l, NULL);
    else if (!so_far && l->optim.average)
        copy_block(p->value, l->optim.average, p->n);
    if (!st)
        st = announce(l, so_far ? NULL : why);
    return so_far ? so_far : st;
}

static tdl_loop_result result_of(const loop *l)
{
    const tdl_loop_progress *at = &l->at;
    bool judged = isfinite(at->best);

    return (tdl_loop_result){.epochs_run = (unsigned)at->epoch,
                             .epochs_best = (unsigned)(judged ? at->epoch_best : at->epoch),
                             .steps = at->step,
                             .steps_best = judged ? at->step_best : at->step,
                             .skipped = l->guard.skipped,
                             .roll_backs = l->guard.roll_backs,
                             .train_loss = at->train_loss,
                             .best = at->best,
                             .stop = l->stop};
}

tdl_status tdl_loop_run(const tdl_trainee *trainee, const tdl_loop_options *options,
                        tdl_loop_result *ret, tdl_report *why)
{
    tdl_loop_state state;
    tdl_status st = tdl_loop_state_init(&state, trainee, options, why);

    st = tdl_ranks_sum(&state, st, NULL, 0, why);
    if (!st && !(st = tdl_loop_state_start(&state, why))) {
        clear_gradient(&state);
        st = settle(&state, run(&state, why), why);
    }
    if (!st)
        *ret = result_of(&state);
    else if (state.comm->size > 1 && !state.agreed)
        state.comm->lost = true; // the others may wait for this rank
    tdl_loop_state_release(&state);
    return st;
}
