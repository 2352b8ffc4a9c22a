/* Drift by column: how far the rows that are answered lie from those of training. A model keeps
 * what training looked like in its schema; a decision keeps which part of each column its row fell
 * into, so that drift is told from the log alone.
 *
 * Followed  numbers and booleans, and categories whose levels the schema lists, at most
 *           TDL_DRIFT_LEVELS_MAX; no dates, which always are new; the first
 *           TDL_DRIFT_COLUMNS_MAX of them
 * Index     population stability index (stats/drift.h). Of few rows it is large by chance: under no
 *           drift it is about (1 / rows + 1 / rows of training) times a chi-squared number of
 *           parts - 1 degrees (Yurdakul and Naranjo, 2020). An alarm needs an index of .2 and more
 *           than that has in 95 of 100 cases
 */
#ifndef TDL_PREDICT_COLUMN_DRIFT_H
#define TDL_PREDICT_COLUMN_DRIFT_H

#include "stats/drift.h"
#include "table/frame.h"

enum { TDL_DRIFT_LEVELS_MAX = 100, TDL_DRIFT_COLUMNS_MAX = 100 };
#define TDL_DRIFT_ALARM .2

typedef struct tdl_column_drift {
    const json_t *schema; /* borrowed */
    tdl_drift *of;        /* [n] by column of the schema; no parts: not followed */
    size_t n, followed;
} tdl_column_drift;

/* Add "drift" to each column of a schema that is followed, from rows row[rows_n] of the frame. */
tdl_status tdl_schema_add_drift(json_t *schema, const tdl_frame *frame, const uint32_t *row,
                                size_t rows_n, tdl_report *why);

/* Out of a schema, which is hostile; one without drifts has none. The schema must outlive ret.
 * TDL_E_CORRUPT, TDL_E_NO_MEMORY */
tdl_status tdl_column_drift_load(const json_t *schema, tdl_column_drift *ret, tdl_report *why);
void tdl_column_drift_release(tdl_column_drift *drift); /* accepts a zeroed struct */

/* "parts": [a number for each column that is followed]. frame: of the schema's columns, in order */
void tdl_column_drift_write_parts(const tdl_column_drift *drift, const tdl_frame *frame, size_t row,
                                  tdl_jw *out);

/* Count such an array into now [followed][TDL_DRIFT_PARTS_MAX]; false: it is not one of ours. */
bool tdl_column_drift_count(const tdl_column_drift *drift, const json_t *parts, double *now);

/* "columns": [{"column", "stability_index", "by_chance", "state"}], the largest first, and
 * "alarms": how many. rows: counted in now */
void tdl_column_drift_write(const tdl_column_drift *drift, const double *now, size_t rows,
                            tdl_jw *out);

#endif
