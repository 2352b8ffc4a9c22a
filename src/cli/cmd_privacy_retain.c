/* treadle privacy retain show | set | drop | run */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "loop/lock.h"

enum { ARENA_BYTES = 1 << 20 };

/* An open store and its rules. */
typedef struct rules {
    tdl_store *store;
    tdl_arena *arena;
    tdl_retention_rule *at; /* [n] by kind, with room for one more */
    size_t n;
} rules;

static void close_rules(rules *r)
{
    tdl_store_close(r->store);
    tdl_arena_free(r->arena);
}

static tdl_status open_rules(const tdl_common *common, bool read_only, rules *ret, tdl_report *why)
{
    rules r = {.arena = tdl_arena_new(ARENA_BYTES)};
    tdl_retention_rule *stored;
    tdl_status st;

    if (!r.arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(common, read_only, &r.store, why)) ||
        (st = tdl_store_retention(r.store, r.arena, &stored, &r.n, why)))
        goto out;
    if (!(r.at = tdl_arena_alloc(r.arena, r.n + 1, sizeof *r.at))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
        goto out;
    }
    if (r.n)
        memcpy(r.at, stored, r.n * sizeof *r.at);
    *ret = r;
    return TDL_OK;
out:
    close_rules(&r);
    return st;
}

/* ---- show ---- */

static void print_json(const rules *r, tdl_str report)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "rules");
    tdl_jw_array(&w);
    for (size_t i = 0; i < r->n; i++) {
        tdl_jw_object(&w);
        tdl_jw_kstr(&w, "kind", r->at[i].kind);
        tdl_jw_kint(&w, "days", r->at[i].days);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_kraw(&w, "last_run", report.len ? report : TDL_STR("null"));
    tdl_jw_end_object(&w);
    printf("%.*s\n", (int)out.len, out.at ? out.at : "");
    tdl_buf_release(&out);
}

static void print_kind(tdl_str kind)
{
    printf("%-32.*s  ", TDL_FMT(kind.len ? kind : tdl_str_of(tdl_tr("all others", "其他全部"))));
}

static void print_table(const rules *r, tdl_str report)
{
    for (size_t i = 0; i < r->n; i++) {
        print_kind(r->at[i].kind);
        printf(tdl_tr("%lld days\n", "%lld 天\n"), (long long)r->at[i].days);
    }
    if (!r->n)
        puts(tdl_tr("no rules: everything is kept", "没有规则：全部保留"));
    if (report.len)
        printf("%s %.*s\n", tdl_tr("last run:", "上次运行："), TDL_FMT(report));
}

static tdl_status show(const tdl_common *common, const rules *r, tdl_report *why)
{
    tdl_buf report = {0};
    bool found;
    tdl_status st = tdl_store_setting(r->store, TDL_STR(TDL_RETAIN_REPORT), &report, &found, why);

    if (!st && common->json)
        print_json(r, tdl_buf_view(&report));
    else if (!st)
        print_table(r, tdl_buf_view(&report));
    tdl_buf_release(&report);
    return st;
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    rules r;
    tdl_status st = open_rules(values, true, &r, why);

    TDL_UNUSED(arguments);
    if (st)
        return st;
    st = show(values, &r, why);
    close_rules(&r);
    return st;
}

/* ---- set, drop ---- */

static size_t find_rule(const rules *r, const char *kind)
{
    size_t i = 0;

    while (i < r->n && !tdl_str_is(r->at[i].kind, kind))
        i++;
    return i;
}

static tdl_status run_set(const void *values, char **arguments, tdl_report *why)
{
    rules r;
    int64_t days;
    tdl_status st;

    if (!tdl_str_int(tdl_str_of(arguments[1]), &days))
        return TDL_FAIL(why, TDL_E_USAGE, "\"%s\" is no number of days", arguments[1]);
    if ((st = open_rules(values, false, &r, why)))
        return st;
    size_t at = find_rule(&r, arguments[0]);
    r.at[at] = (tdl_retention_rule){tdl_str_of(arguments[0]), days};
    r.n += at == r.n;
    if (!(st = tdl_store_put_retention(r.store, r.at, r.n, why)))
        st = show(values, &r, why);
    close_rules(&r);
    return st;
}

static tdl_status run_drop(const void *values, char **arguments, tdl_report *why)
{
    rules r;
    tdl_status st = open_rules(values, false, &r, why);

    if (st)
        return st;
    size_t at = find_rule(&r, arguments[0]);
    if (at == r.n) {
        st = TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle privacy retain show lists them",
                           "there is no rule for \"%s\"", arguments[0]);
    } else {
        r.n--;
        memmove(&r.at[at], &r.at[at + 1], (r.n - at) * sizeof *r.at);
        if (!(st = tdl_store_put_retention(r.store, r.at, r.n, why)))
            st = show(values, &r, why);
    }
    close_rules(&r);
    return st;
}

/* ---- run ---- */

typedef struct run_values {
    tdl_common common;
    bool dry_run;
} run_values;

static const tdl_option run_options[] = {
    {"dry-run",
     TDL_OPTION_FLAG,
     offsetof(run_values, dry_run),
     NULL,
     NULL,
     0,
     0,
     {"count what would be removed, and remove nothing", "只统计将删除的行数，不删除"}},
};

static void print_rows(const run_values *v, const tdl_retained *rows, size_t n)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_kbool(&w, "dry_run", v->dry_run);
    tdl_jw_key(&w, "rows");
    tdl_jw_object(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_key(&w, rows[i].kind.at);
        tdl_jw_int(&w, rows[i].rows);
        if (v->common.json)
            continue;
        print_kind(rows[i].kind);
        printf("%lld\n", (long long)rows[i].rows);
    }
    tdl_jw_end_object(&w);
    tdl_jw_end_object(&w);
    if (v->common.json)
        printf("%.*s\n", (int)out.len, out.at ? out.at : "");
    else if (!n)
        puts(tdl_tr("nothing is older than its rule", "没有超过期限的数据"));
    tdl_buf_release(&out);
}

/* A server keeps its counts in memory, unless its store is a shared one. */
static tdl_status run_run(const void *values, char **arguments, tdl_report *why)
{
    const run_values *v = values;
    tdl_retain_options options = {.now_us = tdl_time_now(), .dry_run = v->dry_run};
    tdl_retained *rows;
    size_t n;
    int lock = -1;
    rules r;
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!v->dry_run && !v->common.store && (st = tdl_lock_take(v->common.data, &lock, why))) {
        if (st == TDL_E_CONFLICT && why)
            snprintf(why->hint, sizeof why->hint, "%s",
                     "the server does it each day, and at once on POST /v1/privacy/retention/run");
        return st;
    }
    if (!(st = open_rules(&v->common, v->dry_run, &r, why))) {
        if (!(st = tdl_store_retain(r.store, &options, r.arena, &rows, &n, why)))
            print_rows(v, rows, n);
        close_rules(&r);
    }
    tdl_lock_release(lock);
    return st;
}

const tdl_command tdl_command_privacy_retain_show = {
    .name = "privacy retain show",
    .values_size = sizeof(tdl_common),
    .summary = {"how long rows are kept", "数据保留期限"},
    .examples = "  treadle privacy retain show\n  treadle privacy retain show --json\n",
    .run = run_show,
};

const tdl_command tdl_command_privacy_retain_set = {
    .name = "privacy retain set",
    .arguments = "KIND DAYS",
    .arguments_n = 2,
    .values_size = sizeof(tdl_common),
    .summary = {"keep events of a kind for so many days", "某类事件保留多少天"},
    .examples = "  treadle privacy retain set page 90\n"
                "  treadle privacy retain set \"\" 730          # all other kinds\n"
                "  treadle privacy retain set '$decisions' 365\n",
    .run = run_set,
};

const tdl_command tdl_command_privacy_retain_drop = {
    .name = "privacy retain drop",
    .arguments = "KIND",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"keep events of a kind for ever again", "取消某类事件的保留期限"},
    .examples = "  treadle privacy retain drop page\n",
    .run = run_drop,
};

const tdl_command tdl_command_privacy_retain_run = {
    .name = "privacy retain run",
    .values_size = sizeof(run_values),
    .options = run_options,
    .options_n = sizeof run_options / sizeof run_options[0],
    .summary = {"remove what is older than its rule, now", "立即删除超过期限的数据"},
    .examples = "  treadle privacy retain run --dry-run\n"
                "  treadle privacy retain run --store postgres://treadle@db/treadle\n",
    .run = run_run,
};
