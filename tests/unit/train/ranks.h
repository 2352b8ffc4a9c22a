/* What the program that is run on several ranks leaves for the test: a file with one of these. */
#ifndef TDL_TEST_RANKS_H
#define TDL_TEST_RANKS_H

#include <stdint.h>

enum { RANKS_STEPS_MAX = 64, RANKS_PARAMS_MAX = 1 << 14 };

typedef struct ranks_result {
    uint64_t steps, params_n;
    uint64_t differing; /* steps after which a rank's parameters were not rank 0's */
    uint64_t validations;
    double loss[RANKS_STEPS_MAX]; /* 0 for steps before a resume */
    double validation[2];         /* the first and the last */
    float value[RANKS_PARAMS_MAX];
} ranks_result;

#endif
