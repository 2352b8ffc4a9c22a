/* What is stored of a learner: arrays of finite numbers, named PREFIX + name in a safetensors file.
 * Reading treats the file as hostile.
 */
#ifndef TDL_LEARN_STORED_H
#define TDL_LEARN_STORED_H

#include "learn/learner.h"

/* The array is borrowed until the writer writes. */
void tdl_store_doubles(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                       const double *data);
void tdl_store_ints(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                    const int32_t *data);

void tdl_store_longs(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                     const int64_t *data);
void tdl_store_floats(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                      const float *data);

/* Exactly n finite numbers, free(*ret). TDL_E_CORRUPT names the tensor. */
tdl_status tdl_stored_doubles(const tdl_st_file *file, const char *prefix, const char *name,
                              size_t n, double **ret, tdl_report *why);
tdl_status tdl_stored_floats(const tdl_st_file *file, const char *prefix, const char *name,
                             size_t n, float **ret, tdl_report *why);
/* Exactly n, each in [low, high]. */
tdl_status tdl_stored_ints(const tdl_st_file *file, const char *prefix, const char *name, size_t n,
                           int32_t low, int32_t high, int32_t **ret, tdl_report *why);
/* Exactly n, any. */
tdl_status tdl_stored_longs(const tdl_st_file *file, const char *prefix, const char *name, size_t n,
                            int64_t **ret, tdl_report *why);
/* Task and scores a row, which tdl_learner_save wrote and tdl_learner_load has checked once. */
tdl_status tdl_stored_shape(const json_t *about, tdl_task *ret_task, size_t *ret_scores_n,
                            tdl_report *why);
/* How long is it? 0 when there is none of that name. */
size_t tdl_stored_n(const tdl_st_file *file, const char *prefix, const char *name);

#endif
