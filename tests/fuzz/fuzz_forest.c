/* Forests from outside: a model of libxgboost, and a forest in a safetensors file. Any bytes are
 * accepted or refused; what is accepted scores and explains any row. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "learn/forest_file.h"
#include "learn/tree_shap.h"
#include "learn/xgboost_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FEATURES_MAX = 64, GROUPS_MAX = 16, ROWS = 6, NODES_MAX = 4096 };

/* AddressSanitizer sees a step outside. A forest of no wide range must add up. */
static void use(tdl_forest *f)
{
    static const float values[ROWS] = {0, NAN, INFINITY, -1e30F, 1, 3};
    static float x[ROWS * FEATURES_MAX];
    static double score[ROWS * GROUPS_MAX], one[GROUPS_MAX], phi[ROWS * FEATURES_MAX], base[ROWS];

    if (f->features_n > FEATURES_MAX || f->groups_n > GROUPS_MAX || f->nodes_n > NODES_MAX)
        return;
    for (size_t i = 0; i < ROWS * f->features_n; i++)
        x[i] = values[(i + i / f->features_n) % ROWS];
    if (tdl_forest_score(f, x, ROWS, NULL, score, NULL) ||
        tdl_tree_shap(f, NULL, x, ROWS, 0, NULL, phi, base, NULL))
        abort();
    for (size_t i = 0; i < ROWS; i++) {
        tdl_forest_score_row(f, x + i * f->features_n, one);
        for (size_t g = 0; g < f->groups_n; g++)
            if (one[g] != score[i * f->groups_n + g] && one[g] == one[g])
                abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_str text = {(const char *)bytes, n};
    tdl_report why = {0};
    tdl_st_file *file = NULL;
    tdl_forest f = {0};
    tdl_status st = tdl_xgboost_model_read(text, &f, &why);

    if (!st)
        use(&f);
    else if (st != why.status || !why.message[0])
        abort();
    tdl_forest_release(&f);
    if (tdl_st_parse(text, &file, NULL))
        return 0;
    st = tdl_forest_load(file, "m.", 3, &f, &why);
    if (!st)
        use(&f);
    else if (st != why.status || !why.message[0])
        abort();
    tdl_forest_release(&f);
    tdl_st_free(file);
    return 0;
}
