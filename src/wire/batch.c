#include "wire/batch.h"

#include "store/store.h"

void tdl_batch_release(tdl_batch *batch)
{
    json_decref(batch->json);
    *batch = (tdl_batch){0};
}

tdl_status tdl_batch_object_text(const json_t *object, const char *field, tdl_arena *arena,
                                 tdl_str *ret, tdl_report *why)
{
    tdl_buf text = {.limit = TDL_PROPERTIES_MAX + 1};
    tdl_status st = TDL_OK;

    if (!json_object_size(object)) {
        *ret = (tdl_str){0};
        return TDL_OK;
    }
    tdl_json_dump(&text, object);
    if (text.failed || text.len > TDL_PROPERTIES_MAX)
        st = TDL_FAIL(why, TDL_E_INVALID, "%s take more than %d bytes as JSON", field,
                      TDL_PROPERTIES_MAX);
    else if (!(*ret = tdl_arena_str(arena, tdl_buf_view(&text))).at)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    tdl_buf_release(&text);
    return st;
}

tdl_status tdl_batch_check(const tdl_event *event, int64_t now_us, tdl_report *why)
{
    tdl_event without = *event;

    without.properties = without.traits = without.traits_once = without.group_traits = (tdl_str){0};
    return tdl_event_check(&without, now_us, why);
}

/* Keys are nobody's to read, and the event is not used any more. */
static void drop_keys(json_t *object)
{
    static const char *const keys[] = {"api_key", "token", "$token", "writeKey"};

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_object_del(object, keys[i]);
        json_object_del(json_object_get(object, "properties"), keys[i]);
    }
}

/* Without memory the event is counted only. */
static void keep(tdl_batch *batch, json_t *object, const tdl_report *outcome, tdl_arena *arena)
{
    if (!batch->left_out)
        batch->left_out = tdl_arena_alloc(arena, TDL_LEFT_OUT_MAX, sizeof *batch->left_out);
    if (!batch->left_out || batch->left_out_n == TDL_LEFT_OUT_MAX)
        return;
    drop_keys(object);
    tdl_left_out one = {tdl_arena_str(arena, tdl_str_of(outcome->message)), object};
    if (one.reason.at)
        batch->left_out[batch->left_out_n++] = one;
}

static void leave_out(tdl_batch *batch, size_t i, const tdl_report *outcome)
{
    if (batch->rejected.status)
        return;
    batch->rejected = *outcome;
    tdl_report_prefix(&batch->rejected, "event %zu", i);
}

tdl_status tdl_batch_fill(tdl_batch *batch, const tdl_batch_source *source, tdl_arena *arena,
                          tdl_report *why)
{
    size_t n = source->list ? json_array_size(source->list) : 1;

    if (n > TDL_BATCH_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "send several requests",
                             "%zu events in one request, %d are allowed", n, TDL_BATCH_MAX);
    batch->received_n = n;
    if (!(batch->events = tdl_arena_alloc(arena, n, sizeof *batch->events)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < n; i++) {
        json_t *object = source->list ? json_array_get(source->list, i) : source->single;
        tdl_report outcome = {0};
        tdl_status st =
            source->decode(source->context, object, &batch->events[batch->events_n], &outcome);
        if (st == TDL_E_NO_MEMORY)
            return TDL_FAIL(why, st, "%s", outcome.message);
        if (source->told)
            source->told(source->context, object, &outcome);
        if (st) {
            leave_out(batch, i, &outcome);
            keep(batch, object, &outcome, arena);
        } else {
            batch->events_n++;
        }
    }
    return TDL_OK;
}
