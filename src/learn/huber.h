/* Where Huber's loss (Huber, 1964) turns from squares to a straight line, when nobody says. */
#ifndef TDL_LEARN_HUBER_H
#define TDL_LEARN_HUBER_H

#include "learn/learner.h"

/* 1.345 robust deviations: 95 % as good as squares where errors are normal. */
extern const double tdl_huber_tuning;

/* The target's median, and its robust deviation from there: above 0. TDL_E_NO_MEMORY */
tdl_status tdl_robust_centre(const tdl_problem *problem, double *ret_middle, double *ret_deviation,
                             tdl_report *why);

/* 1.345 times half of the target's robust deviation: learners that start from nothing have no
 * residuals to measure, and a model that is worth fitting leaves about half of it. Above 0.
 * TDL_E_NO_MEMORY */
tdl_status tdl_huber_delta(const tdl_problem *problem, double *ret, tdl_report *why);

/* The robust deviation of values around 0: their median size / .6745. Sorts what it is given. */
double tdl_robust_deviation(double *size, size_t n);

#endif
