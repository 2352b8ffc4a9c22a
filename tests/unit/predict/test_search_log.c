/* Results of a search on disk: kept, torn, damaged, of another search, in use. */
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

#include "apps/predict/search_log.h"
#include "base/file.h"

enum { SCORES = 3, HEAD = 40 };

static const unsigned char key[TDL_SEARCH_KEY_BYTES] = "the key of this search",
                           other_key[TDL_SEARCH_KEY_BYTES] = "the key of another";
static const double scores[SCORES] = {0.5, -1.25, 3e-300};
static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/treadle-search-XXXXXX");
    int file = mkstemp(path);
    return file < 0 || close(file) || unlink(path);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static tdl_search_log *opened(const unsigned char *with)
{
    tdl_search_log *log = NULL;
    tdl_report why;

    if (tdl_search_log_open(path, with, &log, &why))
        fail_msg("%s", why.message);
    return log;
}

static bool is_kept(tdl_search_log *log, const char *id)
{
    tdl_search_result result = {0};
    double score[SCORES];

    if (!tdl_search_log_find(log, id, SCORES, &result, score))
        return false;
    assert_memory_equal(score, scores, sizeof scores);
    assert_true(result.metric == 0.75 && result.seconds == 2.5 && result.features == 7);
    assert_int_equal(json_integer_value(json_object_get(result.note, "leaves")), 12);
    json_decref(result.note);
    return true;
}

static void add(tdl_search_log *log, const char *id)
{
    json_t *note = json_pack("{s:i}", "leaves", 12);

    tdl_search_log_add(log, id,
                       &(tdl_search_result){.metric = 0.75,
                                            .seconds = 2.5,
                                            .features = 7,
                                            .note = note,
                                            .score = scores,
                                            .scores_n = SCORES});
    json_decref(note);
}

/* Two results, closed. */
static tdl_buf two_kept(void)
{
    tdl_search_log *log = opened(key);
    tdl_buf bytes = {0};

    add(log, "tree 0 {}");
    add(log, "tree 1 {}");
    tdl_search_log_close(log);
    assert_int_equal(tdl_file_read(path, 1 << 20, &bytes, NULL), TDL_OK);
    return bytes;
}

static void what_was_added_is_found_after_opening_again(void **state)
{
    (void)state;
    tdl_buf bytes = two_kept();
    tdl_search_log *log = opened(key);
    tdl_search_result result;
    double score[SCORES + 1];

    assert_true(is_kept(log, "tree 0 {}"));
    assert_true(is_kept(log, "tree 1 {}"));
    assert_false(is_kept(log, "tree 2 {}"));
    assert_false(is_kept(log, "tree 1"));
    assert_false(tdl_search_log_find(log, "tree 0 {}", SCORES + 1, &result, score));
    assert_int_equal(tdl_search_log_found(log), 2);
    tdl_search_log_remove(log);
    assert_int_not_equal(access(path, F_OK), 0);
    tdl_buf_release(&bytes);
}

static void another_search_begins_anew(void **state)
{
    (void)state;
    tdl_buf bytes = two_kept();
    tdl_search_log *log = opened(other_key);

    assert_false(is_kept(log, "tree 0 {}"));
    add(log, "tree 5 {}");
    tdl_search_log_close(log);
    log = opened(other_key);
    assert_true(is_kept(log, "tree 5 {}"));
    tdl_search_log_close(log);
    log = opened(key);
    assert_false(is_kept(log, "tree 0 {}"));
    tdl_search_log_close(log);
    tdl_buf_release(&bytes);
}

/* Killed in the middle of a write: for every length that may be left of the file. */
static void a_torn_end_costs_the_last_result_only(void **state)
{
    (void)state;
    tdl_buf bytes = two_kept();
    size_t record = (bytes.len - HEAD) / 2;

    for (size_t n = 0; n < bytes.len; n++) {
        assert_int_equal(tdl_file_write(path, (tdl_str){bytes.at, n}, NULL), TDL_OK);
        tdl_search_log *log = opened(key);
        assert_int_equal(is_kept(log, "tree 0 {}"), n >= HEAD + record);
        assert_false(is_kept(log, "tree 1 {}"));
        add(log, "tree 1 {}"); // written over what is torn
        tdl_search_log_close(log);
        log = opened(key);
        assert_int_equal(is_kept(log, "tree 0 {}"), n >= HEAD + record);
        assert_true(is_kept(log, "tree 1 {}"));
        tdl_search_log_close(log);
    }
    tdl_buf_release(&bytes);
}

/* Any one byte changed: no result is ever another one. */
static void a_changed_byte_is_noticed(void **state)
{
    (void)state;
    tdl_buf bytes = two_kept();

    for (size_t at = 0; at < bytes.len; at++) {
        bytes.at[at] ^= 0x20;
        assert_int_equal(tdl_file_write(path, tdl_buf_view(&bytes), NULL), TDL_OK);
        tdl_search_log *log = opened(key);
        bool first = is_kept(log, "tree 0 {}"), second = is_kept(log, "tree 1 {}");
        assert_false(first && second);
        tdl_search_log_close(log);
        bytes.at[at] ^= 0x20;
    }
    tdl_buf_release(&bytes);
}

static void scores_that_are_no_numbers_are_not_taken(void **state)
{
    const double bad[SCORES] = {0.5, NAN, 1};
    tdl_search_result result;
    double score[SCORES];

    (void)state;
    tdl_search_log *log = opened(key);
    tdl_search_log_add(log, "bad", &(tdl_search_result){.score = bad, .scores_n = SCORES});
    tdl_search_log_close(log);
    log = opened(key);
    assert_false(tdl_search_log_find(log, "bad", SCORES, &result, score));
    tdl_search_log_close(log);
}

static void a_log_that_is_in_use_is_left_alone(void **state)
{
    tdl_search_result result;
    double score[SCORES];

    (void)state;
    tdl_search_log *first = opened(key), *second = opened(key);
    assert_non_null(first);
    assert_null(second); // nothing is kept then, and nothing found
    tdl_search_log_add(second, "x", &(tdl_search_result){.score = scores, .scores_n = SCORES});
    assert_false(tdl_search_log_find(second, "x", SCORES, &result, score));
    assert_int_equal(tdl_search_log_found(second), 0);
    tdl_search_log_close(second);
    tdl_search_log_close(first);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    tdl_search_log *log;
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_search_log_open("/nowhere/at/all", key, &log, &why), TDL_E_IO);
    assert_non_null(strstr(why.message, "/nowhere/at/all"));
    assert_null(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_added_is_found_after_opening_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(another_search_begins_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_end_costs_the_last_result_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_byte_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scores_that_are_no_numbers_are_not_taken, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_is_in_use_is_left_alone, set_up, tear_down),
        cmocka_unit_test(a_folder_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
