/* PostHog's bodies, packed and wrapped or not: whatever is decoded passes the store's own check,
 * and results are JSON. The first byte chooses: events, events with results, the key alone. */
#include <stdint.h>
#include <stdlib.h>

#include "store/store.h"
#include "wire/body.h"
#include "wire/posthog/posthog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void check_batch(const tdl_batch *batch)
{
    if (batch->events_n > batch->received_n ||
        (batch->events_n < batch->received_n) != (batch->rejected.status != TDL_OK))
        abort();
    for (size_t i = 0; i < batch->events_n; i++)
        if (tdl_event_check(&batch->events[i], NOW_US, NULL))
            abort();
}

static void check_results(const tdl_buf *results)
{
    json_t *json = NULL;

    if (tdl_json_parse(tdl_buf_view(results), TDL_JSON_REFUSE_DUPLICATES, &json, NULL) ||
        !json_is_object(json))
        abort();
    json_decref(json);
}

static void decode(tdl_str text, bool with_results, tdl_arena *arena)
{
    tdl_buf results = {0};
    tdl_posthog_call call = {.now_us = NOW_US,
                             .sent_us = with_results ? NOW_US - 20000000 : -1,
                             .library = text, // as wild as the rest
                             .ret_results = with_results ? &results : NULL};
    tdl_batch batch = {0};
    tdl_report why = {0};
    tdl_str key;

    if (!tdl_posthog_decode(text, &call, arena, &batch, &key, &why)) {
        check_batch(&batch);
        if (with_results)
            check_results(&results);
    } else if (!why.message[0] || !tdl_str_utf8(tdl_str_of(why.message), NULL)) {
        abort(); // refused without a reason, or with one that nobody can be told
    }
    tdl_batch_release(&batch);
    tdl_buf_release(&results);
}

static void read_key(tdl_str text)
{
    tdl_batch batch = {0};
    tdl_str key;

    if (!tdl_posthog_key(text, &batch, &key, NULL) && !tdl_str_utf8(key, NULL))
        abort();
    tdl_batch_release(&batch);
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
    if (!tdl_body_decode(raw, (tdl_str){0}, &limits, &storage, &text, NULL) &&
        !tdl_body_unwrap(text, &limits, &storage, &text, NULL)) {
        if (data[0] % 3 == 2)
            read_key(text);
        else
            decode(text, data[0] % 3 == 1, arena);
    }
    tdl_buf_release(&storage);
    tdl_arena_free(arena);
    return 0;
}
