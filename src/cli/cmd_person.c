/* treadle person show | split, treadle rejects list */
#include <stdio.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "wire/native/native.h"

enum { ARENA_BYTES = 64 << 20, ROW_WIDTH = 160 };

/* A command on an open store. */
typedef struct work {
    const tdl_common *common;
    tdl_store *store;
    tdl_arena *arena;
} work;

static tdl_status start(const tdl_common *common, work *ret, tdl_report *why)
{
    tdl_status st;

    *ret = (work){.common = common, .arena = tdl_arena_new(ARENA_BYTES)};
    if (!ret->arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(common, false, &ret->store, why)))
        tdl_arena_free(ret->arena);
    return st;
}

static void finish(work *w)
{
    tdl_store_close(w->store);
    tdl_arena_free(w->arena);
}

/* ---- persons ---- */

static void print_ids(const tdl_person_id *ids, size_t n)
{
    char time[TDL_TIME_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        if (ids[i].joined) {
            tdl_time_format(ids[i].time_us, time);
            printf("  %.*s  %s %s %.*s (%.*s %.*s)\n", TDL_FMT(ids[i].id),
                   tdl_tr("joined", "合并于"), time, TDL_FMT(ids[i].kind), TDL_FMT(ids[i].source),
                   TDL_FMT(ids[i].message_id));
        } else {
            printf("  %.*s\n", TDL_FMT(ids[i].id));
        }
    }
}

static tdl_status print_person(work *w, tdl_str id, tdl_report *why)
{
    tdl_buf traits = {0};
    tdl_person_id *ids;
    size_t n;
    tdl_status st = tdl_store_person_ids(w->store, id, w->arena, &ids, &n, why);

    if (!st && !n)
        st = TDL_FAIL(why, TDL_E_NOT_FOUND, "there is no user \"%.*s\"", TDL_FMT(id));
    if (!st && !(st = tdl_store_traits(w->store, id, &traits, why))) {
        printf("%s %.*s\n", tdl_tr("person", "用户"), TDL_FMT(ids[0].id));
        print_ids(ids, n);
        printf("%s %.*s\n", tdl_tr("traits", "特征"), TDL_FMT(tdl_buf_view(&traits)));
    }
    tdl_buf_release(&traits);
    return st;
}

static tdl_status print_json(work *w, tdl_str id, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw json = {.out = &out};
    tdl_status st = tdl_native_write_person(w->store, id, w->arena, &json, why);

    if (!st)
        printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
    tdl_buf_release(&out);
    return st;
}

static tdl_status show(work *w, tdl_str id, tdl_report *why)
{
    return w->common->json ? print_json(w, id, why) : print_person(w, id, why);
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    work w;
    tdl_status st = start(values, &w, why);

    if (st)
        return st;
    st = show(&w, tdl_str_of(arguments[0]), why);
    finish(&w);
    return st;
}

static tdl_status run_split(const void *values, char **arguments, tdl_report *why)
{
    tdl_str person;
    work w;
    tdl_status st = start(values, &w, why);

    if (st)
        return st;
    if (!(st = tdl_store_split(w.store, tdl_str_of(arguments[0]), w.arena, &person, why)))
        st = show(&w, person, why);
    finish(&w);
    return st;
}

/* ---- rejects ---- */

typedef struct rejects_values {
    tdl_common common;
    int64_t limit;
} rejects_values;

static const tdl_option rejects_options[] = {
    {"limit",
     TDL_OPTION_INT,
     offsetof(rejects_values, limit),
     "N",
     "50",
     1,
     10000,
     {"how many, newest first", "条数，最新的在前"}},
};

static void print_rejects(const tdl_reject *rejects, size_t n)
{
    char time[TDL_TIME_TEXT_MAX];

    for (size_t i = 0; i < n; i++) {
        int width = rejects[i].raw.len < ROW_WIDTH ? (int)rejects[i].raw.len : ROW_WIDTH;
        tdl_time_format(rejects[i].received_us, time);
        printf("%-27s  %-10.*s  %.*s\n    %.*s\n", time, TDL_FMT(rejects[i].source),
               TDL_FMT(rejects[i].reason), width, rejects[i].raw.at);
    }
}

static tdl_status list(work *w, size_t limit, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw json = {.out = &out};
    tdl_reject *rejects;
    size_t n;
    tdl_status st;

    if (w->common->json) {
        if (!(st = tdl_native_write_rejects(w->store, limit, w->arena, &json, why)))
            printf("%.*s\n", TDL_FMT(tdl_buf_view(&out)));
        tdl_buf_release(&out);
    } else if (!(st = tdl_store_rejects(w->store, limit, w->arena, &rejects, &n, why))) {
        print_rejects(rejects, n);
    }
    return st;
}

static tdl_status run_rejects(const void *values, char **arguments, tdl_report *why)
{
    const rejects_values *v = values;
    work w;
    tdl_status st = start(&v->common, &w, why);

    TDL_UNUSED(arguments);
    if (st)
        return st;
    st = list(&w, (size_t)v->limit, why);
    finish(&w);
    return st;
}

const tdl_command tdl_command_person_show = {
    .name = "person show",
    .arguments = "ID",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"a person's ids, how each was joined, and traits",
                "用户的全部 ID、各自的合并来源及特征"},
    .examples = "  treadle person show u1\n  treadle person show u1 --json\n",
    .run = run_show,
};

const tdl_command tdl_command_person_split = {
    .name = "person split",
    .arguments = "ID",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"undo the join that brought this id into its person",
                "撤销把该 ID 并入其用户的合并"},
    .examples = "  treadle person split anon-7f3a\n",
    .run = run_split,
};

const tdl_command tdl_command_rejects_list = {
    .name = "rejects list",
    .values_size = sizeof(rejects_values),
    .options = rejects_options,
    .options_n = sizeof rejects_options / sizeof rejects_options[0],
    .summary = {"events of SDKs that could not be taken, and why", "未能接收的 SDK 事件及原因"},
    .examples = "  treadle rejects list\n  treadle rejects list --limit 500 --json\n",
    .run = run_rejects,
};
