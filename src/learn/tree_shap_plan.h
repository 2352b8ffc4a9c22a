/* The constants of a tree for TreeSHAP. Internal to tree_shap.c and tree_shap_plan.c.
 *
 * Only splits are kept: what leaves do is folded into the split above them. At a split a row is in
 * one of three states:
 *     OFF    an earlier split on the same feature has already gone another way
 *     LEFT, RIGHT  it has not, and the row goes there
 * and every factor is a vector over the quadrature points, chosen by that state.
 */
#ifndef TDL_LEARN_TREE_SHAP_PLAN_H
#define TDL_LEARN_TREE_SHAP_PLAN_H

#include "learn/tree_shap.h"

enum { TDL_SHAP_OFF, TDL_SHAP_LEFT, TDL_SHAP_RIGHT, TDL_SHAP_STATES };

/* Two quadrature points side by side: what every 64-bit instruction set multiplies at once. */
typedef double tdl_shap_pair __attribute__((vector_size(16)));

typedef struct tdl_shap_split {
    float threshold;
    int32_t feature;
    int32_t missing;  /* the state that a missing value gives */
    int32_t parent;   /* split above; the root: itself */
    int32_t above;    /* nearest split whose way in is of the same feature; 0, the root, = none */
    int32_t child[2]; /* -1 = a leaf */
    int32_t side;     /* which child of its parent: the state that leads here */
    /* Offsets into `factor`, -1 = none. Each [states][pairs] twice. */
    int32_t way_in; /* by the PARENT's state: the product's factor; what a unit below then adds */
    int32_t leaves; /* by its own state: sum of the leaves under it; what they add */
} tdl_shap_split;

typedef struct tdl_shap_tree {
    size_t splits_n; /* 0: a single leaf */
    size_t pairs;    /* of quadrature points, rounded up: the last may weigh nothing */
    double mean;     /* what it gives when nothing is known */
    const tdl_shap_split *split;
    const tdl_shap_pair *factor;
} tdl_shap_tree;

/* Room for any one tree of the forest, and what is needed to fill it. */
typedef struct tdl_shap_maker tdl_shap_maker;
tdl_shap_maker *tdl_shap_maker_new(const tdl_forest *forest); /* NULL: no memory */
void tdl_shap_maker_free(tdl_shap_maker *maker);              /* accepts NULL */
/* ret: until the next call */
void tdl_shap_make(tdl_shap_maker *maker, size_t tree, tdl_shap_tree *ret);

const tdl_shap_tree *tdl_shap_plan_tree(const tdl_shap_plan *plan, size_t tree);
size_t tdl_shap_splits_max(const tdl_forest *forest);
size_t tdl_shap_pairs_max(const tdl_forest *forest);

#endif
