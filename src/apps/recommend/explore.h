/* Exploration: with what probability each candidate gets a slot, given the slots above, and which
 * one does.
 *
 * A slot is a distribution over the candidates that may stand there, and one uniform draw u from
 * it. The probability of the one that got it is its propensity, exact by construction; that of a
 * slate is the product. Whoever has u and the candidates gets the same slate again.
 *
 *     epsilon         eps / m + (1 - eps) [i = the best of the m left]
 *     plackett_luce   softmax of score / temperature over the m left
 *     thompson        how often i is the best of 256 draws from normal(score, spread), plus one,
 *                     over 256 + m: an estimate of the true chance, and what is drawn from
 *     squarecb        1 / (m + gamma (c_i - c_min)), the rest to the cheapest (Foster and Rakhlin,
 *                     ICML 2020); c = how far below the best, 0 to 1
 */
#ifndef TDL_APPS_RECOMMEND_EXPLORE_H
#define TDL_APPS_RECOMMEND_EXPLORE_H

#include "base/arena.h"
#include "base/rng.h"
#include "base/str.h"

typedef enum tdl_explore_kind {
    TDL_EXPLORE_OFF, /* the best gets the slot, with probability 1 */
    TDL_EXPLORE_EPSILON,
    TDL_EXPLORE_PLACKETT_LUCE,
    TDL_EXPLORE_THOMPSON,
    TDL_EXPLORE_SQUARECB
} tdl_explore_kind;

enum { TDL_THOMPSON_DRAWS = 256 };

typedef struct tdl_explore_options {
    tdl_explore_kind kind;
    double epsilon;     /* [0, 1] */
    double temperature; /* > 0 */
    double spread;      /* thompson: standard deviation of every score, > 0 */
    double gamma;       /* squarecb, >= 0 */
    size_t from_slot;   /* slots before this one, from 1, are not explored */
    size_t impressions; /* guaranteed to each new item; 0 = none */
    double share;       /* of explored slots that go to new items while there are any, [0, .1] */
} tdl_explore_options;

/* ret_chance [n]: they sum to one. The best is the highest score, of equals the first. n >= 1.
 *   scores  [n], finite
 *   rng     for thompson alone
 */
void tdl_explore_chances(const tdl_explore_options *options, const double *scores, size_t n,
                         tdl_rng *rng, double *ret_chance);
/* The costs form of squarecb. costs [n], finite */
void tdl_explore_squarecb(const double *costs, size_t n, double gamma, double *ret_chance);
/* A part of the slot's probability goes to new items, evenly: their propensity is true.
 *   is_new  [n] */
void tdl_explore_mix_new(double share, const bool *is_new, size_t n, double *chance);
/* The same three in one step, for those kinds where only the best one's chance differs: off and
 * epsilon. best: the highest score's place; explored: new items have their share.
 *   ret_chance  of who is drawn    returns who */
size_t tdl_explore_draw_best(const tdl_explore_options *options, size_t best, const bool *is_new,
                             size_t n, bool explored, double u, double *ret_chance);
/* Who gets the slot: the first whose chances, summed from the front, are above u in [0, 1). */
size_t tdl_explore_draw(const double *chance, size_t n, double u);

/* The draws of a decision: u and the stream of slot `slot`, by the decision's id. */
tdl_rng tdl_explore_rng(const char *decision_id, size_t slot);

const char *tdl_explore_name(tdl_explore_kind kind); /* "off", "epsilon", ... */
bool tdl_explore_parse(tdl_str name, tdl_explore_kind *ret);

#endif
