/* Fashion-MNIST (Xiao et al. 2017) as Debian's dataset-fashion-mnist has it, and a net that learns
 * it: what the benchmarks over these images share.
 */
#ifndef TDL_BENCH_FASHION_H
#define TDL_BENCH_FASHION_H

#include "nn/net.h"
#include "table/idx.h"
#include "train/loop.h"

enum { TDL_FASHION_PIXELS = 784, TDL_FASHION_CLASSES = 10, TDL_FASHION_BATCH = 128 };

/* Whole file pairs. */
typedef struct tdl_fashion {
    tdl_idx train_pixels, train_labels, test_pixels, test_labels;
} tdl_fashion;

extern const char *const tdl_fashion_train_images, *const tdl_fashion_train_labels; /* paths */

/* *ret_there says whether the images are installed; when not, it is told unless `quiet`. */
tdl_status tdl_fashion_open(bool quiet, tdl_fashion *ret, bool *ret_there, tdl_report *why);
void tdl_fashion_close(tdl_fashion *fashion); /* accepts a zeroed struct */

/* Images of the classes first_class, first_class + 1, ..., which become 0, 1, ... */
typedef struct tdl_fashion_set {
    const tdl_idx *pixels, *labels; /* borrowed */
    uint32_t *chosen;               /* [n] places in both */
    size_t n;
    int first_class;
} tdl_fashion_set;

/*   each  images of a class, chosen at random by `seed`; 0 = all */
tdl_status tdl_fashion_choose(const tdl_idx *pixels, const tdl_idx *labels, int first_class,
                              int classes_n, size_t each, uint64_t seed, tdl_fashion_set *ret,
                              tdl_report *why);
void tdl_fashion_set_release(tdl_fashion_set *set); /* accepts a zeroed struct */

/* A planned classifier (of TDL_FASHION_BATCH rows) and room for one batch. */
typedef struct tdl_learner {
    tdl_params *params;
    tdl_net *net;
    int scores;
    size_t classes;
    const tdl_fashion_set *train;
    /* what chance does to each image of a training batch */
    bool mirror;    /* mirrored, or not */
    unsigned shift; /* moved by up to so many pixels, down or up and right or left */
    /* the room */
    float x[TDL_FASHION_BATCH * TDL_FASHION_PIXELS];
    int32_t target[TDL_FASHION_BATCH];
    uint64_t example[TDL_FASHION_BATCH];
} tdl_learner;

/* Train on l->train with batches of at most TDL_FASHION_BATCH. */
tdl_status tdl_learner_train(tdl_learner *l, const tdl_loop_options *options, tdl_report *why);
/* Share of the images whose own class has the highest score, alone. */
tdl_status tdl_learner_accuracy(tdl_learner *l, const tdl_fashion_set *test, tdl_pool *pool,
                                double *ret, tdl_report *why);

#endif
