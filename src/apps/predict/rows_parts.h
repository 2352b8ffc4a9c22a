/* What rows.c and rows_explain.c share: rows that were read and predicted. */
#ifndef TDL_PREDICT_ROWS_PARTS_H
#define TDL_PREDICT_ROWS_PARTS_H

#include "apps/predict/asked.h"
#include "apps/predict/serving.h"

typedef struct tdl_answering {
    const tdl_served *served;
    const tdl_rows_ask *ask;
    tdl_asked asked;
    size_t *scratch; /* [columns_n + classes_n] */
    tdl_arena *arena;
} tdl_answering;

/* Check, find the model, read, predict. ret and *served are for tdl_answering_end in any case. */
tdl_status tdl_answering_begin(tdl_app *app, const tdl_rows_ask *ask, tdl_answering *ret,
                               tdl_served **served, tdl_report *why);
void tdl_answering_end(tdl_answering *answering, tdl_served *served);

/* Members of an object that is open: "model", "version", "snapshot"; the prediction of row `at` of
 * the frame, and by whose threshold it was decided. */
void tdl_answering_write_head(const tdl_answering *answering, tdl_jw *out);
void tdl_answering_write_decided(const tdl_answering *answering, size_t at, tdl_jw *out);
/* "error" of a row that cannot be read: what is wrong, and what to do about it. */
void tdl_answering_write_fault(const tdl_row_fault *fault, tdl_jw *out);

tdl_status tdl_answering_no_memory(tdl_report *why);
tdl_status tdl_answering_too_slow(tdl_report *why);

#endif
