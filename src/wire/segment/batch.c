#include "wire/clock.h"
#include "wire/repair.h"
#include "wire/segment/segment.h"

/* The list of calls: the `batch` member, or NULL for a body that is one call itself. */
static tdl_status find_batch(const json_t *body, tdl_segment_call call, json_t **ret,
                             tdl_report *why)
{
    *ret = NULL;
    if (!json_is_object(body))
        return TDL_FAIL(why, TDL_E_INVALID, "the body must be an object, not a %s",
                        tdl_json_type_name(body));
    if (call != TDL_SEGMENT_BATCH)
        return TDL_OK;
    *ret = json_object_get(body, "batch");
    if (!json_is_array(*ret))
        return TDL_FAIL(why, TDL_E_INVALID, "batch must be an array, not %s",
                        tdl_json_type_name(*ret));
    return TDL_OK;
}

static void find_key(const json_t *body, const json_t *batch, tdl_str *ret)
{
    *ret = (tdl_str){0};
    if (!tdl_json_get_str(body, "writeKey", ret))
        tdl_json_get_str(json_array_get(batch, 0), "writeKey", ret);
}

/* What all calls of one request share. */
typedef struct request {
    tdl_segment_call call;
    int64_t sent_us, now_us;
    tdl_arena *arena;
} request;

static tdl_status decode_one(void *context, json_t *object, tdl_event *ret, tdl_report *why)
{
    const request *r = context;
    return tdl_segment_event(object, r->call, r->sent_us, r->now_us, r->arena, ret, why);
}

tdl_status tdl_segment_decode(tdl_str text, tdl_segment_call call, int64_t now_us, tdl_arena *arena,
                              tdl_batch *ret, tdl_str *ret_key, tdl_report *why)
{
    request r = {.call = call, .sent_us = -1, .now_us = now_us, .arena = arena};
    tdl_batch_source source = {.decode = decode_one, .context = &r};
    tdl_status st;

    if ((st = tdl_repair_parse(text, &ret->json, why)) ||
        (st = find_batch(ret->json, call, &source.list, why)))
        return st;
    source.single = ret->json;
    find_key(ret->json, source.list, ret_key);
    tdl_clock_read(json_object_get(ret->json, "sentAt"), &r.sent_us);
    return tdl_batch_fill(ret, &source, arena, why);
}
