/* libxgboost, opened on demand: the part of its C API that training needs.
 *
 * Nothing is linked and no header of it is needed: the functions are found by name at run time, and
 * without the library everything but boosted trees works. Called by the worker process
 * (xgboost_worker.h), by tests and by benchmarks; a server never opens it.
 *
 * Threads      one thread per booster. nthread is always given: 1
 * Life cycle   once opened it stays: OpenMP, which it brings along, cannot be unloaded
 */
#ifndef TDL_LEARN_XGBOOST_H
#define TDL_LEARN_XGBOOST_H

#include <stdint.h>

#include "base/report.h"

typedef void *tdl_xgb_matrix, *tdl_xgb_booster;

/* All that can fail answer 0 or -1, and then last_error() says what, for this thread. */
typedef struct tdl_xgboost {
    int version[3];
    void (*version_of)(int *major, int *minor, int *patch);
    const char *(*last_error)(void);
    int (*matrix_new)(const float *x, uint64_t rows, uint64_t cols, float missing,
                      tdl_xgb_matrix *ret);
    int (*matrix_set)(tdl_xgb_matrix matrix, const char *field, const float *value, uint64_t n);
    int (*matrix_set_whole)(tdl_xgb_matrix matrix, const char *field, const unsigned *value,
                            uint64_t n); /* "group": rows of each list */
    int (*matrix_free)(tdl_xgb_matrix matrix);
    int (*booster_new)(const tdl_xgb_matrix *matrix, uint64_t n, tdl_xgb_booster *ret);
    int (*booster_set)(tdl_xgb_booster booster, const char *name, const char *value);
    int (*booster_update)(tdl_xgb_booster booster, int round, tdl_xgb_matrix matrix);
    /* type in config: 0 value, 1 margin, 2 contributions. What it gives is the booster's. */
    int (*predict)(tdl_xgb_booster booster, tdl_xgb_matrix matrix, const char *config,
                   const uint64_t **ret_shape, uint64_t *ret_rank, const float **ret);
    int (*save)(tdl_xgb_booster booster, const char *config, uint64_t *ret_n, const char **ret);
    int (*load)(tdl_xgb_booster booster, const void *bytes, uint64_t n);
    int (*booster_free)(tdl_xgb_booster booster);
} tdl_xgboost;

/* Open the first of `names` (NULL-terminated; NULL = libxgboost.so.0, libxgboost.so) that there is.
 * Before that OMP_WAIT_POLICY=passive is put into the environment: OpenMP reads it once, and its
 * own choice lets idle threads spin, which multiplies the time on a busy machine. So no other
 * thread may be reading the environment.
 *   returns  TDL_OK | TDL_E_NOT_FOUND (no such library: the hint names the package) |
 *            TDL_E_INVALID (it lacks a function, which is named, or is older than 1.6) */
tdl_status tdl_xgboost_open(const char *const *names, tdl_xgboost *ret, tdl_report *why);

#endif
