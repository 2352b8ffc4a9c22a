/* Reading events and catalogue items from a file and handing them on in batches.
 *
 * CSV columns are mapped to fields: user, item, kind, value, time, message_id, title. A column
 * named like a field maps to it by itself; a shop's book and other recommenders' logs are read as
 * feedlog_reader.h says, an order as the property "order_id" of its events. JSONL rows are objects
 * as POST /v1/events takes them, Segment's calls, or events of PostHog's batch exports; each line
 * shows which it is. Either may be packed by gzip or zstd. A bad row is skipped, counted and
 * written down; a file that ends in the middle of a row is an error, after everything before it has
 * been handed on. An import that was stopped goes on where it was (import_state.h).
 */
#ifndef TDL_CLI_IMPORT_H
#define TDL_CLI_IMPORT_H

#include "cli/import_personal.h"
#include "cli/progress.h"
#include "treadle/event.h"
#include "treadle/status.h"

typedef struct tdl_import_options {
    const char *path;       /* .csv, .tsv, .jsonl or .ndjson, and .gz or .zst behind it */
    const char *map;        /* "user=userId,item=movieId,..." or "" */
    const char *attributes; /* "year,genres": columns that become attributes of the item, or "" */
    const char *kind;       /* of rows without a kind column */
    const char *source;     /* of every event */
    const char *target;     /* where rows go: the data folder or the URL; NULL = not resumable */
    const char *rejects;    /* file for rejected rows, made with the first; NULL or "" = none */
    tdl_import_personal *personal; /* its policy, and what is found; NULL = not looked for */
} tdl_import_options;

/* Where the rows go. Both take everything or fail. ret_new: events that were not duplicates. */
typedef struct tdl_import_sink {
    void *context;
    size_t batch_n; /* most rows a call, <= 1,000 */
    tdl_status (*events)(void *context, const tdl_event *events, size_t events_n, size_t *ret_new,
                         tdl_report *why);
    tdl_status (*items)(void *context, const tdl_item *items, size_t items_n, tdl_report *why);
} tdl_import_sink;

typedef struct tdl_import_result {
    size_t rows, stored, duplicates, rejected, items;
    size_t resumed;         /* of the rows, those that an earlier run had handed on */
    char first_reject[512]; /* "line 7: ..." or empty */
    double seconds;
} tdl_import_result;

bool tdl_import_is_tsv(const char *path);

/* ret counts what was handed on, also on failure. */
tdl_status tdl_import_file(const tdl_import_options *options, const tdl_import_sink *sink,
                           tdl_progress *progress, tdl_import_result *ret, tdl_report *why);

#endif
