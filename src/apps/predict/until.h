/* Which answer is wanted of a row, said in a word or two: the table is in counterfactual.h. */
#ifndef TDL_PREDICT_UNTIL_H
#define TDL_PREDICT_UNTIL_H

#include "apps/predict/target.h"

/* Wanted are outputs whose score lies in [low, high]. */
typedef struct tdl_until {
    double low, high;
    size_t class_of; /* whose output is the score, */
    bool margin;     /* or how far it is above the largest of the others */
} tdl_until;

/* threshold: binary, of this row. now: the value of a row whose target is a number.
 *   returns  TDL_OK | TDL_E_INVALID (no such class, value or probability: names it) */
tdl_status tdl_until_read(const char *text, const tdl_predict_target *target, double threshold,
                          double now, tdl_until *ret, tdl_report *why);

/* output [n] of predict */
double tdl_until_score(const tdl_until *until, const double *output, size_t n);

#endif
