/* What the files of the live state share; nobody else includes it. */
#ifndef TDL_APPS_RECOMMEND_LIVE_STATE_PARTS_H
#define TDL_APPS_RECOMMEND_LIVE_STATE_PARTS_H

#include "apps/recommend/live_state.h"
#include "apps/recommend/names.h"

typedef struct tdl_live_person {
    tdl_ring ring;
    int32_t segment; /* index into segment, or -1 */
    int32_t hour;    /* of the newest group, since 1970 */
    uint16_t hour_groups;
    bool left_out; /* a robot */
} tdl_live_person;

struct tdl_live_state {
    tdl_live_person *person; /* [persons_n], by number */
    size_t persons_n, persons_cap;
    tdl_crowd crowd;     /* everybody */
    tdl_names *segments; /* their names */
    tdl_crowd *segment;  /* [TDL_SEGMENTS_MAX], segments_n in use; NULL until there is one */
    size_t segments_n;
    tdl_live *matrix[TDL_LIVE_MATRICES_N]; /* NULL = none */
    tdl_live *next[TDL_LIVE_MATRICES_N];   /* being counted: persons before `counted` are in it */
    size_t counted;
    tdl_names *kinds; /* of events, KINDS - 1 of them; from then on all are one */
    tdl_str target; /* the kind that counts `target_weight` times, owned; the others other_weight */
    uint8_t target_weight, other_weight;
    tdl_live_figures told; /* robots_n, early_n, crowded_n, lost_n */
};

#endif
