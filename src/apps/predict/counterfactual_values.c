/* The values of a column that are worth trying, kept in the schema. */
#include <math.h>
#include <stdlib.h>

#include "apps/predict/counterfactual.h"
#include "base/sorted.h"

enum { VALUES_MAX = 33 };

static bool takes_numbers(const tdl_column *column)
{
    return column->type == TDL_COLUMN_NUMERIC || column->type == TDL_COLUMN_INTEGER;
}

/* All values where they are few, else those at even quantiles that occur. ret [VALUES_MAX] */
static size_t choose_values(const double *sorted, size_t n, double *ret)
{
    size_t k = 0, different = n > 0;

    for (size_t i = 1; i < n; i++)
        different += sorted[i] > sorted[i - 1];
    if (different <= VALUES_MAX) {
        for (size_t i = 0; i < n; i++)
            if (!k || sorted[i] > ret[k - 1])
                ret[k++] = sorted[i];
        return k;
    }
    for (size_t q = 0; q < VALUES_MAX; q++) {
        double value = sorted[q * (n - 1) / (VALUES_MAX - 1)];
        if (!k || value > ret[k - 1])
            ret[k++] = value;
    }
    return k;
}

/* Median absolute deviation; of numbers that are mostly one, the mean of it; 1 of a constant. */
static double scale_of(double *sorted, size_t n)
{
    double median = tdl_quantile(sorted, n, 0.5), mean = 0;

    for (size_t i = 0; i < n; i++) {
        sorted[i] = fabs(sorted[i] - median);
        mean += sorted[i] / (double)n;
    }
    tdl_sort_numbers(sorted, n);
    median = tdl_quantile(sorted, n, 0.5);
    return median > 0 && isfinite(median) ? median : mean > 0 && isfinite(mean) ? mean : 1;
}

static bool add_column(json_t *saved, const tdl_column *column, const uint32_t *row, size_t rows_n,
                       double *scratch)
{
    double value[VALUES_MAX];
    size_t n = 0, values_n;
    json_t *values = json_array();

    for (size_t i = 0; i < rows_n; i++)
        if (tdl_column_has(column, row[i]))
            scratch[n++] = column->number[row[i]];
    tdl_sort_numbers(scratch, n);
    values_n = choose_values(scratch, n, value);
    for (size_t k = 0; k < values_n; k++)
        json_array_append_new(values, json_real(value[k]));
    return json_array_size(values) == values_n && !json_object_set_new(saved, "values", values) &&
           !json_object_set_new(saved, "scale", json_real(n ? scale_of(scratch, n) : 1));
}

tdl_status tdl_schema_add_values(json_t *schema, const tdl_frame *frame, const uint32_t *row,
                                 size_t rows_n, tdl_report *why)
{
    double *scratch = malloc((rows_n + 1) * sizeof *scratch);
    json_t *saved;
    size_t i, at;
    bool added = scratch != NULL;

    json_array_foreach(json_object_get(schema, "columns"), i, saved)
    {
        const char *name = json_string_value(json_object_get(saved, "name"));

        if (added && tdl_frame_find(frame, tdl_str_of(name), &at) &&
            takes_numbers(&frame->column[at]))
            added = add_column(saved, &frame->column[at], row, rows_n, scratch);
    }
    free(scratch);
    return added ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu values", rows_n);
}
