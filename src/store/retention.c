/* Rules of retention: stored, read, and followed by the writer. */
#include "store/retention.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "store/audit.h"
#include "store/check.h"
#include "store/rows.h"
#include "store/store_parts.h"

enum { READ_AGAIN_US = 1000000, SAID_MAX = 4096 };

/* ---- rules ---- */

typedef struct rule_list {
    const tdl_retention_rule *rules; /* [n] */
    size_t n;
} rule_list;

static tdl_status put_rules(const tdl_store_ops *ops, tdl_backend *backend, const void *context,
                            tdl_report *why)
{
    const rule_list *list = context;
    tdl_status st = ops->execute(backend, TDL_EXECUTE_CLEAR_RETENTION, NULL, 0, NULL, 0, NULL, why);

    for (size_t i = 0; !st && i < list->n; i++) {
        const tdl_value in[] = {tdl_value_text(list->rules[i].kind),
                                tdl_value_number(list->rules[i].days)};
        st = ops->execute(backend, TDL_EXECUTE_PUT_RETENTION, in, 2, NULL, 0, NULL, why);
    }
    return st;
}

static tdl_status check_rule(const tdl_retention_rule *rules, size_t at, tdl_report *why)
{
    tdl_status st = tdl_check_text("kind", rules[at].kind, TDL_KIND_MAX, false, why);

    if (!st && (rules[at].days < 1 || rules[at].days > TDL_RETAIN_DAYS_MAX))
        st = TDL_FAIL(why, TDL_E_INVALID, "days is %lld, it must be from 1 to %d",
                      (long long)rules[at].days, TDL_RETAIN_DAYS_MAX);
    for (size_t i = 0; !st && i < at; i++)
        if (tdl_str_eq(rules[i].kind, rules[at].kind))
            st = TDL_FAIL(why, TDL_E_INVALID, "there are two rules for \"%.*s\"",
                          TDL_FMT(rules[at].kind));
    if (st)
        tdl_report_prefix(why, "rule %zu", at);
    return st;
}

/* "30 view, 365 *"; nothing when that is too long for an entry. */
static tdl_str describe(const rule_list *list, tdl_buf *text)
{
    for (size_t i = 0; i < list->n; i++) {
        tdl_str kind = list->rules[i].kind;
        tdl_buf_printf(text, "%s%lld %.*s", i ? ", " : "", (long long)list->rules[i].days,
                       TDL_FMT(kind.len ? kind : TDL_STR("*")));
    }
    return text->failed ? (tdl_str){0} : tdl_buf_view(text);
}

tdl_status tdl_store_put_retention(tdl_store *store, const tdl_retention_rule *rules,
                                   size_t rules_n, tdl_report *why)
{
    const rule_list list = {rules, rules_n};

    if (rules_n > TDL_RETENTION_RULES_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu rules, %d are allowed", rules_n,
                        TDL_RETENTION_RULES_MAX);
    for (size_t i = 0; i < rules_n; i++) {
        tdl_status st = check_rule(rules, i, why);
        if (st)
            return st;
    }
    tdl_buf text = {.limit = SAID_MAX};
    const tdl_audit_entry entry = {.action = "retention.put",
                                   .members = {{"n", tdl_value_number((int64_t)rules_n)},
                                               {"rules", tdl_value_text(describe(&list, &text))}}};
    tdl_status st = tdl_store_change(store, put_rules, &list, &entry, why);
    tdl_buf_release(&text);
    return st;
}

static tdl_status read_rules(tdl_reader *reader, tdl_arena *arena, tdl_retention_rule **ret,
                             size_t *ret_n, tdl_report *why)
{
    tdl_rows r = {.reader = reader, .arena = arena, .size = sizeof **ret};
    tdl_retention_rule *rule;
    tdl_status st = tdl_rows_start(&r, TDL_READ_RETENTION, why);

    if (st)
        return st;
    while ((rule = tdl_rows_next(&r)))
        *rule = (tdl_retention_rule){tdl_rows_keep(&r, 0), tdl_rows_number(&r, 1)};
    if ((st = tdl_rows_end(&r, why)))
        return st;
    *ret = r.at;
    *ret_n = r.n;
    return TDL_OK;
}

tdl_status tdl_store_retention(tdl_store *store, tdl_arena *arena, tdl_retention_rule **ret,
                               size_t *ret_n, tdl_report *why)
{
    tdl_reader *reader;
    tdl_status st = tdl_store_take_reader(store, &reader, why);

    if (st)
        return st;
    st = read_rules(reader, arena, ret, ret_n, why);
    tdl_store_give_back(store, reader);
    return st;
}

int64_t tdl_retention_days(const tdl_retention_rule *rules, size_t rules_n, tdl_str kind)
{
    int64_t rest = 0;

    for (size_t i = 0; i < rules_n; i++) {
        if (tdl_str_eq(rules[i].kind, kind))
            return rules[i].days;
        if (!rules[i].kind.len)
            rest = rules[i].days;
    }
    return rest;
}

/* ---- the writer's ---- */

void tdl_retention_release_limits(tdl_retention_limits *limits)
{
    free(limits->text);
    free(limits->rule);
    *limits = (tdl_retention_limits){0};
}

/* "days kind" on a line each; kinds hold no line ends. */
static bool take_limits(tdl_retention_limits *limits, tdl_str text)
{
    tdl_retention_release_limits(limits);
    limits->text = strndup(text.at ? text.at : "", text.len);
    limits->rule = calloc(TDL_RETENTION_RULES_MAX, sizeof *limits->rule);
    if (!limits->text || !limits->rule)
        return false;
    for (char *line = limits->text; *line && limits->n < TDL_RETENTION_RULES_MAX;) {
        char *kind, *end = line + strcspn(line, "\n");
        long long days = strtoll(line, &kind, 10);
        kind += *kind == ' ';
        limits->rule[limits->n++] =
            (tdl_retention_rule){{kind, (size_t)(end - kind)}, (int64_t)days};
        line = end + (*end != '\0');
    }
    return true;
}

tdl_status tdl_retention_read_limits(const tdl_store_ops *ops, tdl_backend *backend,
                                     tdl_retention_limits *limits, tdl_report *why)
{
    int64_t now_us = tdl_time_monotonic();
    tdl_value text = {0};
    tdl_status st;

    if (limits->read_us && now_us - limits->read_us < READ_AGAIN_US)
        return TDL_OK;
    if ((st = ops->execute(backend, TDL_EXECUTE_GET_RETENTION, NULL, 0, &text, 1, NULL, why)))
        return st;
    if (!take_limits(limits, text.text))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the rules of retention");
    limits->read_us = now_us;
    return TDL_OK;
}

bool tdl_retention_keeps(const tdl_retention_limits *limits, const tdl_event *event, int64_t now_us)
{
    int64_t days = limits->n ? tdl_retention_days(limits->rule, limits->n, event->kind) : 0;

    return !days || event->time_us >= now_us - days * TDL_DAY_US;
}
