/* Options that are numbers: given as text, so that "not given" and 0 differ. */
#ifndef TDL_CLI_NUMBER_OPTION_H
#define TDL_CLI_NUMBER_OPTION_H

#include "base/report.h"

/* The number in [low, high] that --name was given; `fallback` when `text` is NULL or empty.
 * TDL_E_USAGE otherwise. */
tdl_status tdl_number_option(const char *name, const char *text, double fallback, double low,
                             double high, double *ret, tdl_report *why);

#endif
