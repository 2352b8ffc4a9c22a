/* Queries of reports, asked of no store: refused with a reason, or answered with a table that is
 * JSON and CSV. */
#include <stdint.h>
#include <stdlib.h>

#include "insight/insight.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int64_t NOW_US = INT64_C(1795449172000000);

static void check_table(const tdl_table *table)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *json = NULL;

    tdl_table_json(table, &w);
    if (tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &json, NULL) ||
        json_array_size(json_object_get(json, "rows")) != table->rows_n)
        abort();
    tdl_buf_clear(&text);
    tdl_table_csv(table, &text);
    if (!tdl_str_utf8(tdl_buf_view(&text), NULL))
        abort();
    tdl_buf_release(&text);
    json_decref(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_arena *arena = tdl_arena_new((size_t)16 << 20);
    tdl_report why = {0};
    json_t *query = NULL;
    tdl_table table;

    if (!tdl_json_parse((tdl_str){(const char *)data, size}, TDL_JSON_LAST_WINS, &query, NULL)) {
        tdl_status st = tdl_insight(NULL, query, NOW_US, arena, &table, &why);
        if (!st)
            check_table(&table);
        else if ((st != TDL_E_INVALID && st != TDL_E_NO_MEMORY) || !why.message[0])
            abort();
    }
    json_decref(query);
    tdl_arena_free(arena);
    return 0;
}
