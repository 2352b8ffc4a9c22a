#include "apps/recommend/feedback_store.h"

#include <string.h>

#include "base/json.h"

enum { ORDER_BYTES = 16 << 20 };

/* A text of the event's properties, in `arena`; empty when there is none. */
static tdl_str property_of(const tdl_event *event, const char *name, tdl_arena *arena)
{
    json_t *properties = NULL;
    tdl_str ret = {0};

    if (!name[0] || !event->properties.len ||
        !memmem(event->properties.at, event->properties.len, name, strlen(name)) ||
        tdl_json_parse(event->properties, TDL_JSON_LAST_WINS, &properties, NULL))
        return ret;
    if (tdl_json_get_str(properties, name, &ret))
        ret = tdl_arena_str(arena, ret);
    json_decref(properties);
    return ret;
}

tdl_status tdl_feedback_add_store(tdl_feedback *feedback, tdl_store *store, tdl_str kind,
                                  const char *segment, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(ORDER_BYTES);
    tdl_scan *scan = NULL;
    tdl_event event;
    bool more = true;
    tdl_status st = arena ? tdl_scan_open(store, 0, TDL_PURPOSE_TRAINING, &scan, why)
                          : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read events");

    while (!st && !(st = tdl_scan_next(scan, &event, NULL, &more, why)) && more) {
        if (!event.item.len || (kind.len && !tdl_str_eq(event.kind, kind)))
            continue;
        tdl_arena_reset(arena);
        tdl_feedback_row row = {.user = event.user,
                                .item = event.item,
                                .order = property_of(&event, "order_id", arena),
                                .time_us = event.time_us};
        if (row.user.len || row.order.len)
            st = tdl_feedback_add_segment(feedback, &row, property_of(&event, segment, arena), why);
    }
    tdl_scan_close(scan);
    tdl_arena_free(arena);
    return st;
}
