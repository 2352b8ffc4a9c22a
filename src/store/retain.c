/* Removing what the rules of retention do not keep. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "store/audit.h"
#include "store/retention.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { CHUNK_BYTES = 4 << 20, PAUSE_MIN_US = 5000, PAUSE_MAX_US = 200000 };

/* One run. */
typedef struct run {
    tdl_store *store;
    const tdl_retain_options *options;
    tdl_arena *arena;    /* of the tally */
    tdl_arena *chunk;    /* of one transaction */
    tdl_retained *tally; /* [tally_n] */
    size_t tally_n, tally_cap;
    int64_t from_us; /* events before are seen to */
    tdl_report *why;
} run;

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to remove old rows");
}

static tdl_status count(run *r, tdl_str kind, int64_t rows)
{
    for (size_t i = 0; i < r->tally_n; i++)
        if (tdl_str_eq(r->tally[i].kind, kind)) {
            r->tally[i].rows += rows;
            return TDL_OK;
        }
    if (r->tally_n == r->tally_cap) {
        size_t cap = r->tally_cap ? 2 * r->tally_cap : 16;
        tdl_retained *grown = tdl_arena_alloc(r->arena, cap, sizeof *grown);
        if (!grown)
            return no_memory(r->why);
        if (r->tally_n)
            memcpy(grown, r->tally, r->tally_n * sizeof *grown);
        r->tally = grown;
        r->tally_cap = cap;
    }
    tdl_str kept = tdl_arena_str(r->arena, kind);
    if (!kept.at)
        return no_memory(r->why);
    r->tally[r->tally_n++] = (tdl_retained){kept, rows};
    return TDL_OK;
}

/* As long as the transaction took, so that at least half of the writer's time is others'. */
static tdl_status pause_after(const run *r, int64_t began_us)
{
    int64_t us = tdl_time_monotonic() - began_us;

    us = us < PAUSE_MIN_US ? PAUSE_MIN_US : us > PAUSE_MAX_US ? PAUSE_MAX_US : us;
    nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
    if (!r->options->go_on || r->options->go_on(r->options->context))
        return TDL_OK;
    return TDL_FAIL(r->why, TDL_E_STOPPED, "removing old rows was stopped; it goes on next time");
}

/* ---- events ---- */

typedef struct expired_list {
    tdl_expired *events; /* [n] oldest first */
    size_t n;
} expired_list;

/* Found beside the writer; it is told their numbers. */
static tdl_status read_expired(run *r, tdl_reader *reader, expired_list *ret)
{
    tdl_rows rows = {.reader = reader, .arena = r->chunk, .size = sizeof *ret->events};
    tdl_expired *one;
    tdl_status st = tdl_rows_start(&rows, TDL_READ_EXPIRED, r->why);

    if (st)
        return st;
    tdl_rows_bind_number(&rows, 1, r->from_us);
    tdl_rows_bind_number(&rows, 2, r->options->now_us);
    tdl_rows_bind_limit(&rows, 3, TDL_RETAIN_CHUNK);
    while ((one = tdl_rows_next(&rows)))
        *one = (tdl_expired){.seq = tdl_rows_number(&rows, 0),
                             .time_us = tdl_rows_number(&rows, 1),
                             .kind = tdl_rows_keep(&rows, 2),
                             .source = tdl_rows_keep(&rows, 3),
                             .message_id = tdl_rows_keep(&rows, 4),
                             .is_reward = tdl_rows_number(&rows, 5) != 0};
    if ((st = tdl_rows_end(&rows, r->why)))
        return st;
    *ret = (expired_list){rows.at, rows.n};
    return TDL_OK;
}

static tdl_removed removed_by(const expired_list *list)
{
    tdl_removed rows = {.events = (int64_t)list->n};

    for (size_t i = 0; i < list->n; i++)
        rows.rewards += list->events[i].is_reward;
    return rows;
}

static tdl_status remove_events(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                                tdl_report *why)
{
    const expired_list *list = context;
    const tdl_removed rows = removed_by(list);
    tdl_buf numbers = {0};
    tdl_jw w = {.out = &numbers};
    tdl_status st;

    tdl_jw_array(&w);
    for (size_t i = 0; i < list->n; i++)
        tdl_jw_int(&w, list->events[i].seq);
    tdl_jw_end_array(&w);
    const tdl_value in[] = {tdl_value_text(tdl_buf_view(&numbers)),
                            tdl_value_number(list->events[0].time_us),
                            tdl_value_number(list->events[list->n - 1].time_us)};
    st = numbers.failed
             ? no_memory(why)
             : ops->execute(backend, TDL_EXECUTE_REMOVE_EVENTS, in, 3, NULL, 0, NULL, why);
    if (!st && ops->removed)
        ops->removed(backend, &rows);
    if (!st && ops->forget_messages)
        st = ops->forget_messages(backend, list->events, list->n, why);
    tdl_buf_release(&numbers);
    return st;
}

static tdl_status remove_chunk(run *r, const expired_list *list)
{
    const tdl_removed rows = removed_by(list);
    tdl_status st = tdl_store_write(r->store, remove_events, list, r->why);

    if (st)
        return st;
    tdl_writer_count_removed(r->store->writer, &rows);
    for (size_t i = 0; !st && i < list->n; i++)
        st = count(r, list->events[i].kind, 1);
    return st;
}

static tdl_status retain_events(run *r, tdl_reader *reader)
{
    expired_list list = {0};
    tdl_status st = TDL_OK;

    do {
        int64_t began_us = tdl_time_monotonic();
        tdl_arena_reset(r->chunk);
        if ((st = read_expired(r, reader, &list)) || !list.n)
            return st;
        r->from_us = list.events[list.n - 1].time_us;
        if ((st = remove_chunk(r, &list)) || (st = pause_after(r, began_us)))
            return st;
    } while (list.n == TDL_RETAIN_CHUNK);
    return st;
}

/* ---- decisions ---- */

typedef struct decision_chunk {
    int64_t before_us;
    int64_t *ret_n;
} decision_chunk;

static tdl_status remove_decisions(const tdl_store_ops *ops, tdl_backend *backend,
                                   const void *context, tdl_report *why)
{
    const decision_chunk *chunk = context;
    const tdl_value in[] = {tdl_value_number(chunk->before_us), tdl_value_number(TDL_RETAIN_CHUNK)};
    tdl_status st =
        ops->execute(backend, TDL_EXECUTE_REMOVE_DECISIONS, in, 2, NULL, 0, chunk->ret_n, why);

    if (!st && ops->removed)
        ops->removed(backend, &(tdl_removed){.decisions = *chunk->ret_n});
    return st;
}

static tdl_status retain_decisions(run *r, int64_t before_us)
{
    int64_t n = 0;
    const decision_chunk chunk = {before_us, &n};
    tdl_status st;

    do {
        int64_t began_us = tdl_time_monotonic();
        if ((st = tdl_store_write(r->store, remove_decisions, &chunk, r->why)) || !n)
            return st;
        tdl_writer_count_removed(r->store->writer, &(tdl_removed){.decisions = n});
        if ((st = count(r, TDL_STR(TDL_RETAIN_DECISIONS), n)) || (st = pause_after(r, began_us)))
            return st;
    } while (n == TDL_RETAIN_CHUNK);
    return st;
}

/* ---- whose turn it is ---- */

typedef struct claim {
    int64_t due_us;
    bool *ret;
} claim;

/* The time of the last start is in the settings, so it is the same for all processes. */
static tdl_status claim_run(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                            tdl_report *why)
{
    const claim *c = context;
    tdl_value in[2] = {tdl_value_text(TDL_STR("retention.started"))}, last = {0};
    int64_t last_us = 0;
    char now[24];
    tdl_status st = ops->execute(backend, TDL_EXECUTE_GET_SETTING, in, 1, &last, 1, NULL, why);

    if (st)
        return st;
    *c->ret = !tdl_str_int(last.text, &last_us) || last_us < c->due_us;
    if (!*c->ret)
        return TDL_OK;
    snprintf(now, sizeof now, "%lld", (long long)tdl_time_now());
    in[1] = tdl_value_text(tdl_str_of(now));
    return ops->execute(backend, TDL_EXECUTE_PUT_SETTING, in, 2, NULL, 0, NULL, why);
}

tdl_status tdl_store_claim_retention(tdl_store *store, int64_t due_us, bool *ret_claimed,
                                     tdl_report *why)
{
    const claim c = {due_us, ret_claimed};

    return tdl_store_write(store, claim_run, &c, why);
}

/* ---- the whole ---- */

static tdl_status count_expired(run *r, tdl_reader *reader, tdl_read_statement which,
                                int64_t decisions_before_us)
{
    bool decisions = which == TDL_READ_EXPIRED_DECISIONS;
    tdl_rows rows = {.reader = reader};
    tdl_status st = tdl_rows_start(&rows, which, r->why), counted = TDL_OK;

    if (st)
        return st;
    tdl_rows_bind_number(&rows, 1, decisions ? decisions_before_us : 0);
    if (!decisions)
        tdl_rows_bind_number(&rows, 2, r->options->now_us);
    while (!counted && tdl_rows_next(&rows)) {
        tdl_str kind = decisions ? TDL_STR(TDL_RETAIN_DECISIONS) : tdl_rows_text(&rows, 0);
        int64_t n = tdl_rows_number(&rows, decisions ? 0 : 1);
        if (n)
            counted = count(r, kind, n);
    }
    st = tdl_rows_end(&rows, r->why);
    return st ? st : counted;
}

static tdl_status retain(run *r, tdl_reader *reader)
{
    tdl_retention_rule *rules;
    size_t n;
    tdl_status st = tdl_store_retention(r->store, r->arena, &rules, &n, r->why);

    if (st)
        return st;
    int64_t days = 0, before_us;
    for (size_t i = 0; i < n; i++)
        if (tdl_str_is(rules[i].kind, TDL_RETAIN_DECISIONS))
            days = rules[i].days;
    before_us = r->options->now_us - days * TDL_DAY_US;
    if (r->options->dry_run) {
        st = count_expired(r, reader, TDL_READ_EXPIRED_COUNT, 0);
        return st || !days ? st : count_expired(r, reader, TDL_READ_EXPIRED_DECISIONS, before_us);
    }
    st = retain_events(r, reader);
    return st || !days ? st : retain_decisions(r, before_us);
}

static tdl_status put_report(const run *r, tdl_status outcome)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_report *why = outcome ? NULL : r->why; // the first failure is the one to be told

    tdl_jw_object(&w);
    tdl_jw_ktime(&w, "started", r->options->now_us);
    tdl_jw_ktime(&w, "finished", tdl_time_now());
    tdl_jw_key(&w, "rows");
    tdl_jw_object(&w);
    for (size_t i = 0; i < r->tally_n; i++) {
        tdl_jw_key(&w, r->tally[i].kind.at);
        tdl_jw_int(&w, r->tally[i].rows);
    }
    tdl_jw_end_object(&w);
    tdl_jw_ktext(&w, "error", outcome ? r->why ? r->why->message : tdl_status_text(outcome) : NULL);
    tdl_jw_end_object(&w);
    tdl_status st = text.failed ? no_memory(why)
                                : tdl_store_put_setting(r->store, TDL_STR(TDL_RETAIN_REPORT),
                                                        tdl_buf_view(&text), why);
    tdl_buf_release(&text);
    return outcome ? outcome : st;
}

/* Of a run that removed something, wholly or until it failed. */
static tdl_status put_entry(const run *r, tdl_status outcome)
{
    int64_t decisions = 0, events = 0;

    for (size_t i = 0; i < r->tally_n; i++)
        *(tdl_str_is(r->tally[i].kind, TDL_RETAIN_DECISIONS) ? &decisions : &events) +=
            r->tally[i].rows;
    if (!decisions && !events)
        return outcome;
    const tdl_audit_entry entry = {.action = "retention.run",
                                   .members = {{"decisions", tdl_value_number(decisions)},
                                               {"events", tdl_value_number(events)}}};
    tdl_status st = tdl_store_audit(r->store, &entry, outcome ? NULL : r->why);
    return outcome ? outcome : st;
}

tdl_status tdl_store_retain(tdl_store *store, const tdl_retain_options *options, tdl_arena *arena,
                            tdl_retained **ret, size_t *ret_n, tdl_report *why)
{
    run r = {.store = store,
             .options = options,
             .arena = arena,
             .chunk = tdl_arena_new(CHUNK_BYTES),
             .why = why};
    tdl_reader *reader = NULL;
    tdl_status st = r.chunk ? tdl_store_take_reader(store, &reader, why) : no_memory(why);

    if (!st) {
        st = retain(&r, reader);
        tdl_store_give_back(store, reader);
        if (!options->dry_run) {
            st = put_entry(&r, st);
            st = put_report(&r, st);
        }
    }
    tdl_arena_free(r.chunk);
    *ret = r.tally;
    *ret_n = r.tally_n;
    return st;
}
