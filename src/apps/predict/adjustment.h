/* An adjustment: thresholds by group, so that groups are chosen, or found, at equal rates. Without
 * a coin: the same row always gets the same answer (Hardt, Price and Srebro, 2016; the thresholds
 * are those of stats/mitigate.h).
 *
 * Lawful?      it decides by group, which in lending and hiring may be unlawful: somebody has to
 * say why, and that reason stays with the model Groups       values of one column of the schema, at
 * most TDL_ADJUSTMENT_GROUPS_MAX. Values that training had not, and missing ones, have the
 * threshold of everybody
 */
#ifndef TDL_PREDICT_ADJUSTMENT_H
#define TDL_PREDICT_ADJUSTMENT_H

#include "base/json.h"
#include "stats/mitigate.h"
#include "table/frame.h"

enum { TDL_ADJUSTMENT_GROUPS_MAX = 24, TDL_ADJUSTMENT_REASON_MAX = 1000 };

typedef struct tdl_adjustment_group {
    char *name;    /* the value as text; of a boolean "false" or "true" */
    double number; /* of numbers and booleans (0, 1); NaN of text */
    double threshold;
} tdl_adjustment_group;

typedef struct tdl_adjustment {
    tdl_equal kind;
    char *column, *reason;       /* not empty */
    tdl_adjustment_group *group; /* [groups_n]; NULL = no adjustment */
    size_t groups_n;
} tdl_adjustment;

void tdl_adjustment_release(tdl_adjustment *adjustment); /* accepts a zeroed struct */

const char *tdl_equal_name(tdl_equal kind); /* "selection", "tpr" */
bool tdl_equal_find(tdl_str name, tdl_equal *ret);

/* Its groups, from the values of a column in rows row[rows_n], thresholds still 0.
 *   ret_group  [rows_n] which group; -1 = missing
 *   returns    TDL_OK | TDL_E_INVALID (one group, too many, or no column to group by) | ... */
tdl_status tdl_adjustment_groups(const tdl_column *column, const uint32_t *row, size_t rows_n,
                                 tdl_adjustment *adjustment, int32_t *ret_group, tdl_report *why);

/* Which group a row of a frame is of: NULL = none of them. */
const tdl_adjustment_group *tdl_adjustment_find(const tdl_adjustment *adjustment,
                                                const tdl_frame *frame, size_t row);

/* As JSON and back. Loading treats the value as hostile. */
json_t *tdl_adjustment_save(const tdl_adjustment *adjustment); /* NULL: no memory */
tdl_status tdl_adjustment_load(const json_t *saved, tdl_adjustment *ret, tdl_report *why);

#endif
