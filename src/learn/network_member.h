/* One member of a network in training, and its batches. Internal to this folder.
 *
 * What training draws are units: rows, or, of a ranking, whole lists, of which at most
 * TDL_NETWORK_LIST_MAX rows are learnt from.
 */
#ifndef TDL_LEARN_NETWORK_MEMBER_H
#define TDL_LEARN_NETWORK_MEMBER_H

#include "learn/network.h"
#include "train/loop.h"

enum { TDL_NETWORK_EVALUATION_ROWS = 512, TDL_NETWORK_LIST_MAX = 4096 };

/* What all members share. */
typedef struct tdl_network_fitting {
    tdl_network *network;
    const tdl_problem *problem;
    float pixel_line[2];    /* a pixel is byte * [0] + [1] */
    double mean, deviation; /* of the target where it is standardised, else 0 and 1 */
    uint32_t *row;          /* [rows_n] those that weigh anything */
    size_t rows_n;
    /* Ranking: list k is row[list_first[k]] .. row[list_first[k + 1]). Else lists_n is 0. */
    uint32_t *list_first; /* [lists_n + 1] */
    size_t lists_n;
} tdl_network_fitting;

/* One member in training. */
typedef struct tdl_network_member {
    const tdl_network_fitting *f;
    tdl_tower *tower;
    uint64_t seed;
    uint32_t *unit; /* [units_n] rows, or numbers of lists: the first train_n are trained on, the
                     * rest held out */
    size_t train_n, units_n;
    size_t batch_units, batch_rows; /* at most */
    size_t pixels_n;
    float *x;          /* [batch_rows][columns] */
    int32_t *category; /* [batch_rows][categories] */
    float *value, *weight;
    int32_t *target;
    uint64_t *example;
    tdl_loop_result result;
} tdl_network_member;

/* Lists of the rows of f->row. Of other tasks: none. TDL_E_NO_MEMORY */
tdl_status tdl_network_find_lists(tdl_network_fitting *f, tdl_report *why);

/* Units of member `which` are shuffled and parted, batches get their room. Release it on failure
 * too. */
tdl_status tdl_network_member_init(tdl_network_member *m, const tdl_network_fitting *f,
                                   size_t which, tdl_report *why);
void tdl_network_member_release(tdl_network_member *m); /* accepts a zeroed struct */

/* The units number which[n] of the member's as a batch, which lives as long as the next. */
tdl_nn_batch tdl_network_batch(tdl_network_member *m, const uint32_t *which, size_t n);
/* For training: the batch's images are moved and mirrored by chance. */
void tdl_network_draw_views(tdl_network_member *m, uint64_t step, const uint32_t *which, size_t n);

/* What a unit weighs in the mean. */
double tdl_network_unit_weight(const tdl_network_member *m, uint32_t unit);
double tdl_network_row_weight(const tdl_problem *problem, size_t row);

#endif
