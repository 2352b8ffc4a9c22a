/* Stored conformal scores, adaptive states and repairs: whatever the JSON, what loads can be used
 * and saved again. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "stats/adaptive.h"
#include "stats/conformal.h"
#include "stats/mitigate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_scores(const json_t *value)
{
    tdl_conformal c = {0};

    if (tdl_conformal_load(value, &c, NULL))
        return;
    if (tdl_conformal_quantile(&c, 0.2) > tdl_conformal_quantile(&c, 0.1))
        abort();
    tdl_conformal_release(&c);
}

static void use_adaptive(const json_t *value)
{
    tdl_adaptive *s = NULL, *again = NULL;
    json_t *saved;
    double width;

    if (tdl_adaptive_load(value, &s, NULL))
        return;
    for (int i = 0; i < 3; i++) {
        if (tdl_adaptive_issue(s, 0, &width, NULL) == TDL_OK && isnan(width))
            abort();
        tdl_adaptive_arrive(s, 0, i, NULL);
    }
    saved = tdl_adaptive_save(s);
    if (!saved || tdl_adaptive_load(saved, &again, NULL))
        abort();
    json_decref(saved);
    tdl_adaptive_free(s);
    tdl_adaptive_free(again);
}

static void use_repair(const json_t *value)
{
    tdl_repair r = {0};

    if (tdl_repair_load(value, &r, NULL))
        return;
    for (int i = -3; i <= 3; i++)
        if (!isfinite(tdl_repair_apply(&r, i, 0)))
            abort();
    tdl_repair_release(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *value = NULL;

    if (tdl_json_parse((tdl_str){(const char *)data, size}, TDL_JSON_REFUSE_DUPLICATES, &value,
                       NULL))
        return 0;
    use_scores(value);
    use_adaptive(value);
    use_repair(value);
    json_decref(value);
    return 0;
}
