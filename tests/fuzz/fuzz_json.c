/* The JSON reader and writer: whatever is accepted is dumped, read back, and dumped the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const json_t *value)
{
    tdl_buf first = {0}, second = {0};
    json_t *again = NULL;

    tdl_json_dump(&first, value);
    if (first.failed ||
        tdl_json_parse(tdl_buf_view(&first), TDL_JSON_REFUSE_DUPLICATES, &again, NULL))
        abort();
    tdl_json_dump(&second, again);
    if (!tdl_str_eq(tdl_buf_view(&first), tdl_buf_view(&second)))
        abort();
    json_decref(again);
    tdl_buf_release(&first);
    tdl_buf_release(&second);
}

static void check_report(const tdl_report *why)
{
    if (why->status != TDL_E_INVALID || strncmp(why->message, "line ", 5) != 0 ||
        !tdl_str_utf8(tdl_str_of(why->message), NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    tdl_report why = {0};
    json_t *value = NULL;

    if (tdl_json_parse(text, TDL_JSON_LAST_WINS, &value, &why))
        check_report(&why);
    else
        check_round_trip(value);
    json_decref(value);
    return 0;
}
