/* Models of the public API as files: safetensors with the layers in the metadata, and ONNX. */
#include <stdlib.h>
#include <string.h>

#include "api/model.h"
#include "base/json.h"
#include "nn/act.h"
#include "train/params_load.h"

#define FORMAT "treadle-model-1"

/* ---- writing ---- */

/* {"inputs":2,"layers":[{"outputs":3,"activation":"relu"},{"dropout":0.1}]} */
static void describe(const tdl_model *model, tdl_buf *ret)
{
    tdl_jw w = {.out = ret};

    tdl_jw_object(&w);
    tdl_jw_kint(&w, "inputs", (int64_t)model->inputs);
    tdl_jw_key(&w, "layers");
    tdl_jw_array(&w);
    for (size_t i = 0; i < model->layers_n; i++) {
        const tdl_model_layer *l = &model->layer[i];
        tdl_jw_object(&w);
        if (l->dropout) {
            tdl_jw_knumber(&w, "dropout", l->rate);
        } else {
            tdl_jw_kint(&w, "outputs", (int64_t)l->outputs);
            tdl_jw_ktext(&w, "activation", tdl_act_name(l->act));
        }
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
}

tdl_status tdl_model_save(tdl_model *model, const char *path, tdl_report *why)
{
    tdl_buf layers = {0};
    tdl_st_writer *writer;
    tdl_status st = tdl_model_seal(model, why);

    if (st)
        return st;
    writer = tdl_st_writer_new();
    describe(model, &layers);
    tdl_st_meta(writer, "format", TDL_STR(FORMAT));
    tdl_st_meta(writer, "model", tdl_buf_view(&layers));
    for (int i = 0; i < model->params.slices_n; i++) {
        const tdl_slice *slice = &model->params.slice[i];
        const size_t shape[] = {slice->rows, slice->cols};
        tdl_st_add(writer, slice->name, TDL_F32, 2, shape, tdl_params_value(&model->params, i));
    }
    st = layers.failed ? TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path)
                       : tdl_st_write(writer, path, why);
    tdl_st_writer_free(writer);
    tdl_buf_release(&layers);
    return st;
}

/* ---- reading ---- */

static tdl_status read_layer(const json_t *layer, tdl_model *model, tdl_report *why)
{
    double rate;
    int64_t outputs;
    tdl_str activation;
    char name[32];

    if (tdl_json_get_number(layer, "dropout", &rate))
        return tdl_model_dropout(model, rate, why);
    if (!tdl_json_get_int(layer, "outputs", &outputs) ||
        !tdl_json_get_str(layer, "activation", &activation) || outputs < 0 ||
        activation.len >= sizeof name)
        return TDL_FAIL(why, TDL_E_CORRUPT, "a layer without outputs or activation");
    memcpy(name, activation.at, activation.len);
    name[activation.len] = '\0';
    return tdl_model_dense(model, (size_t)outputs, name, why);
}

static tdl_status read_layers(const json_t *said, tdl_model **ret, tdl_report *why)
{
    const json_t *layers = json_object_get(said, "layers"), *layer;
    int64_t inputs;
    size_t i;
    tdl_status st;

    if (!tdl_json_get_int(said, "inputs", &inputs) || inputs < 0 || !json_is_array(layers))
        return TDL_FAIL(why, TDL_E_CORRUPT, "the metadata \"model\" has no inputs or no layers");
    if ((st = tdl_model_new((size_t)inputs, ret, why)))
        return st;
    json_array_foreach((json_t *)layers, i, layer) if ((st = read_layer(layer, *ret, why)))
    {
        tdl_report_prefix(why, "layer %zu", i);
        return st;
    }
    return TDL_OK;
}

/* What the layers would take, before anything of that size is asked for. */
static tdl_status check_size(const tdl_model *model, const tdl_st_file *file, tdl_report *why)
{
    size_t inputs = model->inputs, numbers = 0, stored = 0;

    for (size_t i = 0; i < model->layers_n; i++) {
        const tdl_model_layer *l = &model->layer[i];
        numbers += l->dropout ? 0 : (inputs + 1) * l->outputs; // at most 2^40 each, 256 of them
        inputs = l->outputs;
    }
    for (size_t i = 0; i < tdl_st_count(file); i++)
        stored += tdl_st_at(file, i)->n;
    if (numbers != stored)
        return TDL_FAIL(why, TDL_E_CORRUPT, "the layers have %zu numbers, the file holds %zu",
                        numbers, stored);
    return TDL_OK;
}

static tdl_status read_model(const tdl_st_file *file, tdl_model **ret, tdl_report *why)
{
    const tdl_load_rules strict = {.strict = true};
    json_t *said = NULL;
    tdl_status st;

    if (!tdl_str_is(tdl_st_meta_get(file, "format"), FORMAT))
        return TDL_FAIL(why, TDL_E_CORRUPT, "this is no model saved by tdl_model_save");
    if (!(st = tdl_json_parse(tdl_st_meta_get(file, "model"), TDL_JSON_REFUSE_DUPLICATES, &said,
                              why)))
        st = read_layers(said, ret, why);
    json_decref(said);
    if (st || (st = check_size(*ret, file, why)) || (st = tdl_model_seal(*ret, why)))
        return st;
    return tdl_params_load(file, &(*ret)->params, &strict, NULL, NULL, why);
}

tdl_status tdl_model_load(const char *path, tdl_model **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_model *model = NULL;
    tdl_status st = tdl_st_open(path, &file, why);

    if (st)
        return st;
    if ((st = read_model(file, &model, why))) {
        tdl_report_prefix(why, "%s", path);
        tdl_model_free(model);
    } else {
        *ret = model;
    }
    tdl_st_free(file);
    return st;
}
