#include "wire/segment/segment.h"

static tdl_status parse(tdl_str text, json_t **ret, tdl_report *why)
{
    tdl_buf storage = {.limit = text.len + text.len / 4 + 1024}; // quotes around long integers
    tdl_status st =
        tdl_json_parse(tdl_segment_repair(text, &storage), TDL_JSON_LAST_WINS, ret, why);

    tdl_buf_release(&storage);
    if (!st && !json_is_object(*ret))
        st = TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not a %s",
                      tdl_json_type_name(*ret));
    return st;
}

/* The list of calls: the `batch` member, or NULL for a body that is one call itself. */
static tdl_status find_batch(const json_t *body, tdl_segment_call call, json_t **ret,
                             tdl_report *why)
{
    *ret = NULL;
    if (call != TDL_SEGMENT_BATCH)
        return TDL_OK;
    *ret = json_object_get(body, "batch");
    if (!json_is_array(*ret))
        return TDL_FAIL(why, TDL_E_INVALID, "batch must be an array, not %s",
                        tdl_json_type_name(*ret));
    if (json_array_size(*ret) > TDL_SEGMENT_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "send several requests",
                             "%zu events in one request, %d are allowed", json_array_size(*ret),
                             TDL_SEGMENT_MAX);
    return TDL_OK;
}

static void find_key(const json_t *body, const json_t *batch, tdl_str *ret)
{
    *ret = (tdl_str){0};
    if (!tdl_json_get_str(body, "writeKey", ret))
        tdl_json_get_str(json_array_get(batch, 0), "writeKey", ret);
}

tdl_status tdl_segment_decode(tdl_str text, tdl_segment_call call, int64_t now_us, tdl_arena *arena,
                              tdl_batch *ret, tdl_str *ret_key, tdl_report *why)
{
    json_t *batch;
    int64_t sent_us = -1;
    tdl_status st;

    if ((st = parse(text, &ret->json, why)) || (st = find_batch(ret->json, call, &batch, why)))
        return st;
    find_key(ret->json, batch, ret_key);
    tdl_segment_time(json_object_get(ret->json, "sentAt"), &sent_us);
    ret->received_n = batch ? json_array_size(batch) : 1;
    ret->events = tdl_arena_alloc(arena, ret->received_n, sizeof *ret->events);
    if (!ret->events)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < ret->received_n; i++) {
        tdl_report rejected = {0};
        st = tdl_segment_event(batch ? json_array_get(batch, i) : ret->json, call, sent_us, now_us,
                               arena, &ret->events[ret->events_n], &rejected);
        if (st == TDL_E_NO_MEMORY)
            return TDL_FAIL(why, st, "%s", rejected.message);
        if (!st) {
            ret->events_n++;
        } else if (!ret->rejected.status) {
            ret->rejected = rejected;
            tdl_report_prefix(&ret->rejected, "event %zu", i);
        }
    }
    return TDL_OK;
}
