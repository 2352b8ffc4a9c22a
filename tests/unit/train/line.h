/* The smallest model: y = w x + b through (1..5 -> 0..4), its gradient by hand. */
#ifndef TDL_TEST_LINE_H
#define TDL_TEST_LINE_H

#include "train/loop.h"

enum { LINE_POINTS = 5, LINE_CALLS_MAX = 4096 };

typedef struct line {
    tdl_params params; /* slice 0 = w, slice 1 = b */
    float x[LINE_POINTS], y[LINE_POINTS], weight[LINE_POINTS];
    float middle, spread;          /* x is used as (x - middle) / spread */
    unsigned sleep_ms;             /* before each gradient */
    uint64_t bad_from, bad_to;     /* calls whose loss is not a number */
    float bad_above;               /* a |w| above which it is none either; 0 = never */
    uint64_t calls, changes;       /* of gradient, of changed */
    size_t batch[LINE_CALLS_MAX];  /* of the first calls */
    uint32_t seen[LINE_CALLS_MAX]; /* examples in the order they came */
    size_t seen_n;
    double loss[LINE_CALLS_MAX]; /* by step */
    tdl_batch_place place;       /* the last */
} line;

tdl_trainee line_open(line *l); /* zero start, all weights 1; release l->params */

/* Largest error of the predictions at 6..10, which are to be 5..9. */
double line_error(const line *l);

#endif
