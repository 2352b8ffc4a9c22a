/* Real series for the benchmarks, and the same arrays for peers. */
#ifndef TDL_BENCH_SERIES_DATA_H
#define TDL_BENCH_SERIES_DATA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/report.h"

typedef struct tdl_series_data {
    size_t rows, cols;
    double *at; /* [rows][cols] without the first column; NaN where a cell is no number */
} tdl_series_data;

/* NAME.csv of $TREADLE_TEST_DATA, else ../shared/data/series/NAME.csv.zst. *ret_there says whether
 * it is there; when not, it is told unless `quiet`. free(ret->at). */
tdl_status tdl_series_data_read(const char *name, bool quiet, tdl_series_data *ret, bool *ret_there,
                                tdl_report *why);
/* The first n cells of a column, less the mean of the first `known`, over their deviation: free it.
 * NULL: there are not so many, or no memory. */
double *tdl_series_data_column(const tdl_series_data *data, size_t col, size_t known, size_t n);
/* Write the first n numbers of each of rows [rows_n] to a temporary file, for a peer. */
bool tdl_series_data_share(const double *const *row, size_t rows_n, size_t n, char *ret_path,
                           size_t size);

#endif
