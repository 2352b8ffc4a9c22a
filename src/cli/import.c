#include "cli/import.h"

#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uthash.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "store/store.h"
#include "table/csv.h"
#include "wire/native/native.h"

enum {
    BATCH_BYTES = 64 << 20, /* of one batch's rows */
    ATTRIBUTES_MAX = 32,
    DIGEST_BYTES = 16
};

typedef enum field {
    FIELD_USER,
    FIELD_ITEM,
    FIELD_KIND,
    FIELD_VALUE,
    FIELD_TIME,
    FIELD_MESSAGE_ID,
    FIELD_TITLE,
    FIELDS_N
} field;

static const char *const field_names[FIELDS_N] = {"user", "item",       "kind", "value",
                                                  "time", "message_id", "title"};

typedef struct seen_item {
    UT_hash_handle hh;
    char id[];
} seen_item;

typedef struct reader {
    const tdl_import_options *options;
    const tdl_import_sink *sink;
    tdl_progress *progress;
    tdl_import_result *result;
    tdl_arena *arena; /* of the batch under way */
    tdl_event *events;
    tdl_item *items;
    size_t events_n, items_n;
    seen_item *seen; /* items already handed on */
    int64_t started_us;
    /* CSV only */
    tdl_csv *csv;
    int column[FIELDS_N]; /* -1 = not mapped */
    size_t attribute[ATTRIBUTES_MAX];
    tdl_str attribute_name[ATTRIBUTES_MAX];
    size_t attributes_n;
} reader;

/* ---- handing on ---- */

static tdl_status flush(reader *r, tdl_report *why)
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
    return TDL_OK;
}

static void draw(reader *r, double done)
{
    char rate[48];
    double seconds = (double)(tdl_time_monotonic() - r->started_us) / 1e6;

    snprintf(rate, sizeof rate, "%.0f/s", (double)r->result->rows / fmax(seconds, 1e-3));
    tdl_progress_draw(r->progress, "import", done, rate);
}

static void reject(reader *r, size_t line, const tdl_report *why)
{
    if (!r->result->rejected++)
        snprintf(r->result->first_reject, sizeof r->result->first_reject, "line %zu: %.480s", line,
                 why->message);
}

/* The item with what the row says of it, once per file. */
static tdl_status note_item(reader *r, tdl_str id, tdl_str title, tdl_str attributes,
                            tdl_report *why)
{
    seen_item *seen;

    HASH_FIND(hh, r->seen, id.at, id.len, seen);
    if (seen)
        return TDL_OK;
    seen = calloc(1, sizeof *seen + id.len + 1);
    if (!seen)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    memcpy(seen->id, id.at, id.len);
    HASH_ADD_KEYPTR(hh, r->seen, seen->id, id.len, seen);
    r->items[r->items_n++] = (tdl_item){.id = id, .title = title, .attributes = attributes};
    return TDL_OK;
}

static tdl_status note_event(reader *r, const tdl_event *event, size_t line, tdl_report *why)
{
    tdl_report bad = {0};

    r->result->rows++;
    if (tdl_event_check(event, tdl_time_now(), &bad)) {
        reject(r, line, &bad);
        return TDL_OK;
    }
    r->events[r->events_n++] = *event;
    return r->events_n == r->sink->batch_n ? flush(r, why) : TDL_OK;
}

/* ---- CSV ---- */

static tdl_status map_one(reader *r, tdl_str name, tdl_str column, tdl_report *why)
{
    size_t index;
    char text[256];

    snprintf(text, sizeof text, "%.*s", TDL_FMT(column));
    for (size_t f = 0; f < FIELDS_N; f++) {
        if (!tdl_str_is(name, field_names[f]))
            continue;
        if (!tdl_csv_column(r->csv, text, &index))
            return TDL_FAIL(why, TDL_E_INVALID, "%s has no column \"%s\" for %s", r->options->path,
                            text, field_names[f]);
        r->column[f] = (int)index;
        return TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_USAGE,
                         "fields are user, item, kind, value, time, message_id and title",
                         "--map: there is no field \"%.*s\"", TDL_FMT(name));
}

/* The next piece of a comma-separated list; false at its end. */
static bool next_piece(const char **list, tdl_str *ret)
{
    while (**list == ',')
        (*list)++;
    size_t n = strcspn(*list, ",");
    *ret = tdl_str_trim((tdl_str){*list, n});
    *list += n;
    return n > 0;
}

static tdl_status map_columns(reader *r, tdl_report *why)
{
    const char *list = r->options->map;
    tdl_str piece;

    for (size_t f = 0; f < FIELDS_N; f++) {
        size_t index;
        r->column[f] = tdl_csv_column(r->csv, field_names[f], &index) ? (int)index : -1;
    }
    while (next_piece(&list, &piece)) {
        const char *equals = memchr(piece.at, '=', piece.len);
        if (!equals)
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "write field=column, as in user=userId",
                                 "--map: \"%.*s\" is not field=column", TDL_FMT(piece));
        tdl_str name = {piece.at, (size_t)(equals - piece.at)};
        tdl_str column = {equals + 1, piece.len - name.len - 1};
        tdl_status st = map_one(r, name, column, why);
        if (st)
            return st;
    }
    if (r->column[FIELD_USER] < 0)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name it: --map user=COLUMN",
                             "%s: no column says which user a row is about", r->options->path);
    return TDL_OK;
}

static tdl_status map_attributes(reader *r, tdl_report *why)
{
    const char *list = r->options->attributes;
    tdl_str piece;

    while (next_piece(&list, &piece)) {
        char text[256];
        snprintf(text, sizeof text, "%.*s", TDL_FMT(piece));
        if (r->attributes_n == ATTRIBUTES_MAX)
            return TDL_FAIL(why, TDL_E_USAGE, "--attributes: more than %d columns", ATTRIBUTES_MAX);
        if (!tdl_csv_column(r->csv, text, &r->attribute[r->attributes_n]))
            return TDL_FAIL(why, TDL_E_INVALID, "--attributes: %s has no column \"%s\"",
                            r->options->path, text);
        r->attribute_name[r->attributes_n++] = piece;
    }
    return TDL_OK;
}

/* Whole numbers are seconds, milliseconds or microseconds by their size; other text is RFC 3339. */
static tdl_status parse_time(tdl_str text, int64_t *ret_us, tdl_report *why)
{
    int64_t number;

    if (!tdl_str_int(text, &number))
        return tdl_time_parse(text, ret_us, why);
    if (number < 0)
        return TDL_FAIL(why, TDL_E_INVALID, "time %lld is before 1970", (long long)number);
    *ret_us = number < 100000000000      ? number * 1000000
              : number < 100000000000000 ? number * 1000
                                         : number;
    return TDL_OK;
}

static tdl_str cell(const reader *r, const tdl_str *cells, field f)
{
    return r->column[f] < 0 ? (tdl_str){0} : cells[r->column[f]];
}

static tdl_str attributes_json(reader *r, const tdl_str *cells)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    char name[256];

    if (!r->attributes_n)
        return (tdl_str){0};
    tdl_jw_object(&w);
    for (size_t i = 0; i < r->attributes_n; i++) {
        snprintf(name, sizeof name, "%.*s", TDL_FMT(r->attribute_name[i]));
        tdl_jw_kstr(&w, name, cells[r->attribute[i]]);
    }
    tdl_jw_end_object(&w);
    tdl_str copy = tdl_arena_str(r->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy;
}

/* Rows without an id of their own are named by what they say, so importing a file twice, or a
 * longer version of it, stores each row once. */
static tdl_str content_id(reader *r, const tdl_event *event)
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
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(text, sizeof text, digest, sizeof digest);
    return tdl_arena_str(r->arena, tdl_str_of(text));
}

static tdl_status read_cells(reader *r, const tdl_str *cells, tdl_event *ret, tdl_report *why)
{
    tdl_str value = cell(r, cells, FIELD_VALUE), time = cell(r, cells, FIELD_TIME);
    tdl_str kind = cell(r, cells, FIELD_KIND);
    tdl_status st;

    *ret =
        (tdl_event){.user = tdl_arena_str(r->arena, cell(r, cells, FIELD_USER)),
                    .kind = tdl_arena_str(r->arena, kind.len ? kind : tdl_str_of(r->options->kind)),
                    .item = tdl_arena_str(r->arena, cell(r, cells, FIELD_ITEM)),
                    .source = tdl_str_of(r->options->source),
                    .message_id = tdl_arena_str(r->arena, cell(r, cells, FIELD_MESSAGE_ID)),
                    .time_us = tdl_time_now()};
    if (value.len) {
        if (!tdl_str_double(value, &ret->value))
            return TDL_FAIL(why, TDL_E_INVALID, "value \"%.*s\" is not a number", TDL_FMT(value));
        ret->has_value = true;
    }
    if (time.len && (st = parse_time(time, &ret->time_us, why)))
        return st;
    if (!ret->message_id.len)
        ret->message_id = content_id(r, ret);
    return TDL_OK;
}

static tdl_status take_row(reader *r, const tdl_str *cells, tdl_report *why)
{
    tdl_event event;
    tdl_report bad = {0};
    size_t line = tdl_csv_line(r->csv);
    tdl_status st;

    if (r->items_n == r->sink->batch_n || tdl_arena_used(r->arena) > BATCH_BYTES / 2)
        if ((st = flush(r, why)))
            return st;
    if (read_cells(r, cells, &event, &bad)) {
        r->result->rows++;
        reject(r, line, &bad);
        return TDL_OK;
    }
    if (event.item.len && r->column[FIELD_TITLE] >= 0) {
        tdl_str title = tdl_arena_str(r->arena, cell(r, cells, FIELD_TITLE));
        if ((st = note_item(r, event.item, title, attributes_json(r, cells), why)))
            return st;
    }
    return note_event(r, &event, line, why);
}

static tdl_status read_csv(reader *r, tdl_report *why)
{
    const char *dot = strrchr(r->options->path, '.');
    tdl_csv_options options = {.delimiter = dot && !strcasecmp(dot, ".tsv") ? '\t' : ','};
    tdl_status st = tdl_csv_open(r->options->path, &options, &r->csv, why);
    const tdl_str *cells;
    size_t cells_n;
    bool more = true;

    if (!st)
        st = map_columns(r, why);
    if (!st)
        st = map_attributes(r, why);
    while (!st && more) {
        st = tdl_csv_next(r->csv, &cells, &cells_n, &more, why);
        if (!st && more)
            st = take_row(r, cells, why);
        draw(r, tdl_csv_bytes_total(r->csv)
                    ? (double)tdl_csv_bytes_read(r->csv) / (double)tdl_csv_bytes_total(r->csv)
                    : 0);
    }
    return st;
}

/* ---- JSONL ---- */

static tdl_event copy_event(reader *r, const tdl_event *event)
{
    tdl_event copy = *event;

    copy.user = tdl_arena_str(r->arena, event->user);
    copy.kind = tdl_arena_str(r->arena, event->kind);
    copy.item = tdl_arena_str(r->arena, event->item);
    copy.properties = tdl_arena_str(r->arena, event->properties);
    copy.message_id = tdl_arena_str(r->arena, event->message_id);
    copy.decision_id = tdl_arena_str(r->arena, event->decision_id);
    copy.alias = tdl_arena_str(r->arena, event->alias);
    copy.traits = tdl_arena_str(r->arena, event->traits);
    copy.traits_once = tdl_arena_str(r->arena, event->traits_once);
    return copy;
}

static tdl_status take_line(reader *r, tdl_str text, size_t line, tdl_report *why)
{
    tdl_report bad = {0};
    tdl_batch batch = {0};
    tdl_status st = TDL_OK;

    if (!tdl_str_trim(text).len)
        return TDL_OK;
    if (tdl_native_events(text, tdl_time_now(), r->arena, &batch, &bad) || batch.events_n != 1) {
        r->result->rows++;
        reject(r, line, &bad);
    } else {
        batch.events[0].source = tdl_str_of(r->options->source);
        // The strings may lie in the parsed line, which dies here; the batch's arena does not.
        tdl_event copy = copy_event(r, &batch.events[0]);
        st = note_event(r, &copy, line, why);
    }
    tdl_batch_release(&batch);
    return st;
}

static tdl_status read_jsonl(reader *r, tdl_report *why)
{
    FILE *file = fopen(r->options->path, "rb");
    char *text = NULL;
    size_t cap = 0, line = 0;
    ssize_t n;
    tdl_status st = TDL_OK;

    if (!file)
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot be opened", r->options->path);
    fseeko(file, 0, SEEK_END);
    double total = (double)ftello(file);
    rewind(file);
    while (!st && (n = getline(&text, &cap, file)) >= 0) {
        st = take_line(r, (tdl_str){text, (size_t)n}, ++line, why);
        draw(r, total > 0 ? (double)ftello(file) / total : 0);
    }
    if (!st && ferror(file))
        st = TDL_FAIL(why, TDL_E_IO, "%s: reading failed after line %zu", r->options->path, line);
    free(text);
    fclose(file);
    return st;
}

/* ---- the whole ---- */

static bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), k = strlen(suffix);
    return n >= k && !strcasecmp(path + n - k, suffix);
}

static tdl_status read_any(reader *r, tdl_report *why)
{
    const char *path = r->options->path;

    if (has_suffix(path, ".csv") || has_suffix(path, ".tsv"))
        return read_csv(r, why);
    if (has_suffix(path, ".jsonl") || has_suffix(path, ".ndjson"))
        return read_jsonl(r, why);
    return TDL_FAIL_HINT(why, TDL_E_USAGE, "name it .csv, .tsv, .jsonl or .ndjson",
                         "%s: the name does not say what is in it", path);
}

tdl_status tdl_import_file(const tdl_import_options *options, const tdl_import_sink *sink,
                           tdl_progress *progress, tdl_import_result *ret, tdl_report *why)
{
    tdl_status st;
    reader r = {.options = options,
                .sink = sink,
                .progress = progress,
                .result = ret,
                .arena = tdl_arena_new(BATCH_BYTES),
                .events = calloc(sink->batch_n, sizeof *r.events),
                .items = calloc(sink->batch_n, sizeof *r.items),
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
    ret->seconds = (double)(tdl_time_monotonic() - r.started_us) / 1e6;
out:
    tdl_csv_close(r.csv);
    seen_item *item, *next;
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
