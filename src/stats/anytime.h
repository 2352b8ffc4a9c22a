/* Intervals and p-values that hold however often one looks.
 *
 * | | source |
 * |---|---|
 * | asymptotic confidence sequence | Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, 2023 (arXiv
 * 2103.06476), equation 9 | | mixture sequential ratio test  | Johari, Koomen, Pekelis and Walsh,
 * 2017 |
 *
 * Both take the standard error of any effect (absolute, relative, ratio, after CUPED).
 */
#ifndef TDL_STATS_ANYTIME_H
#define TDL_STATS_ANYTIME_H

#include "stats/effect.h"

/* Units in all arms at which the sequence is narrowest; used where none is planned. */
#define TDL_ANYTIME_PLANNED 5000.

/* Half of the width at `n` units in both arms together.
 *   planned  units at which it is to be narrowest; <= 0 = TDL_ANYTIME_PLANNED
 *   alpha    in (0, 1) */
double tdl_anytime_half(double se, double n, double planned, double alpha);
double tdl_anytime_p(double estimate, double se, double n, double planned, double alpha);

/* What has been seen so far: the interval only ever narrows, p only falls. Zero it, then look. */
typedef struct tdl_anytime {
    double low, high; /* low > high: looks contradict each other, the effect is not constant */
    double p;
    double looks;
} tdl_anytime;

/* An effect with a gap is no look. */
void tdl_anytime_look(tdl_anytime *seen, tdl_effect effect, double n, double planned, double alpha);

/* The mixture test with normal mixing of variance tau^2, tau = the effect that is planned for. */
double tdl_mixture_p(double estimate, double se, double tau);
double tdl_mixture_half(double se, double tau, double alpha);

#endif
