/* Figures of each segment of people: see offline.h. */
#include <math.h>
#include <stdlib.h>

#include "apps/recommend/offline.h"
#include "stats/bootstrap.h"

enum { STREAM_SEGMENTS = 15 }; /* of the seeded generator; next_event.c has 14 */

typedef struct segment {
    int32_t number; /* -1: of whom nothing is said */
    size_t questions_n;
} segment;

typedef struct parted {
    const tdl_feedback *feedback;
    const tdl_holdout *split;
    const tdl_rung_trial *trial;
    uint64_t seed;
    segment *segment; /* [segments_n + 1], the largest first */
    size_t segments_n;
    size_t *place;          /* [segments_n] of a number, where it stands in `segment` */
    double *ndcg;           /* [questions_n] of the segment under way */
    double lowest, highest; /* of segments with enough questions */
    size_t enough_n;
} parted;

static int by_size(const void *left, const void *right)
{
    const segment *a = left, *b = right;

    if (a->questions_n != b->questions_n)
        return a->questions_n > b->questions_n ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Of whom nothing is said stands behind the numbers. */
static size_t index_of(const parted *p, size_t question)
{
    int32_t number = tdl_feedback_segment_of(p->feedback, p->split->question[question].user);

    return number < 0 ? p->segments_n : (size_t)number;
}

static bool sort_segments(parted *p)
{
    size_t n = p->segments_n + 1;

    p->segment = calloc(n, sizeof *p->segment);
    p->place = calloc(n, sizeof *p->place);
    p->ndcg = calloc(p->split->questions_n + 1, sizeof *p->ndcg);
    if (!p->segment || !p->place || !p->ndcg)
        return false;
    for (size_t s = 0; s < n; s++)
        p->segment[s].number = s < p->segments_n ? (int32_t)s : -1;
    for (size_t q = 0; q < p->split->questions_n; q++)
        p->segment[index_of(p, q)].questions_n++;
    qsort(p->segment, n, sizeof *p->segment, by_size);
    for (size_t s = 0; s < n; s++)
        p->place[p->segment[s].number < 0 ? p->segments_n : (size_t)p->segment[s].number] = s;
    return true;
}

/* Segment at `place`; from TDL_SEGMENTS_SHOWN on all that follow, together. */
static tdl_status write_row(parted *p, size_t place, tdl_jw *w, tdl_report *why)
{
    bool rest = place >= TDL_SEGMENTS_SHOWN;
    tdl_rng rng = tdl_rng_make(p->seed, STREAM_SEGMENTS);
    double hits = 0;
    size_t n = 0;
    tdl_interval ndcg;

    for (size_t q = 0; q < p->split->questions_n; q++) {
        size_t at = p->place[index_of(p, q)];
        if (rest ? at < place : at != place)
            continue;
        hits += p->trial->value[q][TDL_K10].hr;
        p->ndcg[n++] = p->trial->value[q][TDL_K10].ndcg;
    }
    if (!n)
        return TDL_OK;
    tdl_status st = tdl_bootstrap_mean(p->ndcg, n, NULL, &rng, &ndcg, why);
    if (st)
        return st;
    if (!rest && n >= TDL_SEGMENT_QUESTIONS_MIN) {
        p->lowest = fmin(p->lowest, ndcg.mean);
        p->highest = fmax(p->highest, ndcg.mean);
        p->enough_n++;
    }
    tdl_jw_object(w);
    if (!rest && p->segment[place].number >= 0) {
        tdl_jw_key(w, "segment");
        tdl_jw_str(w, tdl_feedback_segment(p->feedback, p->segment[place].number));
    }
    tdl_jw_kint(w, "questions", (int64_t)n);
    tdl_jw_kbool(w, "enough", n >= TDL_SEGMENT_QUESTIONS_MIN);
    tdl_jw_knumber(w, "hr10", hits / (double)n);
    tdl_jw_knumber(w, "ndcg10", ndcg.mean);
    tdl_jw_knumber(w, "ndcg10_low", ndcg.low);
    tdl_jw_knumber(w, "ndcg10_high", ndcg.high);
    tdl_jw_end_object(w);
    return TDL_OK;
}

tdl_status tdl_offline_write_segments(tdl_jw *w, const tdl_feedback *feedback,
                                      const tdl_holdout *split, const tdl_rung_trial *trial,
                                      uint64_t seed, tdl_report *why)
{
    parted p = {.feedback = feedback,
                .split = split,
                .trial = trial,
                .seed = seed,
                .segments_n = tdl_feedback_segments(feedback),
                .lowest = INFINITY,
                .highest = -INFINITY};
    tdl_status st = TDL_OK;

    if (!p.segments_n || !split->questions_n)
        return TDL_OK;
    if (!sort_segments(&p)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu segments", p.segments_n);
        goto out;
    }
    tdl_jw_key(w, "segments");
    tdl_jw_array(w);
    for (size_t s = 0; !st && s <= p.segments_n && s <= TDL_SEGMENTS_SHOWN; s++)
        st = write_row(&p, s, w, why);
    tdl_jw_end_array(w);
    if (p.enough_n > 1 && p.highest > 0)
        tdl_jw_knumber(w, "parity_ndcg10", p.lowest / p.highest);
out:
    free(p.segment);
    free(p.place);
    free(p.ndcg);
    return st;
}
