/* A predictor's file: any bytes are refused with a reason, or make a predictor that answers a row
 * without stepping outside, and a card that can be written. */
#include <stdint.h>
#include <stdlib.h>

#include "apps/predict/card.h"
#include "apps/predict/explain.h"
#include "apps/predict/predictor.h"
#include "table/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { SCORES_MAX = 64, WORK_MAX = 64 /* members */ };

/* Two rows in which everything is missing, of the columns that the file asks for. */
static void answer(const tdl_predictor *p)
{
    json_t *rows = json_pack("[{},{}]");
    tdl_frame frame = {0};
    tdl_explanation explanation = {0};
    double output[2 * SCORES_MAX];
    size_t set[TDL_PREDICT_CLASSES_MAX];
    tdl_report why;

    if (p->scores_n > SCORES_MAX || p->members_n > WORK_MAX)
        goto out;
    if (tdl_frame_of_json(p->schema, rows, &frame, NULL, NULL, NULL, &why))
        goto out;
    if (!tdl_predictor_predict(p, &frame, NULL, output, NULL, &why)) {
        tdl_predictor_class(p, output);
        if (p->target.classes_n)
            tdl_predictor_class_set(p, output, 0.9, set);
        tdl_predictor_half_width(p, 0.9);
    }
    if (p->columns_n <= 16 && !tdl_predictor_explain(p, &frame, 0, NULL, &explanation, &why))
        tdl_explanation_release(&explanation);
out:
    tdl_frame_release(&frame);
    json_decref(rows);
}

static void write_card(const tdl_predictor *p)
{
    tdl_buf out = {0};

    tdl_card_markdown(p->card, "zh", NULL, &out);
    tdl_card_leaderboard(p->card, "en", &out);
    tdl_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    tdl_st_file *file = NULL;
    tdl_predictor *p = NULL;
    tdl_report why = {0};

    if (tdl_st_parse((tdl_str){(const char *)bytes, n}, &file, NULL))
        return 0;
    tdl_status st = tdl_predictor_read(file, &p, &why);
    tdl_st_free(file);
    if (st) {
        if (st != why.status || !why.message[0])
            abort();
        return 0;
    }
    answer(p);
    write_card(p);
    tdl_predictor_free(p);
    return 0;
}
