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

    without.properties = without.traits = without.traits_once = (tdl_str){0};
    return tdl_event_check(&without, now_us, why);
}
