#include "cli/import_personal.h"

#include <stdio.h>

#include "cli/command.h"

static tdl_import_field *find_field(tdl_import_personal *p, const char *name)
{
    for (size_t i = 0; i < p->fields_n; i++)
        if (!strcmp(p->fields[i].name, name) && p->fields[i].is_id == p->is_id)
            return &p->fields[i];
    tdl_import_field *field = &p->fields[p->fields_n];
    if (p->fields_n == TDL_IMPORT_FIELDS_MAX) {
        snprintf(field->name, sizeof field->name, "*");
        return field;
    }
    p->fields_n++;
    snprintf(field->name, sizeof field->name, "%s", name);
    field->is_id = p->is_id;
    return field;
}

static void count(void *context, tdl_str field, tdl_personal kind)
{
    tdl_import_personal *p = context;
    char name[TDL_IMPORT_FIELD_BYTES];

    snprintf(name, sizeof name, "%s%s%.*s", p->prefix, *p->prefix ? "." : "", TDL_FMT(field));
    find_field(p, name)->found[kind]++;
}

static tdl_status look_at_id(tdl_import_personal *p, const char *name, tdl_str id, tdl_arena *arena,
                             tdl_report *why)
{
    p->prefix = "";
    p->is_id = true;
    return tdl_personal_text(tdl_str_of(name), id, TDL_PERSONAL_KEEP, count, p, arena, &id, why);
}

static tdl_status look_at_object(tdl_import_personal *p, const char *name, tdl_str *json,
                                 tdl_arena *arena, tdl_report *why)
{
    p->prefix = name;
    p->is_id = false;
    tdl_status st = tdl_personal_object(*json, p->policy, count, p, arena, json, why);
    if (st)
        tdl_report_prefix(why, "%s", name);
    return st;
}

tdl_status tdl_import_personal_event(tdl_import_personal *p, tdl_event *event, tdl_arena *arena,
                                     tdl_report *why)
{
    tdl_status st;

    if ((st = look_at_id(p, "user", event->user, arena, why)) ||
        (st = look_at_id(p, "alias", event->alias, arena, why)) ||
        (st = look_at_id(p, "item", event->item, arena, why)) ||
        (st = look_at_id(p, "kind", event->kind, arena, why)) ||
        (st = look_at_object(p, "properties", &event->properties, arena, why)) ||
        (st = look_at_object(p, "traits", &event->traits, arena, why)) ||
        (st = look_at_object(p, "traits_once", &event->traits_once, arena, why)))
        return st;
    return look_at_object(p, "group_traits", &event->group_traits, arena, why);
}

tdl_status tdl_import_personal_item(tdl_import_personal *p, tdl_item *item, tdl_arena *arena,
                                    tdl_report *why)
{
    tdl_status st = look_at_object(p, "attributes", &item->attributes, arena, why);

    p->prefix = "";
    if (!st)
        st = tdl_personal_text(TDL_STR("title"), item->title, p->policy, count, p, arena,
                               &item->title, why);
    return st;
}

/* ---- the report ---- */

/* What happened to the findings of a field: index of words. */
static size_t done_with(const tdl_import_personal *p, const tdl_import_field *field)
{
    return field->is_id ? TDL_PERSONAL_KEEP : p->policy;
}

void tdl_import_personal_json(const tdl_import_personal *p, tdl_jw *out)
{
    static const char *const done[] = {"kept", "masked", "dropped"};

    tdl_jw_array(out);
    for (size_t i = 0; i <= p->fields_n; i++)
        for (size_t kind = 0; kind < TDL_PERSONAL_N; kind++) {
            const tdl_import_field *field = &p->fields[i];
            if (!field->found[kind])
                continue;
            tdl_jw_object(out);
            tdl_jw_ktext(out, "field", field->name);
            tdl_jw_ktext(out, "kind", tdl_personal_name((tdl_personal)kind));
            tdl_jw_kint(out, "found", (int64_t)field->found[kind]);
            tdl_jw_ktext(out, "done", done[done_with(p, field)]);
            tdl_jw_end_object(out);
        }
    tdl_jw_end_array(out);
}

void tdl_import_personal_print(const tdl_import_personal *p)
{
    const char *const done[] = {tdl_tr("kept", "保留"), tdl_tr("masked", "已遮盖"),
                                tdl_tr("dropped", "已删除")};
    const char *const kinds[] = {
        tdl_tr("e-mail addresses", "电子邮箱"), tdl_tr("telephone numbers", "电话号码"),
        tdl_tr("payment cards", "银行卡号"), tdl_tr("identity numbers", "身份证号")};
    bool any = false, ids = false;

    for (size_t i = 0; i <= p->fields_n; i++)
        for (size_t kind = 0; kind < TDL_PERSONAL_N; kind++) {
            const tdl_import_field *field = &p->fields[i];
            if (!field->found[kind])
                continue;
            if (!any)
                printf("%s\n", tdl_tr("personal data:", "个人信息："));
            any = true;
            ids |= field->is_id;
            printf("  %s: %zu %s, %s\n", field->name, field->found[kind], kinds[kind],
                   done[done_with(p, field)]);
        }
    if (ids)
        printf("%s\n", tdl_tr("Ids are never changed; pseudonyms hide them in the store.",
                              "标识不会被改动；存储中由假名隐藏。"));
    if (any && p->policy == TDL_PERSONAL_KEEP)
        printf("%s\n", tdl_tr("Import with --personal mask or drop to leave it out.",
                              "使用 --personal mask 或 drop 导入可去除这些内容。"));
}
