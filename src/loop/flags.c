#include "loop/flags.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "base/uuid.h"

enum { ROWS_BYTES = 64 << 20 };

struct tdl_loop_flags {
    tdl_store *store;
    tdl_slot slot;
    pthread_mutex_t lock; /* of a change, and of the watcher */
    void (*watcher)(void *context);
    void *watcher_context;
};

static void free_served(tdl_held *held)
{
    tdl_flags_served *s = (tdl_flags_served *)held;

    tdl_flag_set_free(s->set);
    free(s);
}

/* ---- loading; under the lock ---- */

static tdl_status read_set(tdl_store *store, tdl_flag_set **ret, tdl_report *ret_warning,
                           tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(ROWS_BYTES);
    tdl_flag_row *rows;
    size_t rows_n;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");
    if (!(st = tdl_store_flags(store, arena, &rows, &rows_n, why)))
        st = tdl_flag_set_new(rows, rows_n, ret, ret_warning, why);
    tdl_arena_free(arena);
    return st;
}

static bool is_served(tdl_loop_flags *flags, const tdl_flag_set *set)
{
    tdl_flags_served *now = (tdl_flags_served *)tdl_slot_take(&flags->slot);
    bool is = now && !strcmp(tdl_flag_set_etag(now->set), tdl_flag_set_etag(set));

    tdl_slot_drop(now ? &now->held : NULL);
    return is;
}

static tdl_status load(tdl_loop_flags *flags, tdl_report *ret_warning, tdl_report *why)
{
    tdl_flag_set *set = NULL;
    tdl_flags_served *next = calloc(1, sizeof *next);
    tdl_status st = next ? read_set(flags->store, &set, ret_warning, why)
                         : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");

    if (st || is_served(flags, set)) {
        tdl_flag_set_free(set);
        free(next);
        return st;
    }
    next->set = set;
    tdl_slot_put(&flags->slot, &next->held, free_served);
    if (flags->watcher)
        flags->watcher(flags->watcher_context);
    return TDL_OK;
}

tdl_status tdl_loop_flags_refresh(tdl_loop_flags *flags, tdl_report *ret_warning, tdl_report *why)
{
    pthread_mutex_lock(&flags->lock);
    tdl_status st = load(flags, ret_warning, why);
    pthread_mutex_unlock(&flags->lock);
    return st;
}

tdl_status tdl_loop_flags_open(tdl_store *store, tdl_loop_flags **ret, tdl_report *ret_warning,
                               tdl_report *why)
{
    tdl_loop_flags *flags = calloc(1, sizeof *flags);

    if (!flags)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the flags");
    flags->store = store;
    pthread_mutex_init(&flags->lock, NULL);
    tdl_status st = tdl_loop_flags_refresh(flags, ret_warning, why);
    if (st) {
        tdl_loop_flags_close(flags);
        return st;
    }
    *ret = flags;
    return TDL_OK;
}

void tdl_loop_flags_close(tdl_loop_flags *flags)
{
    if (!flags)
        return;
    tdl_slot_clear(&flags->slot);
    pthread_mutex_destroy(&flags->lock);
    free(flags);
}

/* ---- serving ---- */

tdl_flags_served *tdl_loop_flags_take(tdl_loop *loop)
{
    return (tdl_flags_served *)tdl_slot_take(&tdl_loop_flags_of(loop)->slot);
}

void tdl_loop_flags_drop(tdl_flags_served *served)
{
    tdl_slot_drop(&served->held);
}

void tdl_loop_flags_watch(tdl_loop *loop, void (*fn)(void *context), void *context)
{
    tdl_loop_flags *flags = tdl_loop_flags_of(loop);

    pthread_mutex_lock(&flags->lock);
    flags->watcher = fn;
    flags->watcher_context = context;
    pthread_mutex_unlock(&flags->lock);
}

tdl_status tdl_loop_put_flag(tdl_loop *loop, const tdl_flag_row *flag, tdl_report *why)
{
    tdl_loop_flags *flags = tdl_loop_flags_of(loop);
    tdl_status st;

    if ((st = tdl_flag_check(flag->family, flag->definition, why)))
        return st;
    if ((st = tdl_store_put_flag(flags->store, flag, why)))
        return st;
    return tdl_loop_flags_refresh(flags, NULL, why);
}

tdl_status tdl_loop_drop_flag(tdl_loop *loop, tdl_str key, tdl_report *why)
{
    tdl_loop_flags *flags = tdl_loop_flags_of(loop);
    tdl_status st = tdl_store_drop_flag(flags->store, key, why);

    return st ? st : tdl_loop_flags_refresh(flags, NULL, why);
}

/* ---- logging an answer ---- */

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the answer does not fit into the request's memory");
}

static void hash_text(crypto_generichash_state *hash, tdl_str text)
{
    uint64_t len = text.len;

    crypto_generichash_update(hash, (const uint8_t *)&len, sizeof len);
    if (text.len)
        crypto_generichash_update(hash, (const uint8_t *)text.at, text.len);
}

static void hash_json(crypto_generichash_state *hash, const json_t *value)
{
    tdl_buf text = {0};

    if (value)
        tdl_json_dump(&text, value);
    hash_text(hash, tdl_buf_view(&text));
    tdl_buf_release(&text);
}

/* Whom it was about, as far as definitions can look; the definition itself is in model_version. */
static void hash_context(const tdl_flag_context *context, const tdl_decision *d, uint8_t ret[16])
{
    crypto_generichash_state hash;

    crypto_generichash_init(&hash, NULL, 0, 16);
    hash_text(&hash, d->model_version);
    hash_text(&hash, context->id);
    hash_text(&hash, context->anonymous_id);
    hash_text(&hash, context->device_id);
    hash_text(&hash, context->url);
    hash_json(&hash, context->properties);
    hash_json(&hash, context->groups);
    hash_json(&hash, context->group_properties);
    hash_json(&hash, context->forced);
    hash_json(&hash, context->forced_values);
    crypto_generichash_final(&hash, ret, 16);
}

/* The chosen arm first, as every decision has it. */
static tdl_candidate *list_arms(const tdl_flag_answer *answer, tdl_arena *arena)
{
    tdl_candidate *candidates = tdl_arena_zalloc(arena, answer->arms_n, sizeof *candidates);

    for (size_t i = 0, next = 1; candidates && i < answer->arms_n; i++) {
        bool chosen = i == answer->chosen;
        candidates[chosen ? 0 : next] = (tdl_candidate){.item = answer->arms[i].key,
                                                        .propensity = answer->arms[i].probability,
                                                        .chosen = chosen};
        next += !chosen;
    }
    return candidates;
}

static tdl_str write_why(const tdl_flag *flag, const tdl_flag_answer *answer, const char *group,
                         tdl_arena *arena)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    tdl_jw_object(&w);
    tdl_jw_kstr(&w, "flag", flag->row.key);
    if (answer->experiment.len)
        tdl_jw_kstr(&w, "experiment", answer->experiment);
    tdl_jw_ktext(&w, "reason", tdl_flag_reason_name(answer->reason));
    tdl_jw_kint(&w, "rule", answer->rule);
    if (group)
        tdl_jw_ktext(&w, "group", group);
    tdl_jw_end_object(&w);
    tdl_str kept = text.failed ? (tdl_str){0} : tdl_arena_str(arena, tdl_buf_view(&text));
    tdl_buf_release(&text);
    return kept;
}

static tdl_status log_answer(tdl_loop *loop, const tdl_flag *flag, const tdl_flag_context *context,
                             const char *group, tdl_arena *arena, const tdl_flag_answer *answer,
                             char ret_id[37], tdl_report *why)
{
    tdl_decision d = {.time_us = context->now_us,
                      .app = TDL_STR("flag"),
                      .user = context->id,
                      .candidates = list_arms(answer, arena),
                      .candidates_n = answer->arms_n,
                      .model_version = tdl_arena_printf(arena, "%.*s@%lld", TDL_FMT(flag->row.key),
                                                        (long long)flag->row.version),
                      .why = write_why(flag, answer, group, arena)};

    if (!d.candidates || !d.model_version.at || !d.why.at)
        return no_memory(why);
    tdl_uuid7(d.id);
    hash_context(context, &d, d.context_hash);
    tdl_status st = tdl_store_log_decision(tdl_loop_store(loop), &d, why);
    if (!st)
        memcpy(ret_id, d.id, sizeof d.id);
    return st;
}

tdl_status tdl_loop_flag_answer(tdl_loop *loop, const tdl_flag_set *set, const tdl_flag *flag,
                                const tdl_flag_context *context, const char *group,
                                tdl_arena *arena, tdl_flag_answer *ret, char ret_decision_id[37],
                                tdl_report *why)
{
    tdl_status st = tdl_flag_evaluate(set, flag, context, arena, ret, why);

    ret_decision_id[0] = '\0';
    if (st || !ret->arms_n)
        return st;
    st = log_answer(loop, flag, context, group, arena, ret, ret_decision_id, why);
    if (st == TDL_E_FULL) { // an answer that was not logged would spoil every estimate
        *ret = (tdl_flag_answer){.value = ret->default_value,
                                 .default_value = ret->default_value,
                                 .enabled = !tdl_str_is(ret->default_value, "false") &&
                                            !tdl_str_is(ret->default_value, "null"),
                                 .reason = TDL_FLAG_UNDECIDED,
                                 .rule = -1};
        return TDL_OK;
    }
    return st;
}
