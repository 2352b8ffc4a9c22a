/* Networks, and any learner, of a model file: a line of JSON, then a safetensors file. Any bytes
 * are refused with a report, or give a learner whose scores can be asked. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "learn/learner.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void ask(const tdl_learner *learner, const tdl_matrix *x)
{
    double *score = calloc(learner->scores_n, sizeof *score);

    if (score)
        (void)tdl_learner_score(learner, x, NULL, score, NULL);
    free(score);
}

static void load(const json_t *about, const tdl_st_file *file)
{
    static const size_t levels[] = {3};
    static const tdl_feature feature[] = {{.name = "a"}, {.name = "b", .column = 1}};
    float numbers[] = {0.5F, -1};
    int32_t category[] = {2};
    uint8_t pixel[16] = {0, 255};
    const tdl_matrix x = {.rows = 1,
                          .cols = 2,
                          .x = numbers,
                          .feature = feature,
                          .categories_n = 1,
                          .category = category,
                          .levels_n = levels,
                          .category_feature = feature,
                          .channels = 1,
                          .height = 4,
                          .width = 4,
                          .pixel = pixel};
    tdl_learner *learner = NULL;
    tdl_report why = {0};
    tdl_status st = tdl_learner_load(about, file, "", &x, &learner, &why);

    if (st && (st != why.status || !why.message[0] || learner))
        abort();
    if (!st)
        ask(learner, &x);
    tdl_learner_free(learner);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *text = (const char *)bytes;
    const char *end = n ? memchr(bytes, '\n', n) : NULL;
    tdl_st_file *file = NULL;
    json_t *about = NULL;

    if (!end)
        return 0;
    size_t line = (size_t)(end - text);
    if (!tdl_json_parse((tdl_str){text, line}, TDL_JSON_REFUSE_DUPLICATES, &about, NULL) &&
        !tdl_st_parse((tdl_str){end + 1, n - line - 1}, &file, NULL))
        load(about, file);
    json_decref(about);
    tdl_st_free(file);
    return 0;
}
