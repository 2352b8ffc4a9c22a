/* The reasons of a stored decision: whatever the bytes, they are refused or make one JSON array. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/reasons.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static tdl_catalogue *catalogue;
    const tdl_candidate candidates[] = {{.item = TDL_STR("a"), .chosen = true},
                                        {.item = TDL_STR("b"), .chosen = true},
                                        {.item = TDL_STR("c"), .chosen = true},
                                        {.item = TDL_STR("d")}};
    tdl_decision decision = {
        .why = {(const char *)data, size}, .candidates = candidates, .candidates_n = 4};
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_report why = {0};
    json_t *parsed = NULL;

    if (!catalogue && !(catalogue = tdl_catalogue_new()))
        return 0;
    tdl_status st = tdl_reasons_write(&decision, catalogue, &w, &why);
    if (st ? st != TDL_E_CORRUPT
           : tdl_json_parse(tdl_buf_view(&out), TDL_JSON_LAST_WINS, &parsed, NULL) ||
                 !json_is_array(parsed))
        abort();
    json_decref(parsed);
    tdl_buf_release(&out);
    return 0;
}
