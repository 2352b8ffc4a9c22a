/* `treadle recommend evaluate --data FILE`: a log that is in no store, or with --protocol what is
 * in one, by protocols of apps/recommend/offline.h. An order in a store is its events' property
 * "order_id". */
#ifndef TDL_CLI_RECOMMEND_OFFLINE_H
#define TDL_CLI_RECOMMEND_OFFLINE_H

#include <jansson.h>
#include <stdio.h>

#include "cli/command.h"

typedef struct tdl_recommend_offline {
    const tdl_common *common; /* common->data is the file, or the folder of the store */
    const char *protocol;     /* names with commas; "" = global-cut, if timed, and literature-loo */
    const char *task;         /* names with commas; "" = all */
    const char *cut;          /* times with commas; "" = chosen */
    const char *horizon;      /* "30d", "12h"; "" = chosen */
    const char *map, *kind;   /* cli/feedlog_reader.h */
    const char *segment;      /* column of a file, property of a store's events; "" = none */
    const char *catalogue;    /* a table of items, cli/item_table.h; "" = none */
    const char *min_ndcg;     /* "" = no bar */
    int64_t seed, threads;
    int64_t ease_max_bytes; /* 0 = 12,000 items */
} tdl_recommend_offline;

bool tdl_is_file(const char *path); /* and not a folder */

/* Prints {"protocols": [...]}, a report of apps/recommend/offline.h each, or them as tables.
 * TDL_E_BAR: what serves is below min_ndcg. */
tdl_status tdl_recommend_offline_run(const tdl_recommend_offline *options, tdl_report *why);

/* A report of apps/recommend/offline.h, of one protocol, as tables: recommend_print.c. */
void tdl_recommend_print(FILE *out, const json_t *report);
void tdl_recommend_print_cold(FILE *out, const json_t *task); /* recommend_print_cold.c */

#endif
