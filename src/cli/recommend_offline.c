#include "cli/recommend_offline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "apps/recommend/feedback_store.h"
#include "apps/recommend/offline.h"
#include "base/timestamp.h"
#include "cli/feedlog_reader.h"
#include "cli/item_table.h"
#include "cli/open_store.h"
#include "cli/progress.h"

/* Clocks of those who write logs may be ahead by this. */
static const int64_t CLOCK_SKEW_US = INT64_C(300000000);

bool tdl_is_file(const char *path)
{
    struct stat found;

    return !stat(path, &found) && !S_ISDIR(found.st_mode);
}

/* ---- options ---- */

/* The next piece of a comma-separated list; false at its end. */
static bool next_piece(const char **list, tdl_str *ret)
{
    while (**list == ',')
        (*list)++;
    size_t n = strcspn(*list, ",");
    *ret = tdl_str_trim((tdl_str){*list, n});
    *list += n;
    return n > 0;
}

/* Names with commas, each once: bits 1 << tdl_protocol. */
static tdl_status read_protocols(const char *list, unsigned *ret, tdl_report *why)
{
    tdl_str piece;

    *ret = 0;
    while (next_piece(&list, &piece)) {
        size_t p = 0;
        while (p < TDL_PROTOCOLS_N && !tdl_str_is(piece, tdl_protocol_name[p]))
            p++;
        if (p == TDL_PROTOCOLS_N)
            return TDL_FAIL_HINT(
                why, TDL_E_USAGE,
                "global-cut, prequential, strong, literature-loo, next-event and cold-items are "
                "protocols",
                "--protocol: there is no \"%.*s\"", TDL_FMT(piece));
        *ret |= 1U << p;
    }
    return TDL_OK;
}

static tdl_status read_tasks(const char *list, unsigned *ret, tdl_report *why)
{
    tdl_str piece;

    *ret = 0;
    while (next_piece(&list, &piece)) {
        size_t t = 0;
        while (t < TDL_RECOMMEND_TASKS_N && !tdl_str_is(piece, tdl_recommend_task_name[t]))
            t++;
        if (t == TDL_RECOMMEND_TASKS_N)
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "next, discovery, cart and strangers are tasks",
                                 "--task: there is no \"%.*s\"", TDL_FMT(piece));
        *ret |= 1U << t;
    }
    return TDL_OK;
}

static tdl_status read_cuts(const char *list, int64_t ret[TDL_CUTS_MAX + 1], size_t *ret_n,
                            tdl_report *why)
{
    tdl_str piece;

    *ret_n = 0;
    while (next_piece(&list, &piece)) {
        if (*ret_n == TDL_CUTS_MAX + 1)
            return TDL_FAIL(why, TDL_E_USAGE, "--cut: at most %d", TDL_CUTS_MAX + 1);
        tdl_status st = tdl_feedlog_time(piece, &ret[(*ret_n)++], why);
        if (st) {
            tdl_report_prefix(why, "--cut");
            return TDL_E_USAGE;
        }
    }
    return TDL_OK;
}

/* "30d", "12h", "90m", "45s". */
static tdl_status read_horizon(const char *text, int64_t *ret_us, tdl_report *why)
{
    static const struct unit {
        char letter;
        double us;
    } units[] = {{'d', 86400e6}, {'h', 3600e6}, {'m', 60e6}, {'s', 1e6}};
    size_t n = strlen(text);
    double number;

    *ret_us = 0;
    for (size_t i = 0; n && i < sizeof units / sizeof units[0]; i++)
        if (text[n - 1] == units[i].letter && tdl_str_double((tdl_str){text, n - 1}, &number) &&
            number > 0 && number * units[i].us < 9e15) {
            *ret_us = (int64_t)llround(number * units[i].us);
            return TDL_OK;
        }
    return n ? TDL_FAIL_HINT(why, TDL_E_USAGE, "write it as 30d, 12h, 90m or 45s",
                             "--horizon: \"%s\" is no length of time", text)
             : TDL_OK;
}

static tdl_status read_bar(const char *text, double *ret, tdl_report *why)
{
    *ret = -1;
    if (!text[0] || (tdl_str_double(tdl_str_of(text), ret) && *ret >= 0 && *ret <= 1))
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_USAGE, "--min-ndcg: \"%s\" is not in [0, 1]", text);
}

/* ---- the log ---- */

static tdl_status take_row(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    tdl_feedback_row one = {
        .user = row->user, .item = row->item, .order = row->order, .time_us = row->time_us};

    tdl_status st = tdl_feedback_add_segment(context, &one, row->segment, why);
    return st || !row->kind.len ? st : tdl_feedback_kind_of_last(context, row->kind, why);
}

static tdl_status read_log(const tdl_recommend_offline *o, tdl_progress *progress,
                           tdl_feedback *feedback, tdl_feedlog_result *ret, tdl_report *why)
{
    tdl_feedlog_options options = {.path = o->common->data,
                                   .map = o->map,
                                   .segment = o->segment,
                                   .kind = o->kind,
                                   .progress = progress};
    tdl_status st = tdl_feedlog_read(&options, take_row, feedback, ret, why);

    if (st)
        return st;
    if (ret->rejected)
        fprintf(stderr, tdl_tr("%zu rows rejected; the first: %s\n", "拒绝 %zu 行；第一处：%s\n"),
                ret->rejected, ret->first_reject);
    if (ret->rejected + ret->other == ret->rows)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: none of its %zu rows can be used%s%s",
                        o->common->data, ret->rows, ret->first_reject[0] ? "; the first: " : "",
                        ret->first_reject);
    return tdl_feedback_finish(feedback, why);
}

/* ---- the store ---- */

static tdl_status read_store(const tdl_recommend_offline *o, tdl_feedback *feedback,
                             tdl_report *why)
{
    tdl_loop *loop = NULL;
    tdl_status st = tdl_open_loop(o->common, 1, &loop, why);

    if (st)
        return st;
    st = tdl_feedback_add_store(feedback, tdl_loop_store(loop), tdl_str_of(o->kind), o->segment,
                                why);
    tdl_loop_close(loop);
    return st ? st : tdl_feedback_finish(feedback, why);
}

static tdl_status print_report(const tdl_recommend_offline *o, const tdl_buf *text, tdl_report *why)
{
    json_t *report = NULL;
    tdl_status st;

    if (o->common->json) {
        printf("%.*s\n", (int)text->len, text->at);
        return TDL_OK;
    }
    if ((st = tdl_json_parse(tdl_buf_view(text), TDL_JSON_LAST_WINS, &report, why)))
        return st;
    size_t i;
    json_t *protocol;
    json_array_foreach(json_object_get(report, "protocols"), i, protocol)
        tdl_recommend_print(stdout, protocol);
    json_decref(report);
    return TDL_OK;
}

static tdl_status read_options(const tdl_recommend_offline *o, tdl_offline_options *ret,
                               unsigned *ret_protocols, int64_t cut_us[TDL_CUTS_MAX + 1],
                               double *ret_bar, tdl_report *why)
{
    tdl_status st;

    if ((st = read_protocols(o->protocol, ret_protocols, why)) ||
        (st = read_tasks(o->task, &ret->tasks, why)) ||
        (st = read_cuts(o->cut, cut_us, &ret->cuts_n, why)) ||
        (st = read_horizon(o->horizon, &ret->horizon_us, why)))
        return st;
    ret->cut_us = cut_us;
    return read_bar(o->min_ndcg, ret_bar, why);
}

/* Without a wish: by time, where there are times, and as papers do. */
static unsigned usual_protocols(bool timed, bool described)
{
    return (described ? 1U << TDL_PROTOCOL_COLD_ITEMS : 0) |
           (timed ? 1U << TDL_PROTOCOL_GLOBAL_CUT : 0) | 1U << TDL_PROTOCOL_LITERATURE;
}

/* {"protocols": [...]}. ret_ndcg10: the least of what serves by protocols that do not leak; of the
 * literature's when there is no other; NAN when nobody was asked. */
static tdl_status run_protocols(tdl_feedback *feedback, tdl_offline_options *options,
                                unsigned protocols, tdl_buf *out, double *ret_ndcg10,
                                tdl_report *why)
{
    tdl_jw w = {.out = out};
    bool only_literature = protocols == 1U << TDL_PROTOCOL_LITERATURE;
    tdl_status st = TDL_OK;

    *ret_ndcg10 = NAN;
    tdl_jw_object(&w);
    tdl_jw_key(&w, "protocols");
    tdl_jw_array(&w);
    for (size_t p = 0; !st && p < TDL_PROTOCOLS_N; p++) {
        tdl_buf one = {0};
        double ndcg10;
        if (!(protocols & 1U << p))
            continue;
        options->protocol = (tdl_protocol)p;
        st = tdl_offline_run(feedback, options, &one, &ndcg10, why);
        tdl_jw_raw(&w, tdl_buf_view(&one));
        tdl_buf_release(&one);
        if (p != TDL_PROTOCOL_LITERATURE || only_literature)
            *ret_ndcg10 = fmin(*ret_ndcg10, ndcg10); // of NAN and a number: the number
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    return !st && out->failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report") : st;
}

static tdl_status read_catalogue(const tdl_recommend_offline *o, const tdl_feedback *feedback,
                                 tdl_content_code **ret, tdl_report *why)
{
    size_t described;
    tdl_status st = tdl_item_table_read(o->catalogue, feedback, ret, &described, why);

    if (!st && !o->common->quiet)
        fprintf(stderr, tdl_tr("%zu of %zu items are described\n", "%zu 个物品有描述，共 %zu 个\n"),
                described, tdl_feedback_all(feedback)->items_n);
    return st;
}

tdl_status tdl_recommend_offline_run(const tdl_recommend_offline *o, tdl_report *why)
{
    int64_t cut_us[TDL_CUTS_MAX + 1];
    double bar, ndcg10;
    tdl_offline_options options = {0};
    tdl_feedlog_result log = {0};
    tdl_buf report = {0};
    tdl_feedback *feedback = NULL;
    tdl_content_code *content = NULL;
    tdl_pool *pool = NULL;
    tdl_progress progress = tdl_progress_start(o->common->quiet);
    unsigned protocols;
    tdl_status st = read_options(o, &options, &protocols, cut_us, &bar, why);

    if (st)
        return st;
    feedback = tdl_feedback_new();
    pool = tdl_pool_new((unsigned)o->threads);
    if (!feedback || !pool) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
        goto out;
    }
    log.timed = true;
    st = tdl_is_file(o->common->data) ? read_log(o, &progress, feedback, &log, why)
                                      : read_store(o, feedback, why);
    if (st)
        goto out;
    if (o->catalogue[0] && (st = read_catalogue(o, feedback, &content, why)))
        goto out;
    options.timed = log.timed;
    options.now_us = tdl_time_now() + CLOCK_SKEW_US;
    options.run = (tdl_rung_contest_options){.seed = (uint64_t)o->seed,
                                             .pool = pool,
                                             .content = content,
                                             .bytes_max = (size_t)o->ease_max_bytes,
                                             .progress = tdl_progress_tell,
                                             .progress_context = &progress};
    st = run_protocols(feedback, &options,
                       protocols ? protocols : usual_protocols(log.timed, content != NULL), &report,
                       &ndcg10, why);
    tdl_progress_finish(&progress);
    if (!st)
        st = print_report(o, &report, why);
    if (!st && bar >= 0 && !(ndcg10 >= bar))
        st = TDL_FAIL(why, TDL_E_BAR, "NDCG@10 of what serves is %.4f, below %.4f", ndcg10, bar);
out:
    tdl_progress_finish(&progress);
    tdl_feedback_free(feedback);
    free(content);
    tdl_pool_free(pool);
    tdl_buf_release(&report);
    return st;
}
