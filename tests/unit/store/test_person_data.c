/* Export of a person: every line about him, none about others, and a trace of it. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "store/audit.h"
#include "store/person_data.h"

enum { SECOND = 1000000 };

static void append(fixture *f, const char *message, const char *user, const char *kind,
                   const char *alias)
{
    tdl_event e = event_of(message);

    e.user = tdl_str_of(user);
    e.kind = tdl_str_of(kind);
    e.alias = tdl_str_of(alias);
    e.traits = TDL_STR("{\"plan\":\"gold\"}");
    assert_int_equal(append_one(f, &e), 1);
}

static void decide(fixture *f, const char *id, const char *user)
{
    tdl_decision d = {.app = TDL_STR("a"), .user = tdl_str_of(user), .why = TDL_STR("[]")};

    d.time_us = SECOND;
    snprintf(d.id, sizeof d.id, "%s", id);
    succeed(f, tdl_store_log_decision(f->store, &d, &f->why));
}

static void fill(fixture *f)
{
    append(f, "a1", "anon-1", "view", "");
    append(f, "a2", "ann", "$identify", "anon-1");
    append(f, "b1", "bob", "$identify", "");
    decide(f, "d1", "anon-1");
    decide(f, "d2", "bob");
    succeed(f, tdl_store_put_consent(f->store, TDL_STR("ann"),
                                     &(tdl_consent){.purpose = TDL_PURPOSE_SHARING,
                                                    .time_us = 1,
                                                    .source = TDL_STR("api")},
                                     &f->why));
}

/* What was written: the types in order, and all lines. */
typedef struct written {
    tdl_buf types, lines;
    size_t n, most; /* most: lines until the sink is full; 0 = no end */
} written;

static tdl_status take(void *context, tdl_str line, tdl_report *why)
{
    written *w = context;
    json_t *json = NULL;
    tdl_str type;

    if (w->most && w->n == w->most)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "the sink is full");
    w->n++;
    assert_int_equal(tdl_json_parse(line, TDL_JSON_REFUSE_DUPLICATES, &json, why), TDL_OK);
    assert_true(tdl_json_get_str(json, "type", &type));
    tdl_buf_printf(&w->types, "%s%.*s", w->types.len ? " " : "", TDL_FMT(type));
    tdl_buf_printf(&w->lines, "%.*s\n", TDL_FMT(line));
    json_decref(json);
    return TDL_OK;
}

static void forget(written *w)
{
    tdl_buf_release(&w->types);
    tdl_buf_release(&w->lines);
}

static void export(fixture *f, const char *user, written *w)
{
    succeed(f, tdl_store_export_person(f->store, tdl_str_of(user),
                                       &(tdl_person_sink){.line = take, .context = w}, &f->why));
}

static void all_of_one_person_by_any_id_and_nothing_of_others(void **state)
{
    static const char *const ids[] = {"ann", "anon-1"};
    fixture *f = *state;

    fill(f);
    for (size_t i = 0; i < 2; i++) {
        written w = {0};
        export(f, ids[i], &w);
        assert_string_equal(w.types.at,
                            "schema id id join trait trait event event consent decision");
        assert_non_null(strstr(w.lines.at, "\"message_id\":\"a1\""));
        assert_non_null(strstr(w.lines.at, "\"value\":\"gold\""));
        assert_non_null(strstr(w.lines.at, "\"id\":\"d1\""));
        assert_null(strstr(w.lines.at, "bob"));
        assert_null(strstr(w.lines.at, "d2"));
        forget(&w);
    }
}

static void of_a_stranger_there_is_the_schema(void **state)
{
    written w = {0};

    export(*state, "eve", &w);
    assert_string_equal(w.types.at, "schema");
    forget(&w);
}

static void that_it_was_asked_for_is_in_the_audit_log(void **state)
{
    fixture *f = *state;
    char subject[TDL_AUDIT_SUBJECT_MAX];
    written w = {0};

    fill(f);
    export(f, "ann", &w);
    const char *entry = newest_entry(f);
    tdl_audit_subject(f->store, TDL_STR("ann"), subject);
    assert_non_null(strstr(entry, "\"action\":\"person.export\""));
    assert_non_null(strstr(entry, subject));
    assert_null(strstr(entry, "\"ann\""));
    forget(&w);
}

static void a_sink_that_fails_ends_it(void **state)
{
    fixture *f = *state;
    written w = {.most = 3};

    fill(f);
    refuse(f,
           tdl_store_export_person(f->store, TDL_STR("ann"),
                                   &(tdl_person_sink){.line = take, .context = &w}, &f->why),
           TDL_E_TOO_LARGE, "the sink is full");
    assert_int_equal(w.n, 3);
    forget(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(all_of_one_person_by_any_id_and_nothing_of_others),
        STORE_TEST(of_a_stranger_there_is_the_schema),
        STORE_TEST(that_it_was_asked_for_is_in_the_audit_log),
        STORE_TEST(a_sink_that_fails_ends_it),
    };
    return run_on_each_backend("store/person_data", tests);
}
