/* Logs of other recommenders: each format as its own tools write it, and what is refused. Row
 * counts of the shop's book: the project's online_retail.json, counted independently. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/recommend/cut.h"
#include "apps/recommend/decayed.h"
#include "apps/recommend/directed.h"
#include "apps/recommend/rung_trial.h"
#include "cli/feedlog_reader.h"
#include "cli/import.h"

static const char *shared; /* folder of the real data; NULL when it is absent */

typedef struct found {
    char text[2000]; /* "user item order kind time value\n" a row */
} found;

static tdl_status take(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    found *f = context;
    size_t n = strlen(f->text);

    (void)why;
    snprintf(f->text + n, sizeof f->text - n, "%.*s %.*s %.*s %.*s %lld %g\n", TDL_FMT(row->user),
             TDL_FMT(row->item), TDL_FMT(row->order), TDL_FMT(row->kind),
             (long long)(row->time_us / 1000000), row->has_value ? row->value : -1);
    return TDL_OK;
}

static tdl_status read_text(const char *name, const char *text, const char *map, const char *kind,
                            found *ret, tdl_feedlog_result *result, tdl_report *why)
{
    char folder[] = "/tmp/treadle-feedlog-XXXXXX", path[128];

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    tdl_feedlog_options options = {.path = path, .map = map, .kind = kind};
    ret->text[0] = '\0';
    tdl_status st = tdl_feedlog_read(&options, take, ret, result, why);
    unlink(path);
    rmdir(folder);
    return st;
}

static void expect_rows(const char *name, const char *text, const char *rows, size_t rejected)
{
    found f;
    tdl_feedlog_result result;
    tdl_report why = {0};

    if (read_text(name, text, NULL, NULL, &f, &result, &why))
        fail_msg("%s: %s", name, why.message);
    assert_string_equal(f.text, rows);
    assert_int_equal(result.rejected, rejected);
}

/* The header of RecBole's atomic files, the lines of its ml-100k.inter. */
static void recboles_inter_is_read(void **state)
{
    (void)state;
    expect_rows("ml-100k.inter",
                "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
                "196\t242\t3\t881250949\n186\t302\t3\t891717742.0\n22\t377\t1\tsoon\n",
                "196 242   881250949 3\n186 302   891717742 3\n", 1);
}

static void movielens_files_are_read(void **state)
{
    (void)state;
    expect_rows("u.data", "196\t242\t3\t881250949\n186\t302\t3\n", "196 242   881250949 3\n", 1);
    expect_rows("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n",
                "1 1193   978300760 5\n1 661   978302109 3\n", 0);
    expect_rows("ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n",
                "1 31   1260759144 2.5\n", 0);
}

/* As gorse's GET /api/feedback answers, and the same a line each. */
static void gorses_feedback_is_read_as_an_array_and_as_lines(void **state)
{
    static const char *const one =
        "{\"FeedbackType\":\"star\",\"UserId\":\"ann\",\"ItemId\":"
        "\"gorse\",\"Timestamp\":\"2022-01-01T00:00:01Z\",\"Comment\":\"\"}";
    char text[500];

    (void)state;
    snprintf(text, sizeof text, "[%s,\n7]", one);
    expect_rows("feedback.json", text, "ann gorse  star 1640995201 -1\n", 1);
    snprintf(text, sizeof text, "%s\nno JSON\n%s\n", one, one);
    expect_rows("feedback.jsonl", text,
                "ann gorse  star 1640995201 -1\nann gorse  star 1640995201 -1\n", 1);
}

static void a_shops_book_is_cleaned_and_guests_are_kept(void **state)
{
    (void)state;
    expect_rows("book.csv",
                "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
                "536365,85123a,6,2010-12-01 08:26:00,2.55,17850.0\n"
                "C536379,85123A,-1,2010-12-01 08:26:00,1,17850.0\n"
                "536366,DOT,1,2010-12-01 08:26:00,1,17850.0\n"
                "536367,85123A,1,2010-12-01 08:26:00,0,17850.0\n"
                "536544,21773,1,2010-12-01 14:32:00,2.51,\n",
                "17850.0 85123A 536365 purchase 1291191960 -1\n"
                " 21773 536544 purchase 1291213920 -1\n",
                0);
}

typedef struct handed_on {
    char events[1000]; /* "user item kind properties\n" each */
    char items[500];   /* "id title attributes\n" each */
    char message[4][40];
    size_t n;
} handed_on;

static tdl_status take_events(void *context, const tdl_event *events, size_t events_n,
                              size_t *ret_new, tdl_report *why)
{
    handed_on *h = context;

    (void)why;
    for (size_t i = 0; i < events_n; i++) {
        size_t at = strlen(h->events);
        assert_true(h->n < 4);
        snprintf(h->events + at, sizeof h->events - at, "%.*s %.*s %.*s %.*s\n",
                 TDL_FMT(events[i].user), TDL_FMT(events[i].item), TDL_FMT(events[i].kind),
                 TDL_FMT(events[i].properties));
        snprintf(h->message[h->n++], sizeof h->message[0], "%.*s", TDL_FMT(events[i].message_id));
    }
    *ret_new = events_n;
    return TDL_OK;
}

static tdl_status take_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    handed_on *h = context;

    (void)why;
    for (size_t i = 0; i < items_n; i++) {
        size_t at = strlen(h->items);
        snprintf(h->items + at, sizeof h->items - at, "%.*s %.*s %.*s\n", TDL_FMT(items[i].id),
                 TDL_FMT(items[i].title), TDL_FMT(items[i].attributes));
    }
    return TDL_OK;
}

/* Two orders of one minute are two events; a line that stands twice in one order is one. */
static void an_imported_book_keeps_orders_and_says_what_its_items_are(void **state)
{
    char folder[] = "/tmp/treadle-book-XXXXXX", path[128];
    handed_on h = {0};
    const tdl_import_options options = {
        .map = "", .attributes = "", .kind = "event", .source = "import", .path = path};
    const tdl_import_sink sink = {
        .context = &h, .batch_n = 10, .events = take_events, .items = take_items};
    tdl_progress progress = {0};
    tdl_import_result result;
    tdl_report why = {0};

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/book.csv", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
          "536365,85123a,WHITE HOLDER,6,2010-12-01 08:26:00,2.55,17850.0\n"
          "536366,85123A,WHITE HOLDER,1,2010-12-01 08:26:00,2.95,17850.0\n"
          "536366,85123A,WHITE HOLDER,2,2010-12-01 08:26:00,2.95,17850.0\n"
          "C536379,85123A,WHITE HOLDER,-1,2010-12-01 08:26:00,1,17850.0\n"
          "536544,21773,,1,2010-12-01 14:32:00,2.51,\n",
          file);
    fclose(file);
    assert_int_equal(tdl_import_file(&options, &sink, &progress, &result, &why), TDL_OK);
    unlink(path);
    rmdir(folder);
    assert_string_equal(h.events, "17850.0 85123A purchase {\"order_id\":\"536365\"}\n"
                                  "17850.0 85123A purchase {\"order_id\":\"536366\"}\n"
                                  "17850.0 85123A purchase {\"order_id\":\"536366\"}\n"
                                  "536544 21773 purchase {\"order_id\":\"536544\"}\n");
    assert_string_equal(h.items, "85123A WHITE HOLDER {\"price\":2.55}\n");
    assert_string_not_equal(h.message[0], h.message[1]);
    assert_string_equal(h.message[1], h.message[2]);
}

static void a_persons_line_has_no_times(void **state)
{
    found f;
    tdl_feedlog_result result;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(read_text("a.seq", "5 6 5\n7\n", NULL, NULL, &f, &result, &why), TDL_OK);
    assert_string_equal(f.text, "1 5   0 -1\n1 6   0 -1\n1 5   0 -1\n2 7   0 -1\n");
    assert_false(result.timed);
}

static void columns_can_be_named_and_kinds_chosen(void **state)
{
    found f;
    tdl_feedlog_result result;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(read_text("log.csv",
                               "who,what,when,how\na,x,2020-01-02,buy\nb,y,2020-01-03,see\n",
                               "user=who,item=what,time=when,kind=how", "buy", &f, &result, &why),
                     TDL_OK);
    assert_string_equal(f.text, "a x  buy 1577923200 -1\n");
    assert_int_equal(result.other, 1);
}

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
    found f;
    tdl_feedlog_result result;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(read_text("log.csv", "who,what\na,x\n", NULL, NULL, &f, &result, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "no column says which item"));
    assert_int_equal(read_text("log.csv", "user,item\na,x\n", "user=who", NULL, &f, &result, &why),
                     TDL_E_INVALID);
    assert_int_equal(
        read_text("log.csv", "user,item\na,x\n", "person=who", NULL, &f, &result, &why),
        TDL_E_USAGE);
    assert_int_equal(read_text("log.txt", "", NULL, NULL, &f, &result, &why), TDL_E_USAGE);
    assert_int_equal(read_text("log.csv", "user,item\na,x,y\n", NULL, NULL, &f, &result, &why),
                     TDL_E_INVALID);
    assert_non_null(strstr(why.message, "line 2"));
    assert_int_equal(
        read_text("u.data", "a\tx\t1\t5\n\377\tx\t1\t5\n", NULL, NULL, &f, &result, &why), TDL_OK);
    assert_string_equal(result.first_reject, "line 2: user: byte 1 is not UTF-8");
}

/* ---- real commerce ---- */

static tdl_status take_feedback(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    tdl_feedback_row one = {
        .user = row->user, .item = row->item, .order = row->order, .time_us = row->time_us};

    return tdl_feedback_add(context, &one, why);
}

static tdl_feedback *read_book(void)
{
    char path[4096];
    tdl_feedback *f = tdl_feedback_new();
    tdl_feedlog_result result;
    tdl_report why = {0};

    snprintf(path, sizeof path, "%s/online-retail.csv.zst", shared ? shared : "");
    if (!shared || access(path, R_OK)) {
        print_message("SKIP: %s is not there\n", path);
        tdl_feedback_free(f);
        skip();
    }
    tdl_feedlog_options options = {.path = path};
    assert_int_equal(tdl_feedlog_read(&options, take_feedback, f, &result, &why), TDL_OK);
    assert_int_equal(result.rows, 541909);
    assert_int_equal(result.rows - result.other, 527725);
    assert_int_equal(tdl_feedback_finish(f, &why), TDL_OK);
    return f;
}

static tdl_cut window(const char *from, const char *to)
{
    tdl_cut ret = {0};

    assert_int_equal(tdl_feedlog_time(tdl_str_of(from), &ret.cut_us, NULL), TDL_OK);
    assert_int_equal(tdl_feedlog_time(tdl_str_of(to), &ret.end_us, NULL), TDL_OK);
    return ret;
}

/* What online_retail.json says of a window: questions, and the crc32 of the targets. */
typedef struct window_case {
    const char *from, *to;
    size_t catalogue, questions[TDL_RECOMMEND_TASKS_N];
    const char *crc[TDL_RECOMMEND_TASKS_N]; /* NULL: not given */
} window_case;

static const window_case windows[] = {
    {"2011-09-01", "2011-10-01", 3514, {960, 861, 1699, 378}, {"85ef9a96", "5d7e9b2b", "2af64339"}},
    {"2011-10-01",
     "2011-11-01",
     3630,
     {1004, 919, 1819, 459},
     {"73a089cb", "362e3d26", "f6436df0"}},
    {"2011-11-01",
     "2011-12-01",
     3743,
     {1337, 1212, 2557, 432},
     {"7ed8bd5d", "317237f4", "dab86539"}},
};

static void every_target_set_is_that_of_the_reference(void **state)
{
    tdl_feedback *f = read_book();
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_feedback_all(f)->offsets[tdl_feedback_all(f)->users_n], 517254);
    assert_int_equal(tdl_feedback_all(f)->items_n, 3791);
    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        for (size_t t = 0; t < TDL_RECOMMEND_TASKS_N; t++) {
            tdl_holdout split;
            tdl_cut_facts facts;
            tdl_cut cut = window(windows[w].from, windows[w].to);
            assert_int_equal(tdl_cut_split(f, (tdl_recommend_task)t, cut, &split, &facts, &why),
                             TDL_OK);
            assert_int_equal(split.items_n, windows[w].catalogue);
            assert_int_equal(split.questions_n, windows[w].questions[t]);
            if (windows[w].crc[t])
                assert_string_equal(facts.crc, windows[w].crc[t]);
            tdl_holdout_release(&split);
        }
    tdl_feedback_free(f);
}

/* With the settings of the reference. Popularity and own history have no freedom left; of the
 * counts the order of their sums differs. Bars: no more than .003 below. */
static void rungs_reach_the_figures_of_the_reference(void **state)
{
    static const tdl_decayed_params fortnight = {14}, month = {30}, ever = {0};
    static const tdl_directed_params discovery = {3, .7, .3, 1, 60, 0, 3, .7, 1, 60, .75, 0};
    static const tdl_directed_params cart = {1, 1, .3, 1, 60, 0, 1, 1, 1, 180, .75, 0};
    static const struct bar {
        tdl_recommend_task task;
        const tdl_rung_ops *rung;
        const void *params;
        double ndcg10, tolerance;
    } bars[] = {
        {TDL_RECOMMEND_NEXT, &tdl_rung_decayed, &ever, .0781, .0001},
        {TDL_RECOMMEND_NEXT, &tdl_rung_decayed, &fortnight, .0926, .0001},
        {TDL_RECOMMEND_NEXT, &tdl_rung_own, NULL, .2808, .0001},
        {TDL_RECOMMEND_DISCOVERY, &tdl_rung_decayed, &fortnight, .0530, .0001},
        {TDL_RECOMMEND_DISCOVERY, &tdl_rung_directed, &discovery, .0861, .003},
        {TDL_RECOMMEND_CART, &tdl_rung_decayed, &month, .0155, .0001},
        {TDL_RECOMMEND_CART, &tdl_rung_directed, &cart, .1768, .0001},
        {TDL_RECOMMEND_STRANGERS, &tdl_rung_decayed, &fortnight, .0910, .0001},
    };
    tdl_feedback *f = read_book();
    tdl_report why = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bars / sizeof bars[0]; i++) {
        tdl_holdout split;
        tdl_cut_facts facts;
        tdl_rung_trial trial;
        tdl_fit_options options = {.params = bars[i].params};
        tdl_cut cut = window("2011-10-01", "2011-11-01");
        assert_int_equal(tdl_cut_split(f, bars[i].task, cut, &split, &facts, &why), TDL_OK);
        assert_int_equal(tdl_rung_trial_run(&split, bars[i].rung, &options, &trial, NULL, &why),
                         TDL_OK);
        double ndcg10 = tdl_rung_trial_ndcg10(&split, &trial);
        if (!(fabs(ndcg10 - bars[i].ndcg10) <= bars[i].tolerance))
            fail_msg("%s, %s: NDCG@10 %.4f, expected %.4f", tdl_recommend_task_name[bars[i].task],
                     bars[i].rung->name, ndcg10, bars[i].ndcg10);
        tdl_rung_trial_release(&trial);
        tdl_holdout_release(&split);
    }
    tdl_feedback_free(f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recboles_inter_is_read),
        cmocka_unit_test(movielens_files_are_read),
        cmocka_unit_test(gorses_feedback_is_read_as_an_array_and_as_lines),
        cmocka_unit_test(a_shops_book_is_cleaned_and_guests_are_kept),
        cmocka_unit_test(an_imported_book_keeps_orders_and_says_what_its_items_are),
        cmocka_unit_test(a_persons_line_has_no_times),
        cmocka_unit_test(columns_can_be_named_and_kinds_chosen),
        cmocka_unit_test(what_cannot_be_read_is_told_with_its_place),
        cmocka_unit_test(every_target_set_is_that_of_the_reference),
        cmocka_unit_test(rungs_reach_the_figures_of_the_reference),
    };

    shared = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests_name("cli/feedlog", tests, NULL, NULL);
}
