/* The words of a card in Chinese: names that are the same in every card, and why a model was left
 * out. Learners and the contest give their reasons in English (status.h); here each such sentence
 * has its translation, numbers and names taken over. */
#ifndef TDL_PREDICT_CARD_WORDS_H
#define TDL_PREDICT_CARD_WORDS_H

#include "base/str.h"

/* A model, metric, task, kind of split or leak, or calibration, by its name; NULL: has none. */
const char *tdl_card_word(tdl_str name);

/* A reason, appended; as it is when it is none of those known. False then. */
bool tdl_card_reason(tdl_str english, tdl_buf *out);

#endif
