/* Personal data: what an import and a server do with it, by their policy. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "client.h"

typedef struct place {
    char dir[64], file[120], data[96];
} place;

static int set_up(void **state)
{
    place *p = calloc(1, sizeof *p);

    strcpy(p->dir, "/tmp/treadle-personal-XXXXXX");
    if (!mkdtemp(p->dir))
        return -1;
    snprintf(p->data, sizeof p->data, "%s/data", p->dir);
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

static void write_file(place *p, const char *name, const char *text)
{
    snprintf(p->file, sizeof p->file, "%s/%s", p->dir, name);
    assert_int_equal(tdl_file_write(p->file, tdl_str_of(text), NULL), TDL_OK);
}

/* Findings that an import reports of a field, as "2 email kept"; "" for none. */
static void assert_found(const json_t *result, const char *field, const char *expected)
{
    json_t *one;
    size_t i;
    char text[200] = "";

    json_array_foreach(json_object_get(result, "personal"), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "field")), field))
            continue;
        snprintf(text, sizeof text, "%lld %s %s",
                 (long long)json_integer_value(json_object_get(one, "found")),
                 json_string_value(json_object_get(one, "kind")),
                 json_string_value(json_object_get(one, "done")));
    }
    assert_string_equal(text, expected);
}

static json_t *import(const place *p, const char *policy)
{
    const char *const arguments[] = {
        "import",       p->file,  "--data",    p->data, "--personal",
        policy,         "--json", "--quiet",   "--map", "user=mail,item=item",
        "--attributes", "note",   "--rejects", "",      NULL};
    char output[2000];
    json_t *result = NULL;

    assert_int_equal(server_command(arguments, output, sizeof output), 0);
    assert_int_equal(
        tdl_json_parse(tdl_str_trim(tdl_str_of(output)), TDL_JSON_REFUSE_DUPLICATES, &result, NULL),
        TDL_OK);
    assert_null(strstr(output, "example")); // no finding is ever printed
    return result;
}

/* Everything that is in the store, as `treadle export` gives it. */
static void exported(const place *p, char *ret, size_t ret_n)
{
    const char *const arguments[] = {"export", "-", "--data", p->data, NULL};

    assert_int_equal(server_command(arguments, ret, ret_n), 0);
}

static const char lines[] =
    "{\"user\":\"ann@example.com\",\"kind\":\"view\",\"message_id\":\"1\",\"properties\":{\"plan\":"
    "\"pro\",\"contact\":{\"mail\":\"ann@example.com\",\"tel\":\"call 13812345678\"}},\"traits\":{"
    "\"card\":\"4242 4242 4242 4242\"}}\n"
    "{\"user\":\"bob\",\"kind\":\"view\",\"message_id\":\"2\",\"properties\":{\"id\":"
    "\"11010519491231002X\"},\"group_type\":\"shop\",\"group\":\"s\",\"group_traits\":{"
    "\"owner\":\"eve@example.com\"}}\n";

static void an_import_keeps_and_reports_unless_told_otherwise(void **state)
{
    place *p = *state;
    char text[4000];

    write_file(p, "events.jsonl", lines);
    json_t *result = import(p, "keep");
    assert_found(result, "user", "1 email kept");
    assert_found(result, "properties.contact.mail", "1 email kept");
    assert_found(result, "properties.contact.tel", "1 phone kept");
    assert_found(result, "properties.id", "1 id number kept");
    assert_found(result, "traits.card", "1 card kept");
    assert_found(result, "group_traits.owner", "1 email kept");
    json_decref(result);
    exported(p, text, sizeof text);
    assert_non_null(strstr(text, "\"mail\":\"ann@example.com\""));
}

static void an_import_masks(void **state)
{
    place *p = *state;
    char text[4000];

    write_file(p, "events.jsonl", lines);
    json_t *result = import(p, "mask");
    assert_found(result, "user", "1 email kept"); // ids are never changed
    assert_found(result, "properties.contact.mail", "1 email masked");
    json_decref(result);
    exported(p, text, sizeof text);
    assert_non_null(strstr(text, "\"user\":\"ann@example.com\""));
    assert_non_null(strstr(text, "\"contact\":{\"mail\":\"[email]\",\"tel\":\"call [phone]\"}"));
    assert_non_null(strstr(text, "\"id\":\"[id number]\""));
    assert_null(strstr(text, "4242"));
    assert_null(strstr(text, "eve@"));
    assert_null(strstr(text, "13812345678"));
}

static void an_import_drops(void **state)
{
    place *p = *state;
    char text[4000];

    write_file(p, "events.jsonl", lines);
    json_decref(import(p, "drop"));
    exported(p, text, sizeof text);
    assert_non_null(strstr(text, "\"properties\":{\"contact\":{},\"plan\":\"pro\"}"));
    assert_null(strstr(text, "11010519491231002X"));
}

static void columns_of_a_table_are_reported_by_name(void **state)
{
    place *p = *state;

    write_file(p, "events.csv",
               "mail,item,title,note\n"
               "ann@example.com,i1,Phone of 13812345678,ask ann@example.com\n"
               "bob@example.com,i2,Shoes,none\n");
    json_t *result = import(p, "mask");
    assert_found(result, "user", "2 email kept");
    assert_found(result, "title", "1 phone masked");
    assert_found(result, "attributes.note", "1 email masked");
    json_decref(result);
}

static void a_policy_that_does_not_exist_is_refused(void **state)
{
    const char *const import_so[] = {"import", "x.csv", "--personal", "hide", NULL};
    const char *const serve_so[] = {"serve", "--port", "0", "--personal", "hide", NULL};
    char text[1000];

    (void)state;
    assert_int_equal(server_command_errors(import_so, text, sizeof text), 2);
    assert_non_null(strstr(text, "use keep, mask or drop"));
    assert_int_equal(server_command_errors(serve_so, text, sizeof text), 2);
}

/* Of each family of SDKs one event; every protocol goes the same way. */
static void a_server_masks_what_comes_in_over_every_protocol(void **state)
{
    static const char *const options[] = {"--personal", "mask", NULL};
    static const struct {
        const char *path, *body;
    } sent[] = {
        {"/v1/events", "{\"user\":\"ann@example.com\",\"kind\":\"order\",\"properties\":{\"to\":"
                       "\"ann@example.com\"}}"},
        {"/v1/track", "{\"userId\":\"ann@example.com\",\"event\":\"order\",\"properties\":{\"to\":"
                      "\"13812345678\"}}"},
        {"/capture/", "{\"distinct_id\":\"ann@example.com\",\"event\":\"order\",\"properties\":{"
                      "\"to\":\"4242424242424242\",\"order\":\"4242424242424243\"}}"},
    };
    server *s = server_new();

    (void)state;
    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
        client_expect(c, 200, "POST", sent[i].path, sent[i].body);
    client_expect(c, 200, "GET", "/v1/events?user=ann%40example.com", NULL);
    assert_non_null(strstr(c->body.at, "\"to\":\"[email]\""));
    assert_non_null(strstr(c->body.at, "\"to\":\"[phone]\""));
    assert_non_null(strstr(c->body.at, "\"to\":\"[card]\""));
    assert_non_null(strstr(c->body.at, "4242424242424243")); // an order's number
    assert_null(strstr(c->body.at, "13812345678"));
    client_expect(c, 200, "GET", "/metrics", NULL);
    assert_non_null(strstr(c->body.at, "treadle_personal_total{kind=\"email\"} 1\n"));
    assert_non_null(strstr(c->body.at, "treadle_personal_total{kind=\"card\"} 1\n"));
    client_free(c);
    server_free(s);
}

/* ---- events that could not be taken ---- */

/* One good event; one without a user, with findings behind an escape and among traits; and one
 * whose type, which the reason quotes, is an address. Gives what /v1/rejects says of them. */
static client *rejects_under(server *s, const char *policy)
{
    const char *const options[] = {"--personal", policy, NULL};

    server_start_with(s, 0, options);
    client *c = client_new(s, s->admin_key);
    client_expect(c, 200, "POST", "/v1/batch",
                  "{\"batch\":[{\"type\":\"track\",\"userId\":\"u\",\"event\":\"good\"},"
                  "{\"type\":\"track\",\"event\":\"bad\",\"properties\":{\"plan\":\"pro\","
                  "\"to\":\"call\\n13812345678\"},\"context\":{\"traits\":{\"mail\":"
                  "\"ann@example.com\"}}},"
                  "{\"type\":\"bob@example.com\",\"userId\":\"u\"}]}");
    client_expect(c, 200, "GET", "/v1/rejects", NULL);
    assert_string_equal(client_text(c, "rejects.1.reason"), "user is missing");
    return c;
}

static void a_server_keeps_rejected_events_as_sent_unless_told_otherwise(void **state)
{
    server *s = server_new();

    (void)state;
    client *c = rejects_under(s, "keep");
    assert_non_null(strstr(client_text(c, "rejects.0.reason"), "bob@example.com"));
    assert_non_null(strstr(client_text(c, "rejects.1.raw"), "ann@example.com"));
    client_free(c);
    server_free(s);
}

static void a_server_masks_rejected_events(void **state)
{
    server *s = server_new();

    (void)state;
    client *c = rejects_under(s, "mask");
    assert_string_equal(client_text(c, "rejects.1.raw"),
                        "{\"context\":{\"traits\":{\"mail\":\"[email]\"}},\"event\":\"bad\","
                        "\"properties\":{\"plan\":\"pro\",\"to\":\"call\\n[phone]\"},"
                        "\"type\":\"track\"}");
    assert_non_null(strstr(client_text(c, "rejects.0.reason"), "[email]"));
    assert_null(strstr(c->body.at, "example"));
    client_free(c);
    server_free(s);
}

static void a_server_that_drops_keeps_of_rejected_events_the_reason_alone(void **state)
{
    server *s = server_new();

    (void)state;
    client *c = rejects_under(s, "drop");
    assert_string_equal(client_text(c, "rejects.0.raw"), "");
    assert_string_equal(client_text(c, "rejects.1.raw"), "");
    assert_non_null(strstr(client_text(c, "rejects.0.reason"), "[email]"));
    assert_null(strstr(c->body.at, "example"));
    client_free(c);
    server_free(s);
}

/* ---- a table before it is given away ---- */

static void a_table_that_tells_too_much_is_refused_and_cut(void **state)
{
    place *p = *state;
    char text[2000], safe[120];

    write_file(p, "people.csv",
               "age,town,illness\n30,\"Bonn, am Rhein\",flu\n30,\"Bonn, am Rhein\",none\n"
               "30,\"Bonn, am Rhein\",flu\n71,Auel,gout\n");
    snprintf(safe, sizeof safe, "%s/safe.csv", p->dir);
    const char *const check[] = {"privacy",  "check-k",     p->file,   "--quasi",
                                 "age,town", "--sensitive", "illness", "--k",
                                 "3",        "--json",      NULL};
    assert_int_equal(server_command(check, text, sizeof text), 3);
    assert_string_equal(text, "{\"passed\":false,\"rows\":4,\"groups\":2,\"smallest_group\":1,"
                              "\"rows_below_k\":1,\"groups_below_k\":1,\"fewest_values\":1,"
                              "\"rows_below_l\":1,\"groups_below_l\":1,\"rows_failing\":1,"
                              "\"smallest_groups\":[{\"rows\":1,\"groups\":1},{\"rows\":3,"
                              "\"groups\":1}]}\n");
    const char *const cut[] = {"privacy", "check-k", p->file,      "--quasi", "age,town",
                               "--k",     "3",       "--suppress", safe,      NULL};
    assert_int_equal(server_command(cut, text, sizeof text), 0);
    assert_int_equal(server_command(cut, text, sizeof text), 1); // it is there: not written over
    tdl_buf written = {0};
    assert_int_equal(tdl_file_read(safe, 1000, &written, NULL), TDL_OK);
    assert_string_equal(written.at,
                        "age,town,illness\r\n30,\"Bonn, am Rhein\",flu\r\n30,\"Bonn, am "
                        "Rhein\",none\r\n30,\"Bonn, am Rhein\",flu\r\n");
    tdl_buf_release(&written);
    strcpy(p->file, safe);
    assert_int_equal(server_command(check, text, sizeof text), 0);
    const char *const no_columns[] = {"privacy", "check-k", p->file, NULL};
    assert_int_equal(server_command(no_columns, text, sizeof text), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_import_keeps_and_reports_unless_told_otherwise, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_import_masks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_import_drops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(columns_of_a_table_are_reported_by_name, set_up, tear_down),
        cmocka_unit_test(a_policy_that_does_not_exist_is_refused),
        cmocka_unit_test(a_server_masks_what_comes_in_over_every_protocol),
        cmocka_unit_test(a_server_keeps_rejected_events_as_sent_unless_told_otherwise),
        cmocka_unit_test(a_server_masks_rejected_events),
        cmocka_unit_test(a_server_that_drops_keeps_of_rejected_events_the_reason_alone),
        cmocka_unit_test_setup_teardown(a_table_that_tells_too_much_is_refused_and_cut, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests_name("e2e/personal", tests, NULL, NULL);
}
