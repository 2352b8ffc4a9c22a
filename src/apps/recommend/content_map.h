/* From what an item says to where it would stand among the learnt ones: ridge regression of an item
 * space (any matrix of item vectors: those of iALS++, of a network) on content codes.
 *
 *     w = argmin sum over i of |y_i - b - W' (s x_i)|^2 + lambda |W|^2
 *
 * x_i is the unpacked code of item i, s the weight of each block, y_i its learnt vector, b free.
 * Fitted on items with at least 20 events; where fewer than TDL_CONTENT_ITEMS_ENOUGH say anything,
 * on those with 10, 5, 2 or 1, the first of these numbers that gives enough. lambda and s are
 * chosen on every fourth of these items, by the share of the variance of y that is explained; the
 * map is then fitted on all.
 *
 * How much an item's content weighs beside its n events, kappa / (n + kappa), is chosen where items
 * are measured: content_rung.c.
 *
 * Memory     fit: 2 D^2 doubles beside the inputs (D = TDL_CONTENT_D); model: (D + 1) d floats
 * Threads    a map is immutable; the result does not depend on the pool
 */
#ifndef TDL_APPS_RECOMMEND_CONTENT_MAP_H
#define TDL_APPS_RECOMMEND_CONTENT_MAP_H

#include "apps/recommend/content_code.h"
#include "base/pool.h"
#include "base/report.h"
#include "train/safetensors.h"

enum { TDL_CONTENT_ITEMS_ENOUGH = 50, TDL_CONTENT_ITEMS_LEAST = 10, TDL_CONTENT_MAP_D_MAX = 512 };

typedef struct tdl_content_map {
    size_t d;                    /* of the item space */
    tdl_content_weights weights; /* already in `matrix`; for likeness of codes */
    double lambda, kappa;        /* kappa: by whoever measured it; 0 from the fit */
    double explained;      /* of held-out items' vectors, <= 1; below 0: worse than the mean */
    size_t items_n;        /* fitted on */
    unsigned events_least; /* that each of them has */
    float *matrix;         /* [TDL_CONTENT_D + 1][d], the last row is b */
    double saved[5 + TDL_CONTENT_BLOCKS_N]; /* what save hands to a writer */
} tdl_content_map;

typedef struct tdl_content_space {
    const tdl_content_code *code; /* [n] */
    const float *vector;          /* [n][d] */
    const uint32_t *events;       /* [n] */
    size_t n, d;
} tdl_content_space;

/* lambda: 0 = choose it, and the weights; else it is taken, with all weights 1.
 *   returns  TDL_OK | TDL_E_INVALID (fewer than TDL_CONTENT_ITEMS_LEAST items have events and say
 *            anything; d; a vector is not finite) | TDL_E_NO_MEMORY */
tdl_status tdl_content_map_fit(const tdl_content_space *space, double lambda, tdl_pool *pool,
                               tdl_content_map **ret, tdl_report *why);
void tdl_content_map_free(tdl_content_map *map); /* accepts NULL */

/* ret[d]: where an item that says this would stand. */
void tdl_content_map_apply(const tdl_content_map *map, const tdl_content_code *code, float *ret);
/* What the products of a vector w[d] with mapped vectors come to: of a code it is the product of
 * its unpacked cells (all weights 1) with ret[TDL_CONTENT_D], and *ret_constant. */
void tdl_content_map_towards(const tdl_content_map *map, const float *w, float *ret,
                             float *ret_constant);

/* Tensors "<prefix>/map" F32 [D + 1][d] and "<prefix>/map_settings" F64: lambda, kappa, explained,
 * items_n, events_least, the weights. */
void tdl_content_map_save(tdl_content_map *map, const char *prefix, tdl_st_writer *writer);
/* TDL_E_CORRUPT says which tensor and what is wrong. */
tdl_status tdl_content_map_load(const tdl_st_file *file, const char *prefix, size_t d,
                                tdl_content_map **ret, tdl_report *why);

#endif
