/* What the readers of the kinds of logs share. */
#ifndef TDL_CLI_FEEDLOG_PARTS_H
#define TDL_CLI_FEEDLOG_PARTS_H

#include "cli/feedlog_reader.h"

typedef enum tdl_feedlog_field {
    TDL_FEEDLOG_USER,
    TDL_FEEDLOG_ITEM,
    TDL_FEEDLOG_TIME,
    TDL_FEEDLOG_ORDER,
    TDL_FEEDLOG_KIND,
    TDL_FEEDLOG_VALUE,
    TDL_FEEDLOG_SEGMENT, /* only where options name it */
    TDL_FEEDLOG_TITLE,
    TDL_FEEDLOG_PRICE,
    TDL_FEEDLOG_FIELDS_N
} tdl_feedlog_field;

typedef struct tdl_feedlog {
    const tdl_feedlog_options *options;
    tdl_feedlog_row_fn *take;
    void *context;
    tdl_feedlog_result *result;
    tdl_str mapped[TDL_FEEDLOG_FIELDS_N]; /* column that the map names; empty = by usual names */
} tdl_feedlog;

extern const char *const tdl_feedlog_field_name[TDL_FEEDLOG_FIELDS_N];

/* Read options->map. TDL_E_USAGE: not field=column, or no such field. */
tdl_status tdl_feedlog_map(tdl_feedlog *log, tdl_report *why);
/* Which field is a column (member) of this name? TDL_FEEDLOG_FIELDS_N: none. */
tdl_feedlog_field tdl_feedlog_field_of(const tdl_feedlog *log, tdl_str column);

/* One row from its texts [TDL_FEEDLOG_FIELDS_N]; empty ones are absent. */
tdl_status tdl_feedlog_cells(tdl_feedlog *log, const tdl_str *cell, size_t line, tdl_report *why);
void tdl_feedlog_reject(tdl_feedlog *log, size_t line, const tdl_report *why);
void tdl_feedlog_draw(tdl_feedlog *log, uint64_t taken, uint64_t total);

tdl_status tdl_feedlog_table(tdl_feedlog *log, tdl_report *why); /* feedlog_table.c */
tdl_status tdl_feedlog_lines(tdl_feedlog *log,
                             tdl_report *why); /* feedlog_lines.c: all but tables */

#endif
