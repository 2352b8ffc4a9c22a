/* Real series for the tests: from $TREADLE_TEST_DATA, else the shared data beside the repository.
 */
#ifndef TDL_TEST_FORECAST_DATA_H
#define TDL_TEST_FORECAST_DATA_H

#include <stdbool.h>
#include <stddef.h>

typedef struct numbers {
    size_t rows, cols;
    double *at; /* [rows][cols]; NaN where the cell is no number */
} numbers;

/* All columns of a CSV file but the first. False, and a line that says so, when it is not there. */
bool load_numbers(const char *name, const char *plain_name, numbers *ret);
/* The first n cells of a column, less the mean of the first `known`, over their deviation; free it.
 */
double *scaled_column(const numbers *table, size_t col, size_t known, size_t n);

#endif
