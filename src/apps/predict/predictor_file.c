/* A predictor as one safetensors file: tensors of its members under "m0.", "m1.", ..., and one JSON
 * text, "treadle.predictor", in the metadata. A file is hostile until all of it was checked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/predictor.h"

enum { FORMAT = 1, MEMBERS_MAX = 200, PREFIX_MAX = 32 };

static const char key[] = "treadle.predictor";

/* ---- writing ---- */

static tdl_status save_member(const tdl_member *m, size_t number, tdl_st_writer *writer,
                              json_t *ret, tdl_report *why)
{
    char prefix[PREFIX_MAX];
    json_t *about = NULL, *prepare = tdl_prepare_save(m->prepare), *one;
    tdl_status st;

    snprintf(prefix, sizeof prefix, "m%zu.", number);
    if ((st = tdl_learner_save(m->learner, prefix, writer, &about, why))) {
        json_decref(prepare);
        return st;
    }
    one = json_pack("{s:o, s:o, s:f}", "learner", about, "prepare", prepare, "weight", m->weight);
    if (!one || json_array_append_new(ret, one))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save member %zu", number);
    return TDL_OK;
}

static json_t *pack(const tdl_predictor *p, json_t *members)
{
    json_t *whole = json_object();

    if (json_object_set_new(whole, "format", json_integer(FORMAT)) ||
        json_object_set_new(whole, "name", json_string(p->name)) ||
        json_object_set(whole, "schema", p->schema) || json_object_set(whole, "card", p->card) ||
        json_object_set_new(whole, "target", tdl_predict_target_save(&p->target)) ||
        json_object_set(whole, "members", members) ||
        json_object_set_new(whole, "scores", json_integer((json_int_t)p->scores_n)) ||
        (p->target.classes_n &&
         json_object_set_new(whole, "calibration", tdl_calibration_save(&p->calibration))) ||
        (p->adjustment.groups_n &&
         json_object_set_new(whole, "adjustment", tdl_adjustment_save(&p->adjustment))) ||
        json_object_set_new(whole, "threshold", json_real(p->threshold))) {
        json_decref(whole);
        return NULL;
    }
    return whole;
}

tdl_status tdl_predictor_save(const tdl_predictor *p, const char *path, tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    json_t *members = json_array(), *whole = NULL;
    tdl_buf text = {.limit = TDL_SAFETENSORS_HEADER_MAX};
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < p->members_n && !st; i++)
        st = save_member(&p->member[i], i, writer, members, why);
    if (st)
        goto out;
    if (!(whole = pack(p, members))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save %s", p->name);
        goto out;
    }
    tdl_json_dump(&text, whole);
    if (text.failed) {
        st = TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: what describes the model is too large", p->name);
        goto out;
    }
    tdl_st_meta(writer, "format", TDL_STR("treadle"));
    tdl_st_meta(writer, key, tdl_buf_view(&text));
    if (p->residuals_n)
        tdl_st_add_1d(writer, "residual", TDL_F64, p->residuals_n, p->residual);
    st = tdl_st_write(writer, path, why);
out:
    tdl_buf_release(&text);
    json_decref(whole);
    json_decref(members);
    tdl_st_writer_free(writer);
    return st;
}

/* ---- reading ---- */

static tdl_status load_member(const tdl_st_file *file, const json_t *saved, size_t number,
                              tdl_member *ret, tdl_report *why)
{
    char prefix[PREFIX_MAX];
    tdl_matrix shape = {0};
    tdl_status st;

    snprintf(prefix, sizeof prefix, "m%zu.", number);
    if (!tdl_json_get_number(saved, "weight", &ret->weight) || !isfinite(ret->weight))
        return TDL_FAIL(why, TDL_E_CORRUPT, "member %zu has no weight", number);
    if ((st = tdl_prepare_load(json_object_get(saved, "prepare"), &ret->prepare, why)) ||
        (st = tdl_prepare_median_row(ret->prepare, &shape, why)))
        return st;
    st = tdl_learner_load(json_object_get(saved, "learner"), file, prefix, &shape, &ret->learner,
                          why);
    tdl_matrix_release(&shape);
    return st;
}

static tdl_status load_members(const tdl_st_file *file, const json_t *members, tdl_predictor *p,
                               tdl_report *why)
{
    size_t n = json_array_size(members);
    tdl_status st;

    if (n < 1 || n > MEMBERS_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "a predictor of %zu members", n);
    if (!(p->member = calloc(n, sizeof *p->member)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu members", n);
    for (size_t i = 0; i < n; i++) {
        p->members_n++;
        if ((st = load_member(file, json_array_get(members, i), i, &p->member[i], why)))
            return st;
        if (p->member[i].learner->scores_n != p->scores_n)
            return TDL_FAIL(why, TDL_E_CORRUPT, "member %zu gives %zu scores, not %zu", i,
                            p->member[i].learner->scores_n, p->scores_n);
    }
    return TDL_OK;
}

static tdl_status load_residuals(const tdl_st_file *file, tdl_predictor *p, tdl_report *why)
{
    const tdl_st_view *view;
    tdl_status st;

    if (!tdl_st_find(file, "residual"))
        return TDL_OK;
    if ((st = tdl_st_get(file, "residual", TDL_F64, 1, &view, why)))
        return st;
    if (!(p->residual = malloc((view->n + 1) * sizeof *p->residual)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", view->n);
    memcpy(p->residual, view->data, view->n * sizeof *p->residual);
    p->residuals_n = view->n;
    for (size_t i = 0; i < view->n; i++)
        if (!(p->residual[i] >= 0) || (i && p->residual[i] < p->residual[i - 1]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "residual %zu is out of order", i);
    return TDL_OK;
}

static size_t wanted_scores(const tdl_predict_target *target)
{
    return tdl_problem_scores(&(tdl_problem){
        .task = target->task, .classes_n = target->classes_n, .quantiles_n = target->quantiles_n});
}

static tdl_status load_adjustment(const json_t *saved, tdl_predictor *p, tdl_report *why)
{
    if (!saved)
        return TDL_OK;
    if (p->target.task != TDL_TASK_BINARY)
        return TDL_FAIL(why, TDL_E_CORRUPT, "adjustment: the target is not one of two classes");
    return tdl_adjustment_load(saved, &p->adjustment, why);
}

static tdl_status load_whole(const tdl_st_file *file, const json_t *whole, tdl_predictor *p,
                             tdl_report *why)
{
    int64_t format = 0;
    tdl_str name = {0};
    tdl_status st;

    if (!tdl_json_get_int(whole, "format", &format) || format != FORMAT)
        return TDL_FAIL(why, TDL_E_CORRUPT, "format %lld of a predictor; this program reads %d",
                        (long long)format, FORMAT);
    if (!tdl_json_get_str(whole, "name", &name) ||
        !tdl_json_get_number(whole, "threshold", &p->threshold))
        return TDL_FAIL(why, TDL_E_CORRUPT, "name or threshold is missing");
    p->name = strndup(name.at, name.len);
    p->schema = json_incref(json_object_get(whole, "schema"));
    p->card = json_incref(json_object_get(whole, "card"));
    if (!p->name || !p->schema || !p->card)
        return TDL_FAIL(why, TDL_E_CORRUPT, "schema or card is missing");
    if ((st = tdl_predict_target_load(json_object_get(whole, "target"), &p->target, why)))
        return st;
    p->scores_n = wanted_scores(&p->target);
    if (p->target.classes_n &&
        (st = tdl_calibration_load(json_object_get(whole, "calibration"), &p->calibration, why)))
        return st;
    if (p->target.classes_n && p->calibration.width != p->scores_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "a calibration of %zu scores, not %zu",
                        p->calibration.width, p->scores_n);
    if ((st = load_adjustment(json_object_get(whole, "adjustment"), p, why)) ||
        (st = load_members(file, json_object_get(whole, "members"), p, why)) ||
        (st = load_residuals(file, p, why)))
        return st;
    return tdl_predictor_seal(p, why);
}

tdl_status tdl_predictor_read(const tdl_st_file *file, tdl_predictor **ret, tdl_report *why)
{
    tdl_predictor *p = calloc(1, sizeof *p);
    json_t *whole = NULL;
    tdl_status st = TDL_OK;

    if (!p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!tdl_st_meta_get(file, key).len) {
        st = TDL_FAIL(why, TDL_E_CORRUPT, "not a model that treadle fit wrote");
        goto out;
    }
    if ((st =
             tdl_json_parse(tdl_st_meta_get(file, key), TDL_JSON_REFUSE_DUPLICATES, &whole, why)) ||
        (st = load_whole(file, whole, p, why)))
        goto out;
    *ret = p;
    p = NULL; /* the caller's now */
out:
    json_decref(whole);
    tdl_predictor_free(p);
    return st;
}

tdl_status tdl_predictor_load(const char *path, tdl_predictor **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_status st = tdl_st_open(path, &file, why);

    if (st)
        return st;
    if ((st = tdl_predictor_read(file, ret, why)))
        tdl_report_prefix(why, "%s", path);
    tdl_st_free(file);
    return st;
}
