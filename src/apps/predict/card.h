/* The model card: what was learnt from what, how good it is and for whom, and where it ends
 * (Mitchell et al., FAT* 2019). It is written with every fit, lies in the model file as JSON, and
 * reads as Markdown in English or Chinese.
 *
 *     {"name", "created", "seed", "version", "source", "task", "target": {...}, "rows", "columns":
 * [...], "split": {...}, "metric", "leaderboard": [...], "chosen": {...}, "gain": {...}, "quality":
 * {...}, "importance": [...], "fairness"?: {...}, "mitigation"?: {...}, "leaks": [...], "notes":
 * [...], "cost": {...}, "interval": {...}, "search": {...}, "decision"?: {...}}
 *
 * One definition of every figure: "value" is the mean over the folds, "low" and "high" its 95 %
 * percentile bootstrap, rows drawn within their fold; of a gain the same of the difference. The
 * leaderboard and "chosen" are of scores before calibration, "quality" of outputs after it; its
 * calibration error (ece) alone is of all rows together, as it grows when rows grow fewer.
 * "decision" (decision_cost.h) is there when costs were given.
 */
#ifndef TDL_PREDICT_CARD_H
#define TDL_PREDICT_CARD_H

#include "apps/predict/predictor.h"

/* The card as Markdown, appended. language: "en" or "zh". hash: of the model file, may be NULL */
void tdl_card_markdown(const json_t *card, const char *language, const char *hash, tdl_buf *out);

/* The leaderboard as aligned text, for terminals; appended. */
void tdl_card_leaderboard(const json_t *card, const char *language, tdl_buf *out);

#endif
