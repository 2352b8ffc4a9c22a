#include "apps/predict/prediction.h"

void tdl_prediction_write(const tdl_predictor *p, const tdl_frame *frame, size_t row,
                          const double *output, tdl_jw *out)
{
    if (p->target.classes_n)
        tdl_jw_ktext(out, "prediction",
                     p->target.class_name[tdl_predictor_class_of(p, frame, row, output)]);
    if (p->target.task == TDL_TASK_BINARY) {
        tdl_jw_knumber(out, "probability", output[0]);
    } else if (p->target.classes_n) {
        tdl_jw_key(out, "probabilities");
        tdl_jw_object(out);
        for (size_t k = 0; k < p->scores_n; k++)
            tdl_jw_knumber(out, p->target.class_name[k], output[k]);
        tdl_jw_end_object(out);
    } else if (p->target.task == TDL_TASK_QUANTILE) {
        tdl_jw_key(out, "quantiles");
        tdl_jw_array(out);
        for (size_t k = 0; k < p->scores_n; k++)
            tdl_jw_number(out, output[k]);
        tdl_jw_end_array(out);
    } else {
        tdl_jw_knumber(out, "prediction", output[0]);
    }
}

void tdl_prediction_write_range(const tdl_predictor *p, const double *output, double level,
                                size_t *scratch, tdl_jw *out)
{
    if (p->target.classes_n) {
        size_t n = tdl_predictor_class_set(p, output, level, scratch);

        tdl_jw_key(out, "set");
        tdl_jw_array(out);
        for (size_t i = 0; i < n; i++)
            tdl_jw_text(out, p->target.class_name[scratch[i]]);
        tdl_jw_end_array(out);
    } else if (p->residuals_n) {
        double half = tdl_predictor_half_width(p, level);

        tdl_jw_knumber(out, "low", output[0] - half);
        tdl_jw_knumber(out, "high", output[0] + half);
    }
}

void tdl_prediction_write_cell(const tdl_column *column, size_t row, tdl_jw *out)
{
    tdl_buf text = {0};

    if (column->pixel || !tdl_column_has(column, row)) {
        tdl_jw_null(out);
    } else if (column->type == TDL_COLUMN_NUMERIC || column->type == TDL_COLUMN_INTEGER) {
        tdl_jw_number(out, column->number[row]);
    } else {
        tdl_column_print(column, row, &text);
        tdl_jw_str(out, tdl_buf_view(&text));
        out->out->failed |= text.failed;
    }
    tdl_buf_release(&text);
}
