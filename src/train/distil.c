#include "train/distil.h"

#include <math.h>

typedef struct soften {
    const tdl_real *logits;
    tdl_real *ret; /* [rows][classes] */
    size_t classes;
    tdl_real temperature;
} soften;

static void soften_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const soften *s = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *z = s->logits + r * s->classes;
        tdl_real *p = s->ret + r * s->classes, lse;

        for (size_t c = 0; c < s->classes; c++)
            p[c] = z[c] / s->temperature;
        tdl_softmax(1, s->classes, p, &lse);
    }
}

tdl_status tdl_distil_teach(tdl_net *teacher, int scores, const tdl_nn_batch *batch,
                            double temperature, tdl_pool *pool, tdl_real *ret, tdl_report *why)
{
    const tdl_run run = {.pool = pool};
    tdl_nn_batch asked = *batch;
    tdl_status st;

    if (!(temperature > 0 && isfinite(temperature)))
        return TDL_FAIL(why, TDL_E_INVALID, "temperature %g is not > 0", temperature);
    if (scores < 0 || scores >= teacher->nodes_n || !tdl_net_has_value(teacher, scores))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "ask for it with tdl_net_keep before planning",
                             "value %d of the teacher cannot be read", scores);
    asked.target = NULL; // its loss would turn the scores into probabilities
    asked.value = NULL;
    if ((st = tdl_net_forward(teacher, &asked, &run, why))) {
        tdl_report_prefix(why, "the teacher");
        return st;
    }
    soften s = {.logits = tdl_net_value(teacher, scores),
                .ret = ret,
                .classes = teacher->node[scores].shapes.out_cols,
                .temperature = (tdl_real)temperature};
    tdl_pool_run(pool, tdl_net_rows(teacher, scores, batch), 16, soften_rows, &s);
    return TDL_OK;
}
