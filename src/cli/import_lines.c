/* Lines of JSON: events as POST /v1/events takes them, calls as Segment's SDKs send them and as its
 * exports keep them, or events of PostHog's batch exports. */
#include "base/timestamp.h"
#include "cli/import_parts.h"
#include "cli/line_input.h"
#include "wire/native/native.h"
#include "wire/posthog/posthog.h"
#include "wire/repair.h"
#include "wire/segment/segment.h"

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

static tdl_status take_line(tdl_importer *to, tdl_str text, size_t line, tdl_report *why)
{
    tdl_event event;
    tdl_report bad = {0};
    tdl_status st;

    if (!tdl_str_trim(text).len || tdl_importer_skips(to))
        return TDL_OK;
    if ((st = tdl_importer_make_room(to, why)))
        return st;
    if (read_line(to, text, &event, &bad)) {
        tdl_importer_reject(to, line, text, &bad);
        return TDL_OK;
    }
    return tdl_importer_event(to, &event, line, text, why);
}

tdl_status tdl_import_lines(tdl_importer *importer, tdl_report *why)
{
    tdl_line_input *in = NULL;
    tdl_str text;
    bool more = true;
    tdl_status st = tdl_line_input_open(importer->options->path, &in, why);

    while (!st && !(st = tdl_line_input_next(in, &text, &more, why)) && more) {
        st = take_line(importer, text, tdl_line_input_line(in), why);
        tdl_importer_draw(importer, tdl_line_input_taken(in), tdl_line_input_total(in));
    }
    tdl_line_input_close(in);
    return st;
}
