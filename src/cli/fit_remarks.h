/* What a fit took otherwise than the table may have meant it, said aloud on stderr: columns that it
 * left out, infinite values, numbers among text, rows without a target.
 */
#ifndef TDL_CLI_FIT_REMARKS_H
#define TDL_CLI_FIT_REMARKS_H

#include "apps/predict/predictor.h"

/* card: of the fit of that frame */
void tdl_fit_remarks(const json_t *card, const tdl_frame *frame);

#endif
