/* Consent: words of persons, and what they come to. */
#include "store/consent.h"

#include <stdio.h>

#include "base/str.h"
#include "store/audit.h"
#include "store/check.h"
#include "store/rows.h"
#include "store/store_parts.h"

static const char *const names[TDL_PURPOSES_N] = {"analytics", "personalisation", "pricing",
                                                  "training", "sharing"};

const char *tdl_purpose_name(tdl_purpose purpose)
{
    for (int i = 0; i < TDL_PURPOSES_N; i++)
        if (purpose == (tdl_purpose)(1 << i))
            return names[i];
    return "";
}

bool tdl_purpose_parse(tdl_str text, tdl_purpose *ret)
{
    for (int i = 0; i < TDL_PURPOSES_N; i++)
        if (tdl_str_is(text, names[i])) {
            *ret = (tdl_purpose)(1 << i);
            return true;
        }
    return false;
}

/* ---- writing, on the writer thread ---- */

tdl_status tdl_consent_put_word(const tdl_store_ops *ops, tdl_backend *backend, int64_t user,
                                const tdl_consent *word, tdl_report *why)
{
    const tdl_value in[] = {tdl_value_number(user),
                            tdl_value_text(tdl_str_of(tdl_purpose_name(word->purpose))),
                            tdl_value_number(word->granted), tdl_value_number(word->time_us),
                            tdl_value_text(word->source)};
    int64_t added = 0;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_PUT_CONSENT, in, 5, NULL, 0, &added, why);

    if (st || !added)
        return st;
    if ((st = ops->execute(backend, TDL_EXECUTE_SUM_CONSENT, in, 1, NULL, 0, NULL, why)))
        return st;
    return word->purpose == TDL_PURPOSE_ANALYTICS ? ops->forget_names(backend, why) : TDL_OK;
}

tdl_status tdl_consent_put_event(const tdl_store_ops *ops, tdl_backend *backend, const tdl_event *e,
                                 tdl_report *why)
{
    int64_t user = 0;
    tdl_status st = ops->number_user(backend, e->user, &user, why);

    for (int i = 0; !st && i < TDL_PURPOSES_N; i++) {
        tdl_consent word = {.purpose = (tdl_purpose)(1 << i),
                            .granted = !(e->denies >> i & 1),
                            .time_us = e->time_us,
                            .source = e->source};
        if ((e->grants | e->denies) >> i & 1)
            st = tdl_consent_put_word(ops, backend, user, &word, why);
    }
    return st;
}

typedef struct said {
    tdl_str user;
    const tdl_consent *word;
    tdl_audit_entry entry;
} said;

/* A person's word holds though the log is broken. */

static tdl_status put_consent(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                              tdl_report *why)
{
    const said *s = context;
    int64_t user = 0;
    tdl_status st = ops->number_user(backend, s->user, &user, why);

    if (st || (st = tdl_consent_put_word(ops, backend, user, s->word, why)))
        return st;
    st = tdl_audit_append(ops, backend, &s->entry, why);
    return st == TDL_E_CONFLICT ? TDL_OK : st;
}

tdl_status tdl_store_put_consent(tdl_store *store, tdl_str user, const tdl_consent *word,
                                 tdl_report *why)
{
    char subject[TDL_AUDIT_SUBJECT_MAX];
    said s = {user, word, {.action = word->granted ? "consent.grant" : "consent.withdraw"}};
    tdl_status st;

    if ((st = tdl_check_text("user", user, TDL_ID_MAX, true, why)) ||
        (st = tdl_check_text("source", word->source, TDL_ID_MAX, true, why)))
        return st;
    if (!*tdl_purpose_name(word->purpose))
        return TDL_FAIL(why, TDL_E_INVALID, "there is no purpose %d", (int)word->purpose);
    tdl_audit_subject(store, user, subject);
    s.entry.subject = tdl_str_of(subject);
    s.entry.members[0] =
        (tdl_audit_member){"purpose", tdl_value_text(tdl_str_of(tdl_purpose_name(word->purpose)))};
    tdl_audit_begin(store, &s.entry);
    return tdl_store_write(store, put_consent, &s, why);
}

tdl_status tdl_consent_put_default(const tdl_store_ops *ops, tdl_backend *backend,
                                   const void *value, tdl_report *why)
{
    const tdl_value in[] = {tdl_value_text(TDL_STR(TDL_CONSENT_DEFAULT)),
                            tdl_value_text(*(const tdl_str *)value)};
    tdl_status st = ops->execute(backend, TDL_EXECUTE_PUT_SETTING, in, 2, NULL, 0, NULL, why);

    return st ? st : ops->forget_names(backend, why);
}

/* A number, because SQL reads it. */
tdl_status tdl_store_put_consent_default(tdl_store *store, unsigned withheld, tdl_report *why)
{
    char text[16];

    snprintf(text, sizeof text, "%u", withheld & TDL_PURPOSES_ALL);
    tdl_str value = tdl_str_of(text);
    const tdl_audit_entry entry = {
        .action = "consent.default",
        .members = {{"withheld", tdl_value_number(withheld & TDL_PURPOSES_ALL)}}};
    return tdl_store_change(store, tdl_consent_put_default, &value, &entry, why);
}

/* ---- reading ---- */

static tdl_status read_default(tdl_reader *reader, unsigned *ret, tdl_report *why)
{
    tdl_buf text = {0};
    int64_t number = 0;
    bool found;
    tdl_status st = tdl_read_setting(reader, TDL_STR(TDL_CONSENT_DEFAULT), &text, &found, why);

    if (!st && found && tdl_str_int(tdl_buf_view(&text), &number))
        number &= TDL_PURPOSES_ALL;
    *ret = (unsigned)number;
    tdl_buf_release(&text);
    return st;
}

tdl_status tdl_store_consent_default(tdl_store *store, unsigned *ret_withheld, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_default(reader, ret_withheld, why);
    tdl_store_give_back(store, reader);
    return st;
}

static tdl_status read_said(tdl_reader *reader, tdl_str user, tdl_consent_fn *fn, void *context,
                            tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st =
        tdl_rows_start(&r, user.len ? TDL_READ_CONSENT_SAID_OF : TDL_READ_CONSENT_SAID, why);

    if (st)
        return st;
    if (user.len)
        tdl_rows_bind_person(&r, 1, user);
    while (tdl_rows_next(&r)) {
        int64_t bits = tdl_rows_number(&r, 1);
        fn(context, &(tdl_consent_said){.id = tdl_rows_person(&r, 0, 2, 0),
                                        .granted = (unsigned)(bits >> 8) & TDL_PURPOSES_ALL,
                                        .denied = (unsigned)bits & TDL_PURPOSES_ALL});
    }
    return tdl_rows_end(&r, why);
}

tdl_status tdl_store_each_consent(tdl_store *store, tdl_str user, tdl_consent_fn *fn, void *context,
                                  tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_said(reader, user, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

static tdl_status read_newest(tdl_reader *reader, int64_t *ret, tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_CONSENT_NEWEST, why);

    if (st)
        return st;
    if (tdl_rows_next(&r))
        *ret = tdl_rows_number(&r, 0);
    return tdl_rows_end(&r, why);
}

static tdl_status read_new(tdl_reader *reader, int64_t *position, tdl_consent_fn *fn, void *context,
                           tdl_report *why)
{
    tdl_rows r = {.reader = reader};
    tdl_status st = tdl_rows_start(&r, TDL_READ_CONSENT_NEW, why);

    if (st)
        return st;
    tdl_rows_bind_number(&r, 1, *position);
    while (tdl_rows_next(&r)) {
        fn(context, &(tdl_consent_said){.id = tdl_rows_person(&r, 0, 2, 0)});
        *position = tdl_rows_number(&r, 1);
    }
    return tdl_rows_end(&r, why);
}

tdl_status tdl_store_new_consents(tdl_store *store, int64_t *position, tdl_consent_fn *fn,
                                  void *context, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = *position < 0 ? read_newest(reader, position, why)
                       : read_new(reader, position, fn, context, why);
    tdl_store_give_back(store, reader);
    return st;
}

static tdl_status read_words(tdl_reader *reader, tdl_str user, tdl_arena *arena, tdl_consent **ret,
                             size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_consent *word;
    tdl_status st = tdl_rows_start(&r, TDL_READ_CONSENTS, why);

    if (st)
        return st;
    tdl_rows_bind_person(&r, 1, user);
    while ((word = tdl_rows_next(&r))) {
        tdl_purpose_parse(tdl_rows_text(&r, 0), &word->purpose);
        word->granted = tdl_rows_number(&r, 1) != 0;
        word->time_us = tdl_rows_number(&r, 2);
        word->source = tdl_rows_keep(&r, 3);
    }
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

/* Of one person all ids have the same. */
static void take_said(void *context, const tdl_consent_said *one)
{
    *(tdl_consent_said *)context = *one;
}

tdl_status tdl_store_consents(tdl_store *store, tdl_str user, tdl_arena *arena, tdl_consent **ret,
                              size_t *ret_n, unsigned *ret_denied, tdl_report *why)
{
    tdl_consent_said now = {0};
    unsigned withheld = 0;
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    if (!(st = read_default(reader, &withheld, why)) &&
        !(st = read_said(reader, user, take_said, &now, why)) &&
        !(st = read_words(reader, user, arena, ret, ret_n, why)))
        *ret_denied = now.denied | (withheld & ~now.granted);
    tdl_store_give_back(store, reader);
    return st;
}
