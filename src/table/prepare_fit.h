/* Fitting a pipeline, in three steps that share what is at hand. Internal to this folder. */
#ifndef TDL_TABLE_PREPARE_FIT_H
#define TDL_TABLE_PREPARE_FIT_H

#include "table/prepare_parts.h"

typedef struct tdl_fitting {
    const tdl_frame *frame;
    const bool *left_out; /* or NULL */
    const uint32_t *row;  /* [rows] */
    size_t rows;
    const tdl_target *target;
    const tdl_prepare_options *options;
    uint64_t seed;

    tdl_prepare *p;
    tdl_view *view;
    double *value;    /* [rows] scratch */
    double *cell;     /* [sources_n] scratch */
    double *filled;   /* [rows][filled_n] numbers without gaps, or NULL */
    size_t filled_n;  /* */
    size_t *fill_at;  /* [sources_n] which of its columns, SIZE_MAX = none */
    double **encoded; /* [parts_cap] of TARGET parts [rows][width]: out of fold */
    uint32_t *fold;   /* [rows] of target encoding; NULL until it is needed */
    size_t parts_cap;
} tdl_fitting;

/* Columns of the frame become sources, of which those without any value are not used. */
tdl_status tdl_fit_sources(tdl_fitting *f, tdl_report *why);
/* What fills the gaps of numbers from elsewhere in the row: ridge, groups. */
tdl_status tdl_fit_gaps(tdl_fitting *f, tdl_report *why);
/* Sources become parts, as the options say. */
tdl_status tdl_fit_parts(tdl_fitting *f, tdl_report *why);
/* What encodings need of training: tables of levels, document frequencies. */
tdl_status tdl_fit_encoding(tdl_fitting *f, size_t part, tdl_report *why);

/* Of the features that are kept so far those that the options select. */
tdl_status tdl_fit_selection(tdl_fitting *f, tdl_report *why);

#endif
