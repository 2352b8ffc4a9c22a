/* Who plays in a game of attributions: the columns of the table, each with all its features. */
#ifndef TDL_LEARN_PLAYERS_H
#define TDL_LEARN_PLAYERS_H

#include "table/matrix.h"

/* Features are numbers, then categories: 0 .. cols + categories_n - 1.
 *   ret_player  [features] the player of each
 *   ret_first   [features] the first feature of each player
 *   returns     how many players */
size_t tdl_players_number(const tdl_matrix *x, size_t *ret_player, size_t *ret_first);

#endif
