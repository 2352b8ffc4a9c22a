/* Segment's bodies, packed or not: whatever is decoded passes the store's own check. The first
 * byte chooses the call. */
#include <stdint.h>
#include <stdlib.h>

#include "store/store.h"
#include "wire/body.h"
#include "wire/segment/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void check_batch(const tdl_batch *batch)
{
    tdl_report why = {0};

    if (batch->events_n > batch->received_n ||
        (batch->events_n < batch->received_n) != (batch->rejected.status != TDL_OK))
        abort();
    for (size_t i = 0; i < batch->events_n; i++)
        if (tdl_event_check(&batch->events[i], NOW_US, &why))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_body_limits limits = {.inflated_max = 1 << 20, .values_max = 10000};
    tdl_buf storage = {0};
    tdl_batch batch = {0};
    tdl_str text, key;

    if (!size)
        return 0;
    tdl_str raw = {(const char *)data + 1, size - 1};
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    if (!tdl_body_decode(raw, (tdl_str){0}, &limits, &storage, &text, NULL) &&
        !tdl_body_unwrap(text, &limits, &storage, &text, NULL) &&
        !tdl_segment_decode(text, (tdl_segment_call)(data[0] % (TDL_SEGMENT_ALIAS + 1)), NOW_US,
                            arena, &batch, &key, NULL))
        check_batch(&batch);
    tdl_batch_release(&batch);
    tdl_buf_release(&storage);
    tdl_arena_free(arena);
    return 0;
}
