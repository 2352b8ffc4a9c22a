#include "cli/told.h"

#include <stdio.h>

const char *tdl_told_text(const json_t *object, const char *member)
{
    const char *found = json_string_value(json_object_get(object, member));

    return found ? found : "";
}

double tdl_told_number(const json_t *object, const char *member)
{
    return json_number_value(json_object_get(object, member));
}

tdl_status tdl_told(const tdl_buf *answer, bool json, void (*print)(const json_t *parsed),
                    tdl_report *why)
{
    json_t *parsed = NULL;

    if (json) {
        printf("%.*s\n", TDL_FMT(tdl_buf_view(answer)));
        return TDL_OK;
    }
    tdl_status st = tdl_json_parse(tdl_buf_view(answer), TDL_JSON_LAST_WINS, &parsed, why);
    if (!st)
        print(parsed);
    json_decref(parsed);
    return st;
}
