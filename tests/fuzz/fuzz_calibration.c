/* A stored calibration: whatever the JSON, what loads gives probabilities that do not fall as the
 * score of two classes rises (unless its slope is below 0), and comes back from saving the same. */
#include <stdint.h>
#include <stdlib.h>

#include "stats/calibrate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_scores(const tdl_calibration *c)
{
    double last = 0;

    for (int i = -40; i <= 40 && c->width == 1; i++) {
        double score = i * 0.5, p;

        tdl_calibration_apply(c, &score, 1, &p);
        if (!(p >= 0 && p <= 1) || (c->a >= 0 && p + 1e-12 < last))
            abort();
        last = p;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_str text = {(const char *)data, size};
    tdl_calibration c = {0}, again = {0};
    json_t *value = NULL, *saved = NULL;

    if (tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &value, NULL))
        return 0;
    if (!tdl_calibration_load(value, &c, NULL)) {
        check_scores(&c);
        saved = tdl_calibration_save(&c);
        if (!saved || tdl_calibration_load(saved, &again, NULL) || again.method != c.method ||
            again.knots_n != c.knots_n)
            abort();
    }
    json_decref(value);
    json_decref(saved);
    tdl_calibration_release(&c);
    tdl_calibration_release(&again);
    return 0;
}
