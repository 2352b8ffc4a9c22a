#include "cases.h"

#include "apps/recommend/snapshot.h"
#include "base/file.h"

/* Twelve users over eight items, u to u + 4 in turn. */
enum { USERS = 12, EACH = 5, ITEMS = 8 };

typedef struct fixture {
    char folder[64], path[96];
    size_t offsets[USERS + 1];
    int32_t item[USERS * EACH];
    int64_t time_us[USERS * EACH];
    void *model[TDL_RUNGS_N];
    tdl_names *items;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    char id[24];

    for (size_t u = 0; u <= USERS; u++)
        f->offsets[u] = u * EACH;
    for (size_t i = 0; i < USERS * EACH; i++) {
        f->item[i] = (int32_t)((i / EACH + i % EACH) % ITEMS);
        f->time_us[i] = (int64_t)(i % EACH);
    }
    tdl_interactions all = {USERS, ITEMS, f->offsets, f->item, f->time_us};
    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        f->model[r] = fit_all(tdl_ladder[r], &all);
    f->items = tdl_names_new();
    for (int i = 0; i < ITEMS; i++) {
        snprintf(id, sizeof id, "item\n%d", i);
        tdl_names_add(f->items, tdl_str_of(id));
    }
    make_folder(f->folder);
    snprintf(f->path, sizeof f->path, "%s/model", f->folder);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;

    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        tdl_ladder[r]->free(f->model[r]);
    tdl_names_free(f->items);
    remove_folder(f->folder);
    free(f);
    return 0;
}

static void write_snapshot(const fixture *f, size_t promoted)
{
    tdl_report why = {0};
    tdl_snapshot_source source = {.version = TDL_STR("recommend-1"),
                                  .promoted = promoted,
                                  .model = f->model,
                                  .items = f->items,
                                  .seed = 42,
                                  .report = TDL_STR("{\"app\":\"recommend\"}")};

    expect_ok(tdl_snapshot_write(f->path, &source, &why), &why);
}

static tdl_snapshot *read_snapshot(const fixture *f, const char *hash)
{
    tdl_snapshot *snapshot = NULL;
    tdl_report why = {0};

    expect_ok(tdl_snapshot_read(f->path, TDL_STR("recommend-1"), hash, &snapshot, &why), &why);
    return snapshot;
}

static void what_is_read_answers_as_what_was_written(void **state)
{
    const fixture *f = *state;
    const int32_t history[] = {0, 1};
    float before[ITEMS], after[ITEMS];

    for (size_t r = 0; r < TDL_RUNGS_N; r++) {
        write_snapshot(f, r);
        tdl_snapshot *snapshot = read_snapshot(f, NULL);
        assert_int_equal(snapshot->promoted, r);
        assert_int_equal(snapshot->items_n, ITEMS);
        assert_true(tdl_str_is(snapshot->version, "recommend-1"));
        assert_true(tdl_str_is(snapshot->item_id[7], "item\n7"));
        score(tdl_ladder[r], f->model[r], history, 2, before);
        score(tdl_ladder[r], snapshot->model[r], history, 2, after);
        assert_memory_equal(before, after, sizeof before);
        tdl_snapshot_free(snapshot);
    }
}

static void every_rung_that_was_kept_is_loaded(void **state)
{
    fixture *f = *state;
    size_t popularity = tdl_ladder_find(TDL_STR("popularity"));
    size_t item_knn = tdl_ladder_find(TDL_STR("item-knn"));
    size_t markov = tdl_ladder_find(TDL_STR("markov")), ease = tdl_ladder_find(TDL_STR("ease"));
    void *left_out = f->model[ease];
    size_t bytes = 0;

    f->model[ease] = NULL;
    write_snapshot(f, markov);
    tdl_snapshot *snapshot = read_snapshot(f, NULL);
    assert_int_equal(snapshot->similar, markov); /* it has a notion of similar itself */
    for (size_t r = 0; r < TDL_RUNGS_N; r++) {
        assert_true((snapshot->model[r] != NULL) == (r != ease));
        bytes += r == ease ? 0 : tdl_ladder[r]->bytes(snapshot->model[r]);
    }
    assert_int_equal(tdl_snapshot_bytes(snapshot), bytes);
    tdl_snapshot_free(snapshot);
    write_snapshot(f, popularity);
    snapshot = read_snapshot(f, NULL);
    assert_int_equal(snapshot->similar, item_knn);
    tdl_snapshot_free(snapshot);
    f->model[ease] = left_out;
}

/* ---- a line-up ---- */

static const tdl_contender *contender(const char *name)
{
    for (size_t i = 0; i < tdl_contenders_n; i++)
        if (!strcmp(tdl_contenders[i].name, name))
            return &tdl_contenders[i];
    fail_msg("there is no contender %s", name);
    return NULL;
}

/* Two of one rung, and two others: directed on people and on baskets, own history, what is popular.
 */
static void make_lineup(const fixture *f, tdl_lineup *ret)
{
    tdl_interactions all = {USERS, ITEMS, f->offsets, f->item, f->time_us};
    const char *const names[] = {"directed", "directed", "own-history", "recent-popularity"};

    *ret = (tdl_lineup){.parts_n = COUNT(names)};
    for (size_t i = 0; i < COUNT(names); i++) {
        ret->part[i] = (tdl_part){.contender = contender(names[i]), .baskets = i == 1};
        snprintf(ret->part[i].setting, sizeof ret->part[i].setting, "setting %zu", i);
        tdl_fit_data data = {&all, all.offsets + 1};
        tdl_fit_options options = {.seed = 1};
        tdl_report why = {0};
        if (ret->part[i].contender->settings) // another one for the second
            options.params = (const char *)ret->part[i].contender->settings +
                             i * ret->part[i].contender->settings_size;
        expect_ok(ret->part[i].contender->rung->fit(&data, &options, &ret->part[i].model, &why),
                  &why);
    }
    ret->task[TDL_RECOMMEND_DISCOVERY] =
        (tdl_mix){.n = 3, .part = {0, 3, 2}, .weight = {1, .1, .7}};
    ret->task[TDL_RECOMMEND_CART] = (tdl_mix){.n = 1, .part = {1}, .weight = {1}};
}

static void write_lineup(const fixture *f, const tdl_lineup *lineup)
{
    tdl_report why = {0};
    tdl_snapshot_source source = {.version = TDL_STR("recommend-1"),
                                  .promoted = 2,
                                  .model = f->model,
                                  .lineup = lineup,
                                  .items = f->items,
                                  .seed = 42,
                                  .report = TDL_STR("{}")};

    expect_ok(tdl_snapshot_write(f->path, &source, &why), &why);
}

static void a_line_up_is_read_as_it_was_written(void **state)
{
    const fixture *f = *state;
    const int32_t history[] = {0, 1};
    float before[ITEMS], after[ITEMS];
    tdl_lineup lineup;

    make_lineup(f, &lineup);
    write_lineup(f, &lineup);
    tdl_snapshot *snapshot = read_snapshot(f, NULL);
    assert_int_equal(snapshot->lineup.parts_n, lineup.parts_n);
    for (size_t i = 0; i < lineup.parts_n; i++) {
        const tdl_part *wrote = &lineup.part[i], *read = &snapshot->lineup.part[i];
        assert_ptr_equal(read->contender, wrote->contender);
        assert_string_equal(read->setting, wrote->setting);
        assert_true(read->baskets == wrote->baskets);
        score(wrote->contender->rung, wrote->model, history, 2, before);
        score(read->contender->rung, read->model, history, 2, after);
        assert_memory_equal(before, after, sizeof before);
    }
    assert_memory_equal(snapshot->lineup.task, lineup.task, sizeof lineup.task);
    tdl_snapshot_free(snapshot);
    tdl_lineup_release(&lineup);
}

static void a_file_without_a_line_up_has_an_empty_one(void **state)
{
    const fixture *f = *state;

    write_snapshot(f, 2);
    tdl_snapshot *snapshot = read_snapshot(f, NULL);
    assert_int_equal(snapshot->lineup.parts_n, 0);
    for (size_t t = 0; t < TDL_RECOMMEND_TASKS_N; t++)
        assert_int_equal(snapshot->lineup.task[t].n, 0);
    tdl_snapshot_free(snapshot);
}

static void the_file_tells_where_it_comes_from(void **state)
{
    const fixture *f = *state;
    tdl_st_file *file = NULL;
    tdl_report why = {0};

    write_snapshot(f, 2);
    expect_ok(tdl_st_open(f->path, &file, &why), &why);
    assert_true(tdl_str_is(tdl_st_meta_get(file, "promoted"), "markov"));
    assert_true(tdl_str_is(tdl_st_meta_get(file, "seed"), "42"));
    assert_true(tdl_str_is(tdl_st_meta_get(file, "report"), "{\"app\":\"recommend\"}"));
    tdl_st_free(file);
}

static void the_same_models_give_the_same_file(void **state)
{
    const fixture *f = *state;
    char one[65], two[65];
    int64_t bytes;
    tdl_report why = {0};

    write_snapshot(f, 2);
    expect_ok(tdl_file_hash(f->path, one, &bytes, &why), &why);
    write_snapshot(f, 2);
    expect_ok(tdl_file_hash(f->path, two, &bytes, &why), &why);
    assert_string_equal(one, two);
    tdl_snapshot_free(read_snapshot(f, one));
}

/* BLAKE2b-256 of "abc": printf abc | b2sum -l 256 */
static void the_hash_is_blake2b_256(void **state)
{
    const fixture *f = *state;
    char hash[65];
    int64_t bytes;
    tdl_report why = {0};

    expect_ok(tdl_file_write(f->path, TDL_STR("abc"), &why), &why);
    expect_ok(tdl_file_hash(f->path, hash, &bytes, &why), &why);
    assert_string_equal(hash, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    assert_int_equal(bytes, 3);
}

/* ---- damage ---- */

static tdl_status read_status(const fixture *f, const char *hash, tdl_report *why)
{
    tdl_snapshot *snapshot = NULL;
    tdl_status st = tdl_snapshot_read(f->path, TDL_STR("recommend-1"), hash, &snapshot, why);

    if (st)
        assert_null(snapshot);
    tdl_snapshot_free(snapshot);
    return st;
}

static void a_missing_file_is_reported_by_name(void **state)
{
    const fixture *f = *state;
    tdl_report why = {0};

    assert_true(read_status(f, NULL, &why) != TDL_OK);
    assert_non_null(strstr(why.message, f->path));
    assert_int_equal(read_status(f, "00", &why), TDL_E_NOT_FOUND);
}

static void one_changed_byte_is_found_by_the_hash(void **state)
{
    const fixture *f = *state;
    tdl_buf bytes = {0};
    char hash[65];
    int64_t size;
    tdl_report why = {0};

    write_snapshot(f, 2);
    expect_ok(tdl_file_hash(f->path, hash, &size, &why), &why);
    expect_ok(tdl_file_read(f->path, 1 << 24, &bytes, &why), &why);
    bytes.at[bytes.len - 1] ^= 1;
    expect_ok(tdl_file_write(f->path, tdl_buf_view(&bytes), &why), &why);
    assert_int_equal(read_status(f, hash, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, f->path));
    assert_true(why.hint[0] != 0);
    tdl_buf_release(&bytes);
}

/* Whatever is cut off, reading answers with a report; the hash is not even needed. */
static void a_truncated_file_is_refused_at_every_length(void **state)
{
    const fixture *f = *state;
    tdl_buf bytes = {0};
    tdl_report why = {0};

    write_snapshot(f, 2);
    expect_ok(tdl_file_read(f->path, 1 << 24, &bytes, &why), &why);
    for (size_t n = 0; n < bytes.len; n += 1 + bytes.len / 97) {
        expect_ok(tdl_file_write(f->path, (tdl_str){bytes.at, n}, &why), &why);
        assert_true(read_status(f, NULL, &why) != TDL_OK);
    }
    tdl_buf_release(&bytes);
}

/* Write a file with these ids' tensors and metadata, and nothing else. */
static tdl_status read_forged(const fixture *f, const char *format, const char *promoted,
                              const int64_t *offsets, size_t n, tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();

    tdl_st_meta(writer, "format", tdl_str_of(format));
    tdl_st_meta(writer, "promoted", tdl_str_of(promoted));
    tdl_st_add_1d(writer, "items/bytes", TDL_U8, 4, "abcd");
    tdl_st_add_1d(writer, "items/offsets", TDL_I64, n, offsets);
    expect_ok(tdl_st_write(writer, f->path, why), why);
    tdl_st_writer_free(writer);
    return read_status(f, NULL, why);
}

static void forged_files_are_refused_with_what_is_wrong(void **state)
{
    const fixture *f = *state;
    const int64_t fine[] = {0, 2, 4}, late[] = {1, 2, 4}, early[] = {0, 2, 3}, back[] = {0, 5, 4};
    const char *const ours = "treadle-recommend-1";
    tdl_report why = {0};

    assert_int_equal(read_forged(f, "other", "markov", fine, 3, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "format"));
    assert_int_equal(read_forged(f, ours, "oracle", fine, 3, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "oracle"));
    assert_int_equal(read_forged(f, ours, "markov", late, 3, &why), TDL_E_CORRUPT);
    assert_int_equal(read_forged(f, ours, "markov", early, 3, &why), TDL_E_CORRUPT);
    assert_int_equal(read_forged(f, ours, "markov", back, 3, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "items/offsets"));
    assert_int_equal(read_forged(f, ours, "markov", fine, 0, &why), TDL_E_CORRUPT);
    assert_true(read_forged(f, ours, "markov", fine, 3, &why) != TDL_OK); /* no markov inside */
}

/* A file of the ladder with this line-up and no tensors of its parts but one of popularity. */
static tdl_status read_forged_lineup(const fixture *f, const char *lineup, float first,
                                     tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    const int64_t offsets[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    const float crowd[ITEMS] = {first, 1, 1, 1, 1, 1, 1, 1};

    tdl_st_meta(writer, "format", TDL_STR("treadle-recommend-1"));
    tdl_st_meta(writer, "promoted", TDL_STR("markov"));
    tdl_st_meta(writer, "lineup", tdl_str_of(lineup));
    tdl_st_add_1d(writer, "items/bytes", TDL_U8, ITEMS, "abcdefgh");
    tdl_st_add_1d(writer, "items/offsets", TDL_I64, ITEMS + 1, offsets);
    tdl_ladder[2]->save(f->model[2], writer);
    tdl_st_prefix(writer, "part0/");
    tdl_st_add_1d(writer, "recent-popularity/half_life_days", TDL_F64, 1, &(double){14});
    tdl_st_add_1d(writer, "recent-popularity/score", TDL_F32, ITEMS, crowd);
    expect_ok(tdl_st_write(writer, f->path, why), why);
    tdl_st_writer_free(writer);
    return read_status(f, NULL, why);
}

#define POPULAR "{\"parts\":[{\"model\":\"recent-popularity\"}],\"tasks\":{\"discovery\":"

static void forged_line_ups_are_refused_with_what_is_wrong(void **state)
{
    const fixture *f = *state;
    static const char *const bad[] = {
        "{",
        "{\"parts\":[{\"model\":\"oracle\"}]}",
        "{\"parts\":[{}]}",
        "{\"parts\":[{\"model\":\"recent-popularity\"},{\"model\":\"directed\"}]}",
        POPULAR "{}}}",
        POPULAR "{\"parts\":[],\"weights\":[]}}}",
        POPULAR "{\"parts\":[0],\"weights\":[]}}}",
        POPULAR "{\"parts\":[1],\"weights\":[1]}}}",
        POPULAR "{\"parts\":[-1],\"weights\":[1]}}}",
        POPULAR "{\"parts\":[0.0],\"weights\":[1]}}}",
        POPULAR "{\"parts\":[0,0],\"weights\":[1,1]}}}",
        POPULAR "{\"parts\":[0],\"weights\":[0]}}}",
        POPULAR "{\"parts\":[0],\"weights\":[-1]}}}",
        POPULAR "{\"parts\":[0],\"weights\":[\"much\"]}}}",
    };
    tdl_report why = {0};

    expect_ok(read_forged_lineup(f, POPULAR "{\"parts\":[0],\"weights\":[2]}}}", 1, &why), &why);
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (read_forged_lineup(f, bad[i], 1, &why) != TDL_E_CORRUPT)
            fail_msg("was read: %s", bad[i]);
        assert_non_null(strstr(why.message, f->path));
    }
    const float no_numbers[] = {NAN, INFINITY, -1};
    for (size_t i = 0; i < COUNT(no_numbers); i++) {
        assert_int_equal(
            read_forged_lineup(f, POPULAR "{\"parts\":[0],\"weights\":[2]}}}", no_numbers[i], &why),
            TDL_E_CORRUPT);
        assert_non_null(strstr(why.message, "recent-popularity/score"));
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(what_is_read_answers_as_what_was_written),
        CASE(every_rung_that_was_kept_is_loaded),
        CASE(a_line_up_is_read_as_it_was_written),
        CASE(a_file_without_a_line_up_has_an_empty_one),
        CASE(forged_line_ups_are_refused_with_what_is_wrong),
        CASE(the_file_tells_where_it_comes_from),
        CASE(the_same_models_give_the_same_file),
        CASE(the_hash_is_blake2b_256),
        CASE(a_missing_file_is_reported_by_name),
        CASE(one_changed_byte_is_found_by_the_hash),
        CASE(a_truncated_file_is_refused_at_every_length),
        CASE(forged_files_are_refused_with_what_is_wrong),
    };
    return cmocka_run_group_tests_name("recommend/snapshot", tests, NULL, NULL);
}
