/* Moving what persons said and who was erased: nobody is let in again by a move. Run on each
 * backend, plain and sealed; the other store is a SQLite file, which has a root key of its own. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "store/erase.h"
#include "store/transfer.h"
#include "store/vault.h"

enum { SECOND = 1000000 };

static tdl_store *open_other(fixture *f, const char *name, bool sealed, const tdl_store *as)
{
    char path[320], key[320];
    tdl_store *store;

    snprintf(path, sizeof path, "%s/%s.db", f->dir, name);
    snprintf(key, sizeof key, "%s/%s.key", f->dir, name);
    tdl_store_options options = {.master_key_file = sealed ? key : NULL, .sealed_as = as};
    succeed(f, tdl_store_open(path, &options, &store, &f->why));
    assert_int_equal(tdl_store_vault(store) != NULL, sealed);
    return store;
}

static tdl_transfer_counts move(fixture *f, tdl_store *from, tdl_store *to)
{
    tdl_transfer_counts here, there;

    succeed(f, tdl_store_transfer(from, to, NULL, NULL, &here, &there, &f->why));
    assert_memory_equal(&here, &there, sizeof here);
    return here;
}

typedef void moving_test(fixture *f, tdl_store *from, tdl_store *to);

/* Out of the store under test, or into it. */
static void run(fixture *f, moving_test *test, bool out)
{
    tdl_store *other = open_other(f, "other", f->sealed, NULL);

    out ? test(f, f->store, other) : test(f, other, f->store);
    tdl_store_close(other);
}

#define BOTH_WAYS(test)                                                                            \
    static void test##_out(void **state)                                                           \
    {                                                                                              \
        run(*state, test, true);                                                                   \
    }                                                                                              \
    static void test##_in(void **state)                                                            \
    {                                                                                              \
        run(*state, test, false);                                                                  \
    }

static size_t send(fixture *f, tdl_store *store, const char *message, const char *user)
{
    tdl_event e = event_of(message);
    size_t new_n = 9;

    e.user = tdl_str_of(user);
    e.time_us = tdl_time_now();
    succeed(f, tdl_store_append(store, &e, 1, &new_n, &f->why));
    return new_n;
}

/* ---- consent ---- */

static void say(fixture *f, tdl_store *store, const char *user, tdl_purpose purpose, bool granted,
                int64_t time_us)
{
    tdl_consent word = {
        .purpose = purpose, .granted = granted, .time_us = time_us, .source = TDL_STR("test")};

    succeed(f, tdl_store_put_consent(store, tdl_str_of(user), &word, &f->why));
}

/* Every word of the person, and what it comes to. */
static const char *words_of(fixture *f, tdl_store *store, const char *user)
{
    tdl_buf out = {0};
    tdl_consent *words;
    unsigned denied;
    size_t n;

    succeed(f, tdl_store_consents(store, tdl_str_of(user), f->arena, &words, &n, &denied, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(&out, "%s=%d@%lld %.*s, ", tdl_purpose_name(words[i].purpose),
                       words[i].granted, (long long)words[i].time_us, TDL_FMT(words[i].source));
    tdl_buf_printf(&out, "denied %u", denied);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy.at;
}

/* ann is anon too, and denied analytics after an event; bob denied something before his first. */
static void consents(fixture *f, tdl_store *from, tdl_store *to)
{
    tdl_event join = event_of("join");

    assert_int_equal(send(f, from, "1", "anon"), 1);
    join.kind = TDL_STR("$identify");
    join.user = TDL_STR("ann");
    join.alias = TDL_STR("anon");
    succeed(f, tdl_store_append(from, &join, 1, NULL, &f->why));
    say(f, from, "anon", TDL_PURPOSE_ANALYTICS, true, 1);
    say(f, from, "ann", TDL_PURPOSE_ANALYTICS, false, 2);
    say(f, from, "bob", TDL_PURPOSE_TRAINING, false, 3);
    succeed(f, tdl_store_put_consent_default(from, TDL_PURPOSE_PRICING, &f->why));
    tdl_transfer_counts n = move(f, from, to);
    assert_int_equal(n.consents, 3);
    assert_int_equal(n.events, 2);
    assert_string_equal(words_of(f, to, "anon"),
                        "analytics=1@1 test, analytics=0@2 test, denied 5"); // and the default
    assert_string_equal(words_of(f, to, "bob"), "training=0@3 test, denied 12");
    assert_string_equal(words_of(f, to, "eve"), "denied 4");
    assert_int_equal(send(f, to, "late 1", "ann"), 0);
    assert_int_equal(send(f, to, "late 2", "anon"), 0);
    assert_int_equal(send(f, to, "late 3", "bob"), 1);
}
BOTH_WAYS(consents)

/* What was stored before a denial, or between two, is moved though the denial is there already. */
static void going_on(fixture *f, tdl_store *from, tdl_store *to)
{
    assert_int_equal(send(f, from, "1", "ann"), 1);
    say(f, from, "ann", TDL_PURPOSE_ANALYTICS, false, 1);
    assert_int_equal(move(f, from, to).events, 1);
    say(f, from, "ann", TDL_PURPOSE_ANALYTICS, true, 2);
    assert_int_equal(send(f, from, "2", "ann"), 1);
    assert_int_equal(send(f, from, "3", "unasked"), 1);
    say(f, from, "ann", TDL_PURPOSE_ANALYTICS, false, 3);
    succeed(f, tdl_store_put_consent_default(from, TDL_PURPOSE_ANALYTICS, &f->why));
    assert_int_equal(move(f, from, to).events, 3);
    assert_int_equal(send(f, to, "late 1", "ann"), 0);
    assert_int_equal(send(f, to, "late 2", "eve"), 0); // whom nobody asked
    // The other store has the default now; what comes of those unasked was stored all the same.
    succeed(f, tdl_store_put_consent_default(from, 0, &f->why));
    assert_int_equal(send(f, from, "4", "new"), 1);
    succeed(f, tdl_store_put_consent_default(from, TDL_PURPOSE_ANALYTICS, &f->why));
    assert_int_equal(move(f, from, to).events, 4);
    assert_int_equal(send(f, to, "late 3", "new"), 0);
}
BOTH_WAYS(going_on)

/* ---- those erased ---- */

static tdl_erasure erase(fixture *f, tdl_store *store, const tdl_erase_request *request)
{
    tdl_erasure e;

    succeed(f, tdl_store_erase(store, request, f->arena, &e, &f->why));
    return e;
}

static void join_and_erase_ann(fixture *f, tdl_store *store)
{
    tdl_event join = event_of("join");

    send(f, store, "1", "anon");
    send(f, store, "2", "bob");
    join.kind = TDL_STR("$identify");
    join.user = TDL_STR("ann");
    join.alias = TDL_STR("anon");
    succeed(f, tdl_store_append(store, &join, 1, NULL, &f->why));
    erase(f, store, &(tdl_erase_request){.user = TDL_STR("ann")});
    erase(f, store, &(tdl_erase_request){.user = TDL_STR("never seen")});
}

static void expect_out(fixture *f, tdl_store *store)
{
    static const char *const out[] = {"ann", "anon", "never seen"};

    for (size_t i = 0; i < 3; i++)
        if (send(f, store, out[i], out[i]))
            fail_msg("%s is in again", out[i]);
    assert_int_equal(send(f, store, "late", "bob"), 1);
}

static void receipts(fixture *f, tdl_store *from, tdl_store *to)
{
    tdl_erasure *here, *there;
    size_t here_n, there_n;

    join_and_erase_ann(f, from);
    tdl_transfer_counts n = move(f, from, to);
    assert_int_equal(n.erasures, 2);
    assert_int_equal(n.erased, 3);
    assert_int_equal(n.events, 1);
    tdl_transfer_counts again = move(f, from, to);
    assert_memory_equal(&again, &n, sizeof n);
    expect_out(f, to);
    succeed(f, tdl_store_erasures(from, 9, f->arena, &here, &here_n, &f->why));
    succeed(f, tdl_store_erasures(to, 9, f->arena, &there, &there_n, &f->why));
    assert_int_equal(there_n, here_n);
    for (size_t i = 0; i < here_n; i++) {
        assert_string_equal(there[i].id, here[i].id);
        assert_true(tdl_str_eq(there[i].receipt, here[i].receipt));
        assert_true(tdl_str_eq(there[i].subject, here[i].subject));
        assert_true(there[i].done && there[i].done_us == here[i].done_us);
    }
    // He is erased again: there is nothing, and he stays out.
    erase(f, to, &(tdl_erase_request){.user = TDL_STR("ann")});
    expect_out(f, from);
    assert_int_equal(send(f, to, "again", "ann"), 0);
}
BOTH_WAYS(receipts)

/* From store to store and back: a plain one, a sealed one, one with the keys of that, a plain one.
 */
static void those_erased_stay_out_whatever_is_sealed(void **state)
{
    static const struct {
        const char *name;
        bool sealed, as_before;
    } hops[] = {{"a", true, false}, {"b", true, true},  {"c", false, false}, {"d", false, false},
                {"e", true, false}, {"f", true, false}, {"g", false, false}};
    fixture *f = *state;
    tdl_store *from = f->store, *to;

    join_and_erase_ann(f, from);
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        to = open_other(f, hops[i].name, hops[i].sealed, hops[i].as_before ? from : NULL);
        assert_int_equal(move(f, from, to).erased, 3);
        if (from != f->store)
            tdl_store_close(from);
        from = to;
    }
    expect_out(f, to);
    tdl_store_close(to);
}

/* What only its own keys can tell goes nowhere else. */
static void a_name_that_cannot_be_told_moves_under_the_same_keys_only(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts here, there;

    join_and_erase_ann(f, f->store);
    if (!f->sealed)
        return;
    outside(f, "UPDATE users SET sealed_id = NULL WHERE erased_us <> 0");
    tdl_store *plain = open_other(f, "plain", false, NULL);
    refuse(f, tdl_store_transfer(f->store, plain, NULL, NULL, &here, &there, &f->why),
           TDL_E_CORRUPT, "cannot be read");
    tdl_store *alike = open_other(f, "alike", true, f->store);
    move(f, f->store, alike);
    expect_out(f, alike);
    tdl_store_close(plain);
    tdl_store_close(alike);
}

static void erased_between(fixture *f, tdl_store *from, tdl_store *to)
{
    tdl_transfer_counts here, there;

    send(f, from, "1", "ann");
    move(f, from, to);
    erase(f, from, &(tdl_erase_request){.user = TDL_STR("ann")});
    refuse(f, tdl_store_transfer(from, to, NULL, NULL, &here, &there, &f->why), TDL_E_CONFLICT,
           "somebody was erased since");
}
BOTH_WAYS(erased_between)

/* Numbers of events have gaps then. */
static void gaps(fixture *f, tdl_store *from, tdl_store *to)
{
    static const char *const users[] = {"ann", "bob", "ann", "bob", "bob"};
    char message[8];

    for (int i = 0; i < 5; i++) {
        snprintf(message, sizeof message, "%d", i);
        send(f, from, message, users[i]);
    }
    erase(f, from, &(tdl_erase_request){.user = TDL_STR("ann")});
    assert_int_equal(move(f, from, to).events, 3);
    send(f, from, "more", "bob");
    assert_int_equal(move(f, from, to).events, 4);
}
BOTH_WAYS(gaps)

/* ---- retention, rejects ---- */

static void rules(fixture *f, tdl_store *from, tdl_store *to)
{
    const tdl_retention_rule some[] = {{TDL_STR("view"), 30}, {TDL_STR(""), 400}};
    const tdl_retention_rule one = {TDL_STR("buy"), 7};
    tdl_retention_rule *got;
    tdl_event old = event_of("old"); // of 1970
    size_t n;

    succeed(f, tdl_store_put_retention(from, some, 2, &f->why));
    assert_int_equal(move(f, from, to).retention, 2);
    succeed(f, tdl_store_put_retention(from, &one, 1, &f->why));
    succeed(f, tdl_store_append(from, &old, 1, NULL, &f->why)); // not what the other store keeps
    assert_int_equal(move(f, from, to).events, 1);
    succeed(f, tdl_store_retention(to, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_str(got[0].kind, "buy");
    assert_int_equal(got[0].days, 7);
}
BOTH_WAYS(rules)

static void rejects(fixture *f, tdl_store *from, tdl_store *to)
{
    const tdl_reject twice = {7, TDL_STR("posthog"), TDL_STR("user is missing"),
                              TDL_STR("{\"a\":\"ann\"}")};
    const tdl_reject last = {8, TDL_STR("segment"), TDL_STR("kind is missing"), TDL_STR("\xff")};
    tdl_reject *got;
    size_t n;

    succeed(f, tdl_store_log_reject(from, &twice, &f->why));
    succeed(f, tdl_store_log_reject(from, &twice, &f->why));
    tdl_store_flush(from);
    assert_int_equal(move(f, from, to).rejects, 2);
    succeed(f, tdl_store_log_reject(from, &last, &f->why));
    tdl_store_flush(from);
    assert_int_equal(move(f, from, to).rejects, 3);
    succeed(f, tdl_store_rejects(to, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 3);
    assert_str(got[0].source, "segment");
    assert_str(got[0].raw, "\xff");
    assert_true(got[0].received_us == 8);
    assert_str(got[2].reason, "user is missing");
    assert_str(got[2].raw, "{\"a\":\"ann\"}");
    assert_int_equal(erase(f, to, &(tdl_erase_request){.user = TDL_STR("ann")}).done, true);
    succeed(f, tdl_store_rejects(to, 9, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
}
BOTH_WAYS(rejects)

static void stale(fixture *f, tdl_store *from, tdl_store *to)
{
    tdl_model_row model = {.version = TDL_STR("v"),
                           .app = TDL_STR("a"),
                           .path = TDL_STR("p"),
                           .report = TDL_STR("{}"),
                           .created_us = tdl_time_now()};
    tdl_model_row *got;
    size_t n;

    send(f, from, "1", "ann");
    succeed(f, tdl_store_put_model(from, &model, &f->why));
    tdl_erasure e = erase(f, from, &(tdl_erase_request){.user = TDL_STR("ann")});
    assert_int_equal(move(f, from, to).stale, 1);
    succeed(f, tdl_store_models(to, (tdl_str){0}, f->arena, &got, &n, &f->why));
    assert_int_equal(n, 1);
    assert_true(got[0].stale_us == e.created_us);
}
BOTH_WAYS(stale)

int main(void)
{
#define BOTH(name, says)                                                                           \
    {says ", out", name##_out, fixture_set_up, fixture_tear_down, NULL},                           \
    {                                                                                              \
        says ", in", name##_in, fixture_set_up, fixture_tear_down, NULL                            \
    }
    const struct CMUnitTest tests[] = {
        BOTH(consents, "a denial is moved with every word"),
        BOTH(going_on, "what was stored before a denial is moved though the denial is there"),
        BOTH(receipts, "who was erased stays out, and his receipt is what it was"),
        STORE_TEST(those_erased_stay_out_whatever_is_sealed),
        STORE_TEST(a_name_that_cannot_be_told_moves_under_the_same_keys_only),
        BOTH(erased_between, "a move does not go on after somebody was erased"),
        BOTH(gaps, "a move goes on though numbers have gaps"),
        BOTH(rules, "the rules of retention are those of the other store"),
        BOTH(rejects, "rejects are moved once, however often"),
        BOTH(stale, "a stale model stays stale"),
    };
    return run_on_each_backend("store/transfer_people", tests);
}
