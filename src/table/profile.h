/* A profile: what is in a table, column by column, before anybody learns from it.
 *
 * Life cycle   tdl_profile_of -> tdl_profile_write ... -> tdl_profile_release
 * Ownership    a profile borrows names and levels from its frame, which must outlive it
 */
#ifndef TDL_TABLE_PROFILE_H
#define TDL_TABLE_PROFILE_H

#include "base/json.h"
#include "table/frame.h"

enum { TDL_PROFILE_TOP = 10, TDL_PROFILE_BINS = 20 };

typedef struct tdl_profile_top {
    tdl_str text;
    size_t n; /* rows */
} tdl_profile_top;

typedef struct tdl_profile_column {
    const tdl_column *column;
    size_t distinct; /* different values, missing ones not counted; 0 of images */
    size_t values;   /* rows that are not missing */
    bool constant;   /* one value at most */
    /* numbers and dates */
    double min, quartile[3], max, mean, deviation; /* NaN without a value; population deviation */
    size_t bin[TDL_PROFILE_BINS]; /* rows in equal parts of [min, max], the last closed */
    size_t bins_n;                /* 0: no value, or one only */
    /* booleans, categories, texts, ids with levels */
    tdl_profile_top top[TDL_PROFILE_TOP]; /* [top_n], most rows first, then by bytes */
    size_t top_n;
    size_t numbers; /* rows of a category or text whose cell is a number: a column of mixed types */
} tdl_profile_column;

typedef struct tdl_profile {
    size_t rows, duplicates;    /* rows that are, cell by cell, like one before them */
    tdl_profile_column *column; /* [columns_n] */
    size_t columns_n;
} tdl_profile;

tdl_status tdl_profile_of(const tdl_frame *frame, tdl_profile *ret, tdl_report *why);
void tdl_profile_release(tdl_profile *profile); /* accepts a zeroed struct */

/* One JSON object: {"rows", "duplicate_rows", "constant": [names], "ids": [names], "columns":
 * [{"name", "type", "missing", "infinite", "distinct", ...}]}. Dates are RFC 3339. */
void tdl_profile_write(const tdl_profile *profile, tdl_jw *w);

#endif
