/* Moving a store and backing it up: what comes out is what went in, seen through store.h. Run on
 * each backend; the other store is a SQLite file. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "store/archive.h"
#include "store/audit.h"

/* ---- a store with something of everything ---- */

static void send(fixture *f, tdl_store *store, tdl_event e)
{
    succeed(f, tdl_store_append(store, &e, 1, NULL, &f->why));
}

static tdl_event event(const char *message_id, const char *kind, const char *user,
                       const char *alias)
{
    tdl_event e = event_of(message_id);

    e.kind = tdl_str_of(kind);
    e.user = tdl_str_of(user);
    e.alias = tdl_str_of(alias);
    return e;
}

/* x2 joins x1, who is ann already: then ann stands for the one who asked. */
static void fill_persons(fixture *f, tdl_store *store)
{
    tdl_event e = event("said", "$identify", "ann", "x1");

    e.traits = TDL_STR("{\"plan\":\"pro\",\"n\":{\"a\":[1,2]},\"q\\\"uote\":\"é\"}");
    e.time_us = 2000000;
    send(f, store, e);
    send(f, store, event("swapped", "page", "x2", "x1"));
    e = event("later", "$set", "x2", "");
    e.traits = TDL_STR("{\"plan\":\"free\"}");
    e.traits_once = TDL_STR("{\"first\":true}");
    e.time_us = 3000000;
    send(f, store, e);
    send(f, store, event("b", "$identify", "bob", "x3"));
    send(f, store, event("refused", "$identify", "bob", "ann")); // two identified ones stay two
    send(f, store, event("undone", "$identify", "bob", "x4"));
    tdl_str part;
    succeed(f, tdl_store_split(store, TDL_STR("x4"), f->arena, &part, &f->why));
}

static void fill_groups(fixture *f, tdl_store *store)
{
    tdl_event e = event("group", "$groupidentify", "$company_acme", "");

    e.group_type = TDL_STR("company");
    e.group = TDL_STR("acme");
    e.group_traits = TDL_STR("{\"seats\":5,\"n\":{\"a\":[1]}}");
    e.no_person = true;
    send(f, store, e);
}

static void fill_records(fixture *f, tdl_store *store)
{
    static const tdl_candidate candidates[] = {
        {.item = {"i1", 2}, .score = 2.5, .propensity = 1, .chosen = true},
        {.item = {"i2", 2}, .score = 0.1, .propensity = 0.25}};
    tdl_item items[2] = {{TDL_STR("i2"), TDL_STR("Two"), TDL_STR("{\"a\":1}")},
                         {.id = TDL_STR("i0")}};
    tdl_flag_row flag = {.key = TDL_STR("f"), .family = TDL_STR("posthog")};
    const tdl_saved_report report = {.id = TDL_STR("r"),
                                     .name = TDL_STR("week"),
                                     .query = TDL_STR("{}"),
                                     .created_us = 5,
                                     .updated_us = 6};
    char key[TDL_KEY_TEXT_MAX];

    succeed(f, tdl_store_put_report(store, &report, &f->why));
    succeed(f, tdl_store_put_items(store, items, 2, &f->why));
    for (int version = 1; version <= 3; version++) {
        flag.definition = version == 3 ? TDL_STR("{\"on\":true}") : TDL_STR("{}");
        succeed(f, tdl_store_put_flag(store, &flag, &f->why));
    }
    for (int i = 0; i < 3; i++) {
        tdl_decision d = {.time_us = 7 + i,
                          .app = TDL_STR("recommend"),
                          .user = TDL_STR("ann"),
                          .candidates = candidates,
                          .candidates_n = 2,
                          .model_version = TDL_STR("m2"),
                          .why = TDL_STR("why"),
                          .context_hash = {1, 2, 3, [15] = 255}};
        snprintf(d.id, sizeof d.id, "d%d", i);
        succeed(f, tdl_store_log_decision(store, &d, &f->why));
    }
    succeed(f, tdl_store_create_key(store, TDL_RIGHT_ADMIN, TDL_STR("k"), key, &f->why));
    tdl_store_flush(store);
}

static void fill_models(fixture *f, tdl_store *store, const char *folder)
{
    char path[400];

    snprintf(path, sizeof path, "%s/models", folder);
    succeed(f, tdl_file_make_dir(path, &f->why));
    for (int i = 1; i <= 3; i++) {
        char version[8], file[32];
        snprintf(version, sizeof version, "m%d", i);
        snprintf(file, sizeof file, "models/%s", version);
        snprintf(path, sizeof path, "%s/%s", folder, file);
        tdl_str content = tdl_str_of(version);
        if (i != 1) // the file of m1 is lost
            succeed(f, tdl_file_write(path, content, &f->why));
        tdl_model_row m = {.version = tdl_str_of(version),
                           .app = TDL_STR("recommend"),
                           .path = tdl_str_of(file),
                           .report = TDL_STR("{}"),
                           .created_us = i,
                           .bytes = 2,
                           .hash = "h",
                           .active = i == 2};
        succeed(f, tdl_store_put_model(store, &m, &f->why));
    }
}

static void fill(fixture *f, tdl_store *store, const char *folder)
{
    tdl_event e = event("value", "buy", "ann", "");

    e.item = TDL_STR("i1");
    e.value = 0.1;
    e.has_value = true;
    e.properties = TDL_STR("{\"a\":\"\\u0001\"}");
    e.decision_id = TDL_STR("d1");
    send(f, store, e);
    fill_persons(f, store);
    fill_groups(f, store);
    fill_records(f, store);
    fill_models(f, store, folder);
}

/* ---- all that store.h tells of it ---- */

static void tell_item(void *context, const tdl_item *item)
{
    tdl_buf_printf(context, "item %.*s %.*s %.*s\n", TDL_FMT(item->id), TDL_FMT(item->title),
                   TDL_FMT(item->attributes));
}

static void tell_events(fixture *f, tdl_store *store, tdl_buf *out)
{
    tdl_scan *scan;
    tdl_event e;
    int64_t seq;
    bool more;

    succeed(f, tdl_scan_open(store, 0, 0, &scan, &f->why));
    for (;;) {
        succeed(f, tdl_scan_next(scan, &e, &seq, &more, &f->why));
        if (!more)
            break;
        tdl_buf_printf(out, "event %lld %lld %.*s %.*s %.*s %.17g %.*s %.*s %.*s %.*s\n",
                       (long long)seq, (long long)e.time_us, TDL_FMT(e.user), TDL_FMT(e.kind),
                       TDL_FMT(e.item), e.has_value ? e.value : -1, TDL_FMT(e.properties),
                       TDL_FMT(e.source), TDL_FMT(e.message_id), TDL_FMT(e.decision_id));
    }
    tdl_scan_close(scan);
}

static void tell_persons(fixture *f, tdl_store *store, tdl_buf *out)
{
    static const char *const ids[] = {"ann", "bob", "u", "x1", "x2", "x3", "x4"};

    for (size_t i = 0; i < 7; i++) {
        tdl_str person;
        succeed(f, tdl_store_person(store, tdl_str_of(ids[i]), f->arena, &person, &f->why));
        tdl_buf_printf(out, "person %s %.*s ", ids[i], TDL_FMT(person));
        succeed(f, tdl_store_traits(store, tdl_str_of(ids[i]), out, &f->why));
        tdl_buf_char(out, '\n');
    }
}

static void tell_parting(void *context, tdl_str person, tdl_str other)
{
    tdl_buf_printf(context, "parted %.*s %.*s\n", TDL_FMT(person), TDL_FMT(other));
}

static void tell_groups(fixture *f, tdl_store *store, tdl_buf *out)
{
    tdl_user_row *users;
    int64_t us = 0;
    size_t n;

    succeed(f,
            tdl_store_group_traits(store, TDL_STR("company"), TDL_STR("acme"), out, &us, &f->why));
    tdl_buf_printf(out, " %lld\n", (long long)us);
    succeed(f, tdl_store_users(store, TDL_STR("$"), 9, f->arena, &users, &n, &f->why));
    tdl_buf_printf(out, "users called $: %zu\n", n);
    us = 0;
    succeed(f, tdl_store_splits(store, &us, tell_parting, out, &f->why));
    tdl_buf_printf(out, "%lld\n", (long long)us);
}

static void tell_records(fixture *f, tdl_store *store, tdl_buf *out)
{
    tdl_flag_row *flags;
    tdl_saved_report *reports;
    tdl_model_row *models;
    tdl_key_row *keys;
    tdl_decision_row *rows;
    size_t n;

    succeed(f, tdl_store_flags(store, f->arena, &flags, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(out, "flag %.*s %.*s %lld %lld %lld\n", TDL_FMT(flags[i].key),
                       TDL_FMT(flags[i].definition), (long long)flags[i].version,
                       (long long)flags[i].created_us, (long long)flags[i].updated_us);
    succeed(f, tdl_store_reports(store, f->arena, &reports, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(out, "report %.*s %.*s %.*s %lld %lld\n", TDL_FMT(reports[i].id),
                       TDL_FMT(reports[i].name), TDL_FMT(reports[i].query),
                       (long long)reports[i].created_us, (long long)reports[i].updated_us);
    succeed(f, tdl_store_models(store, (tdl_str){0}, f->arena, &models, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(out, "model %.*s %lld %s%s\n", TDL_FMT(models[i].version),
                       (long long)models[i].created_us, models[i].hash,
                       models[i].active ? " active" : "");
    succeed(f, tdl_store_keys(store, f->arena, &keys, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(out, "key %s %d %.*s\n", keys[i].id, (int)keys[i].right,
                       TDL_FMT(keys[i].label));
    succeed(f, tdl_store_decisions(store, TDL_STR("ann"), 99, f->arena, &rows, &n, &f->why));
    for (size_t i = 0; i < n; i++)
        tdl_buf_printf(out, "decision %s %lld %.*s %.17g %d %zu\n", rows[i].decision.id,
                       (long long)rows[i].decision.time_us, TDL_FMT(rows[i].decision.why),
                       rows[i].decision.candidates[1].score, rows[i].decision.context_hash[15],
                       rows[i].rewards_n);
}

static const char *tell(fixture *f, tdl_store *store)
{
    tdl_buf out = {0};

    succeed(f, tdl_store_each_item(store, tell_item, &out, &f->why));
    tell_events(f, store, &out);
    tell_persons(f, store, &out);
    tell_groups(f, store, &out);
    tell_records(f, store, &out);
    tdl_str copy = tdl_arena_str(f->arena, tdl_buf_view(&out));
    tdl_buf_release(&out);
    return copy.at;
}

/* ---- two stores ---- */

typedef struct stores {
    tdl_store *own;      /* of the backend under test; files in f->dir/own */
    tdl_store *other;    /* SQLite */
    char folder[2][300]; /* of their files */
    char other_path[400];
} stores;

/* A store that is shared keeps the files: both have one folder. Between two files they are copied
 * by the command line, and here not at all. */
static void open_stores(fixture *f, stores *s)
{
    snprintf(s->folder[0], sizeof s->folder[0], "%s/files", f->dir);
    snprintf(s->other_path, sizeof s->other_path, "%s/other.db", f->dir);
    tdl_store_options options = fixture_options(f, (tdl_store_options){.files_dir = s->folder[0]});
    succeed(f, tdl_store_open(f->url, &options, &s->own, &f->why));
    succeed(f, tdl_store_open(s->other_path, &options, &s->other, &f->why));
}

static void close_stores(stores *s)
{
    tdl_store_close(s->own);
    tdl_store_close(s->other);
}

static void move(fixture *f, tdl_store *from, tdl_store *to, tdl_transfer_counts *ret)
{
    tdl_transfer_counts there;

    succeed(f, tdl_store_transfer(from, to, NULL, NULL, ret, &there, &f->why));
    assert_memory_equal(ret, &there, sizeof there);
}

static void a_store_moved_out_tells_the_same(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts n;
    stores s;

    open_stores(f, &s);
    fill(f, s.own, s.folder[0]);
    move(f, s.own, s.other, &n);
    assert_string_equal(tell(f, s.other), tell(f, s.own));
    assert_int_equal(n.events, 8);
    assert_int_equal(n.items, 3); // i0, i1, i2
    assert_int_equal(n.decisions, 3);
    assert_int_equal(n.models, 3);
    assert_int_equal(n.rewards, 1);
    assert_non_null(strstr(tell(f, s.other), "person x2 ann {\"first\":true"));
    assert_non_null(strstr(tell(f, s.other), "\"plan\":\"free\""));
    assert_non_null(strstr(tell(f, s.other), "flag f {\"on\":true} 3 "));
    assert_non_null(strstr(tell(f, s.other), "report r week {} 5 6"));
    assert_non_null(strstr(tell(f, s.other), "model m2 2 h active"));
    close_stores(&s);
}

static void a_store_moved_in_tells_the_same(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts n;
    stores s;

    open_stores(f, &s);
    fill(f, s.other, s.folder[0]);
    move(f, s.other, s.own, &n);
    assert_string_equal(tell(f, s.own), tell(f, s.other));
    close_stores(&s);
}

/* Moved again it changes nothing; what came since follows. */
static void moving_again_goes_on_where_it_stopped(void **state)
{
    fixture *f = *state;
    tdl_decision d = {.id = "d9", .app = TDL_STR("recommend"), .user = TDL_STR("ann")};
    tdl_candidate two[2] = {{.item = TDL_STR("i1")}, {.item = TDL_STR("i2")}};
    tdl_transfer_counts n;
    stores s;

    open_stores(f, &s);
    fill(f, s.other, s.folder[0]);
    move(f, s.other, s.own, &n);
    move(f, s.other, s.own, &n);
    assert_string_equal(tell(f, s.own), tell(f, s.other));
    send(f, s.other, event("new", "$create_alias", "bob", "ann"));
    d.candidates = two;
    d.candidates_n = 2;
    succeed(f, tdl_store_log_decision(s.other, &d, &f->why));
    tdl_store_flush(s.other);
    succeed(f, tdl_store_activate_model(s.other, TDL_STR("m3"), &f->why));
    move(f, s.other, s.own, &n);
    assert_int_equal(n.events, 9);
    assert_int_equal(n.decisions, 4);
    assert_string_equal(tell(f, s.own), tell(f, s.other));
    assert_non_null(strstr(tell(f, s.own), "model m3 3 h active"));
    close_stores(&s);
}

static tdl_audit_state check_log(fixture *f, tdl_store *store)
{
    tdl_audit_state state;

    succeed(f, tdl_store_audit_check(store, NULL, &state, &f->why));
    return state;
}

/* As it was, however often; what the other store did meanwhile stays behind it. */
static void the_audit_log_moves_as_it_is(void **state)
{
    fixture *f = *state;
    const tdl_audit_entry entry = {.action = "test"};
    tdl_transfer_counts n;
    tdl_audit_state here, there;
    stores s;

    open_stores(f, &s);
    fill(f, s.other, s.folder[0]);
    move(f, s.other, s.own, &n);
    here = check_log(f, s.other);
    there = check_log(f, s.own);
    assert_true(here.whole.n > 0);
    assert_int_equal(there.first_bad, 0);
    assert_true(tdl_chain_same(&here.whole, &there.whole));
    succeed(f, tdl_store_audit(s.other, &entry, &f->why));
    move(f, s.other, s.own, &n);
    succeed(f, tdl_store_audit(s.own, &entry, &f->why));
    move(f, s.other, s.own, &n);
    there = check_log(f, s.own);
    assert_int_equal(there.first_bad, 0);
    assert_int_equal(there.whole.n, here.whole.n + 2);
    close_stores(&s);
}

static void a_broken_audit_log_stays_broken(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts n;
    stores s;

    open_stores(f, &s);
    fill(f, s.own, s.folder[0]);
    int64_t last = check_log(f, s.own).whole.n;
    outside(f, "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
    move(f, s.own, s.other, &n);
    assert_int_equal(check_log(f, s.other).first_bad, last);
    close_stores(&s);
}

static void another_stores_audit_log_is_not_mixed_in(void **state)
{
    fixture *f = *state;
    const tdl_audit_entry entry = {.action = "test"};
    tdl_transfer_counts n, there;
    stores s;

    open_stores(f, &s);
    fill(f, s.other, s.folder[0]);
    succeed(f, tdl_store_audit(s.own, &entry, &f->why));
    refuse(f, tdl_store_transfer(s.other, s.own, NULL, NULL, &n, &there, &f->why), TDL_E_CONFLICT,
           "audit log of its own");
    close_stores(&s);
}

static void another_stores_events_are_not_mixed_in(void **state)
{
    fixture *f = *state;
    tdl_transfer_counts n, there;
    stores s;

    open_stores(f, &s);
    fill(f, s.other, s.folder[0]);
    send(f, s.own, event("theirs", "view", "u", ""));
    refuse(f, tdl_store_transfer(s.other, s.own, NULL, NULL, &n, &there, &f->why), TDL_E_CONFLICT,
           "not the beginning");
    assert_string_equal(scanned(&(fixture){.store = s.own, .arena = f->arena}, 0), "theirs");
    close_stores(&s);
}

/* ---- files of models ---- */

static void a_shared_store_brings_the_files_of_its_models(void **state)
{
    fixture *f = *state;
    tdl_model_row *models;
    tdl_buf got = {0};
    char path[400], second[300];
    tdl_store *store;
    size_t n;
    stores s;

    open_stores(f, &s);
    fill_models(f, s.own, s.folder[0]);
    snprintf(second, sizeof second, "%s/second", f->dir);
    tdl_store_options options = fixture_options(f, (tdl_store_options){.files_dir = second});
    succeed(f, tdl_store_open(f->url, &options, &store, &f->why));
    succeed(f, tdl_store_models(store, TDL_STR("recommend"), f->arena, &models, &n, &f->why));
    tdl_status st = tdl_store_fetch_model(store, &models[0], &f->why);
    snprintf(path, sizeof path, "%s/models/m3", second);
    if (f->on_postgres) {
        succeed(f, st);
        succeed(f, tdl_file_read(path, 100, &got, &f->why));
        assert_string_equal(got.at, "m3");
        refuse(f, tdl_store_fetch_model(store, &models[2], &f->why), TDL_E_NOT_FOUND, "models/m1");
        models[0].path = TDL_STR("../escaped");
        refuse(f, tdl_store_fetch_model(store, &models[0], &f->why), TDL_E_INVALID, "no path");
    } else {
        succeed(f, st); // nothing to bring
        assert_int_not_equal(access(path, F_OK), 0);
    }
    tdl_buf_release(&got);
    tdl_store_close(store);
    close_stores(&s);
}

/* ---- backups ---- */

static void back_up(fixture *f, const char *files_dir, char ret_path[400])
{
    snprintf(ret_path, 400, "%s/backup", f->dir);
    succeed(f, tdl_archive_write(f->url, files_dir, f->sealed ? f->master_key : NULL, ret_path,
                                 NULL, NULL, &f->why));
}

static void a_backup_restored_tells_the_same(void **state)
{
    fixture *f = *state;
    char path[400], folder[300], db[400], model[400];
    tdl_buf got = {0};
    tdl_store_options options = fixture_options(f, (tdl_store_options){0});
    tdl_store *restored;
    stores s;

    open_stores(f, &s);
    fill(f, s.own, s.folder[0]);
    back_up(f, s.folder[0], path); // while it is open
    snprintf(folder, sizeof folder, "%s/restored", f->dir);
    snprintf(db, sizeof db, "%s/treadle.db", folder);
    snprintf(model, sizeof model, "%s/models/m2", folder);
    succeed(f, tdl_archive_unpack(path, folder, &f->why));
    succeed(f, tdl_store_open(db, &options, &restored, &f->why));
    assert_string_equal(tell(f, restored), tell(f, s.own));
    succeed(f, tdl_file_read(model, 100, &got, &f->why));
    assert_string_equal(got.at, "m2");
    refuse(f, tdl_archive_unpack(path, folder, &f->why), TDL_E_CONFLICT, "exists");
    refuse(f,
           tdl_archive_write(f->url, s.folder[0], f->sealed ? f->master_key : NULL, path, NULL,
                             NULL, &f->why),
           TDL_E_CONFLICT, "exists");
    tdl_buf_release(&got);
    tdl_store_close(restored);
    close_stores(&s);
}

static void a_damaged_backup_is_not_restored(void **state)
{
    fixture *f = *state;
    char path[400], folder[300], sum[420], db[400];
    stores s;

    open_stores(f, &s);
    fill(f, s.own, s.folder[0]);
    close_stores(&s);
    back_up(f, s.folder[0], path);
    snprintf(folder, sizeof folder, "%s/restored", f->dir);
    snprintf(db, sizeof db, "%s/treadle.db", folder);
    snprintf(sum, sizeof sum, "%s.sha256", path);
    FILE *file = fopen(path, "r+b");
    fseek(file, 5000, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, 5000, SEEK_SET);
    fputc(byte ^ 1, file);
    fclose(file);
    refuse(f, tdl_archive_unpack(path, folder, &f->why), TDL_E_CORRUPT, "checksum");
    assert_int_not_equal(access(db, F_OK), 0);
    assert_int_equal(unlink(sum), 0);
    refuse(f, tdl_archive_unpack(path, folder, &f->why), TDL_E_NOT_FOUND, ".sha256");
}

static void another_file_is_no_backup(void **state)
{
    fixture *f = *state;
    char path[400], folder[300], sum[420];
    // sha256sum of an empty file, the figure of its man page's usual example
    static const char empty[] =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  empty\n";

    snprintf(path, sizeof path, "%s/empty", f->dir);
    snprintf(sum, sizeof sum, "%s.sha256", path);
    snprintf(folder, sizeof folder, "%s/restored", f->dir);
    succeed(f, tdl_file_write(path, (tdl_str){0}, &f->why));
    succeed(f, tdl_file_write(sum, tdl_str_of(empty), &f->why));
    succeed(f, tdl_archive_check(path, &f->why));
    refuse(f, tdl_archive_unpack(path, folder, &f->why), TDL_E_INVALID, "no backup");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOSED_TEST(a_store_moved_out_tells_the_same),
        CLOSED_TEST(a_store_moved_in_tells_the_same),
        CLOSED_TEST(moving_again_goes_on_where_it_stopped),
        CLOSED_TEST(another_stores_events_are_not_mixed_in),
        CLOSED_TEST(the_audit_log_moves_as_it_is),
        CLOSED_TEST(a_broken_audit_log_stays_broken),
        CLOSED_TEST(another_stores_audit_log_is_not_mixed_in),
        CLOSED_TEST(a_shared_store_brings_the_files_of_its_models),
        CLOSED_TEST(a_backup_restored_tells_the_same),
        CLOSED_TEST(a_damaged_backup_is_not_restored),
        CLOSED_TEST(another_file_is_no_backup),
    };
    return run_on_each_backend("store/transfer", tests);
}
