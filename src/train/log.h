/* Where a run tells its figures: an event sink. Members may be NULL. */
#ifndef TDL_TRAIN_LOG_H
#define TDL_TRAIN_LOG_H

#include <stddef.h>
#include <stdint.h>

typedef struct tdl_train_log {
    void *context;
    void (*scalar)(void *context, const char *tag, uint64_t step, double value);
    void (*histogram)(void *context, const char *tag, uint64_t step, const float *x, size_t n);
    void (*text)(void *context, const char *tag, const char *text);
} tdl_train_log;

#endif
