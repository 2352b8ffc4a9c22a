/* Thresholds by group of a model file: whatever the JSON, what loads has a finite threshold and a
 * name for each group, finds every one of them again, and comes back from saving the same. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "apps/predict/adjustment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A row whose cell is the group's name must be of that group. */
static void find_each(const tdl_adjustment *a)
{
    for (size_t i = 0; i < a->groups_n; i++) {
        tdl_str level = tdl_str_of(a->group[i].name);
        int32_t at = 0;
        tdl_column column = {.name = a->column,
                             .type = TDL_COLUMN_CATEGORY,
                             .level = &at,
                             .levels = &level,
                             .levels_n = 1};
        const tdl_frame frame = {.rows = 1, .column = &column, .columns_n = 1};

        if (!isfinite(a->group[i].threshold) || tdl_adjustment_find(a, &frame, 0) != &a->group[i])
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    tdl_adjustment a = {0}, again = {0};
    json_t *value = NULL, *saved = NULL;

    if (tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &value, NULL))
        return 0;
    if (!tdl_adjustment_load(value, &a, NULL)) {
        find_each(&a);
        saved = tdl_adjustment_save(&a);
        if (!saved || tdl_adjustment_load(saved, &again, NULL) || again.kind != a.kind ||
            again.groups_n != a.groups_n)
            abort();
    }
    json_decref(value);
    json_decref(saved);
    tdl_adjustment_release(&a);
    tdl_adjustment_release(&again);
    return 0;
}
