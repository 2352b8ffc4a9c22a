/* A saved pipeline: whatever the JSON says, it is refused with a reason, or rows go through it and
 * it saves as what loads again. */
#include <stdint.h>
#include <stdlib.h>

#include "table/prepare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A row of each kind of column, named as the corpus names them. */
static void apply(const tdl_prepare *prepare)
{
    tdl_str levels[] = {TDL_STR("1"), TDL_STR("red"), TDL_STR("very late")};
    double number[] = {1.5}, gap[] = {-1e300}, date[] = {1.7e9}, truth[] = {1};
    int32_t level[] = {1}, words[] = {2}, digits[] = {0};
    char names[][5] = {"n", "m", "c", "is_x", "date", "text", "lat", "lon"};
    tdl_column column[] = {
        {.name = names[0], .type = TDL_COLUMN_NUMERIC, .number = number},
        {.name = names[1], .type = TDL_COLUMN_INTEGER, .number = gap},
        {.name = names[2], .type = TDL_COLUMN_CATEGORY, .level = level},
        {.name = names[3], .type = TDL_COLUMN_BOOLEAN, .number = truth},
        {.name = names[4], .type = TDL_COLUMN_DATE, .number = date},
        {.name = names[5], .type = TDL_COLUMN_TEXT, .level = words},
        {.name = names[6], .type = TDL_COLUMN_CATEGORY, .level = digits},
        {.name = names[7], .type = TDL_COLUMN_NUMERIC, .number = number},
    };
    const tdl_frame frame = {1, column, sizeof column / sizeof column[0]};
    tdl_matrix matrix = {0};

    for (size_t i = 0; i < frame.columns_n; i++)
        if (column[i].level) {
            column[i].levels = levels;
            column[i].levels_n = 3;
        }
    if (!tdl_prepare_apply(prepare, &frame, NULL, 0, &matrix, NULL, NULL))
        tdl_matrix_release(&matrix);
    if (!tdl_prepare_median_row(prepare, &matrix, NULL))
        tdl_matrix_release(&matrix);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_prepare *prepare = NULL, *again = NULL;
    json_t *json = NULL, *saved;
    tdl_report why = {0};

    if (tdl_json_parse((tdl_str){(const char *)data, size}, TDL_JSON_LAST_WINS, &json, NULL))
        return 0;
    if (tdl_prepare_load(json, &prepare, &why)) {
        if (!why.message[0])
            abort();
    } else {
        apply(prepare);
        saved = tdl_prepare_save(prepare);
        if (!saved || tdl_prepare_load(saved, &again, NULL))
            abort();
        json_decref(saved);
    }
    tdl_prepare_free(prepare);
    tdl_prepare_free(again);
    json_decref(json);
    return 0;
}
