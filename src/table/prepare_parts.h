/* What a pipeline is made of: sources, the columns it was fitted on, and parts, each of which makes
 * some features of them. Internal to this folder.
 *
 *     cells of a row -> parts -> all `full_n` features -> those kept, scaled -> the matrix
 *
 * Features are numbered part by part in that order; `keep` says which a matrix has.
 */
#ifndef TDL_TABLE_PREPARE_PARTS_H
#define TDL_TABLE_PREPARE_PARTS_H

#include "table/impute.h"
#include "table/normalise.h"
#include "table/prepare.h"

enum {
    TDL_PREPARE_FEATURES_MAX = 1 << 22, /* before any is dropped */
    TDL_PREPARE_COLUMNS_MAX = 1 << 17
};
enum { TDL_PREPARE_FAMILY_MAX = 8 };
enum { TDL_LEVEL_MISSING = -1, TDL_LEVEL_UNSEEN = -2 };

typedef struct tdl_known { /* texts, ascending by bytes, each once */
    tdl_str *text;         /* [n] into bytes */
    size_t n;
    char *bytes;
} tdl_known;

bool tdl_known_find(const tdl_known *known, tdl_str text, size_t *ret);

typedef struct tdl_source {
    char *name;
    tdl_column_type type;
    bool used;
    bool missing;       /* a training row misses it */
    double least, most; /* of training; least > most: there was no number */
    double middle;      /* median, boolean: the more frequent; NaN: there was no number */
    tdl_known known;    /* levels of training; boolean: both as spelt, false first */
    size_t mode;        /* most frequent of `known` */
} tdl_source;

/* Is it used by its text, not as a number? */
bool tdl_source_levelled(const tdl_source *source);
/* Is it a feature of numbers that measure or count: no date, no truth? */
bool tdl_source_counts(const tdl_source *source);
/* Is it a feature whose levels part the rows into groups? */
bool tdl_source_groups(const tdl_source *source);

/* X(name, text) Where a number comes from. */
#define TDL_ORIGIN_MAP(X)                                                                          \
    X(COLUMN, "column")                                                                            \
    X(DAYS, "days") /* since `parameter`, seconds */                                               \
    X(YEAR, "year")                                                                                \
    X(MONTH, "month")                                                                              \
    X(WEEKDAY, "weekday")                                                                          \
    X(HOLIDAY, "holiday") /* is it one; with `parameter` k, the k-th name */                       \
    X(EVE, "eve")                                                                                  \
    X(AFTER, "after")                                                                              \
    X(NEAREST, "nearest") /* days to a holiday */                                                  \
    X(SINE, "sine")       /* of the season */                                                      \
    X(COSINE, "cosine")                                                                            \
    X(ALONG, "along") /* the first of a pair of axes turned by `parameter` degrees */              \
    X(ACROSS, "across")                                                                            \
    X(RATIO, "ratio") /* of columns a and b; missing unless b > 0 */                               \
    X(SUM, "sum")     /* of columns `of`, a the first of them */

typedef enum tdl_origin {
#define TDL_ORIGIN_ENUM(name, text) TDL_ORIGIN_##name,
    TDL_ORIGIN_MAP(TDL_ORIGIN_ENUM)
#undef TDL_ORIGIN_ENUM
} tdl_origin;

typedef struct tdl_number {
    tdl_origin origin;
    size_t a, b;                             /* sources; b only for pairs and ratios */
    size_t of[TDL_PREPARE_FAMILY_MAX], of_n; /* sources of a sum */
    double parameter;                        /* */
    double sine, cosine;                     /* of a turn; from `parameter` */
    double low, high;                        /* values beyond are moved there */
    double fill;                             /* in place of a missing one; NaN: it stays */
    tdl_scale scale;                         /* */
    const tdl_holiday_table *holidays;       /* the pipeline's, where the origin asks for it */
    double *edge;                            /* [edges_n] of bins; NULL = none */
    size_t edges_n;
} tdl_number;

/* X(name, text) What a part makes. */
#define TDL_PART_MAP(X)                                                                            \
    X(NUMBER, "number")       /* the number itself, then its bins */                               \
    X(INDICATOR, "indicator") /* is it missing? */                                                 \
    X(ONE_HOT, "one_hot")     /* levels, then, where `missing_level`, missing */                   \
    X(TARGET, "target")       /* value [width][levels_n + 1], prior [width] */                     \
    X(ORDINAL, "ordinal")                                                                          \
    X(COUNT, "count") /* value [levels_n + 1], the last for missing */                             \
    X(HASH, "hash")                                                                                \
    X(EMBED, "embed") /* makes no feature but a category */                                        \
    X(TEXT, "text")   /* value [width]: inverse document frequency */

typedef enum tdl_part_kind {
#define TDL_PART_ENUM(name, text) TDL_PART_##name,
    TDL_PART_MAP(TDL_PART_ENUM)
#undef TDL_PART_ENUM
} tdl_part_kind;

typedef struct tdl_part {
    tdl_part_kind kind;
    size_t source; /* */
    size_t begin;  /* its first feature */
    size_t width;  /* features */
    bool missing_level;
    tdl_number number;
    double *value; /* [value_n] */
    size_t value_n;
    double *prior; /* [width] of TARGET */
} tdl_part;

/* Gaps of numbers filled by the median of the row's group: a level of `group`, then the missing
 * one, then what is none of training, which has the median of all. */
typedef struct tdl_group_fill {
    size_t group;   /* source */
    size_t *source; /* [columns_n] the numbers, ascending */
    size_t columns_n;
    double *median; /* [columns_n][levels of `group` + 2] */
} tdl_group_fill;

struct tdl_prepare {
    tdl_source *source; /* [sources_n] every column of the frame fitted on */
    size_t sources_n;
    tdl_part *part; /* [parts_n] */
    size_t parts_n;
    size_t full_n; /* features before any is dropped */

    size_t cols;
    size_t *keep;           /* [cols] which of the full_n, ascending */
    double *shift, *factor; /* [cols] last of all, (x - shift) * factor */
    size_t dropped;         /* constant features */
    tdl_feature *feature;   /* [cols] */

    size_t categories_n;
    size_t *category_part; /* [categories_n] */
    size_t *levels_n;      /* [categories_n] with the 0 */
    tdl_feature *category_feature;
    char *names; /* what the features' names point into */

    bool has_image;
    size_t image; /* source */
    size_t channels, height, width;

    tdl_holiday_table holidays; /* n = 0: not used */

    tdl_fill fill;             /* targets_n = 0: not used */
    size_t *fill_source;       /* [fill.columns_n] */
    tdl_group_fill group_fill; /* columns_n = 0: not used */
};

bool tdl_normalise_find(tdl_str name, tdl_normalise *ret); /* false: there is none */
bool tdl_origin_find(tdl_str name, tdl_origin *ret);
bool tdl_part_kind_find(tdl_str name, tdl_part_kind *ret);

/* From the parts, once they are complete: where each begins, full_n. TDL_E_TOO_LARGE. */
tdl_status tdl_prepare_lay_out(tdl_prepare *prepare, tdl_report *why);
/* From the parts, full_n and keep: features, categories, their names. */
tdl_status tdl_prepare_name_features(tdl_prepare *prepare, tdl_report *why);

/* ---- rows; prepare_row.c ---- */

typedef struct tdl_view tdl_view; /* of one source, in a frame */

/* Columns of `frame` by name, as the sources of the pipeline; both are borrowed. */
tdl_status tdl_views_open(const tdl_source *source, size_t sources_n, const tdl_frame *frame,
                          tdl_view **ret, tdl_report *why);
void tdl_views_close(tdl_view *view, size_t sources_n); /* accepts NULL */
tdl_view *tdl_view_at(tdl_view *view, size_t source);
/* NaN when missing, or when the cell is none of such; then *odd, if not NULL, is set. */
double tdl_view_number(tdl_view *view, size_t row, bool *odd);
/* Number among the source's known levels, or TDL_LEVEL_MISSING, _UNSEEN. */
int32_t tdl_view_level(tdl_view *view, size_t row);
/* Which group of a tdl_group_fill a level is: itself, levels_n (missing), levels_n + 1 (unseen). */
size_t tdl_level_group(const tdl_source *source, int32_t level);
tdl_str tdl_view_text(tdl_view *view, size_t row); /* until the next call; missing: no bytes */
const tdl_column *tdl_view_column(const tdl_view *view); /* NULL: absent */

typedef struct tdl_cells { /* of a row */
    double *given;         /* [sources_n] */
    double *number;        /* [sources_n] the same, gaps filled by `fill` or `group_fill` */
    int32_t *level;        /* [sources_n] */
    double *fill;          /* [2 * fill.columns_n] scratch */
} tdl_cells;

tdl_status tdl_cells_init(const tdl_prepare *prepare, tdl_cells *ret, tdl_report *why);
void tdl_cells_release(tdl_cells *cells); /* accepts a zeroed struct */
/* Read all used cells of a row. warning may be NULL. */
void tdl_cells_read(const tdl_prepare *prepare, tdl_view *view, size_t row, tdl_cells *cells,
                    tdl_prepare_warning *warning);

/* The number before clipping, filling and scaling; NaN = missing. number [sources_n] */
double tdl_number_raw(const tdl_number *number, const double *of_source);
void tdl_number_derive(tdl_number *number); /* sine and cosine, from the parameter */

/* All full_n features of a row.
 *   target: [parts_n] of each TARGET part [width], in place of what it
 * would say; NULL = none */
void tdl_parts_row(const tdl_prepare *prepare, tdl_view *view, size_t row, const tdl_cells *cells,
                   double *const *target, double *ret);

/* ---- matrices; prepare_apply.c ---- */

/* A matrix of the pipeline's shape, its values unset. */
tdl_status tdl_prepare_matrix(const tdl_prepare *prepare, size_t rows, tdl_matrix *ret,
                              tdl_report *why);
/* Fill it from rows row[ret->rows], NULL = the first ones.
 *   target  [parts_n] of each TARGET part [rows][width], in place of what it would say; NULL = none
 *   warning [sources_n] or NULL */
tdl_status tdl_prepare_rows(const tdl_prepare *prepare, tdl_view *view, const uint32_t *row,
                            double *const *target, tdl_prepare_warning *warning, tdl_matrix *ret,
                            tdl_report *why);

#endif
