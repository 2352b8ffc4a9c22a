/* treadle model list | card | export */
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/card.h"
#include "apps/predict/registry.h"
#include "base/file.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/model_export.h"
#include "cli/model_source.h"
#include "cli/open_store.h"

enum { ARENA_BUDGET = 256 << 20 };

static const char app_prefix[] = "predict/";

/* ---- list ---- */

typedef struct list_values {
    tdl_common common;
    bool all;
} list_values;

static const tdl_option list_options[] = {
    {"all",
     TDL_OPTION_FLAG,
     offsetof(list_values, all),
     NULL,
     NULL,
     0,
     0,
     {"former versions too", "也列出旧版本"}},
};

/* A version as it is told: what its card says of it. */
typedef struct version {
    const tdl_model_row *row;
    tdl_str name;
    json_t *card; /* NULL where the report is none */
} version;

static const json_t *chosen_of(const version *v)
{
    return json_object_get(v->card, "chosen");
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "-";
}

static void write_version(const version *v, tdl_jw *w)
{
    double value;

    tdl_jw_object(w);
    tdl_jw_kstr(w, "name", v->name);
    tdl_jw_kstr(w, "version", v->row->version);
    tdl_jw_kbool(w, "active", v->row->active);
    tdl_jw_ktime(w, "created", v->row->created_us);
    tdl_jw_kint(w, "bytes", v->row->bytes);
    tdl_jw_ktext(w, "hash", v->row->hash);
    tdl_jw_ktext(w, "target", text_of(json_object_get(v->card, "target"), "column"));
    tdl_jw_ktext(w, "task", text_of(v->card, "task"));
    tdl_jw_ktext(w, "model", text_of(chosen_of(v), "model"));
    tdl_jw_ktext(w, "metric", text_of(v->card, "metric"));
    if (tdl_json_get_number(chosen_of(v), "value", &value))
        tdl_jw_knumber(w, "value", value);
    tdl_jw_kbool(w, "adjusted", json_object_get(v->card, "mitigation") != NULL);
    tdl_jw_end_object(w);
}

static void print_version(const version *v)
{
    char created[TDL_TIME_TEXT_MAX];
    double value = 0;

    tdl_time_format(v->row->created_us, created);
    tdl_json_get_number(chosen_of(v), "value", &value);
    printf("%-20.*s  %-10s  %-16s  %s %.4f  %.19s  %.*s%s\n", TDL_FMT(v->name),
           text_of(v->card, "task"), text_of(chosen_of(v), "model"), text_of(v->card, "metric"),
           value, created, TDL_FMT(v->row->version),
           v->row->active ? "" : tdl_tr("  (former)", "  （旧版本）"));
}

static void tell_versions(const list_values *v, const tdl_model_row *row, size_t n, tdl_jw *w)
{
    size_t prefix = sizeof app_prefix - 1, told = 0;

    tdl_jw_key(w, "models");
    tdl_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        version one = {.row = &row[i]};

        if (!tdl_str_starts(row[i].app, tdl_str_of(app_prefix)) || !(row[i].active || v->all))
            continue;
        one.name = (tdl_str){row[i].app.at + prefix, row[i].app.len - prefix};
        if (tdl_json_parse(row[i].report, TDL_JSON_LAST_WINS, &one.card, NULL))
            one.card = NULL;
        write_version(&one, w);
        if (!v->common.json)
            print_version(&one);
        json_decref(one.card);
        told++;
    }
    tdl_jw_end_array(w);
    if (!told && !v->common.json)
        fprintf(stderr, "%s\n",
                tdl_tr("no models yet: treadle fit makes one", "还没有模型：用 treadle fit 训练"));
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const list_values *v = values;
    tdl_store *store = NULL;
    tdl_arena *arena = tdl_arena_new(ARENA_BUDGET);
    tdl_model_row *row;
    size_t n;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_store(&v->common, true, &store, why)) &&
        !(st = tdl_store_models(store, (tdl_str){0}, arena, &row, &n, why))) {
        tdl_jw_object(&w);
        tell_versions(v, row, n, &w);
        tdl_jw_end_object(&w);
        if (v->common.json)
            printf("%.*s\n", (int)text.len, text.at);
    }
    tdl_buf_release(&text);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

const tdl_command tdl_command_model_list = {
    .name = "model list",
    .values_size = sizeof(list_values),
    .options = list_options,
    .options_n = sizeof list_options / sizeof list_options[0],
    .summary = {"models that predict, and how good each is", "预测模型及其质量"},
    .examples = "  treadle model list\n  treadle model list --all --json\n",
    .run = run_list,
};

/* ---- card ---- */

typedef struct card_values {
    tdl_common common;
    const char *lang;
} card_values;

static const tdl_option card_options[] = {
    {"lang",
     TDL_OPTION_TEXT,
     offsetof(card_values, lang),
     "en|zh",
     NULL,
     0,
     0,
     {"language of the card; that of the terminal", "模型卡的语言；默认随终端"}},
};

static void print_card(const card_values *v, const json_t *card, const char *hash)
{
    tdl_buf text = {0};

    if (v->common.json) {
        tdl_json_dump(&text, card);
        tdl_buf_char(&text, '\n');
    } else {
        tdl_card_markdown(card, v->lang ? v->lang : tdl_tr("en", "zh"), hash, &text);
    }
    fwrite(text.at, 1, text.len, stdout);
    tdl_buf_release(&text);
}

static tdl_status card_of_file(const card_values *v, const char *path, tdl_report *why)
{
    tdl_predictor *p = NULL;
    char hash[65];
    int64_t bytes;
    tdl_status st;

    if (!(st = tdl_file_hash(path, hash, &bytes, why)) && !(st = tdl_predictor_load(path, &p, why)))
        print_card(v, p->card, hash);
    tdl_predictor_free(p);
    return st;
}

/* Of a name the store has the card: the model itself may be large. */
static tdl_status card_of_name(const card_values *v, const char *name, tdl_report *why)
{
    tdl_store *store = NULL;
    tdl_arena *arena = tdl_arena_new(ARENA_BUDGET);
    tdl_model_row row;
    json_t *card = NULL;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_store(&v->common, true, &store, why)) &&
        !(st = tdl_predict_active(store, tdl_str_of(name), arena, &row, why)) &&
        !(st = tdl_json_parse(row.report, TDL_JSON_LAST_WINS, &card, why)))
        print_card(v, card, row.hash);
    json_decref(card);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

static tdl_status run_card(const void *values, char **arguments, tdl_report *why)
{
    const card_values *v = values;

    if (v->lang && strcmp(v->lang, "en") != 0 && strncmp(v->lang, "zh", 2) != 0)
        return TDL_FAIL(why, TDL_E_USAGE, "--lang %s: there are en and zh", v->lang);
    return tdl_model_is_file(arguments[0]) ? card_of_file(v, arguments[0], why)
                                           : card_of_name(v, arguments[0], why);
}

const tdl_command tdl_command_model_card = {
    .name = "model card",
    .arguments = "MODEL",
    .arguments_n = 1,
    .values_size = sizeof(card_values),
    .options = card_options,
    .options_n = sizeof card_options / sizeof card_options[0],
    .summary = {"the card of a model: what it learnt, how good it is and for whom",
                "模型卡：学了什么、质量如何、对谁有效"},
    .examples = "  treadle model card churn\n  treadle model card churn --lang zh\n"
                "  treadle model card sales.safetensors --json\n",
    .run = run_card,
};

/* ---- export ---- */

typedef struct export_values {
    tdl_common common;
    const char *onnx, *member;
} export_values;

static const tdl_option export_options[] = {
    {"onnx",
     TDL_OPTION_TEXT,
     offsetof(export_values, onnx),
     "FILE",
     NULL,
     0,
     0,
     {"write an ONNX file, and FILE.features.json beside it: its inputs, which this program's "
      "pipeline makes",
      "写出 ONNX 文件，并在旁边写出 FILE.features.json：由本程序流水线生成的输入"}},
    {"member",
     TDL_OPTION_TEXT,
     offsetof(export_values, member),
     "NAME",
     NULL,
     0,
     0,
     {"of a blend: which model of it", "混合模型中的哪一个"}},
};

static tdl_status run_export(const void *values, char **arguments, tdl_report *why)
{
    const export_values *v = values;
    tdl_predictor *p = NULL;
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    if (!v->onnx)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle model export NAME --onnx FILE",
                             "--onnx is missing");
    if (!(st = tdl_open_model(&v->common, arguments[0], &p, why)) &&
        !(st = tdl_model_export_onnx(p, v->member, v->onnx, why))) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "onnx", v->onnx);
        tdl_jw_end_object(&w);
        if (v->common.json)
            printf("%.*s\n", (int)text.len, text.at);
        else
            printf("%s\n%s.features.json\n", v->onnx, v->onnx);
    }
    tdl_buf_release(&text);
    tdl_predictor_free(p);
    return st;
}

const tdl_command tdl_command_model_export = {
    .name = "model export",
    .arguments = "MODEL",
    .arguments_n = 1,
    .values_size = sizeof(export_values),
    .options = export_options,
    .options_n = sizeof export_options / sizeof export_options[0],
    .summary = {"a model for other programs, as an ONNX file", "把模型导出为 ONNX 文件"},
    .examples = "  treadle model export churn --onnx churn.onnx\n"
                "  treadle model export churn --member mlp --onnx churn.onnx\n",
    .run = run_export,
};
