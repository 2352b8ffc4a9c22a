/* Where a run tells its figures: an event sink. Members may be NULL. */
#ifndef TDL_TRAIN_LOG_H
#define TDL_TRAIN_LOG_H

#include <stddef.h>
#include <stdint.h>

/* An op of a model, or a parameter, and what it reads. */
typedef struct tdl_graph_node {
    const char *name, *op; /* the name is its own in the graph; what stands before '/' is a group */
    const char *const *input; /* [inputs_n] names */
    size_t inputs_n;
    const int64_t *shape; /* [rank] of what it makes; -1: varies from batch to batch */
    size_t rank;
} tdl_graph_node;

typedef struct tdl_train_log {
    void *context;
    void (*scalar)(void *context, const char *tag, uint64_t step, double value);
    void (*histogram)(void *context, const char *tag, uint64_t step, const float *x, size_t n);
    void (*text)(void *context, const char *tag, const char *text);
    void (*graph)(void *context, const tdl_graph_node *node, size_t n);
} tdl_train_log;

#endif
