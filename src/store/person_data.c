#include "store/person_data.h"

#include <string.h>

#include "base/timestamp.h"
#include "store/audit.h"
#include "store/check.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { DAY_US_SECONDS = 86400, ARENA_BYTES = 64 << 20 };

/* An export under way. */
typedef struct exporting {
    tdl_reader *reader;
    const tdl_person_sink *sink;
    tdl_arena *ids, *arena; /* of the person; of one row */
    tdl_str user, *id;      /* [ids_n] */
    size_t ids_n;
    int64_t first_us; /* of the person's events; INT64_MAX = none */
    tdl_buf line, reasons, trait;
    tdl_report *why;
} exporting;

static tdl_jw start_line(exporting *x, const char *type)
{
    tdl_jw w = {.out = &x->line};

    tdl_buf_clear(&x->line);
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "type", type);
    return w;
}

static tdl_status end_line(exporting *x, tdl_jw *w)
{
    tdl_jw_end_object(w);
    return x->line.failed ? TDL_FAIL(x->why, TDL_E_NO_MEMORY, "no memory for a line")
                          : x->sink->line(x->sink->context, tdl_buf_view(&x->line), x->why);
}

static void write_text(tdl_jw *w, const char *key, tdl_str text)
{
    tdl_jw_key(w, key);
    if (text.len)
        tdl_jw_str(w, text);
    else
        tdl_jw_null(w);
}

/* ---- one kind of line each ---- */

static tdl_status write_schema(exporting *x)
{
    static const struct {
        const char *type, *holds;
    } types[] = {
        {"id", "an id under which the person is known"},
        {"join", "two ids that were found to be one person"},
        {"trait", "what the person was said to be, and when"},
        {"event", "what the person did; id: the one it came with"},
        {"consent", "what the person allowed or denied"},
        {"decision", "what was answered to the person, among which candidates, and why"},
        {"model", "a model that may have been trained on the events"},
    };
    tdl_jw w = start_line(x, "schema");

    tdl_jw_kint(&w, "version", 1);
    tdl_jw_kstr(&w, "user", x->user);
    tdl_jw_ktime(&w, "exported", tdl_time_now());
    tdl_jw_key(&w, "types");
    tdl_jw_object(&w);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        tdl_jw_ktext(&w, types[i].type, types[i].holds);
    tdl_jw_end_object(&w);
    return end_line(x, &w);
}

static tdl_status write_id(exporting *x, tdl_rows *r)
{
    tdl_jw w = start_line(x, "id");

    tdl_jw_kstr(&w, "id", x->id[x->ids_n - 1]);
    tdl_jw_kbool(&w, "identified", tdl_rows_number(r, 1) != 0);
    return end_line(x, &w);
}

static tdl_status write_join(exporting *x, tdl_rows *r)
{
    tdl_jw w = start_line(x, "join");

    tdl_jw_kstr(&w, "kept", tdl_rows_person(r, 0, 3, 0));
    tdl_jw_kstr(&w, "joined", tdl_rows_person(r, 1, 5, 1));
    tdl_jw_kbool(&w, "undone", tdl_rows_number(r, 2) != 0);
    return end_line(x, &w);
}

static tdl_status write_trait(exporting *x, tdl_rows *r)
{
    tdl_user_seal owner = {.name = tdl_rows_text(r, 0), .key = tdl_rows_bytes(r, 4)};
    tdl_str name = tdl_rows_text(r, 1);
    tdl_str value =
        tdl_people_trait(r->reader->people, owner, name, tdl_rows_text(r, 2), &x->trait);
    tdl_jw w = start_line(x, "trait");

    tdl_jw_kstr(&w, "id", tdl_rows_person(r, 0, 4, 0));
    tdl_jw_kstr(&w, "name", name);
    tdl_jw_kraw(&w, "value", value);
    tdl_jw_ktime(&w, "time", tdl_rows_number(r, 3));
    return end_line(x, &w);
}

static tdl_status write_event(exporting *x, tdl_rows *r)
{
    tdl_jw w = start_line(x, "event");
    tdl_event e;

    tdl_read_event(r, &e);
    if (e.time_us < x->first_us)
        x->first_us = e.time_us;
    tdl_jw_ktime(&w, "time", e.time_us);
    tdl_jw_kstr(&w, "id", e.user);
    tdl_jw_kstr(&w, "kind", e.kind);
    write_text(&w, "item", e.item);
    tdl_jw_key(&w, "value");
    e.has_value ? tdl_jw_number(&w, e.value) : tdl_jw_null(&w);
    tdl_jw_kraw(&w, "properties", e.properties);
    tdl_jw_kstr(&w, "source", e.source);
    tdl_jw_kstr(&w, "message_id", e.message_id);
    write_text(&w, "decision", e.decision_id);
    return end_line(x, &w);
}

static tdl_status write_consent(exporting *x, tdl_rows *r)
{
    tdl_jw w = start_line(x, "consent");

    tdl_jw_kstr(&w, "purpose", tdl_rows_text(r, 0));
    tdl_jw_kbool(&w, "granted", tdl_rows_number(r, 1) != 0);
    tdl_jw_ktime(&w, "time", tdl_rows_number(r, 2));
    tdl_jw_kstr(&w, "source", tdl_rows_text(r, 3));
    return end_line(x, &w);
}

static void write_candidates(tdl_jw *w, const tdl_decision *d)
{
    tdl_jw_key(w, "candidates");
    tdl_jw_array(w);
    for (size_t i = 0; i < d->candidates_n; i++) {
        const tdl_candidate *c = &d->candidates[i];
        tdl_jw_object(w);
        tdl_jw_kstr(w, "item", c->item);
        tdl_jw_knumber(w, "score", (double)c->score);
        tdl_jw_knumber(w, "propensity", c->propensity);
        tdl_jw_kbool(w, "chosen", c->chosen);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

/* Reasons that cannot be read any more (of an app that is gone) are null. */
static void write_reasons(exporting *x, tdl_jw *w, const tdl_decision *d)
{
    tdl_jw reasons = {.out = &x->reasons};
    const tdl_person_sink *sink = x->sink;

    tdl_buf_clear(&x->reasons);
    bool there = sink->explain && !sink->explain(sink->context, d, &reasons, NULL);
    tdl_jw_kraw(w, "reasons", there ? tdl_buf_view(&x->reasons) : (tdl_str){0});
}

static tdl_status write_decision(exporting *x, tdl_rows *r)
{
    tdl_decision d = {0};
    tdl_jw w = start_line(x, "decision");

    tdl_arena_reset(x->arena);
    tdl_status st = tdl_read_decision(r, &d, x->why);
    if (st)
        return st;
    tdl_jw_ktext(&w, "id", d.id);
    tdl_jw_ktime(&w, "time", d.time_us);
    tdl_jw_kstr(&w, "app", d.app);
    write_text(&w, "model", d.model_version);
    write_candidates(&w, &d);
    write_reasons(x, &w, &d);
    return end_line(x, &w);
}

static tdl_status write_models(exporting *x)
{
    tdl_model_row *models;
    size_t n = 0;
    tdl_status st;

    tdl_arena_reset(x->arena);
    if (x->first_us == INT64_MAX)
        return TDL_OK;
    st = tdl_read_models(x->reader, (tdl_str){0}, x->arena, &models, &n, x->why);
    for (size_t i = 0; !st && i < n; i++) {
        if (models[i].created_us < x->first_us - (int64_t)DAY_US_SECONDS * 1000000)
            continue;
        tdl_jw w = start_line(x, "model");
        tdl_jw_kstr(&w, "version", models[i].version);
        tdl_jw_ktime(&w, "created", models[i].created_us);
        tdl_jw_kbool(&w, "active", models[i].active);
        st = end_line(x, &w);
    }
    return st;
}

/* ---- all of them ---- */

typedef tdl_status write_row(exporting *x, tdl_rows *r);

/* A line for each row of a statement that asks for a person by one of his ids. */
static tdl_status write_rows(exporting *x, tdl_read_statement which, tdl_str id, write_row *write)
{
    tdl_rows r = {.reader = x->reader, .arena = x->arena};
    tdl_status st = tdl_rows_start(&r, which, x->why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, id);
    while (!st && tdl_rows_next(&r))
        st = write(x, &r);
    tdl_status ended = tdl_rows_end(&r, st ? NULL : x->why);
    return st ? st : ended;
}

static tdl_status write_ids(exporting *x)
{
    tdl_rows r = {.reader = x->reader, .arena = x->ids, .size = sizeof *x->id};
    tdl_str *id;
    tdl_status st = tdl_rows_start(&r, TDL_READ_PERSON_NAMES, x->why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, x->user);
    while (!st && (id = tdl_rows_next(&r))) {
        *id = tdl_rows_keep_text(&r, tdl_rows_person(&r, 0, 2, 0));
        x->id = r.at;
        x->ids_n = r.n;
        st = write_id(x, &r);
    }
    tdl_status ended = tdl_rows_end(&r, st ? NULL : x->why);
    return st ? st : ended;
}

static tdl_status write_decisions(exporting *x)
{
    tdl_status st =
        x->ids_n ? TDL_OK : write_rows(x, TDL_READ_PERSON_DECISIONS, x->user, write_decision);

    for (size_t i = 0; !st && i < x->ids_n; i++)
        st = write_rows(x, TDL_READ_PERSON_DECISIONS, x->id[i], write_decision);
    return st;
}

static tdl_status write_all(exporting *x)
{
    tdl_status st;

    if ((st = write_schema(x)) || (st = write_ids(x)) ||
        (st = write_rows(x, TDL_READ_PERSON_JOINS, x->user, write_join)) ||
        (st = write_rows(x, TDL_READ_PERSON_TRAITS, x->user, write_trait)) ||
        (st = write_rows(x, TDL_READ_PERSON_HISTORY, x->user, write_event)) ||
        (st = write_rows(x, TDL_READ_CONSENTS, x->user, write_consent)) ||
        (st = write_decisions(x)))
        return st;
    return write_models(x);
}

static tdl_status put_entry(tdl_store *store, tdl_str user, tdl_report *why)
{
    char subject[TDL_AUDIT_SUBJECT_MAX];

    tdl_audit_subject(store, user, subject);
    return tdl_store_audit(
        store, &(tdl_audit_entry){.action = "person.export", .subject = tdl_str_of(subject)}, why);
}

tdl_status tdl_store_export_person(tdl_store *store, tdl_str user, const tdl_person_sink *sink,
                                   tdl_report *why)
{
    exporting x = {.sink = sink, .user = user, .first_us = INT64_MAX, .why = why};
    tdl_status st = tdl_check_text("user", user, TDL_ID_MAX, true, why);

    if (st || (st = put_entry(store, user, why)))
        return st;
    tdl_store_flush(store); // decisions are queued without waiting
    x.ids = tdl_arena_new(ARENA_BYTES);
    x.arena = tdl_arena_new(ARENA_BYTES);
    if (!x.ids || !x.arena) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to export a person");
        goto out;
    }
    if ((st = store->ops->reader_open(store->backend, &x.reader, why)) ||
        (st = x.reader->ops->hold_snapshot(x.reader, why)))
        goto out;
    st = write_all(&x);
out:
    store->ops->reader_close(x.reader);
    tdl_arena_free(x.ids);
    tdl_arena_free(x.arena);
    tdl_buf_release(&x.line);
    tdl_buf_release(&x.reasons);
    tdl_buf_release(&x.trait);
    return st;
}
