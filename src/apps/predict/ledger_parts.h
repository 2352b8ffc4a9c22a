/* What ledger.c and ledger_write.c share. */
#ifndef TDL_PREDICT_LEDGER_PARTS_H
#define TDL_PREDICT_LEDGER_PARTS_H

#include <pthread.h>

#include "apps/predict/ledger.h"
#include "stats/adaptive.h"

/* A forecast that was answered. */
typedef struct tdl_issued {
    size_t origin, levels_n; /* of the series' levels it has those that were there by then */
    double scale;
    double *mean; /* [horizon]; behind it half [levels_n][horizon], over nothing */
    int64_t time_us;
} tdl_issued;

typedef struct tdl_series_ledger {
    double *told; /* [told_n] behind the fitted ones; NaN: not known */
    size_t told_n, told_room, known;
    size_t due; /* the place whose truth moves levels next */
    double level[TDL_LEVELS_MAX];
    tdl_adaptive *adaptive[TDL_LEVELS_MAX];
    size_t levels_n;
    tdl_issued *issued; /* [issued_n] by origin */
    size_t issued_n, issued_room;
} tdl_series_ledger;

struct tdl_ledger {
    const tdl_forecaster *forecaster;
    tdl_series_ledger *series; /* [series of the forecaster] */
    size_t issued_max;         /* kept of a series */
    pthread_mutex_t lock;
};

/* The value at a place, fitted or told; NaN: not known. */
double tdl_ledger_value(const tdl_ledger *ledger, size_t series, size_t place);

#endif
