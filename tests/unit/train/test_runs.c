/* Run folders: what is told is found again, a kill tells the truth, foreign bytes do no harm. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "train/run.h"
#include "train/runs.h"

typedef struct fixture {
    char data[40];
    tdl_arena *arena;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);

    strcpy(f->data, "/tmp/treadle-runs-XXXXXX");
    assert_non_null(mkdtemp(f->data));
    f->arena = tdl_arena_new((size_t)64 << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    char command[80];

    snprintf(command, sizeof command, "rm -r %s", f->data);
    assert_int_equal(system(command), 0);
    tdl_arena_free(f->arena);
    free(f);
    return 0;
}

static tdl_run_folder *open_run(const fixture *f, const char *id)
{
    tdl_run_options options = {.data_dir = f->data,
                               .app = "recommend",
                               .id = id,
                               .seed = 7,
                               .config = TDL_STR("{\"epochs\":4}"),
                               .isa = "avx2",
                               .threads = 2};
    tdl_run_folder *run = NULL;
    tdl_report why = {0};

    if (tdl_run_open(&options, &run, &why))
        fail_msg("%s", why.message);
    return run;
}

static void tell(const tdl_run_folder *run, const char *tag, uint64_t step, double value)
{
    const tdl_train_log *log = tdl_run_log(run);

    log->scalar(log->context, tag, step, value);
}

static void close_run(tdl_run_folder *run, tdl_run_end end)
{
    tdl_report why = {0};

    if (tdl_run_close(run, &end, &why))
        fail_msg("%s", why.message);
}

static tdl_run_row read_run(const fixture *f, const char *id)
{
    tdl_run_row row;
    tdl_report why = {0};

    if (tdl_runs_read(f->data, tdl_str_of(id), f->arena, &row, &why))
        fail_msg("%s", why.message);
    return row;
}

static void expect_text(tdl_str got, const char *expected)
{
    if (!tdl_str_is(got, expected))
        fail_msg("\"%.*s\", expected \"%s\"", TDL_FMT(got), expected);
}

/* Replace or make a file of a run. */
static void write_file(const fixture *f, const char *id, const char *name, tdl_str bytes)
{
    char path[256];

    snprintf(path, sizeof path, "%s/runs/%s", f->data, id);
    assert_int_equal(tdl_file_make_dir(path, NULL), TDL_OK);
    snprintf(path, sizeof path, "%s/runs/%s/%s", f->data, id, name);
    assert_int_equal(tdl_file_write(path, bytes, NULL), TDL_OK);
}

/* ---- life ---- */

static void what_a_run_was_told_is_found_again(void **state)
{
    fixture *f = *state;
    tdl_run_folder *run = open_run(f, "recommend-1");
    tdl_curves curves;

    tell(run, "epoch", 0, 1);
    tell(run, "loss", 10, 0.5);
    tell(run, "loss", 20, 0.25);
    tell(run, "bad", 20, NAN);
    close_run(run, (tdl_run_end){.stop_reason = "patience",
                                 .best_tag = "loss",
                                 .best_value = 0.25,
                                 .best_step = 20});
    tdl_run_row row = read_run(f, "recommend-1");
    assert_int_equal(row.status, TDL_RUN_DONE);
    expect_text(row.app, "recommend");
    expect_text(row.stop_reason, "patience");
    expect_text(row.best_tag, "loss");
    expect_text(row.config, "{\"epochs\":4}");
    assert_true(row.seed == 7 && row.best_value == 0.25 && row.best_step == 20);
    assert_true(row.started_us > 0 && row.finished_us >= row.started_us);
    assert_non_null(strstr(row.system.at, "\"isa\":\"avx2\""));
    assert_int_equal(tdl_runs_curves(f->data, row.id, 0, &curves, NULL), TDL_OK);
    assert_int_equal(curves.series_n, 2); // "bad" was never a number
    assert_string_equal(curves.series[1]->tag, "loss");
    assert_int_equal(curves.series[1]->count, 2);
    assert_true(curves.series[1]->last.value == 0.25 && curves.series[1]->max.step == 10);
    assert_int_equal(curves.skipped, 0);
    tdl_curves_release(&curves);
}

static void a_line_of_metrics_has_step_epoch_tag_value_and_time(void **state)
{
    fixture *f = *state;
    tdl_run_folder *run = open_run(f, "r");
    tdl_buf text = {0};
    json_t *line = NULL;
    char path[80];

    tell(run, "epoch", 5, 2);
    tell(run, "loss", 5, 1.5);
    snprintf(path, sizeof path, "%s/runs/r/metrics.jsonl", f->data);
    assert_int_equal(tdl_file_read(path, 4096, &text, NULL), TDL_OK); // before the run ends
    const char *second = strchr(text.at, '\n') + 1;
    assert_int_equal(tdl_json_parse(tdl_str_of(second), TDL_JSON_REFUSE_DUPLICATES, &line, NULL),
                     TDL_OK);
    assert_int_equal(json_object_size(line), 5);
    assert_int_equal(json_integer_value(json_object_get(line, "step")), 5);
    assert_true(json_number_value(json_object_get(line, "epoch")) == 2);
    assert_string_equal(json_string_value(json_object_get(line, "tag")), "loss");
    assert_true(json_number_value(json_object_get(line, "value")) == 1.5);
    assert_true(json_is_string(json_object_get(line, "time")));
    json_decref(line);
    tdl_buf_release(&text);
    close_run(run, (tdl_run_end){0});
}

static void a_run_that_failed_says_why(void **state)
{
    fixture *f = *state;

    close_run(open_run(f, "r"), (tdl_run_end){.status = TDL_E_INVALID,
                                              .stop_reason = "diverged",
                                              .message = "step 3: loss is not finite"});
    tdl_run_row row = read_run(f, "r");
    assert_int_equal(row.status, TDL_RUN_FAILED);
    expect_text(row.message, "step 3: loss is not finite");
    expect_text(row.best_tag, "");
}

static void a_run_whose_process_was_killed_shows_as_killed(void **state)
{
    fixture *f = *state;
    int ready[2];
    char byte;
    tdl_curves curves;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        tell(open_run(f, "r"), "loss", 1, 0.5);
        if (write(ready[1], "x", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(read_run(f, "r").status, TDL_RUN_RUNNING);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ready[0]);
    close(ready[1]);
    tdl_run_row row = read_run(f, "r");
    assert_int_equal(row.status, TDL_RUN_KILLED);
    assert_int_equal(row.finished_us, 0);
    assert_int_equal(tdl_runs_curves(f->data, row.id, 0, &curves, NULL), TDL_OK);
    assert_int_equal(curves.series[0]->count, 1); // what it had told is not lost
    tdl_curves_release(&curves);
}

static void a_name_is_given_once_and_leads_nowhere_else(void **state)
{
    static const char *const bad[] = {"", ".", "..", "../x", "a/b", ".hidden", "a b", "\xc3\xa9"};
    fixture *f = *state;
    tdl_run_options options = {.data_dir = f->data, .app = "a", .id = "r", .isa = "scalar"};
    tdl_run_folder *run = NULL;
    tdl_run_row row;
    tdl_report why = {0};

    close_run(open_run(f, "r"), (tdl_run_end){0});
    assert_int_equal(tdl_run_open(&options, &run, &why), TDL_E_CONFLICT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        options.id = bad[i];
        assert_int_equal(tdl_run_open(&options, &run, &why), TDL_E_INVALID);
        assert_int_equal(tdl_runs_read(f->data, tdl_str_of(bad[i]), f->arena, &row, &why),
                         TDL_E_NOT_FOUND);
    }
    assert_null(run);
    assert_int_equal(tdl_run_close(NULL, NULL, NULL), TDL_OK);
}

/* ---- listing ---- */

static void runs_are_listed_newest_first_up_to_a_limit(void **state)
{
    fixture *f = *state;
    tdl_run_row *rows;
    size_t n, skipped;

    assert_int_equal(tdl_runs_list(f->data, 10, f->arena, &rows, &n, &skipped, NULL), TDL_OK);
    assert_int_equal(n, 0); // no run was ever made
    close_run(open_run(f, "b-01890000-0000-7000-8000-000000000001"), (tdl_run_end){0});
    close_run(open_run(f, "a-01890000-0000-7000-8000-000000000002"), (tdl_run_end){0});
    close_run(open_run(f, "by-hand"), (tdl_run_end){0});
    assert_int_equal(tdl_runs_list(f->data, 10, f->arena, &rows, &n, &skipped, NULL), TDL_OK);
    assert_int_equal(n, 3);
    expect_text(rows[0].id, "a-01890000-0000-7000-8000-000000000002");
    expect_text(rows[2].id, "by-hand");
    assert_int_equal(tdl_runs_list(f->data, 1, f->arena, &rows, &n, &skipped, NULL), TDL_OK);
    assert_int_equal(n, 1);
    expect_text(rows[0].id, "a-01890000-0000-7000-8000-000000000002");
}

static void a_damaged_folder_is_counted_and_named(void **state)
{
    fixture *f = *state;
    tdl_buf huge = {0};
    tdl_run_row *rows, row;
    size_t n, skipped;
    tdl_report why = {0};

    for (int i = 0; i < 300000; i++)
        tdl_buf_char(&huge, ' ');
    tdl_buf_text(&huge, "{}");
    close_run(open_run(f, "good"), (tdl_run_end){0});
    write_file(f, "bad-json", "config.json", TDL_STR("{\"app\":"));
    write_file(f, "no-object", "config.json", TDL_STR("[1]"));
    write_file(f, "too-large", "config.json", tdl_buf_view(&huge));
    write_file(f, "half-made", "system.json", TDL_STR("{}"));
    close_run(open_run(f, "bad-end"), (tdl_run_end){0});
    write_file(f, "bad-end", "summary.json", TDL_STR("\xff"));
    assert_int_equal(tdl_runs_list(f->data, 10, f->arena, &rows, &n, &skipped, &why), TDL_OK);
    assert_int_equal(n, 1);
    expect_text(rows[0].id, "good");
    assert_int_equal(skipped, 4); // half-made is not a run yet
    assert_int_equal(tdl_runs_read(f->data, TDL_STR("bad-json"), f->arena, &row, &why),
                     TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "run bad-json, config.json: line 1"));
    assert_int_equal(tdl_runs_read(f->data, TDL_STR("too-large"), f->arena, &row, &why),
                     TDL_E_CORRUPT);
    assert_int_equal(tdl_runs_read(f->data, TDL_STR("bad-end"), f->arena, &row, &why),
                     TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "summary.json"));
    tdl_buf_release(&huge);
}

static void pipes_and_links_are_not_read(void **state)
{
    fixture *f = *state;
    tdl_curves curves;
    char path[120];

    write_file(f, "pipe", "config.json", TDL_STR("{}"));
    snprintf(path, sizeof path, "%s/runs/pipe/metrics.jsonl", f->data);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("pipe"), 0, &curves, NULL), TDL_E_IO);
    tdl_curves_release(&curves);
    write_file(f, "link", "config.json", TDL_STR("{}"));
    snprintf(path, sizeof path, "%s/runs/link/metrics.jsonl", f->data);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("link"), 0, &curves, NULL), TDL_E_IO);
    tdl_curves_release(&curves);
}

/* ---- metrics ---- */

#define LINE(step, tag, value) "{\"step\":" #step ",\"tag\":\"" tag "\",\"value\":" #value "}\n"

static const char MIXED[] = LINE(1, "a", 2)                    //
    "not json\n"                                               //
    "\n"                                                       //
    "[1]\n"                                                    //
    "{\"step\":1,\"value\":2}\n"                               // no tag
    "{\"step\":1,\"tag\":\"\",\"value\":2}\n"                  // an empty one
    "{\"step\":-1,\"tag\":\"a\",\"value\":2}\n"                // before the first step
    "{\"step\":1.5,\"tag\":\"a\",\"value\":2}\n"               // between two
    "{\"step\":1,\"tag\":\"a\",\"value\":\"2\"}\n"             // not a number
    "{\"step\":1,\"tag\":\"a\",\"tag\":\"b\",\"value\":2}\n"   // twice
    "{\"tag\":\"graph\",\"text\":\"x\"}\n"                     // a text: all is well
    "{\"step\":2,\"tag\":\"a\",\"value\":null}\n"              // was not finite: all is well
    LINE(3, "a", 4.5) "{\"step\":4,\"tag\":\"a\",\"value\":9"; // cut off
enum { MIXED_BAD = 9 };

static void lines_that_make_no_sense_are_skipped_and_counted(void **state)
{
    tdl_curves curves = {0};

    (void)state;
    tdl_curves_feed(&curves, tdl_str_of(MIXED));
    assert_int_equal(curves.skipped, MIXED_BAD);
    assert_int_equal(curves.series_n, 1);
    assert_int_equal(curves.series[0]->count, 2);
    assert_true(curves.series[0]->last.step == 3 && curves.series[0]->last.value == 4.5);
    assert_int_equal(curves.next, strrchr(MIXED, '\n') + 1 - MIXED);
    tdl_curves_release(&curves);
}

static void it_does_not_matter_where_the_bytes_are_cut(void **state)
{
    (void)state;
    for (size_t step = 1; step < 90; step += 7) {
        tdl_curves curves = {0};
        for (size_t at = 0; at < sizeof MIXED - 1; at += step) {
            size_t left = sizeof MIXED - 1 - at;
            tdl_curves_feed(&curves, (tdl_str){MIXED + at, step < left ? step : left});
        }
        assert_int_equal(curves.skipped, MIXED_BAD);
        assert_int_equal(curves.series[0]->count, 2);
        assert_int_equal(curves.next, strrchr(MIXED, '\n') + 1 - MIXED);
        tdl_curves_release(&curves);
    }
}

static void a_line_without_end_takes_no_memory(void **state)
{
    char chunk[4096];
    tdl_curves curves = {0};

    (void)state;
    memset(chunk, '1', sizeof chunk);
    for (int i = 0; i < 1000; i++)
        tdl_curves_feed(&curves, (tdl_str){chunk, sizeof chunk});
    assert_true(curves.line.cap <= (size_t)2 * TDL_METRICS_LINE_MAX);
    tdl_curves_feed(&curves, TDL_STR("\n" LINE(1, "a", 2)));
    assert_int_equal(curves.skipped, 1);
    assert_int_equal(curves.series_n, 1);
    assert_int_equal(curves.next, 4096000 + 1 + strlen(LINE(1, "a", 2)));
    tdl_curves_release(&curves);
}

static void more_tags_than_there_is_room_for_are_skipped(void **state)
{
    tdl_curves curves = {0};
    char line[80];

    (void)state;
    for (int i = 0; i < TDL_SERIES_MAX + 5; i++) {
        snprintf(line, sizeof line, "{\"step\":1,\"tag\":\"t%d\",\"value\":1}\n", i);
        tdl_curves_feed(&curves, tdl_str_of(line));
    }
    assert_int_equal(curves.series_n, TDL_SERIES_MAX);
    assert_int_equal(curves.skipped, 5);
    tdl_curves_release(&curves);
}

static void feed_points(tdl_curves *curves, int n)
{
    char line[80];

    for (int i = 0; i < n; i++) {
        int value = i == 777 ? -5 : i == n / 2 ? 100000 : i;
        snprintf(line, sizeof line, "{\"step\":%d,\"tag\":\"t\",\"value\":%d}\n", i, value);
        tdl_curves_feed(curves, tdl_str_of(line));
    }
}

static void long_series_are_thinned_evenly_and_keep_their_ends(void **state)
{
    static const int sizes[] = {1, 15, 16, 17, 999, 1000, 1001, 1999, 2000, 31415};
    tdl_metric_point point[TDL_SERIES_POINTS_MAX];

    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        tdl_curves curves = {0};
        feed_points(&curves, sizes[k]);
        const tdl_series *s = curves.series[0];
        size_t n = tdl_series_points(s, point);
        assert_int_equal(s->count, sizes[k]);
        assert_in_range(n, sizes[k] < 999 ? sizes[k] : 500, TDL_SERIES_POINTS_MAX);
        assert_int_equal(point[0].step, 0);
        assert_int_equal(point[n - 1].step, sizes[k] - 1);
        for (size_t i = 1; i + 1 < n; i++)
            assert_int_equal(point[i].step - point[i - 1].step, s->stride);
        tdl_curves_release(&curves);
    }
}

static void extremes_are_found_among_all_points(void **state)
{
    tdl_curves curves = {0};

    (void)state;
    feed_points(&curves, 20001);
    assert_true(curves.series[0]->min.step == 777 && curves.series[0]->min.value == -5);
    assert_true(curves.series[0]->max.step == 10000 && curves.series[0]->max.value == 100000);
    tdl_curves_release(&curves);
}

static void reading_goes_on_where_it_stopped(void **state)
{
    fixture *f = *state;
    tdl_run_folder *run = open_run(f, "r");
    tdl_curves curves;
    uint64_t next;

    tell(run, "loss", 1, 1);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("r"), 0, &curves, NULL), TDL_OK);
    next = curves.next;
    tdl_curves_release(&curves);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("r"), next, &curves, NULL), TDL_OK);
    assert_int_equal(curves.series_n, 0);
    assert_int_equal(curves.next, next);
    tdl_curves_release(&curves);
    tell(run, "loss", 2, 0.5);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("r"), next, &curves, NULL), TDL_OK);
    assert_int_equal(curves.series[0]->count, 1);
    assert_int_equal(curves.series[0]->last.step, 2);
    tdl_curves_release(&curves);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("r"), next + 3, &curves, NULL), TDL_OK);
    assert_int_equal(curves.skipped, 1); // the rest of a line
    tdl_curves_release(&curves);
    assert_int_equal(tdl_runs_curves(f->data, TDL_STR("r"), UINT64_MAX, &curves, NULL), TDL_OK);
    assert_int_equal(curves.series_n, 0);
    tdl_curves_release(&curves);
    close_run(run, (tdl_run_end){0});
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_run_was_told_is_found_again),
        TEST(a_line_of_metrics_has_step_epoch_tag_value_and_time),
        TEST(a_run_that_failed_says_why),
        TEST(a_run_whose_process_was_killed_shows_as_killed),
        TEST(a_name_is_given_once_and_leads_nowhere_else),
        TEST(runs_are_listed_newest_first_up_to_a_limit),
        TEST(a_damaged_folder_is_counted_and_named),
        TEST(pipes_and_links_are_not_read),
        cmocka_unit_test(lines_that_make_no_sense_are_skipped_and_counted),
        cmocka_unit_test(it_does_not_matter_where_the_bytes_are_cut),
        cmocka_unit_test(a_line_without_end_takes_no_memory),
        cmocka_unit_test(more_tags_than_there_is_room_for_are_skipped),
        cmocka_unit_test(long_series_are_thinned_evenly_and_keep_their_ends),
        cmocka_unit_test(extremes_are_found_among_all_points),
        TEST(reading_goes_on_where_it_stopped),
    };
    return cmocka_run_group_tests_name("train/runs", tests, NULL, NULL);
}
