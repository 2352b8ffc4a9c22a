#include "train/loop_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/file.h"
#include "train/ckpt_folder.h"

enum { FIELDS_N = 16, RINGS_N = 3, STATE_TEXTS_N = FIELDS_N + RINGS_N + 2 };

/* ---- the numbers of the state, listed once for writing and reading ---- */

typedef struct field {
    const char *key;
    uint64_t *whole; /* or */
    double *real;
} field;

static void list_fields(tdl_loop_state *s, field ret[FIELDS_N])
{
    tdl_loop_progress *at = &s->at;
    const field fields[FIELDS_N] = {
        {"step", &at->step, NULL},
        {"epoch", &at->epoch, NULL},
        {"cursor", &at->cursor, NULL},
        {"loss_sum", NULL, &at->loss_sum},
        {"weight_sum", NULL, &at->weight_sum},
        {"train_loss", NULL, &at->train_loss},
        {"best_metric", NULL, &at->best},
        {"best_epoch", &at->epoch_best, NULL},
        {"best_step", &at->step_best, NULL},
        {"stale_evaluations", &at->stale, NULL},
        {"updates", &s->optim.t, NULL},
        {"guard.skipped", &s->guard.skipped, NULL},
        {"guard.in_a_row", &s->guard.in_a_row, NULL},
        {"guard.rolled_back", &s->guard.roll_backs, NULL},
        {"rate_scale", NULL, &s->guard.rate_scale},
        {"plateau.shrunk", NULL, &s->sched.shrunk},
    };

    memcpy(ret, fields, sizeof fields);
}

/* Written oldest first, so that equal windows give equal texts. */
typedef struct ring {
    const char *key;
    double *value; /* [size] */
    size_t size, *seen, *at;
} ring;

static void list_rings(tdl_loop_state *s, ring ret[RINGS_N])
{
    tdl_guard_window *loss = &s->guard.loss, *norm = &s->guard.norm;
    tdl_sched *sched = &s->sched;

    ret[0] = (ring){"guard.loss_window", loss->value, TDL_GUARD_WINDOW, &loss->seen, &loss->at};
    ret[1] = (ring){"guard.norm_window", norm->value, TDL_GUARD_WINDOW, &norm->seen, &norm->at};
    ret[2] = (ring){"plateau.window", sched->loss, sched->loss ? (size_t)sched->config.window : 0,
                    &sched->seen, &sched->at};
}

/* ---- state to texts ---- */

static void put_ring(json_t *texts, const ring *r, tdl_buf *scratch)
{
    tdl_buf_clear(scratch);
    for (size_t i = 0; i < *r->seen; i++)
        tdl_buf_printf(scratch, "%s%.17g", i ? " " : "",
                       r->value[(*r->at + r->size - *r->seen + i) % r->size]);
    if (!scratch->failed)
        tdl_put_text(texts, r->key, scratch->len ? scratch->at : "");
}

static json_t *describe_state(tdl_loop_state *s)
{
    json_t *texts = json_object();
    tdl_buf scratch = {0};
    field fields[FIELDS_N];
    ring rings[RINGS_N];

    list_fields(s, fields);
    list_rings(s, rings);
    for (size_t i = 0; i < FIELDS_N; i++)
        if (fields[i].whole)
            tdl_put_whole(texts, fields[i].key, *fields[i].whole);
        else
            tdl_put_real(texts, fields[i].key, *fields[i].real);
    for (size_t i = 0; i < RINGS_N; i++)
        put_ring(texts, &rings[i], &scratch);
    tdl_put_whole(texts, "world_size", s->comm->size);
    tdl_put_text(texts, "stop_reason", tdl_stop_name(s->stop));
    tdl_buf_release(&scratch);
    return texts;
}

/* ---- texts to state ---- */

static tdl_status refuse(const char *key, tdl_str found, const char *expected, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_CORRUPT, "__metadata__ \"%s\" is \"%.*s\", expected %s", key,
                    found.len > 60 ? 60 : TDL_FMT(found), expected);
}

static tdl_status read_field(const tdl_st_file *file, const field *f, tdl_report *why)
{
    tdl_str text = tdl_st_meta_get(file, f->key);
    int64_t whole;

    if (f->real) {
        if (tdl_str_double(text, f->real))
            return TDL_OK;
        if (!tdl_str_is(text, "nan"))
            return refuse(f->key, text, "a number", why);
        *f->real = NAN;
        return TDL_OK;
    }
    if (!tdl_str_int(text, &whole) || whole < 0)
        return refuse(f->key, text, "a whole number >= 0", why);
    *f->whole = (uint64_t)whole;
    return TDL_OK;
}

static tdl_status read_ring(const tdl_st_file *file, const ring *r, tdl_report *why)
{
    tdl_str text = tdl_st_meta_get(file, r->key), left = text;
    size_t n = 0;

    while (left.len) {
        const char *blank = memchr(left.at, ' ', left.len);
        tdl_str one = {left.at, blank ? (size_t)(blank - left.at) : left.len};
        if (n == r->size || !tdl_str_double(one, &r->value[n++]))
            return refuse(r->key, text, "as many finite numbers as the window holds", why);
        size_t used = one.len + (blank != NULL);
        left = (tdl_str){left.at + used, left.len - used};
    }
    *r->seen = n;
    *r->at = n < r->size ? n : 0;
    return TDL_OK;
}

static bool is_share(double x)
{
    return x > 0 && x <= 1;
}

/* What the loop relies on, whoever wrote the file. */
static tdl_status check_state(const tdl_loop_state *s, tdl_report *why)
{
    const tdl_loop_progress *at = &s->at;

    if (at->cursor > s->epoch_n || at->epoch > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "__metadata__: epoch %llu, cursor %llu; expected at most %zu examples",
                        (unsigned long long)at->epoch, (unsigned long long)at->cursor, s->epoch_n);
    if (!is_share(s->guard.rate_scale) || !is_share(s->sched.shrunk))
        return TDL_FAIL(
            why, TDL_E_CORRUPT,
            "__metadata__: rate_scale %g and plateau.shrunk %g; expected both in (0, 1]",
            s->guard.rate_scale, s->sched.shrunk);
    return TDL_OK;
}

static tdl_status read_state(tdl_loop_state *s, const tdl_st_file *file, tdl_report *why)
{
    field fields[FIELDS_N];
    ring rings[RINGS_N];
    tdl_status st;

    list_fields(s, fields);
    list_rings(s, rings);
    for (size_t i = 0; i < FIELDS_N; i++)
        if ((st = read_field(file, &fields[i], why)))
            return st;
    for (size_t i = 0; i < RINGS_N; i++)
        if ((st = read_ring(file, &rings[i], why)))
            return st;
    return check_state(s, why);
}

/* ---- checkpoints ---- */

static tdl_ckpt checkpoint_of(const tdl_loop_state *s)
{
    const tdl_params *params = s->trainee->params;

    return (tdl_ckpt){.params = params,
                      .block = {{"param/", params->value},
                                {"opt/m/", s->optim.m},
                                {"opt/v/", s->optim.v},
                                {"ema/", s->optim.average},
                                {"best/", s->best}},
                      .config = s->config};
}

static tdl_status encode(tdl_loop_state *s, tdl_buf *ret, tdl_report *why)
{
    tdl_ckpt ckpt = checkpoint_of(s);
    tdl_status st;

    ckpt.state = describe_state(s);
    if (json_object_size(ckpt.state) == STATE_TEXTS_N)
        st = tdl_ckpt_encode(&ckpt, ret, why);
    else
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to describe the state of the run");
    json_decref(ckpt.state);
    return st;
}

static tdl_status save(tdl_loop_state *s, tdl_report *why)
{
    const tdl_loop_checkpoint *c = &s->options->checkpoint;
    tdl_buf bytes = {.limit = SIZE_MAX / 4};
    tdl_status st;

    if (c->folder && s->comm->rank > 0)
        return TDL_OK;
    st = encode(s, &bytes, why);

    if (st) {
        tdl_buf_release(&bytes);
        return st;
    }
    if (!c->folder) {
        tdl_buf_release(&s->saved);
        s->saved = bytes;
        return TDL_OK;
    }
    st = tdl_ckpt_folder_save(c->folder, s->at.step, c->keep ? c->keep : 2, tdl_buf_view(&bytes),
                              why);
    tdl_buf_release(&bytes);
    return st;
}

/* No rank goes on from parameters that are its own only. */
static tdl_status compare_ranks(tdl_loop_state *s, tdl_report *why)
{
    const tdl_params *params = s->trainee->params;

    if (s->comm->size == 1)
        return TDL_OK;
    return tdl_ranks_compare(s, "parameters",
                             tdl_crc32c(0, params->value, params->n * sizeof *params->value), why);
}

tdl_status tdl_loop_state_save(tdl_loop_state *s, tdl_report *why)
{
    tdl_status st = compare_ranks(s, why);

    return st ? st : tdl_ranks_sum(s, save(s, why), NULL, 0, why);
}

static tdl_status save_best(tdl_loop_state *s, tdl_report *why)
{
    tdl_buf bytes = {.limit = SIZE_MAX / 4};
    tdl_status st;

    if (!s->options->checkpoint.folder || s->comm->rank > 0)
        return TDL_OK;
    if (!(st = encode(s, &bytes, why)))
        st = tdl_ckpt_folder_save_best(s->options->checkpoint.folder, tdl_buf_view(&bytes), why);
    tdl_buf_release(&bytes);
    return st;
}

tdl_status tdl_loop_state_save_best(tdl_loop_state *s, tdl_report *why)
{
    return tdl_ranks_sum(s, save_best(s, why), NULL, 0, why);
}

tdl_status tdl_loop_state_restore(tdl_loop_state *s, const tdl_st_file *file, tdl_report *why)
{
    tdl_ckpt ckpt = checkpoint_of(s);
    tdl_status st;

    if ((st = tdl_ckpt_check(file, s->config, why)) || (st = read_state(s, file, why)))
        return st;
    return tdl_ckpt_restore(&ckpt, file, why);
}

/* From the file, or without one from `bytes`. */
static tdl_status restore(tdl_loop_state *s, const char *path, const tdl_buf *bytes,
                          tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_status st =
        path ? tdl_st_open(path, &file, why) : tdl_st_parse(tdl_buf_view(bytes), &file, why);

    if (st)
        return st;
    if ((st = tdl_loop_state_restore(s, file, why)) && path)
        tdl_report_prefix(why, "%s", path);
    tdl_st_free(file);
    return st;
}

/* All ranks take over the file that rank 0 has, or without one the state of rank 0: it refuses
 * those that were given other options.
 *   so_far  how this rank is */
static tdl_status restore_all(tdl_loop_state *s, tdl_status so_far, const char *path,
                              tdl_report *why)
{
    tdl_buf bytes = {.limit = SIZE_MAX / 4};
    tdl_status st = so_far;

    if (!st && s->comm->rank == 0)
        st = path ? tdl_file_read(path, bytes.limit, &bytes, why) : encode(s, &bytes, why);
    if (!(st = tdl_ranks_share(s, st, &bytes, why)))
        st = tdl_ranks_sum(s, restore(s, NULL, &bytes, why), NULL, 0, why);
    tdl_buf_release(&bytes);
    return st;
}

tdl_status tdl_loop_state_roll_back(tdl_loop_state *s, tdl_report *why)
{
    const char *folder = s->options->checkpoint.folder;
    tdl_guard guard = s->guard;
    char *path = NULL;
    tdl_status st = TDL_OK;

    if (folder && s->comm->rank == 0)
        st = tdl_ckpt_folder_latest(folder, &path, why);
    if (folder && s->comm->size > 1)
        st = restore_all(s, st, path, why);
    else if (!st && (path || s->saved.len))
        st = restore(s, path, &s->saved, why);
    free(path);
    s->guard.skipped = guard.skipped;
    s->guard.in_a_row = guard.in_a_row;
    s->guard.roll_backs = guard.roll_backs;
    s->guard.rate_scale = guard.rate_scale;
    return st;
}

static tdl_status start_in_folder(tdl_loop_state *s, char **ret_path, tdl_report *why)
{
    const tdl_loop_checkpoint *c = &s->options->checkpoint;
    tdl_status st;

    if ((st = tdl_ckpt_folder_open(c->folder, why)) ||
        (st = tdl_ckpt_folder_latest(c->folder, ret_path, why)))
        return st;
    if (*ret_path && !c->resume)
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "resume, or choose another folder",
                             "%s is there from an earlier run", *ret_path);
    return TDL_OK;
}

tdl_status tdl_loop_state_start(tdl_loop_state *s, tdl_report *why)
{
    char *path = NULL;
    tdl_status st = TDL_OK;

    if (s->options->checkpoint.folder && s->comm->rank == 0)
        st = start_in_folder(s, &path, why);
    double found = path != NULL;
    st = tdl_ranks_sum(s, st, &found, 1, why);
    if (!st && s->comm->size > 1)
        st = restore_all(s, TDL_OK, path, why);
    else if (!st && path)
        st = restore(s, path, NULL, why);
    free(path);
    return st || found > 0 ? st : tdl_loop_state_save(s, why);
}

/* ---- life cycle ---- */

static tdl_status allocate(tdl_loop_state *s, tdl_report *why)
{
    const tdl_params *params = s->trainee->params;

    s->order = malloc((s->epoch_n + 1) * sizeof *s->order);
    if (s->options->patience)
        s->best = calloc(params->n + 1, sizeof *s->best);
    s->config = tdl_loop_describe(s);
    if (s->order && s->config && (s->best || !s->options->patience))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to train on %zu examples",
                    s->trainee->examples_n);
}

tdl_status tdl_loop_state_init(tdl_loop_state *state, const tdl_trainee *trainee,
                               const tdl_loop_options *options, tdl_report *why)
{
    tdl_status st;

    *state = (tdl_loop_state){.trainee = trainee,
                              .options = options,
                              .alone = tdl_comm_alone(),
                              .comm = options->ranks.comm,
                              .at = {.train_loss = NAN, .best = NAN},
                              .order_epoch = UINT64_MAX,
                              .epoch_n = options->sampler.epoch_n ? options->sampler.epoch_n
                                                                  : trainee->examples_n};
    if (!state->comm)
        state->comm = &state->alone;
    if ((st = tdl_loop_check(trainee, options, why)) ||
        (st = tdl_guard_init(&state->guard, &options->guard, why)) ||
        (st = tdl_sched_init(&state->sched, &options->sched, why)) ||
        (st = tdl_optim_init(&state->optim, &options->optim, trainee->params, why)))
        return st;
    return allocate(state, why);
}

void tdl_loop_state_release(tdl_loop_state *s)
{
    tdl_optim_release(&s->optim);
    tdl_sched_release(&s->sched);
    free(s->order);
    free(s->best);
    json_decref(s->config);
    tdl_buf_release(&s->saved);
}
