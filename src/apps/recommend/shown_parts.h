/* What the files that write a report on what was shown have in common: shown_write.c. */
#ifndef TDL_APPS_RECOMMEND_SHOWN_PARTS_H
#define TDL_APPS_RECOMMEND_SHOWN_PARTS_H

#include "apps/recommend/shown.h"

typedef struct tdl_shown_writing {
    const tdl_shown *shown;
    const tdl_catalogue *catalogue;
    tdl_jw *w;
    uint8_t *class_of; /* [catalogue_n] segment of an item; TDL_SHOWN_NOBODY: it was deleted */
    size_t items_n;    /* that were not */
    double *sorted;    /* [catalogue_n] scratch */
} tdl_shown_writing;

/* n, taken, rate, low, high: members of the open object. */
void tdl_shown_write_rate(tdl_jw *w, tdl_shown_count count, double design_effect);
double tdl_shown_share(int64_t part, int64_t whole);         /* NAN of nothing */
size_t tdl_shown_bits(const uint64_t *bits, size_t items_n); /* NULL: 0 */

/* Lowest rate over highest, of parts with enough answers; NAN: there are not two. */
double tdl_shown_parity(const tdl_shown_part *part, size_t n);

/* shown_fair.c: "trait_parity", "traits": how people fare by the trait that surfaces name;
 * "sellers", "categories": whose items were shown. False: no memory. */
bool tdl_shown_write_fair(const tdl_shown_writing *x, const tdl_shown_tally *t,
                          double design_effect);

/* shown_what_if.c: "what_if", "what_if_missing": what each part alone would have earned, or why the
 * log does not say. */
void tdl_shown_write_what_if(const tdl_shown_tally *t, tdl_jw *w);

#endif
