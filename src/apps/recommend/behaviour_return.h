/* When a person comes back: a head on the behaviour model that says how long it is until the next
 * event of his history.
 *
 *     p(bucket) = softmax(W x)      x = [vector / scale, bucket of the gap before the last group,
 * 1]
 *
 * Buckets are those of tdl_behaviour_gap. The body is not touched: what the model says of items has
 * the same bits with the head and without. So that those who never came back count too, the last
 * group of each history is censored: its loss is -log of the chance that nothing came before the
 * clock of the fit.
 *
 * Where a history keeps each item once, "event" means one of an item that is new to the person.
 */
#ifndef TDL_APPS_RECOMMEND_BEHAVIOUR_RETURN_H
#define TDL_APPS_RECOMMEND_BEHAVIOUR_RETURN_H

#include "apps/recommend/behaviour.h"

/* Learn the head of a model that is ready, from the histories it was fitted on and the time of the
 * fit (tdl_fit_now), of which as many people are taken as some thousand gaps need. The same data
 * and seed give the same bits. TDL_E_NO_MEMORY. */
tdl_status tdl_behaviour_return_fit(tdl_behaviour *model, const tdl_fit_data *data,
                                    const tdl_fit_options *options, tdl_report *why);
/* Is there one? Files of older versions have none, nor do fits that are only measured. */
bool tdl_behaviour_returns(const tdl_behaviour *model);

/* Chances of the buckets: ret [TDL_BEHAVIOUR_GAPS], sum 1; history not empty. TDL_E_NO_MEMORY. */
tdl_status tdl_behaviour_gaps(const tdl_behaviour *model, const tdl_history *history,
                              double ret[TDL_BEHAVIOUR_GAPS]);
/* The chance that the gap ends within `us` from now, when it has lasted for `since_us`. Inside a
 * bucket it is as likely at each logarithm of 1 + seconds. */
double tdl_behaviour_within(const double gaps[TDL_BEHAVIOUR_GAPS], int64_t since_us, int64_t us);

/* "behaviour/return" [GAPS][width + GAPS + 1] and "behaviour/return-scale" [1], if there is one;
 * what is read is checked. */
void tdl_behaviour_return_save(const tdl_behaviour *model, tdl_st_writer *writer);
tdl_status tdl_behaviour_return_load(const tdl_st_file *file, tdl_behaviour *model,
                                     tdl_report *why);

#endif
