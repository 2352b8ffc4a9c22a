/* A shop's book through the store: imported up to a cut, trained as a server trains, and asked what
 * people take after it. UCI Online Retail, NDCG@10 of what was served, beside what the best rung of
 * each task reaches with settings chosen by hand (spec/recommend.md, section 5.2).
 *
 * People and hidden items are those of `recommend evaluate`; the crc32 of each target set is
 * compared with the reference's. Surfaces answer without variety and chance, which cost accuracy on
 * purpose. TREADLE_BENCH_CUT=2 takes the second cut.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "apps/recommend/cut.h"
#include "bars.h"
#include "base/json.h"
#include "cli/feedlog_reader.h"
#include "cli/folder.h"
#include "cli/import.h"
#include "loop/loop.h"
#include "table/csv.h"

#define BOOK "../shared/data/online-retail.csv.zst"

enum {
    K = 10,
    BATCH = 1000,
    ITEMS_MAX = 1000 /* of a question */,
    ARENA_BYTES = 64 << 20,
    PATH_BYTES = TDL_FOLDER_MAX + 32
};

typedef struct expected {
    double ndcg10;     /* that served answers must reach, as it is rounded in the reference */
    const char *crc32; /* of the target set; NULL: the reference has none */
} expected;

typedef struct when {
    const char *name, *cut, *end; /* as the book writes days */
    size_t events;                /* before the cut */
    expected of[TDL_RECOMMEND_TASKS_N];
} when;

static const when cuts[] = {
    {"October",
     "2011-10-01",
     "2011-11-01",
     355026,
     {{.2808, "73a089cb"}, {.0925, "362e3d26"}, {.2080, "f6436df0"}, {.0910, NULL}}},
    {"November",
     "2011-11-01",
     "2011-12-01",
     412501,
     {{.2953, "7ed8bd5d"}, {.0883, "317237f4"}, {.1985, "dab86539"}, {.1461, NULL}}},
};
static const double ROUNDING = 5e-5, TRAINING_CPU_S = 300;

/* How each task is asked. */
static const struct {
    const char *surface, *seen;
} asked_as[TDL_RECOMMEND_TASKS_N] = {
    [TDL_RECOMMEND_NEXT] = {"home", "0d"},
    [TDL_RECOMMEND_DISCOVERY] = {"home", "never"},
    [TDL_RECOMMEND_CART] = {"cart", "0d"},
    [TDL_RECOMMEND_STRANGERS] = {"home", "never"},
};

typedef struct shop {
    const when *when;
    char folder[TDL_FOLDER_MAX], book[PATH_BYTES], data[PATH_BYTES];
    tdl_loop *loop;
    tdl_feedback *all; /* the whole book */
    json_t *report;    /* of the training */
    tdl_arena *arena;
} shop;

static double process_cpu_s(void)
{
    struct timespec now;

    return clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now)
               ? 0
               : (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- the book up to the cut ---- */

static void write_row(FILE *to, const tdl_str *cell, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fputs(i ? ",\"" : "\"", to);
        for (size_t k = 0; k < cell[i].len; k++) {
            if (cell[i].at[k] == '"')
                fputc('"', to);
            fputc(cell[i].at[k], to);
        }
        fputc('"', to);
    }
    fputc('\n', to);
}

static tdl_status copy_rows(const shop *s, tdl_csv *csv, FILE *to, tdl_report *why)
{
    tdl_str day = tdl_str_of(s->when->cut);
    size_t n, at;
    const tdl_str *cell = tdl_csv_header(csv, &n);
    bool more = true;
    tdl_status st = TDL_OK;

    if (!tdl_csv_column(csv, "InvoiceDate", &at))
        return TDL_FAIL(why, TDL_E_INVALID, "%s has no InvoiceDate", BOOK);
    write_row(to, cell, n);
    while (!st && !(st = tdl_csv_next(csv, &cell, &n, &more, why)) && more)
        if (tdl_str_cmp(cell[at], day) < 0)
            write_row(to, cell, n);
    if (!st && ferror(to))
        st = TDL_FAIL(why, TDL_E_IO, "%s cannot be written", s->book);
    return st;
}

static tdl_status write_book(const shop *s, tdl_report *why)
{
    const tdl_csv_options options = {.delimiter = ','};
    tdl_csv *csv = NULL;
    FILE *to = NULL;
    tdl_status st = tdl_csv_open(BOOK, &options, &csv, why);

    if (!st && !(to = fopen(s->book, "we")))
        st = TDL_FAIL(why, TDL_E_IO, "%s cannot be made", s->book);
    if (!st)
        st = copy_rows(s, csv, to, why);
    if (to && fclose(to) && !st)
        st = TDL_FAIL(why, TDL_E_IO, "%s cannot be written", s->book);
    tdl_csv_close(csv);
    return st;
}

/* ---- import and training ---- */

static tdl_status put_events(void *context, const tdl_event *events, size_t events_n,
                             size_t *ret_new, tdl_report *why)
{
    return tdl_store_append(tdl_loop_store(context), events, events_n, ret_new, why);
}

static tdl_status put_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    return tdl_loop_put_items(context, items, items_n, why);
}

static tdl_status import(shop *s, bool quiet, tdl_bars *bars, tdl_report *why)
{
    const tdl_loop_options loop = {.data_dir = s->data, .exclusive = true};
    const tdl_import_options options = {
        .path = s->book, .map = "", .attributes = "", .kind = "event", .source = "import"};
    tdl_progress progress = tdl_progress_start(quiet);
    tdl_import_result result = {0};
    tdl_status st;

    if ((st = write_book(s, why)) || (st = tdl_loop_open(&loop, &s->loop, NULL, why)))
        return st;
    const tdl_import_sink sink = {
        .context = s->loop, .batch_n = BATCH, .events = put_events, .items = put_items};
    st = tdl_import_file(&options, &sink, &progress, &result, why);
    tdl_progress_finish(&progress);
    tdl_bars_add(bars,
                 (tdl_bar){.value = (double)result.stored,
                           .unit = "events",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = (double)s->when->events,
                           .peer = "items described",
                           .peer_value = (double)result.items},
                 "retail, %s: imported", s->when->name);
    return st;
}

static tdl_status train(shop *s, bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_progress progress = tdl_progress_start(quiet);
    const tdl_train_options options = {
        .seed = 1, .activate = true, .progress = tdl_progress_tell, .progress_context = &progress};
    tdl_buf report = {0};
    double began = process_cpu_s();
    tdl_status st = tdl_loop_train(s->loop, "recommend", &options, &report, why);

    tdl_progress_finish(&progress);
    if (!st)
        st = tdl_json_parse(tdl_buf_view(&report), TDL_JSON_LAST_WINS, &s->report, why);
    tdl_buf_release(&report);
    tdl_bars_add(bars,
                 (tdl_bar){.value = process_cpu_s() - began,
                           .unit = "CPU-s",
                           .kind = TDL_BAR_AT_MOST,
                           .bound = TRAINING_CPU_S,
                           .peer = "events",
                           .peer_value = (double)s->when->events},
                 "retail, %s: training", s->when->name);
    return st;
}

/* ---- questions ---- */

static tdl_status take_row(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    const tdl_feedback_row one = {
        .user = row->user, .item = row->item, .order = row->order, .time_us = row->time_us};

    return tdl_feedback_add(context, &one, why);
}

static tdl_status read_all(shop *s, tdl_report *why)
{
    const tdl_feedlog_options options = {.path = BOOK};
    tdl_feedlog_result result;
    tdl_status st;

    if (!(s->all = tdl_feedback_new()))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the book");
    st = tdl_feedlog_read(&options, take_row, s->all, &result, why);
    return st ? st : tdl_feedback_finish(s->all, why);
}

/* Without a person for a cart, as it is asked offline, and for a stranger. */
static void write_question(const shop *s, tdl_recommend_task task, const tdl_question *q,
                           tdl_buf *out)
{
    tdl_jw w = {.out = out};

    tdl_buf_clear(out);
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "surface", asked_as[task].surface);
    tdl_jw_kint(&w, "k", K);
    tdl_jw_kint(&w, "explain", 0);
    if (task == TDL_RECOMMEND_NEXT || task == TDL_RECOMMEND_DISCOVERY)
        tdl_jw_kstr(&w, "user", tdl_feedback_user(s->all, q->user));
    if (task == TDL_RECOMMEND_CART) {
        tdl_jw_key(&w, "items");
        tdl_jw_array(&w);
        for (size_t i = 0; i < q->history.n && i < ITEMS_MAX; i++)
            tdl_jw_str(&w, tdl_feedback_item(s->all, q->history.item[i]));
        tdl_jw_end_array(&w);
    }
    tdl_jw_key(&w, "policy");
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "seen", asked_as[task].seen);
    for (size_t i = 0; i < 2; i++) {
        tdl_jw_key(&w, i ? "explore" : "diversity");
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "kind", "off");
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
}

static double gain_at(size_t place)
{
    return 1 / log2((double)place + 2);
}

static double ndcg10(const shop *s, const tdl_question *q, const tdl_decision *d)
{
    double gain = 0, ideal = 0;

    for (size_t i = 0; i < K && i < d->candidates_n && d->candidates[i].chosen; i++)
        for (size_t t = 0; t < q->target_n; t++)
            if (tdl_str_eq(d->candidates[i].item, tdl_feedback_item(s->all, q->target[t])))
                gain += gain_at(i);
    for (size_t i = 0; i < K && i < q->relevant_n; i++)
        ideal += gain_at(i);
    return gain / ideal;
}

static tdl_status ask(const shop *s, tdl_recommend_task task, int64_t cut_us, const tdl_question *q,
                      tdl_buf *text, double *ret, tdl_report *why)
{
    json_t *question = NULL;
    tdl_buf answer = {0};
    tdl_jw w = {.out = &answer};
    tdl_decision decision;
    bool must_wait = false;
    tdl_status st;

    write_question(s, task, q, text);
    if ((st = tdl_json_parse(tdl_buf_view(text), TDL_JSON_LAST_WINS, &question, why)))
        return st;
    tdl_arena_reset(s->arena);
    tdl_ask asked = {.question = question,
                     .preview = true,
                     .may_wait = true,
                     .ret_must_wait = &must_wait,
                     .time_us = cut_us};
    tdl_json_get_str(question, "user", &asked.user);
    tdl_jw_object(&w);
    if (!(st = tdl_loop_decide(s->loop, "recommend", &asked, s->arena, &decision, &w, why)))
        *ret = ndcg10(s, q, &decision);
    tdl_buf_release(&answer);
    json_decref(question);
    return st;
}

/* ---- tasks ---- */

static const char *who_serves(const shop *s, tdl_recommend_task task)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(s->report, "tasks"), i, one)
    {
        const char *name = json_string_value(json_object_get(one, "task"));
        const char *serves = json_string_value(json_object_get(one, "serves"));
        if (name && serves && !strcmp(name, tdl_recommend_task_name[task]))
            return serves;
    }
    return "the ladder's";
}

static void add_bars(const shop *s, tdl_recommend_task task, double mean, size_t n, const char *crc,
                     tdl_bars *bars)
{
    const expected *e = &s->when->of[task];

    tdl_bars_add(bars,
                 (tdl_bar){.value = mean,
                           .unit = "NDCG10",
                           .kind = TDL_BAR_AT_LEAST,
                           .bound = e->ndcg10 - ROUNDING,
                           .peer = "questions",
                           .peer_value = (double)n},
                 "retail, %s: %s, by %s", s->when->name, tdl_recommend_task_name[task],
                 who_serves(s, task));
    if (e->crc32)
        tdl_bars_add(bars,
                     (tdl_bar){.value = !strcmp(crc, e->crc32),
                               .unit = "equal",
                               .kind = TDL_BAR_AT_LEAST,
                               .bound = 1,
                               .peer = "of",
                               .peer_value = 1},
                     "retail, %s: %s, targets' crc32", s->when->name,
                     tdl_recommend_task_name[task]);
}

static tdl_status ask_task(const shop *s, tdl_recommend_task task, tdl_bars *bars, tdl_report *why)
{
    tdl_holdout split = {0};
    tdl_cut_facts facts;
    tdl_cut cut = {0};
    tdl_buf text = {0};
    double sum = 0, value = 0;
    tdl_status st;

    if ((st = tdl_feedlog_time(tdl_str_of(s->when->cut), &cut.cut_us, why)) ||
        (st = tdl_feedlog_time(tdl_str_of(s->when->end), &cut.end_us, why)) ||
        (st = tdl_cut_split(s->all, task, cut, &split, &facts, why)))
        return st;
    for (size_t i = 0; !st && i < split.questions_n; i++) {
        st = ask(s, task, cut.cut_us, &split.question[i], &text, &value, why);
        sum += value;
    }
    if (!st && !split.questions_n)
        st = TDL_FAIL(why, TDL_E_INVALID, "nobody is to be asked: %s", s->when->cut);
    if (!st)
        add_bars(s, task, sum / (double)split.questions_n, split.questions_n, facts.crc, bars);
    tdl_buf_release(&text);
    tdl_holdout_release(&split);
    return st;
}

static tdl_status run(shop *s, bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_status st;

    if ((st = import(s, quiet, bars, why)) || (st = train(s, quiet, bars, why)) ||
        (st = read_all(s, why)))
        return st;
    for (size_t task = 0; !st && task < TDL_RECOMMEND_TASKS_N; task++)
        st = ask_task(s, (tdl_recommend_task)task, bars, why);
    return st;
}

tdl_status tdl_bench_retail(bool quiet, tdl_bars *bars, tdl_report *why)
{
    const char *cut = getenv("TREADLE_BENCH_CUT");
    shop s = {.when = &cuts[cut && !strcmp(cut, "2")], .arena = tdl_arena_new(ARENA_BYTES)};
    tdl_status st = s.arena ? tdl_folder_temporary(s.folder, why)
                            : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    if (!st) {
        snprintf(s.book, sizeof s.book, "%s/book.csv", s.folder);
        snprintf(s.data, sizeof s.data, "%s/data", s.folder);
        st = run(&s, quiet, bars, why);
        tdl_loop_close(s.loop);
        tdl_folder_remove(s.folder);
    }
    tdl_feedback_free(s.all);
    json_decref(s.report);
    tdl_arena_free(s.arena);
    return st;
}
