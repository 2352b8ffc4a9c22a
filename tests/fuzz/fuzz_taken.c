/* What events say was taken: whatever their properties are, items have ids that fit. */
#include <stdlib.h>

#include "apps/recommend/taken.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    tdl_event event = {.properties = text, .item = size % 2 ? TDL_STR("own") : (tdl_str){0}};
    tdl_taken taken;

    tdl_is_robot_agent(text);
    tdl_taken_read(&event, &taken);
    if (event.item.len && (!taken.items_n || !tdl_str_is(tdl_taken_item(&taken, 0), "own")))
        abort();
    for (size_t i = 0; i < taken.items_n; i++)
        if (!tdl_taken_item(&taken, i).len || tdl_taken_item(&taken, i).len > TDL_ID_MAX)
            abort();
    tdl_taken_release(&taken);
    return 0;
}
