/* Points around four centres, and a fully connected network that learns which: what the tests of
 * smaller models share. */
#ifndef TDL_TEST_CLUSTERS_H
#define TDL_TEST_CLUSTERS_H

#include "nn/mlp.h"
#include "train/loop.h"
#include "train/trial.h"

enum { CLUSTERS_POINTS = 256, CLUSTERS_IN = 12, CLUSTERS_CLASSES = 4 };

typedef struct clusters {
    tdl_mlp model;
    float x[CLUSTERS_POINTS * CLUSTERS_IN];
    float teacher[CLUSTERS_POINTS * CLUSTERS_CLASSES]; /* all zero: it has none */
    bool taught;
    int32_t target[CLUSTERS_POINTS];
    uint64_t example[CLUSTERS_POINTS];
    tdl_nn_batch batch; /* all points, without targets */
    tdl_trial_data data;
    tdl_trainee trainee;
    tdl_loop_options loop; /* ten epochs of AdamW */
} clusters;

/* Points, and a started network with that many units in its one hidden layer, planned for training.
 * soft_share 0: an ordinary one. Not to be moved. */
void clusters_open(clusters *c, size_t hidden, double soft_share);
void clusters_train(clusters *c);
double clusters_accuracy(clusters *c);
void clusters_close(clusters *c);

#endif
