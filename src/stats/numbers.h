/* Arrays of numbers as JSON. */
#ifndef TDL_STATS_NUMBERS_H
#define TDL_STATS_NUMBERS_H

#include <stddef.h>

#include "base/json.h"

json_t *tdl_numbers_save(const double *values, size_t n); /* NULL: no memory */
/* ret [n]. False, and `ret` in part written, unless it is an array of n numbers, all finite. */
bool tdl_numbers_load(const json_t *array, double *ret, size_t n);

#endif
