/* treadle predict: rows in, answers out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/explain.h"
#include "apps/predict/measure.h"
#include "apps/predict/prediction.h"
#include "cli/commands.h"
#include "cli/model_source.h"
#include "cli/progress.h"
#include "cli/read_options.h"
#include "cli/whole_file.h"

typedef struct predict_values {
    tdl_common common;
    tdl_read_values read;
    const char *model, *output, *interval;
    int64_t explain, threads;
} predict_values;

static const tdl_option predict_options[] = {
    {"model",
     TDL_OPTION_TEXT,
     offsetof(predict_values, model),
     "NAME",
     NULL,
     0,
     0,
     {"which model: its name, or its file", "模型名或模型文件"}},
    {"output",
     TDL_OPTION_TEXT,
     offsetof(predict_values, output),
     "FILE",
     "-",
     0,
     0,
     {"where the answers go; - is standard output", "结果写到哪里；- 为标准输出"}},
    {"interval",
     TDL_OPTION_TEXT,
     offsetof(predict_values, interval),
     "LEVEL",
     NULL,
     0,
     0,
     {"also an interval, or a set of classes, that holds so many truths: .9",
      "同时给出覆盖率为该水平的区间或类别集合：.9"}},
    {"explain",
     TDL_OPTION_INT,
     offsetof(predict_values, explain),
     "K",
     "0",
     0,
     20,
     {"also the K columns that the answer rests on most", "同时给出影响最大的 K 列"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(predict_values, threads),
     "N",
     "0",
     0,
     1024,
     {"0 = one per core; never changes the result", "0 = 每核一个；不影响结果"}},
    TDL_READ_OPTIONS(predict_values, read),
};

enum { ROWS_AT_ONCE = 65536 };

typedef struct job {
    const predict_values *values;
    tdl_predictor *model;
    tdl_frame frame;
    double *output; /* [rows][outputs] */
    double level;   /* 0 = no intervals */
    tdl_explanation explanation;
    bool explained;
} job;

/* ---- one row as JSON ---- */

static void write_reasons(const job *j, size_t r, size_t *scratch, tdl_jw *w)
{
    const tdl_explanation *e = &j->explanation;
    size_t k = (size_t)j->values->explain;

    tdl_explanation_order(e, r, scratch);
    tdl_jw_key(w, "because");
    tdl_jw_object(w);
    for (size_t i = 0; i < k && i < e->columns_n; i++)
        tdl_jw_knumber(w, j->model->column[scratch[i]], e->share[r * e->columns_n + scratch[i]]);
    tdl_jw_end_object(w);
}

static tdl_status write_rows(void *context, FILE *out, tdl_report *why)
{
    job *j = context;
    const tdl_predictor *p = j->model;
    tdl_progress progress = tdl_progress_start(j->values->common.quiet);
    size_t *scratch = malloc((p->columns_n + p->target.classes_n + 1) * sizeof *scratch);
    tdl_buf line = {0};

    if (!scratch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    for (size_t r = 0; r < j->frame.rows; r++) {
        tdl_jw w = {.out = &line};

        tdl_buf_clear(&line);
        tdl_jw_object(&w);
        tdl_prediction_write(p, &j->frame, r, j->output + r * p->scores_n, &w);
        if (j->level > 0)
            tdl_prediction_write_range(p, j->output + r * p->scores_n, j->level, scratch, &w);
        if (j->explained)
            write_reasons(j, r, scratch, &w);
        tdl_jw_end_object(&w);
        tdl_buf_char(&line, '\n');
        if (fwrite(line.at, 1, line.len, out) != line.len)
            break; // the caller looks at the file
        if (r % ROWS_AT_ONCE == 0)
            tdl_progress_draw(&progress, tdl_tr("writing", "写出"),
                              (double)r / (double)j->frame.rows, NULL);
    }
    tdl_progress_finish(&progress);
    tdl_buf_release(&line);
    free(scratch);
    return TDL_OK;
}

/* ---- what was odd, and how good it was ---- */

static void print_warnings(const job *j, const tdl_prepare_warning *warning)
{
    for (size_t i = 0; i < j->model->columns_n; i++) {
        const char *name = j->model->column[i];
        size_t column;

        if (warning[i].unseen)
            fprintf(stderr,
                    tdl_tr("%s: %zu values that training had not\n",
                           "%s：%zu 个取值在训练中没有出现\n"),
                    name, warning[i].unseen);
        if (warning[i].out_of_range)
            fprintf(
                stderr,
                tdl_tr("%s: %zu numbers beyond those of training\n", "%s：%zu 个数超出训练范围\n"),
                name, warning[i].out_of_range);
        if (!tdl_frame_find(&j->frame, tdl_str_of(name), &column)) {
            if (strcmp(name, j->model->target.column) != 0)
                fprintf(
                    stderr,
                    tdl_tr("%s: no such column, taken as missing\n", "%s：没有该列，视为缺失\n"),
                    name);
        } else if (warning[i].missing)
            fprintf(stderr,
                    tdl_tr("%s: missing in %zu rows, in none of training\n",
                           "%s：%zu 行缺失，训练中从不缺失\n"),
                    name, warning[i].missing);
    }
}

/* Where the file has the target: how good the answers are. On stderr, for stdout holds rows. */
static tdl_status print_quality(const job *j, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    size_t rows = j->frame.rows, n = 0;
    float *y = malloc((rows + 1) * sizeof *y);
    double *known = malloc((rows + 1) * sizeof *known);
    double *output = malloc((rows * p->scores_n + 1) * sizeof *output);
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    tdl_status st = TDL_OK;

    if (y && known && output && tdl_predict_target_read(&p->target, &j->frame, y)) {
        for (size_t r = 0; r < rows; r++)
            if (!isnan(y[r])) {
                memcpy(output + n * p->scores_n, j->output + r * p->scores_n,
                       p->scores_n * sizeof *output);
                known[n++] = (double)y[r];
            }
        const tdl_outcome outcome = {.task = p->target.task,
                                     .n = n,
                                     .width = p->scores_n,
                                     .y = known,
                                     .output = output,
                                     .quantile = p->target.quantile,
                                     .threshold = p->threshold,
                                     .class_name = p->target.class_name};
        if (n > 0 && p->target.task != TDL_TASK_RANKING &&
            !(st = tdl_outcome_write(&outcome, &w, why)))
            fprintf(stderr, "%.*s\n", (int)text.len, text.at);
    }
    tdl_buf_release(&text);
    free(y);
    free(known);
    free(output);
    return st;
}

/* ---- */

static tdl_status answer(job *j, tdl_pool *pool, tdl_report *why)
{
    const tdl_predictor *p = j->model;
    tdl_prepare_warning *warning = calloc(p->columns_n + 1, sizeof *warning);
    tdl_status st;

    j->output = malloc((j->frame.rows * p->scores_n + 1) * sizeof *j->output);
    if (!warning || !j->output) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", j->frame.rows);
        goto out;
    }
    if ((st = tdl_predictor_predict(p, &j->frame, pool, j->output, warning, why)))
        goto out;
    if (j->values->explain) {
        if ((st = tdl_predictor_explain(p, &j->frame, 0, pool, &j->explanation, why)))
            goto out;
        j->explained = true;
    }
    print_warnings(j, warning);
    if ((st = tdl_whole_file_or_stdout(j->values->output, write_rows, j, why)))
        goto out;
    st = print_quality(j, why);
out:
    free(warning);
    return st;
}

static tdl_status run(const void *values, char **arguments, tdl_report *why)
{
    const predict_values *v = values;
    job j = {.values = v};
    tdl_pool *pool;
    tdl_status st;

    if (!v->model)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle predict rows.csv --model NAME",
                             "--model is missing");
    if (v->interval &&
        (!tdl_str_double(tdl_str_of(v->interval), &j.level) || !(j.level > 0 && j.level < 1)))
        return TDL_FAIL(why, TDL_E_USAGE, "--interval %s: not a number between 0 and 1",
                        v->interval);
    if ((st = tdl_open_model(&v->common, v->model, &j.model, why)))
        return st;
    pool = tdl_pool_new((unsigned)v->threads);
    st = tdl_read_for_model(arguments[0], &v->read, j.model, v->common.quiet, &j.frame, why);
    if (!st)
        st = answer(&j, pool, why);
    tdl_explanation_release(&j.explanation);
    tdl_frame_release(&j.frame);
    free(j.output);
    tdl_predictor_free(j.model);
    tdl_pool_free(pool);
    return st;
}

const tdl_command tdl_command_predict = {
    .name = "predict",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(predict_values),
    .options = predict_options,
    .options_n = sizeof predict_options / sizeof predict_options[0],
    .summary = {"answers of a model for the rows of a table, one JSON object a line",
                "模型对表格各行的预测，每行一个 JSON 对象"},
    .examples = "  treadle predict new.csv --model churn\n"
                "  treadle predict new.csv --model churn --explain 3 --interval .9\n",
    .run = run,
};
