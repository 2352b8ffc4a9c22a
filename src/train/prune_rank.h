/* Which of many weights, or units, matter least. Private to the pruning files. */
#ifndef TDL_TRAIN_PRUNE_RANK_H
#define TDL_TRAIN_PRUNE_RANK_H

#include <stddef.h>

typedef struct tdl_ranked {
    double score;
    size_t at;
} tdl_ranked;

/* Reorder so that the first k are those of the smallest scores, of equal ones those of the smallest
 * `at`. The `at` differ from each other. Linear time. */
void tdl_rank_smallest(tdl_ranked *entry, size_t n, size_t k);

#endif
