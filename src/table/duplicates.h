/* Columns that are there twice. Internal to this folder; rows: leak.h. */
#ifndef TDL_TABLE_DUPLICATES_H
#define TDL_TABLE_DUPLICATES_H

#include "table/frame.h"

/* Equal columns have equal hashes. */
uint64_t tdl_column_hash(const tdl_column *column, size_t rows);
/* The same numbers, or the same levels, in every row; images never. */
bool tdl_columns_equal(const tdl_column *a, const tdl_column *b, size_t rows);

#endif
