#include "apps/recommend/lineup.h"

#include <math.h>
#include <stdio.h>

#include "base/json.h"

enum { PREFIX_BYTES = 24 };

tdl_directed_params tdl_part_directed(const tdl_part *part)
{
    tdl_directed_params params = *tdl_directed_params_of(part->model);

    if (part->baskets)
        params.window = 0;
    return params;
}

void tdl_lineup_release(tdl_lineup *l)
{
    for (size_t i = 0; i < l->parts_n; i++) {
        l->part[i].contender->rung->free(l->part[i].model);
        tdl_scan_free(l->part[i].scan);
    }
    *l = (tdl_lineup){0};
}

size_t tdl_lineup_bytes(const tdl_lineup *l)
{
    size_t bytes = 0;

    for (size_t i = 0; i < l->parts_n; i++) {
        const tdl_part *part = &l->part[i];
        bytes += part->model ? part->contender->rung->bytes(part->model) : 0;
        bytes += part->scan ? tdl_scan_bytes(part->scan) : 0;
    }
    return bytes;
}

tdl_status tdl_lineup_index(tdl_lineup *l, size_t items_n, size_t items_min, tdl_report *why)
{
    for (size_t i = 0; i < l->parts_n && items_n >= items_min; i++) {
        tdl_part *part = &l->part[i];
        const tdl_rung_ops *rung = part->contender->rung;
        size_t d;
        tdl_report bad = {0};
        if (!rung->vectors || part->scan)
            continue;
        const float *vector = rung->vectors(part->model, &d);
        tdl_status st = tdl_scan_new(vector, items_n, d, &part->scan, &bad);
        if (st == TDL_E_NO_MEMORY)
            return TDL_FAIL(why, st, "%s: %s", rung->name, bad.message);
    }
    return TDL_OK;
}

static const char *prefix_of(size_t part, char ret[PREFIX_BYTES])
{
    snprintf(ret, PREFIX_BYTES, "part%zu/", part);
    return ret;
}

/* ---- writing ---- */

static void write_mix(tdl_jw *w, const tdl_mix *mix)
{
    tdl_jw_object(w);
    tdl_jw_key(w, "parts");
    tdl_jw_array(w);
    for (size_t i = 0; i < mix->n; i++)
        tdl_jw_int(w, (int64_t)mix->part[i]);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "weights");
    tdl_jw_array(w);
    for (size_t i = 0; i < mix->n; i++)
        tdl_jw_number(w, mix->weight[i]);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

static void write_meta(tdl_jw *w, const tdl_lineup *l)
{
    tdl_jw_object(w);
    tdl_jw_key(w, "parts");
    tdl_jw_array(w);
    for (size_t i = 0; i < l->parts_n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "model", l->part[i].contender->name);
        tdl_jw_ktext(w, "setting", l->part[i].setting);
        tdl_jw_kbool(w, "baskets", l->part[i].baskets);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
    if (l->weighing != TDL_WEIGH_ALIKE) {
        tdl_jw_ktext(w, "target", l->target);
        tdl_jw_ktext(w, "weights", tdl_weighing_name[l->weighing]);
    }
    tdl_jw_key(w, "tasks");
    tdl_jw_object(w);
    for (size_t t = 0; t < TDL_RECOMMEND_TASKS_N; t++) {
        if (!l->task[t].n)
            continue;
        tdl_jw_key(w, tdl_recommend_task_name[t]);
        write_mix(w, &l->task[t]);
    }
    tdl_jw_end_object(w);
    tdl_jw_end_object(w);
}

void tdl_lineup_save(const tdl_lineup *l, tdl_st_writer *writer)
{
    char prefix[PREFIX_BYTES];
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};

    if (!l->parts_n)
        return;
    write_meta(&w, l);
    tdl_st_meta(writer, "lineup", tdl_buf_view(&text)); // what was cut short is refused when read
    tdl_buf_release(&text);
    for (size_t i = 0; i < l->parts_n; i++) {
        tdl_st_prefix(writer, prefix_of(i, prefix));
        l->part[i].contender->rung->save(l->part[i].model, writer);
    }
    tdl_st_prefix(writer, "");
}

/* ---- reading; the file comes from outside ---- */

static const tdl_contender *find_contender(const char *name)
{
    for (size_t i = 0; name && i < tdl_contenders_n; i++)
        if (!strcmp(tdl_contenders[i].name, name) && tdl_contenders[i].rung->load)
            return &tdl_contenders[i];
    return NULL;
}

static tdl_status read_part(const json_t *object, tdl_st_file *file, size_t items_n, tdl_lineup *l,
                            tdl_report *why)
{
    const char *name = json_string_value(json_object_get(object, "model"));
    const char *setting = json_string_value(json_object_get(object, "setting"));
    tdl_part *part = &l->part[l->parts_n];
    char prefix[PREFIX_BYTES];

    *part = (tdl_part){.contender = find_contender(name)};
    if (!part->contender)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "lineup: part %zu is \"%.60s\", which this version does not have",
                        l->parts_n, name ? name : "");
    snprintf(part->setting, sizeof part->setting, "%s", setting ? setting : "");
    part->baskets = json_is_true(json_object_get(object, "baskets"));
    tdl_st_file_prefix(file, prefix_of(l->parts_n++, prefix));
    tdl_status st = part->contender->rung->load(file, items_n, &part->model, why);
    if (st)
        tdl_report_prefix(why, "part %zu", l->parts_n - 1);
    return st;
}

static bool takes(const tdl_mix *mix, json_int_t part, size_t parts_n)
{
    if (part < 0 || (uint64_t)part >= parts_n)
        return false;
    for (size_t i = 0; i < mix->n; i++)
        if (mix->part[i] == (size_t)part)
            return false;
    return true;
}

static tdl_status read_mix(const json_t *object, size_t parts_n, const char *task, tdl_mix *ret,
                           tdl_report *why)
{
    const json_t *parts = json_object_get(object, "parts"),
                 *weights = json_object_get(object, "weights");
    size_t n = json_array_size(parts);

    if (!n || n > TDL_RUNG_BLEND_MAX || json_array_size(weights) != n)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "lineup: %s has %zu parts and %zu weights, expected 1 to %d of both", task,
                        n, json_array_size(weights), TDL_RUNG_BLEND_MAX);
    for (size_t i = 0; i < n; i++) {
        const json_t *part = json_array_get(parts, i);
        double weight = json_number_value(json_array_get(weights, i));
        if (!json_is_integer(part) || !takes(ret, json_integer_value(part), parts_n) ||
            !(weight > 0 && isfinite(weight)))
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "lineup: %s, part %zu: expected a part of the %zu there are, once, and "
                            "a weight above 0",
                            task, i, parts_n);
        ret->part[ret->n] = (size_t)json_integer_value(part);
        ret->weight[ret->n++] = weight;
    }
    return TDL_OK;
}

static tdl_status read_weighing(const json_t *meta, tdl_lineup *l, tdl_report *why)
{
    const char *target = json_string_value(json_object_get(meta, "target")),
               *weights = json_string_value(json_object_get(meta, "weights"));
    size_t w = 0;

    if (!weights)
        return TDL_OK; // all count alike
    while (w < TDL_WEIGHINGS_N && strcmp(weights, tdl_weighing_name[w]) != 0)
        w++;
    if (w == TDL_WEIGHINGS_N || !target || !*target || strlen(target) > TDL_TARGET_MAX)
        return TDL_FAIL(
            why, TDL_E_CORRUPT,
            "lineup: weights \"%.60s\" of a target \"%.60s\": expected \"%s\" or \"%s\" "
            "of a kind of at most %d bytes",
            weights, target ? target : "", tdl_weighing_name[TDL_WEIGH_TARGET_ALONE],
            tdl_weighing_name[TDL_WEIGH_TARGET_THRICE], TDL_TARGET_MAX);
    l->weighing = (tdl_weighing)w;
    snprintf(l->target, sizeof l->target, "%s", target);
    return TDL_OK;
}

static tdl_status read_meta(const json_t *meta, tdl_st_file *file, size_t items_n, tdl_lineup *l,
                            tdl_report *why)
{
    const json_t *parts = json_object_get(meta, "parts"), *tasks = json_object_get(meta, "tasks");
    tdl_status st = read_weighing(meta, l, why);

    if (st)
        return st;
    if (json_array_size(parts) > TDL_PARTS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "lineup: %zu parts, at most %d", json_array_size(parts),
                        TDL_PARTS_MAX);
    for (size_t i = 0; !st && i < json_array_size(parts); i++)
        st = read_part(json_array_get(parts, i), file, items_n, l, why);
    for (size_t t = 0; !st && t < TDL_RECOMMEND_TASKS_N; t++) {
        const json_t *mix = json_object_get(tasks, tdl_recommend_task_name[t]);
        if (mix)
            st = read_mix(mix, l->parts_n, tdl_recommend_task_name[t], &l->task[t], why);
    }
    return st;
}

tdl_status tdl_lineup_load(tdl_st_file *file, size_t items_n, tdl_lineup *ret, tdl_report *why)
{
    tdl_str text = tdl_st_meta_get(file, "lineup");
    json_t *meta = NULL;
    tdl_status st;

    if (!text.len)
        return TDL_OK;
    if ((st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &meta, why))) {
        tdl_report_prefix(why, "lineup");
        return st == TDL_E_NO_MEMORY ? st : TDL_E_CORRUPT;
    }
    st = read_meta(meta, file, items_n, ret, why);
    tdl_st_file_prefix(file, "");
    json_decref(meta);
    return st;
}
