/* Files of a behaviour model: any bytes are refused with a report, or give a model that answers
 * with finite numbers. The first byte says how many items there are. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "apps/recommend/behaviour.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void ask(const tdl_behaviour *model, size_t items_n)
{
    const int32_t item[] = {0, 1, 0};
    const int64_t time_us[] = {0, 0, 5000000};
    const tdl_history history = {item, time_us, 3};
    float vector[TDL_BEHAVIOUR_D_MAX], *scores = calloc(items_n + 1, sizeof *scores);

    if (scores && !tdl_behaviour_vector(model, &history, vector))
        tdl_behaviour_scores(model, vector, scores);
    free(scores);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_st_file *file = NULL;
    void *model = NULL;
    tdl_report why = {0};

    if (n < 1 || tdl_st_parse((tdl_str){(const char *)bytes + 1, n - 1}, &file, NULL))
        return 0;
    if (tdl_rung_behaviour.load(file, bytes[0], &model, &why)) {
        if (!why.message[0] || model)
            abort();
    } else
        ask(model, bytes[0]);
    tdl_rung_behaviour.free(model);
    tdl_st_free(file);
    return 0;
}
