/* Treadle's own bodies and request targets. The first byte chooses: events, items, a target. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/query.h"
#include "http/route.h"
#include "store/store.h"
#include "wire/body.h"
#include "wire/native/native.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void decode_events(tdl_str text, tdl_arena *arena)
{
    tdl_batch batch = {0};
    tdl_report why = {0};

    if (tdl_native_events(text, NOW_US, arena, &batch, &why)) {
        if (!why.message[0])
            abort(); // refused without a reason
    } else {
        for (size_t i = 0; i < batch.events_n; i++)
            if (tdl_event_check(&batch.events[i], NOW_US, NULL))
                abort();
    }
    tdl_batch_release(&batch);
}

static void decode_items(tdl_str text, tdl_arena *arena)
{
    tdl_item *items;
    size_t n;
    json_t *json;

    if (tdl_native_items(text, arena, &items, &n, &json, NULL))
        return;
    for (size_t i = 0; i < n; i++)
        if (!items[i].id.len || items[i].id.len > TDL_ID_MAX)
            abort();
    json_decref(json);
}

static void read_target(tdl_str target, tdl_arena *arena)
{
    const char *question = target.len ? memchr(target.at, '?', target.len) : NULL;
    size_t path_len = question ? (size_t)(question - target.at) : target.len;
    tdl_str query = {target.at + path_len, target.len - path_len}, text;
    tdl_route_match match =
        tdl_route_find(tdl_routes, tdl_routes_n, TDL_STR("GET"), (tdl_str){target.at, path_len});
    int64_t n;

    if (match.route && !match.path_only)
        abort();
    if (!tdl_percent_decode(match.parameter, false, arena, &text, NULL) &&
        !tdl_str_utf8(text, NULL))
        abort();
    if (query.len)
        query = (tdl_str){query.at + 1, query.len - 1};
    if (!tdl_query_text(query, "user", TDL_ID_MAX, arena, &text, NULL) && text.len > TDL_ID_MAX)
        abort();
    if (!tdl_query_int(query, "n", 1, 100, 10, arena, &n, NULL) && (n < 1 || n > 100))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_body_limits limits = {.inflated_max = 1 << 20, .values_max = 10000};
    tdl_buf storage = {0};
    tdl_str text;

    if (!size)
        return 0;
    tdl_str raw = {(const char *)data + 1, size - 1};
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    if (data[0] % 3 == 2)
        read_target(raw, arena);
    else if (!tdl_body_decode(raw, (tdl_str){0}, &limits, &storage, &text, NULL))
        (data[0] % 3 ? decode_items : decode_events)(text, arena);
    tdl_buf_release(&storage);
    tdl_arena_free(arena);
    return 0;
}
