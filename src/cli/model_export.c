#include "cli/model_export.h"

#include <limits.h>
#include <stdio.h>

#include "base/file.h"
#include "learn/export_onnx.h"

static tdl_status find_member(const tdl_predictor *p, const char *name, const tdl_member **ret,
                              tdl_report *why)
{
    tdl_buf names = {0};

    if (!name && p->members_n == 1) {
        *ret = &p->member[0];
        return TDL_OK;
    }
    for (size_t i = 0; i < p->members_n; i++) {
        const char *of = p->member[i].learner->ops->name;

        if (name && !strcmp(of, name)) {
            *ret = &p->member[i];
            return TDL_OK;
        }
        tdl_buf_printf(&names, "%s%s", i ? ", " : "", of);
    }
    tdl_status st = TDL_FAIL_HINT(
        why, TDL_E_INVALID, "name one with --member, or fit with --no-blend --model mlp",
        "%s is made of %s: one of them can be exported", p->name, names.at ? names.at : "nothing");
    tdl_buf_release(&names);
    return st;
}

static void write_features(tdl_jw *w, const char *key, const tdl_member *m,
                           const tdl_feature *feature, const size_t *levels_n, size_t n)
{
    tdl_jw_key(w, key);
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", feature[i].name);
        tdl_jw_ktext(w, "column", tdl_prepare_column_name(m->prepare, feature[i].column));
        if (levels_n)
            tdl_jw_kint(w, "levels", (int64_t)levels_n[i]);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

static void write_json(tdl_jw *w, const char *key, json_t *take_value)
{
    tdl_buf text = {0};

    tdl_json_dump(&text, take_value);
    tdl_jw_kraw(w, key, tdl_buf_view(&text));
    tdl_buf_release(&text);
    json_decref(take_value);
}

static void write_about(const tdl_predictor *p, const tdl_member *m, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", p->name);
    tdl_jw_ktext(w, "learner", m->learner->ops->name);
    tdl_jw_ktext(w, "target", p->target.column);
    tdl_jw_ktext(w, "task", tdl_task_name(p->target.task));
    tdl_jw_key(w, "classes");
    tdl_jw_array(w);
    for (size_t k = 0; k < p->target.classes_n; k++)
        tdl_jw_text(w, p->target.class_name[k]);
    tdl_jw_end_array(w);
    tdl_jw_knumber(w, "scale", m->weight);
    if (p->target.classes_n)
        write_json(w, "calibration", tdl_calibration_save(&p->calibration));
    tdl_jw_knumber(w, "threshold", p->threshold);
    if (p->adjustment.groups_n)
        write_json(w, "adjustment", tdl_adjustment_save(&p->adjustment));
    write_features(w, "x", m, m->median.feature, NULL, m->median.cols);
    write_features(w, "categories", m, m->median.category_feature, m->median.levels_n,
                   m->median.categories_n);
    tdl_jw_end_object(w);
}

tdl_status tdl_model_export_onnx(const tdl_predictor *p, const char *member, const char *path,
                                 tdl_report *why)
{
    char beside[PATH_MAX];
    const tdl_member *m;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    if (snprintf(beside, sizeof beside, "%s.features.json", path) >= (int)sizeof beside)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", path);
    if ((st = find_member(p, member, &m, why)) ||
        (st = tdl_learner_export_onnx(m->learner, path, why)))
        return st;
    write_about(p, m, &w);
    tdl_buf_char(&text, '\n');
    st = text.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the list of features")
                     : tdl_file_write(beside, tdl_buf_view(&text), why);
    tdl_buf_release(&text);
    return st;
}
