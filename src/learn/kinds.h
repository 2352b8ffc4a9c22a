/* The kinds of learners, each in a file of its own: what learners.c lists. */
#ifndef TDL_LEARN_KINDS_H
#define TDL_LEARN_KINDS_H

#include "learn/learner.h"

extern const tdl_learner_ops tdl_learner_constant;
extern const tdl_learner_ops tdl_learner_naive_bayes;
extern const tdl_learner_ops tdl_learner_nearest;
extern const tdl_learner_ops tdl_learner_linear;
extern const tdl_learner_ops tdl_learner_logistic;
extern const tdl_learner_ops tdl_learner_spline;
extern const tdl_learner_ops tdl_learner_crossed;
extern const tdl_learner_ops tdl_learner_trees;
extern const tdl_learner_ops tdl_learner_mlp;
extern const tdl_learner_ops tdl_learner_ft_transformer;
extern const tdl_learner_ops tdl_learner_vit;
extern const tdl_learner_ops tdl_learner_cnn;
extern const tdl_learner_ops tdl_learner_lasso;
extern const tdl_learner_ops tdl_learner_additive;
extern const tdl_learner_ops tdl_learner_tree;

#endif
