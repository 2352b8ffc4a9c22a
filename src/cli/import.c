#include "cli/import.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/feedlog_reader.h"
#include "cli/import_parts.h"
#include "cli/import_state.h"
#include "store/store.h"
#include "table/input.h"

enum {
    BATCH_BYTES = 64 << 20 /* of one batch's rows */,
    REJECTED_ROW_MAX = 4096,
    DIGEST_BYTES = 16
};

struct tdl_seen_item {
    UT_hash_handle hh;
    char id[];
};

/* ---- handing on ---- */

static tdl_status flush(tdl_importer *r, tdl_report *why)
{
    size_t new_n = 0;
    tdl_status st = TDL_OK;

    if (r->items_n)
        st = r->sink->items(r->sink->context, r->items, r->items_n, why);
    if (!st && r->events_n)
        st = r->sink->events(r->sink->context, r->events, r->events_n, &new_n, why);
    if (st)
        return st;
    r->result->items += r->items_n;
    r->result->stored += new_n;
    r->result->duplicates += r->events_n - new_n;
    r->events_n = r->items_n = 0;
    tdl_arena_reset(r->arena);
    tdl_import_state_keep(r->options, r->result->rows);
    return TDL_OK;
}

tdl_status tdl_importer_make_room(tdl_importer *r, tdl_report *why)
{
    bool full = r->events_n == r->sink->batch_n || r->items_n == r->sink->batch_n ||
                tdl_arena_used(r->arena) > BATCH_BYTES / 2;

    return full ? flush(r, why) : TDL_OK;
}

void tdl_importer_draw(tdl_importer *r, uint64_t read, uint64_t total)
{
    char rate[48];
    double seconds = (double)(tdl_time_monotonic() - r->started_us) / 1e6;

    snprintf(rate, sizeof rate, "%.0f/s", (double)r->result->rows / fmax(seconds, 1e-3));
    tdl_progress_draw(r->progress, "import", total ? (double)read / (double)total : 0, rate);
}

bool tdl_importer_skips(tdl_importer *r)
{
    if (!r->skip)
        return false;
    r->skip--;
    r->result->rows++;
    r->result->resumed++;
    return true;
}

/* {"line": 7, "reason": "...", "row": "..."}: a line that cannot be written is no reason to stop.
 */
static void write_reject(tdl_importer *r, size_t line, tdl_str row, const tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    if (!r->rejects && r->options->rejects && r->options->rejects[0])
        r->rejects = fopen(r->options->rejects, "we");
    if (!r->rejects)
        return;
    row = tdl_str_trim(row);
    row.len = row.len < REJECTED_ROW_MAX ? row.len : REJECTED_ROW_MAX;
    tdl_jw_object(&w);
    tdl_jw_kint(&w, "line", (int64_t)line);
    tdl_jw_ktext(&w, "reason", why->message);
    if (why->hint[0])
        tdl_jw_ktext(&w, "hint", why->hint);
    tdl_jw_kstr(&w, "row", row);
    tdl_jw_end_object(&w);
    if (!text.failed)
        fprintf(r->rejects, "%s\n", text.at);
    tdl_buf_release(&text);
}

void tdl_importer_reject(tdl_importer *r, size_t line, tdl_str row, const tdl_report *why)
{
    r->result->rows++;
    if (!r->result->rejected++)
        snprintf(r->result->first_reject, sizeof r->result->first_reject, "line %zu: %.480s", line,
                 why->message);
    write_reject(r, line, row, why);
}

tdl_status tdl_importer_item(tdl_importer *r, tdl_str id, tdl_str title, tdl_str attributes,
                             tdl_report *why)
{
    tdl_item item = {.id = id, .title = title, .attributes = attributes};
    tdl_seen_item *seen;
    tdl_status st;

    HASH_FIND(hh, r->seen, id.at, id.len, seen);
    if (seen)
        return TDL_OK;
    seen = calloc(1, sizeof *seen + id.len + 1);
    if (!seen)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    memcpy(seen->id, id.at, id.len);
    HASH_ADD_KEYPTR(hh, r->seen, seen->id, id.len, seen);
    if (r->options->personal &&
        (st = tdl_import_personal_item(r->options->personal, &item, r->arena, why)))
        return st;
    r->items[r->items_n++] = item;
    return TDL_OK;
}

tdl_status tdl_importer_event(tdl_importer *r, const tdl_event *event, size_t line, tdl_str row,
                              tdl_report *why)
{
    tdl_event kept = *event;
    tdl_report bad = {0};
    tdl_status st = tdl_event_check(event, tdl_time_now(), &bad);

    if (!st && r->options->personal)
        st = tdl_import_personal_event(r->options->personal, &kept, r->arena, &bad);
    if (st == TDL_E_NO_MEMORY)
        return TDL_FAIL(why, st, "%s", bad.message);
    if (st) {
        tdl_importer_reject(r, line, row, &bad);
        return TDL_OK;
    }
    r->result->rows++;
    r->events[r->events_n++] = kept;
    return TDL_OK;
}

/* Rows without an id of their own are named by what they say, so importing a file twice, or a
 * longer version of it, stores each row once. */
tdl_str tdl_importer_content_id(tdl_importer *r, const tdl_event *event)
{
    uint8_t digest[DIGEST_BYTES];
    char text[2 * DIGEST_BYTES + 1];
    crypto_generichash_state state;
    const tdl_str parts[] = {event->user, event->kind, event->item};
    static const char separator = 0;

    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (parts[i].len)
            crypto_generichash_update(&state, (const uint8_t *)parts[i].at, parts[i].len);
        crypto_generichash_update(&state, (const uint8_t *)&separator, 1);
    }
    crypto_generichash_update(&state, (const uint8_t *)&event->time_us, sizeof event->time_us);
    crypto_generichash_update(&state, (const uint8_t *)&event->value, sizeof event->value);
    if (event->properties.len) // two orders of one minute are two
        crypto_generichash_update(&state, (const uint8_t *)event->properties.at,
                                  event->properties.len);
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    return tdl_arena_str(r->arena, tdl_str_of(text));
}

/* ---- the whole ---- */

bool tdl_import_is_tsv(const char *path)
{
    return tdl_input_has_suffix(path, ".tsv");
}

static tdl_status read_any(tdl_importer *r, tdl_report *why)
{
    const char *path = r->options->path;

    if (tdl_input_has_suffix(path, ".csv") || tdl_input_has_suffix(path, ".tsv"))
        return !r->options->map[0] && tdl_feedlog_is_shops_book(path) ? tdl_import_log(r, why)
                                                                      : tdl_import_csv(r, why);
    if (tdl_input_has_suffix(path, ".jsonl") || tdl_input_has_suffix(path, ".ndjson"))
        return tdl_import_lines(r, why);
    if (tdl_feedlog_is_foreign(path))
        return tdl_import_log(r, why);
    return TDL_FAIL_HINT(why, TDL_E_USAGE,
                         "name it .csv, .tsv, .jsonl, .ndjson, .inter, u.data, .dat or .json; .gz "
                         "or .zst may follow",
                         "%s: the name does not say what is in it", path);
}

tdl_status tdl_import_file(const tdl_import_options *options, const tdl_import_sink *sink,
                           tdl_progress *progress, tdl_import_result *ret, tdl_report *why)
{
    tdl_status st;
    tdl_importer r = {.options = options,
                      .sink = sink,
                      .progress = progress,
                      .result = ret,
                      .arena = tdl_arena_new(BATCH_BYTES),
                      .events = calloc(sink->batch_n, sizeof *r.events),
                      .items = calloc(sink->batch_n, sizeof *r.items),
                      .skip = tdl_import_state_rows(options),
                      .started_us = tdl_time_monotonic()};

    *ret = (tdl_import_result){0};
    if (!r.arena || !r.events || !r.items) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
        goto out;
    }
    st = read_any(&r, why);
    tdl_report flush_why = {0};
    tdl_status flushed = flush(&r, &flush_why); // what was read before a failure is sound
    if (!st && (st = flushed) && why)
        *why = flush_why;
    if (!st)
        tdl_import_state_drop(options);
    ret->seconds = (double)(tdl_time_monotonic() - r.started_us) / 1e6;
out:
    if (r.rejects)
        fclose(r.rejects);
    tdl_seen_item *item, *next;
    HASH_ITER(hh, r.seen, item, next)
    {
        HASH_DEL(r.seen, item); // NOLINT(clang-analyzer-unix.Malloc): it cannot follow uthash
        free(item);
    }
    tdl_arena_free(r.arena);
    free(r.events);
    free(r.items);
    return st;
}
