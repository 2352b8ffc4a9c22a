/* Reports over many events: trends, users, funnels, retention, sessions, breakdowns.
 *
 * A report is asked for as a JSON object, so that it can be kept and shared, and comes out as one
 * table, whatever it is about; JSON, CSV and charts are made from the table.
 *
 *     {"report": "trend",     "kinds": [...], "every": "day"}
 *     {"report": "users",     "kinds": [...], "every": "day"}
 *     {"report": "funnel",    "steps": ["view", "cart", "order"], "within": "7d"}
 *     {"report": "retention", "start": "signup", "return": "view", "every": "week"}
 *     {"report": "sessions",  "gap": "30m", "every": "day"}
 *     {"report": "breakdown", "kinds": [...], "property": "plan", "top": 20}
 *
 * Each takes "until" (RFC 3339; default: now), "from" or "last" (a span before it; default: 30d)
 * and "zone_minutes" (of the clock that days begin by). Spans are a number and s, m, h, d or w.
 *
 * "k": numbers about fewer than so many persons are hidden, and others from which they could be
 * computed (stats/suppress.h); 0, the default, hides nothing. How each report does it stands in
 * docs/design/insight.md.
 *
 * Persons are counted exactly, ids that are one person once. Memory: some 50 bytes a person in the
 * range, and for trends 16 bytes for each person, kind and period.
 */
#ifndef TDL_INSIGHT_INSIGHT_H
#define TDL_INSIGHT_INSIGHT_H

#include "base/json.h"
#include "store/store.h"

typedef enum tdl_cell_type {
    TDL_CELL_NONE,
    TDL_CELL_HIDDEN, /* about too few persons, or would tell of them */
    TDL_CELL_TIME,
    TDL_CELL_TEXT,
    TDL_CELL_NUMBER
} tdl_cell_type;

typedef struct tdl_cell {
    tdl_cell_type type;
    int64_t time_us;
    tdl_str text;
    double number;
} tdl_cell;

typedef struct tdl_table {
    const char *columns[64]; /* [columns_n] */
    size_t columns_n;
    tdl_cell *cells; /* [rows_n * columns_n], by row */
    size_t rows_n, rows_cap;
    double k;         /* of the query */
    tdl_arena *arena; /* of cells and texts */
    bool failed;      /* no memory; rows end before it */
} tdl_table;

/* Ask `store` what `query` says; NULL: only check the query. ret lives in `arena`.
 * TDL_E_INVALID names the member of the query that is wrong. */
tdl_status tdl_insight(tdl_store *store, const json_t *query, int64_t now_us, tdl_arena *arena,
                       tdl_table *ret, tdl_report *why);

/* Keep a checked query under a name: as a new report when `id` is empty, else as what that one asks
 * from now on (TDL_E_NOT_FOUND). ret_id: of the report. */
tdl_status tdl_insight_save(tdl_store *store, tdl_str id, tdl_str name, const json_t *query,
                            char ret_id[37], tdl_report *why);

enum {
    TDL_INSIGHT_NAME_MAX = 200,       /* bytes of a report's name */
    TDL_INSIGHT_QUERY_MAX = 64 << 10, /* bytes of a query that is kept */
    TDL_INSIGHT_BYTES = 256 << 20     /* an arena that holds every sensible report */
};

/* {"columns": [...], "rows": [[...], ...], "k": 10, "suppressed": [[row, column], ...]}; times as
 * RFC 3339, numbers as short as they go, hidden cells null and listed as suppressed. */
void tdl_table_json(const tdl_table *table, tdl_jw *out);
/* RFC 4180, with a header. What a spreadsheet would take for a formula gets an apostrophe; hidden
 * cells are empty. */
void tdl_table_csv(const tdl_table *table, tdl_buf *out);

#endif
