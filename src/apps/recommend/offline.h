/* Offline evaluation: a log, a protocol, and a report.
 *
 * | protocol       | who is asked, and what was known |
 * | global-cut     | people after a moment; everything before it. Settings from an earlier window |
 * | prequential    | every group of the last fifth, before it is learnt |
 * | strong         | people who were held out, a fifth of their history hidden |
 * | cold-items     | items that nobody had yet, by what they say: cold_items.h |
 * | literature-loo | the last event of each person; leaks other people's future, for papers only |
 * | next-event     | sessions after a moment, event by event and their end: perplexity |
 */
#ifndef TDL_APPS_RECOMMEND_OFFLINE_H
#define TDL_APPS_RECOMMEND_OFFLINE_H

#include "apps/recommend/rung_contest.h"
#include "base/json.h"

typedef enum tdl_protocol {
    TDL_PROTOCOL_GLOBAL_CUT,
    TDL_PROTOCOL_PREQUENTIAL,
    TDL_PROTOCOL_STRONG,
    TDL_PROTOCOL_LITERATURE,
    TDL_PROTOCOL_NEXT_EVENT,
    TDL_PROTOCOL_COLD_ITEMS,
    TDL_PROTOCOLS_N
} tdl_protocol;

extern const char *const tdl_protocol_name[TDL_PROTOCOLS_N];

typedef struct tdl_offline_options {
    tdl_protocol protocol;
    unsigned tasks; /* bits 1 << tdl_recommend_task; 0 = all; of a global cut */
    const int64_t
        *cut_us;        /* [cuts_n] ascending; none = the last two horizons, and one for tuning */
    size_t cuts_n;      /* one = the horizon before it tunes; more = the first tunes */
    int64_t horizon_us; /* 0 = 30 days, or an eighth of a shorter log */
    bool timed;         /* the log has times */
    int64_t now_us; /* events after this are of the future: no window is laid by them; 0 = none */
    tdl_rung_contest_options run;
} tdl_offline_options;

/* The windows of a global cut, the first for tuning: ret [TDL_CUTS_MAX + 1]. TDL_E_USAGE: cuts. */
tdl_status tdl_offline_windows(const tdl_feedback *feedback, const tdl_offline_options *options,
                               tdl_cut *ret, size_t *ret_n, tdl_report *why);

/* Run the protocol and append its report, one object of JSON, to `out`.
 *   ret_ndcg10  the least NDCG@10 of what serves, over tasks and cuts; NAN when nothing was asked
 *   feedback    weighs afterwards as a global cut chose (weighing.h)
 *   returns     TDL_OK | TDL_E_USAGE (cuts; no times) | TDL_E_NO_MEMORY | TDL_E_STOPPED */
tdl_status tdl_offline_run(tdl_feedback *feedback, const tdl_offline_options *options, tdl_buf *out,
                           double *ret_ndcg10, tdl_report *why);

/* ---- parts of the report: offline_report.c ---- */

void tdl_offline_write_log(tdl_jw *w, const tdl_feedback *feedback,
                           const tdl_offline_options *options);
tdl_status tdl_offline_write_contest(tdl_jw *w, const tdl_feedback *feedback,
                                     const tdl_rung_contest *contest, uint64_t seed,
                                     tdl_report *why);

/* offline_segments.c: within an object, "segments", a row for each with 95 % intervals, the largest
 * first, and "parity_ndcg10", that of the worst served over that of the best among those with 30
 * questions, if there are two. Nothing when the log says no segments. TDL_E_NO_MEMORY. */
enum { TDL_SEGMENTS_SHOWN = 20, TDL_SEGMENT_QUESTIONS_MIN = 30 };
tdl_status tdl_offline_write_segments(tdl_jw *w, const tdl_feedback *feedback,
                                      const tdl_holdout *split, const tdl_rung_trial *trial,
                                      uint64_t seed, tdl_report *why);

/* ---- protocols other than the global cut ---- */

/* One contest over one heat each: held_out.c. `ret` is the caller's to release. */
tdl_status tdl_rung_contest_literature(const tdl_feedback *feedback,
                                       const tdl_rung_contest_options *options,
                                       tdl_rung_contest *ret, tdl_report *why);
tdl_status tdl_rung_contest_strong(const tdl_feedback *feedback,
                                   const tdl_rung_contest_options *options, tdl_rung_contest *ret,
                                   tdl_report *why);

/* The windows that the options name, or usual ones: ret [TDL_CUTS_MAX + 1], the first for tuning.
 * TDL_E_USAGE. */
tdl_status tdl_offline_windows(const tdl_feedback *feedback, const tdl_offline_options *options,
                               tdl_cut *ret, size_t *ret_n, tdl_report *why);

/* next_event.c: writes its own rows. TDL_E_TOO_LARGE: more than 5,000 items. */
tdl_status tdl_offline_next_event(const tdl_feedback *feedback, const tdl_offline_options *options,
                                  tdl_jw *w, tdl_report *why);

/* prequential.c: writes its own rows. */
tdl_status tdl_offline_prequential(const tdl_feedback *feedback,
                                   const tdl_rung_contest_options *options, tdl_jw *w,
                                   double *ret_ndcg10, tdl_report *why);

#endif
