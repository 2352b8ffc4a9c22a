/* What the readers of the two kinds of files share: the batch under way, and where rows go. */
#ifndef TDL_CLI_IMPORT_PARTS_H
#define TDL_CLI_IMPORT_PARTS_H

#include <stdio.h>

#include "base/arena.h"
#include "cli/import.h"
#include "table/csv.h"

typedef struct tdl_seen_item tdl_seen_item;
typedef struct tdl_import_state tdl_import_state; /* import_state.h */

typedef struct tdl_importer {
    const tdl_import_options *options;
    const tdl_import_sink *sink;
    tdl_progress *progress;
    tdl_import_result *result;
    tdl_arena *arena; /* of the batch under way */
    tdl_event *events;
    tdl_item *items;
    size_t events_n, items_n;
    tdl_seen_item *seen; /* items already handed on */
    size_t skip;         /* rows that an earlier run has handed on */
    FILE *rejects;       /* opened with the first */
    int64_t started_us;
} tdl_importer;

/* Hand the batch on when it is full, or large; before a row that may add to it. */
tdl_status tdl_importer_make_room(tdl_importer *importer, tdl_report *why);
/* One row's event, in the arena. An event that is not valid is rejected. */
tdl_status tdl_importer_event(tdl_importer *importer, const tdl_event *event, size_t line,
                              tdl_str row, tdl_report *why);
/* The item with what the row says of it, once per file. */
tdl_status tdl_importer_item(tdl_importer *importer, tdl_str id, tdl_str title, tdl_str attributes,
                             tdl_report *why);
/* Count the row, and write it down with the reason. row: its text. */
void tdl_importer_reject(tdl_importer *importer, size_t line, tdl_str row, const tdl_report *why);
/* Rows that an earlier run handed on are counted and passed over: true for those. */
bool tdl_importer_skips(tdl_importer *importer);
void tdl_importer_draw(tdl_importer *importer, uint64_t read, uint64_t total);

/* Rows without an id of their own are named by what they say, so importing a file twice, or a
 * longer version of it, stores each row once. In the arena. */
tdl_str tdl_importer_content_id(tdl_importer *importer, const tdl_event *event);

tdl_status tdl_import_csv(tdl_importer *importer, tdl_report *why);
tdl_status tdl_import_lines(tdl_importer *importer, tdl_report *why);
tdl_status tdl_import_log(tdl_importer *importer, tdl_report *why);

#endif
