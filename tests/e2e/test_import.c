/* `treadle import`: what it takes, what it refuses and says, and how it goes on after a kill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server.h"

enum { ROWS = 300000 };

typedef struct place {
    char dir[64], file[96], data[96], rejects[96], state[110];
} place;

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);

    strcpy(p->dir, "/tmp/treadle-import-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->data, sizeof p->data, "%s/data", p->dir);
    snprintf(p->rejects, sizeof p->rejects, "%s/rejects.jsonl", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place *p = *state;
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", p->dir);
    int failed = system(command); // NOLINT(cert-env33-c): the folder is our own
    free(p);
    return failed;
}

static FILE *write_file(place *p, const char *name)
{
    snprintf(p->file, sizeof p->file, "%s/%s", p->dir, name);
    snprintf(p->state, sizeof p->state, "%s.import", p->file);
    FILE *file = fopen(p->file, "w");
    assert_non_null(file);
    return file;
}

static json_t *import(place *p)
{
    const char *const arguments[] = {"import",   p->file,  "--data",  p->data, "--rejects",
                                     p->rejects, "--json", "--quiet", NULL};
    char output[1000];

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    json_t *result = json_loads(output, 0, NULL);
    assert_non_null(result);
    return result;
}

static void expect(const json_t *result, const char *key, json_int_t n)
{
    assert_int_equal(json_integer_value(json_object_get(result, key)), n);
}

static void lines_of_either_kind_are_taken_and_bad_ones_written_down(void **state)
{
    place *p = *state;
    char text[2000] = "";
    FILE *file = write_file(p, "events.jsonl");

    fputs(
        "{\"type\":\"track\",\"event\":\"view\",\"userId\":\"ann\",\"messageId\":\"m1\"}\n"
        "{\"type\":\"identify\",\"userId\":\"ann\",\"anonymousId\":\"anon\",\"messageId\":\"m2\"}\n"
        "\n{\"user\":\"anon\",\"kind\":\"view\",\"message_id\":\"n1\"}\n"
        "{\"user\":\"anon\",\"kind\":\"view\",\"value\":\"much\"}\n"
        "no JSON at all",
        file);
    fclose(file);
    json_t *result = import(p);
    expect(result, "rows", 5);
    expect(result, "stored", 3);
    expect(result, "rejected", 2);
    json_decref(result);
    file = fopen(p->rejects, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "\"line\":5"));
    assert_non_null(strstr(text, "value must be a number"));
    assert_non_null(strstr(text, "\"row\":\"no JSON at all\""));
    assert_int_not_equal(access(p->state, F_OK), 0); // it came to its end
}

/* Lines as posthog.com/docs/data-pipelines/batch-exports/s3 documents them (JSON lines), one with
 * its objects as text, as other formats of it have them. */
static void posthogs_export_is_taken(void **state)
{
    place *p = *state;
    char text[2000] = "", output[4000];
    FILE *file = write_file(p, "posthog.jsonl");

    fputs(
        "{\"uuid\":\"018e-1\",\"event\":\"purchase\",\"distinct_id\":\"anon\","
        "\"person_id\":\"p-1\",\"properties\":{\"product_id\":\"i1\",\"price\":12.5,"
        "\"$lib\":\"web\"},\"person_properties\":{\"plan\":\"free\"},\"elements_chain\":\"\","
        "\"timestamp\":\"2024-03-01T12:00:00.250000+00:00\","
        "\"created_at\":\"2024-03-01T12:00:01+00:00\","
        "\"_inserted_at\":\"2024-03-01T12:00:02+00:00\"}\n"
        "{\"uuid\":\"018e-2\",\"event\":\"$identify\",\"distinct_id\":\"ann\",\"properties\":"
        "\"{\\\"$anon_distinct_id\\\":\\\"anon\\\"}\",\"person_properties\":"
        "\"{\\\"plan\\\":\\\"pro\\\"}\",\"timestamp\":\"2024-03-01 12:05:00.000000\"}\n"
        "{\"uuid\":\"018e-1\",\"event\":\"purchase\",\"distinct_id\":\"anon\",\"properties\":{},"
        "\"timestamp\":\"2024-03-01T12:00:00+00:00\"}\n"
        "{\"uuid\":\"018e-3\",\"event\":\"$autocapture\",\"distinct_id\":\"ann\",\"properties\":{},"
        "\"elements_chain\":\"button.buy\",\"timestamp\":\"2024-03-01T12:06:00Z\"}\n"
        "{\"uuid\":\"018e-4\",\"event\":\"e\",\"distinct_id\":\"ann\",\"properties\":\"{\","
        "\"timestamp\":\"2024-03-01T12:06:00Z\"}\n"
        "{\"uuid\":\"018e-5\",\"event\":\"e\",\"distinct_id\":\"ann\",\"timestamp\":\"soon\"}\n",
        file);
    fclose(file);
    json_t *result = import(p);
    expect(result, "rows", 6);
    expect(result, "stored", 3);
    expect(result, "duplicates", 1);
    expect(result, "rejected", 2);
    json_decref(result);
    file = fopen(p->rejects, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "properties: "));
    assert_non_null(strstr(text, "timestamp is no time: \\\"soon\\\""));
    const char *const arguments[] = {"export", "-", "--data", p->data, NULL};
    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    assert_non_null(strstr(output, "\"user\":\"ann\",\"kind\":\"purchase\",\"item\":\"i1\","
                                   "\"message_id\":\"018e-1\""));
    assert_non_null(strstr(output, "\"value\":12.5,\"time\":1709294400250000}"));
    assert_non_null(strstr(output, "\"$elements_chain\":\"button.buy\""));
    const char *const person[] = {"person", "show", "anon", "--data", p->data, "--json", NULL};
    assert_int_equal(server_command(person, output, sizeof output), 0);
    assert_non_null(strstr(output, "{\"id\":\"ann\",\"ids\":[{\"id\":\"ann\""));
    assert_non_null(strstr(output, "\"traits\":{\"plan\":\"pro\"}}"));
    json_decref(import(p)); // once more: nothing changes
    assert_int_equal(server_command(person, output, sizeof output), 0);
    const char *const split[] = {"person", "split", "anon", "--data", p->data, "--json", NULL};
    assert_int_equal(server_command(split, output, sizeof output), 0);
    assert_non_null(strstr(output, "{\"id\":\"anon\",\"ids\":[{\"id\":\"anon\",\"joined\":null}],"
                                   "\"traits\":{\"plan\":\"free\"}}"));
    assert_int_equal(server_command(split, output, sizeof output), 1);
}

/* The same events in another store, each by the person it is of. */
static void what_was_exported_can_be_imported(void **state)
{
    place *p = *state;
    char path[160], output[200];
    FILE *file = write_file(p, "events.jsonl");

    fputs("{\"user\":\"ann\",\"kind\":\"$identify\",\"alias\":\"anon\",\"message_id\":\"1\","
          "\"traits\":{\"plan\":\"pro\"},\"time\":1000000}\n"
          "{\"user\":\"anon\",\"kind\":\"view\",\"item\":\"i\\\"1\",\"value\":2.5,\"message_id\":"
          "\"2\","
          "\"properties\":{\"a\":[1]},\"time\":2000000}\n"
          "{\"user\":\"bob\",\"kind\":\"view\",\"message_id\":\"3\",\"time\":3000000}\n",
          file);
    fclose(file);
    json_decref(import(p));
    snprintf(path, sizeof path, "%s/out.jsonl", p->dir);
    const char *const arguments[] = {
        "export", path, "--data", p->data, "--json", "--until", "1970-01-01T00:00:03Z", NULL};
    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    assert_string_equal(output, "{\"events\":2}\n");
    strcpy(p->file, path);
    snprintf(p->data, sizeof p->data, "%s/other", p->dir);
    json_t *result = import(p);
    expect(result, "stored", 2);
    json_decref(result);
    const char *const again[] = {"export", "-", "--data", p->data, NULL};
    assert_int_equal(server_command(again, output, sizeof output), 0);
    assert_non_null(strstr(output, "{\"user\":\"ann\",\"kind\":\"view\",\"item\":\"i\\\"1\","
                                   "\"message_id\":\"2\",\"properties\":{\"a\":[1]},\"value\":2.5,"
                                   "\"time\":2000000}\n"));
}

static pid_t import_in_background(const place *p)
{
    pid_t pid = fork();

    if (!pid) {
        const char *program = getenv("TREADLE_BIN");
        execl(program, program, "import", p->file, "--data", p->data, "--rejects", p->rejects,
              "--json", "--quiet", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static void a_killed_import_goes_on_where_it_was(void **state)
{
    place *p = *state;
    int status;
    FILE *file = write_file(p, "events.csv");

    fputs("user,kind,item,time\n", file);
    for (int i = 0; i < ROWS; i++)
        fprintf(file, "u%d,view,i%d,%d\n", i % 1000, i % 77, 1000000000 + i);
    fclose(file);
    pid_t pid = import_in_background(p);
    for (int left = 3000; left && access(p->state, F_OK); left--)
        usleep(10000);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status)); // else it was through before
    json_t *result = import(p);
    expect(result, "rows", ROWS);
    assert_true(json_integer_value(json_object_get(result, "resumed")) > 0);
    json_decref(result);
    result = import(p); // nothing is missing, nothing twice
    expect(result, "duplicates", ROWS);
    expect(result, "resumed", 0);
    json_decref(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_of_either_kind_are_taken_and_bad_ones_written_down,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(posthogs_export_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_exported_can_be_imported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_killed_import_goes_on_where_it_was, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("e2e/import", tests, NULL, NULL);
}
