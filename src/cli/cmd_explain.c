/* treadle explain: what a model's answers rest on. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/counterfactual.h"
#include "apps/predict/explain.h"
#include "apps/predict/heatmap.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/read_options.h"

typedef struct explain_values {
    tdl_common common;
    tdl_read_values read;
    const char *model, *column, *output_of, *heatmap;
    const char *until, *keep, *only_up, *only_down, *between;
    int64_t row, threads, most, seconds;
} explain_values;

static const tdl_option explain_options[] = {
    {"model",
     TDL_OPTION_TEXT,
     offsetof(explain_values, model),
     "NAME",
     NULL,
     0,
     0,
     {"which model: its name, or its file", "模型名或模型文件"}},
    {"row",
     TDL_OPTION_INT,
     offsetof(explain_values, row),
     "N",
     "0",
     0,
     INT64_MAX,
     {"explain this row, counted from 1; 0 = all of them together",
      "解释第 N 行（从 1 开始）；0 = 整体"}},
    {"column",
     TDL_OPTION_TEXT,
     offsetof(explain_values, column),
     "NAME",
     NULL,
     0,
     0,
     {"how the answer changes with this column", "答案随该列如何变化"}},
    {"class",
     TDL_OPTION_TEXT,
     offsetof(explain_values, output_of),
     "NAME",
     NULL,
     0,
     0,
     {"of several classes: which; of a row, the predicted one unless said",
      "多分类时解释哪一类；对单行默认为预测的类"}},
    {"heatmap",
     TDL_OPTION_TEXT,
     offsetof(explain_values, heatmap),
     "FILE",
     NULL,
     0,
     0,
     {"of --row N, an image: write a PNG of what each pixel adds, red for, blue against",
      "配合 --row N 用于图像：把每个像素的贡献写成 PNG，红为支持，蓝为反对"}},
    {"until",
     TDL_OPTION_TEXT,
     offsetof(explain_values, until),
     "ANSWER",
     NULL,
     0,
     0,
     {"what of --row must change for this answer: a class, a probability (\">=0.7\"), a value or a "
      "range (10..15)",
      "--row 的哪些列要怎样改变才得到该答案：类别、概率（\">=0.7\"）、数值或范围（10..15）"}},
    {"keep",
     TDL_OPTION_TEXT,
     offsetof(explain_values, keep),
     "COLUMN,...",
     NULL,
     0,
     0,
     {"with --until: what cannot change", "配合 --until：不可改变的列"}},
    {"only-up",
     TDL_OPTION_TEXT,
     offsetof(explain_values, only_up),
     "COLUMN,...",
     NULL,
     0,
     0,
     {"numbers that can only rise", "只能增大的数值列"}},
    {"only-down",
     TDL_OPTION_TEXT,
     offsetof(explain_values, only_down),
     "COLUMN,...",
     NULL,
     0,
     0,
     {"numbers that can only fall", "只能减小的数值列"}},
    {"between",
     TDL_OPTION_TEXT,
     offsetof(explain_values, between),
     "COLUMN:LOW:HIGH,...",
     NULL,
     0,
     0,
     {"ranges that numbers stay in", "数值列的允许范围"}},
    {"most",
     TDL_OPTION_INT,
     offsetof(explain_values, most),
     "K",
     "3",
     1,
     TDL_CF_CHANGED_MAX,
     {"change at most K columns", "最多改变 K 列"}},
    {"seconds",
     TDL_OPTION_INT,
     offsetof(explain_values, seconds),
     "N",
     "5",
     1,
     3600,
     {"stop looking after so long", "搜索时限（秒）"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(explain_values, threads),
     "N",
     "0",
     0,
     1024,
     {"0 = one per core; never changes the result", "0 = 每核一个；不影响结果"}},
    TDL_READ_OPTIONS(explain_values, read),
};

enum { BAR_WIDTH = 24, ROWS_OF_ALL = 2000 };

typedef struct job {
    const explain_values *values;
    tdl_predictor *model;
    tdl_model_rows rows;
    tdl_frame frame; /* rows.frame, borrowed */
    tdl_pool *pool;
    size_t which; /* score */
} job;

static tdl_status find_score(job *j, tdl_report *why)
{
    const tdl_predict_target *t = &j->model->target;
    const char *name = j->values->output_of;

    if (!name || t->task == TDL_TASK_BINARY)
        return TDL_OK;
    for (j->which = 0; j->which < t->classes_n; j->which++)
        if (!strcmp(t->class_name[j->which], name))
            return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "there is no class \"%s\"", name);
}

static void draw_bar(double value, double most)
{
    int n = most > 0 ? (int)lrint(fabs(value) / most * BAR_WIDTH) : 0;

    for (int i = 0; i < n; i++)
        fputs(value < 0 ? "-" : "+", stdout);
    putchar('\n');
}

/* ---- all rows ---- */

static tdl_status explain_all(const job *j, tdl_jw *w, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    double *importance = malloc((p->columns_n + 1) * sizeof *importance);
    size_t *order = malloc((p->columns_n + 1) * sizeof *order);
    tdl_status st = importance && order ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    if (!st)
        st = tdl_predictor_importance(p, &j->frame, NULL, j->frame.rows, ROWS_OF_ALL, j->pool,
                                      importance, why);
    if (st)
        goto out;
    const tdl_explanation all = {.rows = 1, .columns_n = p->columns_n, .share = importance};
    tdl_explanation_order(&all, 0, order);
    tdl_jw_key(w, "importance");
    tdl_jw_array(w);
    for (size_t i = 0; i < p->columns_n; i++) {
        if (!strcmp(p->column[order[i]], p->target.column))
            continue;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "column", p->column[order[i]]);
        tdl_jw_knumber(w, "share", importance[order[i]]);
        tdl_jw_end_object(w);
        if (!j->values->common.json) {
            printf("%-28s %10.4f  ", p->column[order[i]], importance[order[i]]);
            draw_bar(importance[order[i]], importance[order[0]]);
        }
    }
    tdl_jw_end_array(w);
out:
    free(importance);
    free(order);
    return st;
}

/* ---- one row ---- */

/* Where row --row of the file is in the frame. */
static tdl_status find_row(const job *j, size_t *ret, tdl_report *why)
{
    size_t row = (size_t)j->values->row;

    if (row > j->rows.rows_n)
        return TDL_FAIL(why, TDL_E_INVALID, "--row %zu: there are %zu rows", row, j->rows.rows_n);
    return tdl_refused_find(&j->rows.refused, row - 1, ret, why);
}

/* Where groups have thresholds of their own: one more line. */
static tdl_status explain_adjustment(const job *j, const tdl_frame *one, tdl_jw *w, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    const tdl_adjustment_group *group = tdl_adjustment_find(&p->adjustment, one, 0);
    double output;
    tdl_status st;

    if (!group)
        return TDL_OK;
    if ((st = tdl_predictor_predict(p, one, j->pool, &output, NULL, why)))
        return st;
    tdl_predictor_write_adjustment(p, one, 0, &output, w);
    if (!j->values->common.json)
        printf(tdl_tr("adjustment: of %s %s \"%s\" is decided from %.4f on, not from %.4f (%s)\n",
                      "调整：%s 的 %s 为“%s”时阈值为 %.4f，而非 %.4f（%s）\n"),
               p->target.class_name[1], p->adjustment.column, group->name, group->threshold,
               p->threshold, p->adjustment.reason);
    return TDL_OK;
}

/* Of a network of images: the grid, and the picture where one is asked for. */
static tdl_status explain_pixels(const job *j, const tdl_explanation *e, tdl_jw *w, tdl_report *why)
{
    const char *path = j->values->heatmap;
    tdl_buf png = {0};
    tdl_status st;

    tdl_jw_key(w, "pixels");
    if ((st = tdl_heatmap_write(e, 0, w, why)) || !path)
        return st;
    if (!(st = tdl_heatmap_png(e, 0, &png, why)))
        st = tdl_file_write(path, tdl_buf_view(&png), why);
    if (!st && !j->values->common.json)
        printf("%s %s\n", tdl_tr("heat map", "热力图"), path);
    tdl_buf_release(&png);
    return st;
}

/* The score that is explained of a row: of several classes, unless one was named, that of the class
 * which is predicted; of quantiles the middle one. */
static tdl_status choose_score(const job *j, const tdl_frame *one, size_t *ret, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    double *output;
    tdl_status st;

    *ret = j->which;
    if (p->scores_n < 2 || j->values->output_of)
        return TDL_OK;
    if (!p->target.classes_n) {
        *ret = p->scores_n / 2;
        return TDL_OK;
    }
    if (!(output = calloc(p->scores_n, sizeof *output)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes", p->scores_n);
    if (!(st = tdl_predictor_predict(p, one, j->pool, output, NULL, why)))
        *ret = tdl_predictor_class(p, output);
    free(output);
    return st;
}

/* Of one row: what its score is, and of which class. */
static void tell_score(const job *j, const tdl_explanation *e, size_t which, tdl_jw *w)
{
    const tdl_predict_target *t = &j->model->target;
    const char *class = t->classes_n > 2 ? t->class_name[which] : NULL;

    tdl_jw_ktext(w, "method", e->method);
    if (class)
        tdl_jw_ktext(w, "class", class);
    tdl_jw_knumber(w, "score", e->score[0]);
    tdl_jw_knumber(w, "base", e->base[0]);
    tdl_jw_knumber(w, "completeness_error", e->error);
    if (j->values->common.json)
        return;
    if (class)
        printf(tdl_tr("score of %s", "%s 的得分"), class);
    else
        fputs(tdl_tr("score", "得分"), stdout);
    printf(" %.4f, %s %.4f (%s)\n", e->score[0],
           tdl_tr("of which known without the row", "其中与该行无关的部分"), e->base[0], e->method);
}

static tdl_status explain_row(const job *j, tdl_jw *w, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    uint32_t row;
    size_t at = 0, which, *order = malloc((p->columns_n + 1) * sizeof *order);
    tdl_frame one = {0};
    tdl_explanation e = {0};
    tdl_buf cell = {0};
    tdl_status st;

    if (!order)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = find_row(j, &at, why)))
        goto out;
    row = (uint32_t)at;
    if ((st = tdl_frame_take(&j->frame, &row, 1, &one, why)) ||
        (st = choose_score(j, &one, &which, why)) ||
        (st = tdl_predictor_explain(p, &one, which, j->pool, &e, why)))
        goto out;
    tdl_explanation_order(&e, 0, order);
    tell_score(j, &e, which, w);
    tdl_jw_key(w, "features");
    tdl_jw_array(w);
    for (size_t i = 0; i < p->columns_n; i++) {
        size_t column, of = order[i];

        if (!strcmp(p->column[of], p->target.column))
            continue;
        tdl_buf_clear(&cell);
        if (tdl_frame_find(&one, tdl_str_of(p->column[of]), &column))
            tdl_column_print(&one.column[column], 0, &cell);
        tdl_jw_object(w);
        tdl_jw_ktext(w, "name", p->column[of]);
        tdl_jw_kstr(w, "value", tdl_buf_view(&cell));
        tdl_jw_knumber(w, "attribution", e.share[of]);
        tdl_jw_end_object(w);
        if (!j->values->common.json) {
            printf("%-28s %-16.16s %+10.4f  ", p->column[of], cell.len ? cell.at : "-",
                   e.share[of]);
            draw_bar(e.share[of], fabs(e.share[order[0]]));
        }
    }
    tdl_jw_end_array(w);
    if (!j->values->common.json)
        printf("%s %.2g\n", tdl_tr("shares and score differ by", "各项之和与得分相差"), e.error);
    if (e.pixel || j->values->heatmap)
        st = explain_pixels(j, &e, w, why);
    if (!st)
        st = explain_adjustment(j, &one, w, why);
out:
    tdl_explanation_release(&e);
    tdl_frame_release(&one);
    tdl_buf_release(&cell);
    free(order);
    return st;
}

/* ---- until ---- */

static void print_answer(const job *j, const tdl_counterfactuals *found, size_t k)
{
    const tdl_predictor *p = j->model;
    const double *output = found->output + k * found->outputs_n;

    if (!p->target.classes_n) {
        printf("%s %.6g\n", p->target.column, output[0]);
        return;
    }
    size_t class = tdl_predictor_class_of(p, &found->rows, k, output);
    double probability = p->target.task != TDL_TASK_BINARY ? output[class]
                         : class                           ? output[0]
                                                           : 1 - output[0];
    printf("%s %s (%.4f)\n", p->target.column, p->target.class_name[class], probability);
}

static void print_changes(const job *j, const tdl_counterfactuals *found)
{
    tdl_buf from = {0}, to = {0};

    printf("%s: ", tdl_tr("now", "现在"));
    print_answer(j, found, 0);
    for (size_t k = 1; k <= found->n; k++) {
        const char *between = "";

        for (size_t c = 0; c < found->rows.columns_n; c++) {
            if (!tdl_counterfactual_changes(found, k, c))
                continue;
            tdl_buf_clear(&from);
            tdl_buf_clear(&to);
            tdl_column_print(&found->rows.column[c], 0, &from);
            tdl_column_print(&found->rows.column[c], k, &to);
            printf(tdl_tr("%schange %s from %s to %s", "%s把 %s 从 %s 改为 %s"), between,
                   found->rows.column[c].name, from.len ? from.at : "-", to.len ? to.at : "-");
            between = tdl_tr(", ", "，");
        }
        fputs(" -> ", stdout);
        print_answer(j, found, k);
    }
    if (found->already)
        puts(tdl_tr("it is so already", "已经如此"));
    else if (!found->n)
        puts(tdl_tr("none within the limits", "在限制范围内没有"));
    if (found->timed_out)
        puts(tdl_tr("the time ran out: there may be nearer ones (--seconds)",
                    "时间用尽：可能还有更近的（--seconds）"));
    tdl_buf_release(&from);
    tdl_buf_release(&to);
}

static tdl_status explain_until(const job *j, tdl_jw *w, tdl_report *why)
{
    const explain_values *v = j->values;
    const tdl_counterfactual_limits limits = {.keep = v->keep,
                                              .only_up = v->only_up,
                                              .only_down = v->only_down,
                                              .between = v->between,
                                              .changed_max = (size_t)v->most,
                                              .seconds = (double)v->seconds};
    tdl_counterfactuals found = {0};
    size_t row = 0;
    tdl_status st;

    if (!v->row)
        return TDL_FAIL(why, TDL_E_USAGE, "--until is of one row: --row N is missing");
    if ((st = find_row(j, &row, why)) ||
        (st = tdl_predictor_counterfactual(j->model, &j->frame, row, v->until, &limits, j->pool,
                                           &found, why)))
        return st;
    tdl_jw_ktext(w, "until", v->until);
    tdl_counterfactuals_write(&found, w);
    if (!v->common.json)
        print_changes(j, &found);
    tdl_counterfactuals_release(&found);
    return TDL_OK;
}

/* ---- one column ---- */

static void print_dependence(const json_t *points)
{
    const json_t *point, *value;
    size_t i;
    double output, most = 0;

    json_array_foreach(points, i, point)
    {
        tdl_json_get_number(point, "output", &output);
        most = fmax(most, fabs(output));
    }
    json_array_foreach(points, i, point)
    {
        value = json_object_get(point, "value");
        if (json_is_string(value))
            printf("%-20s ", json_string_value(value));
        else
            printf("%-20.6g ", json_number_value(value));
        tdl_json_get_number(point, "output", &output);
        printf("%10.4f  ", output);
        draw_bar(output, most);
    }
}

static bool is_asked_for(const tdl_predictor *p, const char *name)
{
    for (size_t i = 0; i < p->columns_n; i++)
        if (!strcmp(p->column[i], name))
            return true;
    return false;
}

static tdl_status explain_column(const job *j, tdl_jw *w, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw points = {.out = &text};
    json_t *read = NULL;
    size_t column;
    tdl_status st;

    if (!tdl_frame_find(&j->frame, tdl_str_of(j->values->column), &column))
        return TDL_FAIL(why, TDL_E_INVALID, "there is no column \"%s\"", j->values->column);
    if (!strcmp(j->values->column, j->model->target.column))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s is what the model predicts",
                        j->values->column);
    if (!is_asked_for(j->model, j->values->column))
        return TDL_FAIL(why, TDL_E_INVALID, "column %s was left out of the model",
                        j->values->column);
    st = tdl_predictor_dependence(j->model, &j->frame, column, j->which, j->pool, &points, why);
    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &read, why);
    if (!st) {
        tdl_jw_ktext(w, "column", j->values->column);
        tdl_jw_kraw(w, "dependence", tdl_buf_view(&text));
        if (!j->values->common.json)
            print_dependence(read);
    }
    json_decref(read);
    tdl_buf_release(&text);
    return st;
}

/* ---- */

static tdl_status explain(const job *j, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st;

    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "model", j->model->name);
    st = j->values->until    ? explain_until(j, &w, why)
         : j->values->column ? explain_column(j, &w, why)
         : j->values->row    ? explain_row(j, &w, why)
                             : explain_all(j, &w, why);
    tdl_jw_end_object(&w);
    if (!st && j->values->common.json)
        printf("%.*s\n", (int)text.len, text.at);
    tdl_buf_release(&text);
    return st;
}

static tdl_status run(const void *values, char **arguments, tdl_report *why)
{
    const explain_values *v = values;
    job j = {.values = v};
    tdl_status st;

    if (!v->model)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle explain rows.csv --model NAME",
                             "--model is missing");
    if ((st = tdl_open_model(&v->common, v->model, &j.model, why)))
        return st;
    j.pool = tdl_pool_new((unsigned)v->threads);
    if ((st = find_score(&j, why)) ||
        (st = tdl_read_for_model(arguments[0], &v->read, j.model, v->common.quiet, &j.rows, why)) ||
        (st = tdl_model_rows_answerable(&j.rows, why)))
        goto out;
    j.frame = j.rows.frame;
    if (!v->common.quiet)
        tdl_model_rows_tell(&j.rows);
    st = explain(&j, why);
out:
    tdl_model_rows_release(&j.rows);
    tdl_predictor_free(j.model);
    tdl_pool_free(j.pool);
    return st;
}

const tdl_command tdl_command_explain = {
    .name = "explain",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(explain_values),
    .options = explain_options,
    .options_n = sizeof explain_options / sizeof explain_options[0],
    .summary =
        {"what a model's answers rest on: all rows, one row, one column; what would change one",
         "模型的答案依据什么：全部行、某一行、某一列；怎样才会改变"},
    .examples = "  treadle explain customers.csv --model churn\n"
                "  treadle explain customers.csv --model churn --row 7\n"
                "  treadle explain customers.csv --model churn --column tenure --json\n"
                "  treadle explain loans.csv --model loans --row 7 --until paid --keep sex,age\n",
    .run = run,
};
