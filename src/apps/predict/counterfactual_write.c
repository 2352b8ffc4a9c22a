/* Counterfactuals told. */
#include <math.h>

#include "apps/predict/counterfactual.h"

bool tdl_counterfactual_changes(const tdl_counterfactuals *found, size_t k, size_t column)
{
    const tdl_column *c = &found->rows.column[column];

    if (c->pixel)
        return false;
    if (c->level)
        return c->level[k] != c->level[0];
    return c->number[k] != c->number[0] && !(isnan(c->number[k]) && isnan(c->number[0]));
}

static void write_cell(const tdl_column *column, size_t row, tdl_jw *out)
{
    tdl_buf text = {0};

    if (!tdl_column_has(column, row)) {
        tdl_jw_null(out);
    } else if (column->type == TDL_COLUMN_NUMERIC || column->type == TDL_COLUMN_INTEGER) {
        tdl_jw_number(out, column->number[row]);
    } else {
        tdl_column_print(column, row, &text);
        tdl_jw_str(out, tdl_buf_view(&text));
    }
    tdl_buf_release(&text);
}

void tdl_counterfactuals_write(const tdl_counterfactuals *found, tdl_jw *out)
{
    tdl_jw_kbool(out, "already", found->already);
    tdl_jw_kbool(out, "timed_out", found->timed_out);
    tdl_jw_kint(out, "tried", (int64_t)found->scored);
    tdl_jw_key(out, "counterfactuals");
    tdl_jw_array(out);
    for (size_t k = 1; k <= found->n; k++) {
        const double *output = found->output + k * found->outputs_n;

        tdl_jw_object(out);
        tdl_jw_knumber(out, "distance", found->distance[k - 1]);
        tdl_jw_key(out, "output");
        if (found->outputs_n > 1)
            tdl_jw_array(out);
        for (size_t i = 0; i < found->outputs_n; i++)
            tdl_jw_number(out, output[i]);
        if (found->outputs_n > 1)
            tdl_jw_end_array(out);
        tdl_jw_key(out, "changes");
        tdl_jw_array(out);
        for (size_t c = 0; c < found->rows.columns_n; c++) {
            if (!tdl_counterfactual_changes(found, k, c))
                continue;
            tdl_jw_object(out);
            tdl_jw_ktext(out, "column", found->rows.column[c].name);
            tdl_jw_key(out, "from");
            write_cell(&found->rows.column[c], 0, out);
            tdl_jw_key(out, "to");
            write_cell(&found->rows.column[c], k, out);
            tdl_jw_end_object(out);
        }
        tdl_jw_end_array(out);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}
