/* Models of fewer units: what stays of rows and columns. Private to the pruning files. */
#ifndef TDL_TRAIN_PRUNE_PLACES_H
#define TDL_TRAIN_PRUNE_PLACES_H

#include "nn/params.h"

/* Rows or columns that stay, in the order in which they stay. */
typedef struct tdl_places {
    size_t *at; /* [n]; NULL: all */
    size_t n;
} tdl_places;

/* The stronger of n units, rising: round(share n) of them go, those of the smallest strength [n],
 * of equal ones the first; one always stays. Freed by tdl_places_free. TDL_E_NO_MEMORY */
tdl_status tdl_places_stronger(const double *strength, size_t n, double share, tdl_places *ret,
                               tdl_report *why);
void tdl_places_free(tdl_places *places); /* accepts a zeroed struct */

/* TDL_E_INVALID: not in [0, 1); `what` are the units. */
tdl_status tdl_places_check_share(const char *what, double share, tdl_report *why);

/* Root of the sum of the squares of the columns [begin, begin + n) of a slice, and of rows. */
double tdl_columns_length(const tdl_params *params, int slice, size_t begin, size_t n);
double tdl_rows_length(const tdl_params *params, int slice, size_t begin, size_t n);

/* The rows and columns that stay of a slice of `from` become the same slice of `to`. */
void tdl_places_copy(const tdl_params *from, const tdl_params *to, int slice,
                     const tdl_places *rows, const tdl_places *cols);

#endif
