/* clang-format off: the table */
/* Reading a table from anywhere into a frame, its schema inferred from all of its rows.
 *
 * | source                                             | is                                    |
 * |----------------------------------------------------|---------------------------------------|
 * | file.csv, .tsv, .txt, - (standard input), or packed | CSV, the delimiter guessed or given   |
 * | file.jsonl, .ndjson, or packed                     | one JSON object a line                |
 * | file.npy                                           | numpy array; 1 or 2 axes: c0, c1, ... |
 * | folder/                                            | images, a folder a class; or a table  |
 * |                                                    | metadata.csv of them: file_name, ...  |
 * | *-images-idx3-ubyte[.gz]                           | IDX images and the labels beside them |
 * | sqlite:file.db or postgres://... with `query`      | what the query answers                |
 *
 * Memory       the frame and one row; the file is streamed, also packed by gzip or zstd
 * Failure      the report names file, line and column; nothing is half-read
 */
/* clang-format on */
#ifndef TDL_TABLE_READ_H
#define TDL_TABLE_READ_H

#include "base/json.h"
#include "table/refused.h"

/* The type that a column is to have, whatever its cells look like. */
typedef struct tdl_column_wish {
    tdl_str name;
    tdl_column_type type;
} tdl_column_wish;

typedef bool tdl_read_progress(void *context, uint64_t bytes, uint64_t total); /* false = stop */

typedef struct tdl_read_options {
    const char *query;           /* of a database */
    char delimiter;              /* of CSV; 0 = the one of , ; tab | that the header has most of */
    const char *encoding;        /* "utf-8", "gb18030"; NULL = UTF-8, else GB18030 if it is valid */
    const char *missing;         /* "NA,null,?": cells that are missing, beside empty ones; NULL =
                                  * those and NaN, N/A, None in any case */
    const tdl_column_wish *wish; /* [wishes_n] */
    size_t wishes_n;
    /* Where rows with a cell that is not of the type wished for are noted: they hold a missing
     * value there. NULL = such a cell is an error */
    tdl_refused_rows *refused;
    size_t skip_bad; /* rows that may be left out, counted: ragged, badly quoted, not UTF-8 */
    size_t rows_max; /* 0 = all */
    tdl_read_progress *progress; /* may be NULL */
    void *progress_context;
} tdl_read_options;

typedef struct tdl_read_counts {
    size_t rows_skipped;  /* ragged */
    size_t first_skipped; /* line of the first; 0 = none */
    bool gb18030;         /* the file was in GB18030 */
    char delimiter;       /* of CSV, as used */
} tdl_read_counts;

/* Read all of it. options and ret_counts may be NULL.
 *   returns  TDL_OK | TDL_E_INVALID (line and column of what cannot be) | TDL_E_NOT_FOUND |
 * TDL_E_IO | TDL_E_TOO_LARGE | TDL_E_NO_MEMORY | TDL_E_STOPPED */
tdl_status tdl_frame_read(const char *source, const tdl_read_options *options, tdl_frame *ret,
                          tdl_read_counts *ret_counts, tdl_report *why);

/* ---- a known schema: what a model was trained on ---- */

/* {"columns": [{"name", "type", "levels"?: [...], ...}], "missing"?: "-9,unknown"}: enough to read
 * rows alike later. The levels of a category of at most 1,000 are kept. */
json_t *tdl_schema_save(const tdl_frame *frame); /* NULL: no memory */
/* Let the schema know which cells were read as missing: tdl_read_options.missing. NULL: the usual
 * ones. TDL_E_INVALID: not UTF-8 */
tdl_status tdl_schema_set_missing(json_t *schema, const char *missing, tdl_report *why);
const char *tdl_schema_missing(const json_t *schema); /* NULL: the usual ones */
/* Wishes for a schema saved by _save, to read another file alike; free(*ret). The names are
 * borrowed from `schema`. */
tdl_status tdl_schema_wishes(const json_t *schema, tdl_column_wish **ret, size_t *ret_n,
                             tdl_report *why);

/* A row or cell of JSON that could not be taken as the schema says. */
typedef struct tdl_row_fault {
    size_t row;
    size_t column; /* of the schema */
    tdl_report why;
} tdl_row_fault;

/* An array of objects as a frame of the schema's columns: a key that is absent is missing, keys
 * that the schema has not are counted. A cell of the wrong type is a fault of its row, which then
 * holds missing values. ret_faults  free(*ret_faults); may be NULL: then the first fault is an
 * error */
tdl_status tdl_frame_of_json(const json_t *schema, const json_t *rows, tdl_frame *ret,
                             size_t *ret_unknown_keys, tdl_row_fault **ret_faults,
                             size_t *ret_faults_n, tdl_report *why);

/* ---- reading from what is at hand; for read_*.c and tests ---- */

/* Cells of text, row by row, become typed columns. */
typedef struct tdl_frame_builder tdl_frame_builder;
tdl_status tdl_frame_builder_new(const tdl_str *name, size_t columns_n,
                                 const tdl_read_options *options, tdl_frame_builder **ret,
                                 tdl_report *why);
void tdl_frame_builder_free(tdl_frame_builder *builder); /* accepts NULL */
/* The column of that name, a new one if need be: missing in the rows so far. */
tdl_status tdl_frame_builder_column(tdl_frame_builder *builder, tdl_str name, size_t *ret,
                                    tdl_report *why);
size_t tdl_frame_builder_columns(const tdl_frame_builder *builder);
size_t tdl_frame_builder_rows(const tdl_frame_builder *builder);
/* A row, one cell a column; white space around a cell does not count. Not after a failure. */
tdl_status tdl_frame_builder_add(tdl_frame_builder *builder, const tdl_str *cell, tdl_report *why);
/* Infer types, convert. The builder is empty afterwards. */
tdl_status tdl_frame_builder_finish(tdl_frame_builder *builder, tdl_frame *ret, tdl_report *why);

#endif
