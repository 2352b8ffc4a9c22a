#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/timestamp.h"

/* Standard error of one call, read back through a pipe. */
static int saved, ends[2];

static void catch_stderr(void)
{
    assert_int_equal(pipe(ends), 0);
    saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
}

static char *caught(void)
{
    static char text[16384];
    ssize_t n;

    dup2(saved, STDERR_FILENO);
    close(saved);
    n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static int default_setup(void **state)
{
    TDL_UNUSED(state);
    tdl_log_setup(TDL_LOG_INFO, false);
    return 0;
}

static void a_text_line_is_time_level_event_and_pairs(void **state)
{
    char *line, *rest;
    int64_t us;

    TDL_UNUSED(state);
    catch_stderr();
    tdl_log(TDL_LOG_WARN, "listening", "address=%s port=%d", "127.0.0.1", 8321);
    line = caught();
    rest = strchr(line, ' ');
    assert_non_null(rest);
    assert_int_equal(tdl_time_parse((tdl_str){line, (size_t)(rest - line)}, &us, NULL), TDL_OK);
    assert_string_equal(rest, " WARN listening address=127.0.0.1 port=8321\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
    TDL_UNUSED(state);
    catch_stderr();
    tdl_log(TDL_LOG_DEBUG, "quiet", "a=1");
    assert_string_equal(caught(), "");
}

static void a_value_cannot_forge_a_second_line(void **state)
{
    char *line;

    TDL_UNUSED(state);
    catch_stderr();
    tdl_log(TDL_LOG_INFO, "request", "path=%s", "/x\n2026-01-01T00:00:00Z ERROR forged\x1b[2J");
    line = caught();
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_null(strchr(line, '\x1b'));
}

static void a_json_line_holds_the_pairs_in_their_types(void **state)
{
    char quoted[TDL_LOG_QUOTE_MAX];
    json_t *line = NULL;
    tdl_str text;
    int64_t port = 0;
    double ratio = 0;
    bool tls = true;

    TDL_UNUSED(state);
    tdl_log_setup(TDL_LOG_INFO, true);
    catch_stderr();
    tdl_log(TDL_LOG_ERROR, "listening",
            "address=%s port=%d ratio=0.5 tls=false id=007 name=%s end=", "127.0.0.1", 8321,
            tdl_log_quote(TDL_STR("a \"b\"\nc=d"), quoted));
    assert_int_equal(tdl_json_parse(tdl_str_of(caught()), TDL_JSON_REFUSE_DUPLICATES, &line, NULL),
                     TDL_OK);
    assert_true(tdl_json_get_str(line, "time", &text));
    assert_true(tdl_json_get_str(line, "level", &text) && tdl_str_is(text, "error"));
    assert_true(tdl_json_get_str(line, "event", &text) && tdl_str_is(text, "listening"));
    assert_true(tdl_json_get_str(line, "address", &text) && tdl_str_is(text, "127.0.0.1"));
    assert_true(tdl_json_get_int(line, "port", &port) && port == 8321);
    assert_true(tdl_json_get_number(line, "ratio", &ratio) && ratio == 0.5);
    assert_true(tdl_json_get_bool(line, "tls", &tls) && !tls);
    assert_true(tdl_json_get_str(line, "id", &text) && tdl_str_is(text, "007"));
    assert_true(tdl_json_get_str(line, "name", &text) && tdl_str_is(text, "a \"b\"\nc=d"));
    assert_true(tdl_json_get_str(line, "end", &text) && text.len == 0);
    json_decref(line);
}

static void a_json_line_is_json_whatever_the_pairs_are(void **state)
{
    const char *const pairs[] = {"no pairs here",
                                 "a=\"unterminated",
                                 "a=\"bad \\q escape\" b=1",
                                 "a=\xFF\xFE",
                                 "=x",
                                 "a={\"k\":1} b=[1]",
                                 "a=\n\t b=\x01",
                                 "",
                                 "a=\"x\"y"};

    TDL_UNUSED(state);
    tdl_log_setup(TDL_LOG_INFO, true);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        json_t *line = NULL;

        catch_stderr();
        tdl_log(TDL_LOG_INFO, "odd", "%s", pairs[i]);
        assert_int_equal(tdl_json_parse(tdl_str_of(caught()), TDL_JSON_LAST_WINS, &line, NULL),
                         TDL_OK);
        assert_true(json_is_object(line));
        json_decref(line);
    }
}

static void a_report_is_logged_with_its_hint(void **state)
{
    tdl_report why = {0};
    char *line;

    TDL_UNUSED(state);
    (void)TDL_FAIL_HINT(&why, TDL_E_IO, "free some space", "disk is \"full\"");
    catch_stderr();
    tdl_log_report(TDL_LOG_ERROR, "store", &why);
    line = caught();
    assert_non_null(strstr(line, " ERROR store status=E_IO message=\"disk is \\\"full\\\"\" "
                                 "hint=\"free some space\"\n"));
}

static void a_quoted_value_too_long_is_cut_at_a_code_point(void **state)
{
    char quoted[TDL_LOG_QUOTE_MAX];
    static char text[30000];
    json_t *value = NULL;

    TDL_UNUSED(state);
    for (size_t i = 0; i + 3 <= sizeof text; i += 3)
        memcpy(text + i, "中", 3);
    tdl_log_quote((tdl_str){text, sizeof text}, quoted);
    assert_in_range(strlen(quoted), TDL_LOG_QUOTE_MAX - 8, TDL_LOG_QUOTE_MAX - 1);
    assert_int_equal(tdl_json_parse(tdl_str_of(quoted), TDL_JSON_LAST_WINS, &value, NULL), TDL_OK);
    assert_null(strstr(quoted, "\xEF\xBF\xBD"));
    json_decref(value);
    assert_string_equal(tdl_log_quote((tdl_str){0}, quoted), "\"\"");
}

static void a_line_too_long_is_cut_and_still_a_line(void **state)
{
    static char text[20000];
    char *line;

    TDL_UNUSED(state);
    memset(text, 'a', sizeof text - 1);
    catch_stderr();
    tdl_log(TDL_LOG_INFO, "long", "a=%s", text);
    line = caught();
    assert_in_range(strlen(line), 4000, 4200);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_text_line_is_time_level_event_and_pairs, default_setup),
        cmocka_unit_test_setup(lines_below_the_level_are_not_written, default_setup),
        cmocka_unit_test_setup(a_value_cannot_forge_a_second_line, default_setup),
        cmocka_unit_test_setup(a_json_line_holds_the_pairs_in_their_types, default_setup),
        cmocka_unit_test_setup(a_json_line_is_json_whatever_the_pairs_are, default_setup),
        cmocka_unit_test_setup(a_report_is_logged_with_its_hint, default_setup),
        cmocka_unit_test_setup(a_quoted_value_too_long_is_cut_at_a_code_point, default_setup),
        cmocka_unit_test_setup(a_line_too_long_is_cut_and_still_a_line, default_setup),
    };

    return cmocka_run_group_tests_name("base/log", tests, NULL, NULL);
}
