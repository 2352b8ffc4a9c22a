/* `treadle recommend evaluate --data FILE` and `treadle import` of other recommenders' logs, from
 * the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

enum { PEOPLE = 220, STEPS = 16, OUTPUT_BYTES = 1 << 20 };

typedef struct place {
    char dir[64], file[96], data[96], rejects[96];
    char output[OUTPUT_BYTES];
} place;

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);

    strcpy(p->dir, "/tmp/treadle-evaluate-XXXXXX");
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
    FILE *file = fopen(p->file, "w");
    assert_non_null(file);
    return file;
}

/* RecBole's form: each person takes the next film of a circle every ten days. */
static void write_circle(place *p)
{
    FILE *file = write_file(p, "circle.inter");

    fputs("user_id:token\titem_id:token\ttimestamp:float\n", file);
    for (int u = 0; u < PEOPLE; u++)
        for (int s = 0; s < STEPS; s++)
            fprintf(file, "u%d\ti%d\t%d\n", u, (u * 7 + s) % 60, 1000000000 + 864000 * s + u);
    fclose(file);
}

static void a_file_is_measured_without_a_store(void **state)
{
    place *p = *state;
    const char *const arguments[] = {"recommend", "evaluate",  "--data",    p->file,
                                     "--task",    "discovery", "--threads", "1",
                                     "--json",    "--quiet",   NULL};

    write_circle(p);
    assert_int_equal(server_command(arguments, p->output, OUTPUT_BYTES), 0);
    json_t *report = json_loads(p->output, 0, NULL);
    assert_non_null(report);
    const json_t *both = json_object_get(report, "protocols");
    const json_t *cuts = json_array_get(both, 0), *papers = json_array_get(both, 1);
    const json_t *task = json_array_get(json_object_get(cuts, "tasks"), 0);
    assert_int_equal(json_array_size(both), 2);
    assert_string_equal(json_string_value(json_object_get(cuts, "protocol")), "global-cut");
    assert_string_equal(json_string_value(json_object_get(papers, "protocol")), "literature-loo");
    assert_string_equal(json_string_value(json_object_get(papers, "warning")),
                        "for comparison with papers only; leaks the future");
    assert_string_equal(json_string_value(json_object_get(task, "serves")), "directed");
    assert_int_equal(json_integer_value(json_object_get(task, "people")), PEOPLE);
    json_decref(report);
    assert_int_not_equal(access(p->data, F_OK), 0); // nothing was made
}

static void a_bar_that_is_not_met_exits_with_3(void **state)
{
    place *p = *state;
    const char *arguments[] = {"recommend", "evaluate",   "--data",     p->file,
                               "--task",    "strangers",  "--min-ndcg", ".9999",
                               "--cut",     "2001-12-01", "--quiet",    NULL};

    write_circle(p);
    assert_int_equal(server_command_errors(arguments, p->output, OUTPUT_BYTES), 3);
    assert_non_null(strstr(p->output, "below 0.9999"));
    arguments[5] = "nothing";
    assert_int_equal(server_command_errors(arguments, p->output, OUTPUT_BYTES), 2);
    assert_non_null(strstr(p->output, "--task: there is no \"nothing\""));
}

static void tables_are_printed_for_people(void **state)
{
    place *p = *state;
    const char *const arguments[] = {"recommend",  "evaluate",       "--data",  p->file,
                                     "--protocol", "literature-loo", "--quiet", NULL};

    write_circle(p);
    assert_int_equal(server_command(arguments, p->output, OUTPUT_BYTES), 0);
    assert_int_equal(strncmp(p->output, "for comparison with papers only; leaks the future\n", 50),
                     0);
    assert_non_null(strstr(p->output, "* directed"));
}

/* As GET /api/feedback of gorse answers. */
static void gorses_feedback_is_imported(void **state)
{
    place *p = *state;
    FILE *file = write_file(p, "feedback.json");
    const char *const import[] = {"import",   p->file,  "--data",  p->data, "--rejects",
                                  p->rejects, "--json", "--quiet", NULL};
    const char *const export[] = {"export", "-", "--data", p->data, NULL};

    fputs("[{\"FeedbackType\":\"star\",\"UserId\":\"ann\",\"ItemId\":\"gorse\","
          "\"Timestamp\":\"2022-01-01T00:00:01Z\"},{\"FeedbackType\":\"star\",\"UserId\":\"ben\"}]",
          file);
    fclose(file);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(server_command(import, p->output, OUTPUT_BYTES), 0);
        json_t *result = json_loads(p->output, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(result, "rows")), 2);
        assert_int_equal(json_integer_value(json_object_get(result, "rejected")), 1);
        assert_int_equal(json_integer_value(json_object_get(result, "stored")), !again);
        json_decref(result);
    }
    assert_int_equal(server_command(export, p->output, OUTPUT_BYTES), 0);
    assert_non_null(strstr(p->output, "\"user\":\"ann\",\"kind\":\"star\",\"item\":\"gorse\""));
    assert_non_null(strstr(p->output, "\"time\":1640995201000000"));
    file = fopen(p->rejects, "r");
    assert_non_null(file);
    p->output[fread(p->output, 1, 999, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(p->output, "\"reason\":\"no item\""));
}

/* The same events, by way of a store: the same figures. */
static void a_store_is_measured_as_its_log_is(void **state)
{
    place *p = *state;
    const char *const import[] = {"import",    p->file,    "--data",  p->data,
                                  "--rejects", p->rejects, "--quiet", NULL};
    const char *arguments[] = {"recommend",  "evaluate",   "--data", p->file,   "--task", "next",
                               "--protocol", "global-cut", "--json", "--quiet", NULL};
    json_t *ladder[2];

    write_circle(p);
    assert_int_equal(server_command(import, p->output, OUTPUT_BYTES), 0);
    for (int k = 0; k < 2; k++) {
        arguments[3] = k ? p->data : p->file;
        assert_int_equal(server_command(arguments, p->output, OUTPUT_BYTES), 0);
        json_t *report = json_loads(p->output, 0, NULL);
        const json_t *cuts = json_array_get(json_object_get(report, "protocols"), 0);
        const json_t *task = json_array_get(json_object_get(cuts, "tasks"), 0);
        ladder[k] = json_incref(json_object_get(task, "windows"));
        assert_string_equal(json_string_value(json_object_get(task, "serves")), "directed");
        json_decref(report);
    }
    assert_true(json_equal(ladder[0], ladder[1]));
    json_decref(ladder[0]);
    json_decref(ladder[1]);
}

/* A table of items beside the log: kinds of films, and what nobody had is found by its kind. */
static void a_table_of_items_tries_cold_ones(void **state)
{
    place *p = *state;
    char log[96];
    FILE *file = write_file(p, "kinds.inter");

    fputs("user_id:token\titem_id:token\ttimestamp:float\n", file);
    for (int u = 0; u < PEOPLE; u++)
        for (int s = 0; s < 8; s++)
            fprintf(file, "u%d\tI%d\t%d\n", u, u % 5 + 5 * ((u / 5 * 3 + s * 5) % 24),
                    1000000000 + 864000 * s + u);
    fclose(file);
    strcpy(log, p->file);
    file = write_file(p, "items.csv");
    fputs("item_id,name,genres,price,rating\nother,none,,,\n", file);
    for (int i = 0; i < 120; i++)
        fprintf(file, "i%d,\"Film, no. %d\",kind%d|all,%d,3\n", i, i, i % 5, 10 + i % 5);
    fclose(file);
    const char *const arguments[] = {
        "recommend", "evaluate",   "--data",     log,      "--catalogue", p->file, "--threads",
        "1",         "--protocol", "cold-items", "--json", "--quiet",     NULL};
    assert_int_equal(server_command(arguments, p->output, OUTPUT_BYTES), 0);
    json_t *report = json_loads(p->output, 0, NULL);
    assert_non_null(report);
    const json_t *one = json_array_get(json_object_get(report, "protocols"), 0);
    const json_t *task = json_array_get(json_object_get(one, "tasks"), 0);
    assert_string_equal(json_string_value(json_object_get(task, "task")), "cold-items");
    assert_int_equal(json_integer_value(json_object_get(task, "described")), 120);
    assert_true(json_number_value(json_object_get(task, "cold_of_warm")) >= .5);
    json_decref(report);

    const char *const without[] = {"recommend",  "evaluate",   "--data",  log,
                                   "--protocol", "cold-items", "--quiet", NULL};
    assert_int_equal(server_command(without, p->output, OUTPUT_BYTES), 2);
    const char *const wrong[] = {"recommend",   "evaluate", "--data",  log,
                                 "--catalogue", "/nowhere", "--quiet", NULL};
    assert_int_equal(server_command(wrong, p->output, OUTPUT_BYTES), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_measured_without_a_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bar_that_is_not_met_exits_with_3, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_printed_for_people, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gorses_feedback_is_imported, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_of_items_tries_cold_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_is_measured_as_its_log_is, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("e2e/evaluate", tests, NULL, NULL);
}
