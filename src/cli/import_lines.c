/* Lines of JSON: events as POST /v1/events takes them, calls as Segment's SDKs send them and as its
 * exports keep them, or events of PostHog's batch exports. */
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/import_parts.h"
#include "table/input.h"
#include "wire/native/native.h"
#include "wire/posthog/posthog.h"
#include "wire/repair.h"
#include "wire/segment/segment.h"

enum { INPUT_BYTES = 64 << 10, LINE_MAX_BYTES = 16 << 20 };

typedef struct line_reader {
    tdl_importer *to;
    tdl_input *input;
    char some[INPUT_BYTES];
    size_t at, some_n;
    tdl_buf text; /* of the line under way */
    size_t line;  /* counted from 1 */
} line_reader;

/* The next line without its end; *ret_more = false at the end of the file. */
static tdl_status next_line(line_reader *r, bool *ret_more, tdl_report *why)
{
    tdl_buf_clear(&r->text);
    r->line++;
    for (;;) {
        if (r->at == r->some_n) {
            r->at = 0;
            tdl_status st = tdl_input_read(r->input, r->some, INPUT_BYTES, &r->some_n, why);
            if (st) {
                tdl_report_prefix(why, "%s: line %zu", r->to->options->path, r->line);
                return st;
            }
        }
        const char *begin = r->some + r->at, *end = memchr(begin, '\n', r->some_n - r->at);
        size_t n = end ? (size_t)(end - begin) : r->some_n - r->at;
        tdl_buf_add(&r->text, begin, n);
        r->at += n + (end != NULL);
        if (r->text.failed)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: line %zu is longer than %d bytes",
                            r->to->options->path, r->line, LINE_MAX_BYTES);
        *ret_more = end || r->text.len;
        if (end || !r->some_n)
            return TDL_OK;
    }
}

/* Strings may lie in the parsed line, which dies; the batch's arena does not. */
static tdl_event keep(tdl_importer *to, const tdl_event *event)
{
    tdl_event copy = *event;
    tdl_str *const texts[] = {&copy.user,        &copy.kind,   &copy.item,       &copy.properties,
                              &copy.message_id,  &copy.alias,  &copy.traits,     &copy.traits_once,
                              &copy.decision_id, &copy.source, &copy.group_type, &copy.group,
                              &copy.group_traits};

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        *texts[i] = tdl_arena_str(to->arena, *texts[i]);
    return copy;
}

/* Segment's calls say their type, and never "kind" or "user". */
static bool is_segment(const json_t *line)
{
    return json_object_get(line, "type") && !json_object_get(line, "kind") &&
           (json_object_get(line, "userId") || json_object_get(line, "anonymousId"));
}

static tdl_status read_native(tdl_importer *to, tdl_str text, int64_t now_us, tdl_batch *batch,
                              tdl_event *ret, tdl_report *why)
{
    tdl_status st = tdl_native_events(text, now_us, to->arena, batch, why);

    if (st)
        return st;
    if (batch->events_n != 1)
        return TDL_FAIL(why, TDL_E_INVALID, "a line must hold one event, not %zu", batch->events_n);
    *ret = batch->events[0];
    ret->source = tdl_str_of(to->options->source);
    return TDL_OK;
}

/* ret is kept in the arena; its source tells duplicates apart: what came over the wire before is
 * one of an export of it. */
static tdl_status read_line(tdl_importer *to, tdl_str text, tdl_event *ret, tdl_report *why)
{
    tdl_batch batch = {0};
    json_t *line = NULL;
    int64_t now_us = tdl_time_now();
    tdl_status st;

    if (tdl_repair_parse(text, &line, NULL))
        line = NULL; // the native reader says what is wrong with it
    if (is_segment(line))
        st = tdl_segment_event(line, TDL_SEGMENT_BATCH, -1, now_us, to->arena, ret, why);
    else if (tdl_posthog_is_export(line))
        st = tdl_posthog_export(line, now_us, to->arena, ret, why);
    else
        st = read_native(to, text, now_us, &batch, ret, why);
    if (!st)
        *ret = keep(to, ret);
    tdl_batch_release(&batch);
    json_decref(line);
    return st;
}

static tdl_status take_line(line_reader *r, tdl_report *why)
{
    tdl_str text = tdl_buf_view(&r->text);
    tdl_event event;
    tdl_report bad = {0};
    tdl_status st;

    if (!tdl_str_trim(text).len || tdl_importer_skips(r->to))
        return TDL_OK;
    if ((st = tdl_importer_make_room(r->to, why)))
        return st;
    if (read_line(r->to, text, &event, &bad)) {
        tdl_importer_reject(r->to, r->line, text, &bad);
        return TDL_OK;
    }
    return tdl_importer_event(r->to, &event, r->line, text, why);
}

tdl_status tdl_import_lines(tdl_importer *importer, tdl_report *why)
{
    line_reader *r = calloc(1, sizeof *r);
    bool more = true;
    tdl_status st;

    if (!r)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    r->to = importer;
    r->text.limit = LINE_MAX_BYTES;
    st = tdl_input_open(importer->options->path, &r->input, why);
    while (!st && !(st = next_line(r, &more, why)) && more) {
        st = take_line(r, why);
        tdl_importer_draw(importer, tdl_input_taken(r->input), tdl_input_total(r->input));
    }
    tdl_input_close(r->input);
    tdl_buf_release(&r->text);
    free(r);
    return st;
}
