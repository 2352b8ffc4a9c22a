#include "cli/predict_print.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/measure.h"
#include "base/utf8.h"

enum { NAMES_TOLD = 5 };

void tdl_answers_release(tdl_answers *b)
{
    tdl_model_rows_release(&b->rows);
    free(b->output);
    free(b->warning);
    json_decref(b->quality);
    *b = (tdl_answers){0};
}

/* ---- how good ---- */

static tdl_status measure(tdl_answers *b, double *known, double *output, size_t n, tdl_report *why)
{
    const tdl_predictor *p = b->model;
    const tdl_outcome outcome = {.task = p->target.task,
                                 .n = n,
                                 .width = p->scores_n,
                                 .y = known,
                                 .output = output,
                                 .quantile = p->target.quantile,
                                 .threshold = p->threshold,
                                 .class_name = p->target.class_name};
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st = tdl_outcome_write(&outcome, &w, why);

    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &b->quality, why);
    tdl_buf_release(&text);
    return st;
}

tdl_status tdl_answers_measure(tdl_answers *b, tdl_report *why)
{
    const tdl_predictor *p = b->model;
    size_t rows = b->rows.frame.rows, n = 0;
    float *y = malloc((rows + 1) * sizeof *y);
    double *known = malloc((rows + 1) * sizeof *known);
    double *output = malloc((rows * p->scores_n + 1) * sizeof *output);
    tdl_status st = TDL_OK;

    if (!y || !known || !output) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to measure %zu rows", rows);
        goto out;
    }
    if (p->target.task == TDL_TASK_RANKING ||
        !tdl_predict_target_read(&p->target, &b->rows.frame, y))
        goto out;
    for (size_t r = 0; r < rows; r++)
        if (!isnan(y[r])) {
            memcpy(output + n * p->scores_n, b->output + r * p->scores_n,
                   p->scores_n * sizeof *output);
            known[n++] = (double)y[r];
        }
    if (n)
        st = measure(b, known, output, n, why);
out:
    free(y);
    free(known);
    free(output);
    return st;
}

/* ---- columns ---- */

static bool is_absent(const tdl_answers *b, size_t i)
{
    size_t column;

    return strcmp(b->model->column[i], b->model->target.column) != 0 &&
           !tdl_frame_find(&b->rows.frame, tdl_str_of(b->model->column[i]), &column);
}

static bool is_on_card(const tdl_predictor *p, const char *name)
{
    const json_t *column;
    size_t i;

    json_array_foreach(json_object_get(p->card, "columns"), i, column)
    {
        const char *known = json_string_value(json_object_get(column, "name"));

        if (known && !strcmp(known, name))
            return true;
    }
    return false;
}

/* Is it a column that the table of training had not? What training left out is no surprise. */
static bool is_unknown(const tdl_answers *b, size_t column)
{
    const tdl_predictor *p = b->model;
    const char *name = b->rows.frame.column[column].name;

    for (size_t i = 0; i < p->columns_n; i++)
        if (!strcmp(p->column[i], name))
            return false;
    return strcmp(p->target.column, name) != 0 && !is_on_card(p, name);
}

/* ---- JSON ---- */

static void write_warnings(const tdl_answers *b, tdl_jw *out)
{
    tdl_jw_key(out, "warnings");
    tdl_jw_array(out);
    for (size_t i = 0; i < b->model->columns_n; i++) {
        const tdl_prepare_warning *w = &b->warning[i];
        bool absent = is_absent(b, i);

        if (!w->unseen && !w->out_of_range && !w->missing && !absent)
            continue;
        tdl_jw_object(out);
        tdl_jw_ktext(out, "column", b->model->column[i]);
        tdl_jw_kint(out, "unseen", (int64_t)w->unseen);
        tdl_jw_kint(out, "out_of_range", (int64_t)w->out_of_range);
        tdl_jw_kint(out, "missing", (int64_t)w->missing);
        tdl_jw_kbool(out, "absent", absent);
        tdl_jw_end_object(out);
    }
    tdl_jw_end_array(out);
}

void tdl_answers_write(const tdl_answers *b, tdl_jw *out)
{
    tdl_buf text = {0};

    tdl_jw_kint(out, "refused", (int64_t)b->rows.refused.n);
    write_warnings(b, out);
    tdl_jw_key(out, "unknown_columns");
    tdl_jw_array(out);
    for (size_t i = 0; i < b->rows.frame.columns_n; i++)
        if (is_unknown(b, i))
            tdl_jw_text(out, b->rows.frame.column[i].name);
    tdl_jw_end_array(out);
    if (b->quality) {
        tdl_json_dump(&text, b->quality);
        tdl_jw_kraw(out, "quality", tdl_buf_view(&text));
        out->out->failed |= text.failed;
    }
    tdl_buf_release(&text);
}

/* ---- for people ---- */

static void print_warning(const tdl_answers *b, size_t i)
{
    const tdl_prepare_warning *w = &b->warning[i];
    const char *name = b->model->column[i];

    if (w->unseen)
        fprintf(
            stderr,
            tdl_tr("%s: %zu values that training had not\n", "%s：%zu 个取值在训练中没有出现\n"),
            name, w->unseen);
    if (w->out_of_range)
        fprintf(stderr,
                tdl_tr("%s: %zu numbers beyond those of training\n", "%s：%zu 个数超出训练范围\n"),
                name, w->out_of_range);
    if (is_absent(b, i))
        fprintf(stderr,
                tdl_tr("%s: no such column, taken as missing\n", "%s：没有该列，视为缺失\n"), name);
    else if (w->missing)
        fprintf(stderr,
                tdl_tr("%s: missing in %zu rows, in none of training\n",
                       "%s：%zu 行缺失，训练中从不缺失\n"),
                name, w->missing);
}

static void print_unknown(const tdl_answers *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->rows.frame.columns_n; i++)
        n += is_unknown(b, i);
    if (!n)
        return;
    fprintf(stderr,
            tdl_tr("%zu columns that training had not, ignored:", "%zu 列在训练中没有，已忽略："),
            n);
    for (size_t i = 0, told = 0; i < b->rows.frame.columns_n && told < NAMES_TOLD; i++)
        if (is_unknown(b, i))
            fprintf(stderr, "%s %s", told++ ? "," : "", b->rows.frame.column[i].name);
    fputs(n > NAMES_TOLD ? ", ...\n" : "\n", stderr);
}

static const char *title_of(const char *metric)
{
    static const struct {
        const char *name, *en, *zh;
    } titles[] = {
        {"auc", "AUC", "AUC"},
        {"average_precision", "average precision", "平均精度"},
        {"log_loss", "log loss", "对数损失"},
        {"brier", "Brier score", "Brier 分数"},
        {"ece", "calibration error", "校准误差"},
        {"accuracy", "accuracy", "准确率"},
        {"f1", "F1", "F1"},
        {"mcc", "Matthews correlation", "马修斯相关"},
        {"precision", "precision", "精确率"},
        {"recall", "recall", "召回率"},
        {"balanced_accuracy", "balanced accuracy", "平衡准确率"},
        {"rmse", "RMSE", "均方根误差"},
        {"mae", "mean absolute error", "平均绝对误差"},
        {"r2", "R squared", "决定系数 R²"},
        {"pinball", "pinball loss", "分位损失"},
        {"coverage", "coverage", "覆盖率"},
        {"width", "mean width", "平均宽度"},
        {"lift_decile", "lift of the top tenth", "前十分之一提升度"},
        {"macro_f1", "macro F1", "宏平均 F1"},
        {"kappa", "quadratic kappa", "二次加权 kappa"},
        {"mape", "mean absolute % error", "平均绝对百分比误差"},
        {"poisson_deviance", "Poisson deviance", "泊松偏差"},
    };

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (!strcmp(titles[i].name, metric))
            return tdl_tr(titles[i].en, titles[i].zh);
    return metric;
}

/* Chinese characters are two columns wide, and three bytes. */
static void print_padded(const char *text, size_t width)
{
    size_t wide = 0;

    for (size_t i = 0, n = strlen(text); i < n;) {
        size_t step = tdl_utf8_step(text + i, n - i);

        wide += step >= 3 ? 2 : 1;
        i += step ? step : 1;
    }
    fprintf(stderr, "  %s%*s", text, wide < width ? (int)(width - wide) : 0, "");
}

static void print_quality(const tdl_answers *b)
{
    json_t *metrics = json_object_get(b->quality, "metrics"), *metric;
    const char *name;
    double value, low, high;

    if (!b->quality)
        return;
    fprintf(stderr,
            tdl_tr("quality, on %lld rows whose %s is known:\n", "质量（%lld 行，其 %s 已知）：\n"),
            (long long)json_integer_value(json_object_get(b->quality, "rows")),
            b->model->target.column);
    print_padded("", 22);
    fprintf(stderr, "%s\n", tdl_tr("     value   95 % interval", "        值   95 % 区间"));
    json_object_foreach(metrics, name, metric)
    {
        print_padded(title_of(name), 22);
        if (tdl_json_get_number(metric, "value", &value) &&
            tdl_json_get_number(metric, "low", &low) && tdl_json_get_number(metric, "high", &high))
            fprintf(stderr, "%10.4g   %.4g .. %.4g\n", value, low, high);
        else
            fprintf(stderr, "%10s\n", "-");
    }
}

void tdl_answers_print(const tdl_answers *b)
{
    tdl_model_rows_tell(&b->rows);
    for (size_t i = 0; i < b->model->columns_n; i++)
        print_warning(b, i);
    print_unknown(b);
    print_quality(b);
}
