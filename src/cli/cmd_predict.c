/* treadle predict: rows in, answers out. */
#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/explain.h"
#include "apps/predict/prediction.h"
#include "cli/commands.h"
#include "cli/predict_print.h"
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
    tdl_answers batch;
    double level; /* 0 = no intervals */
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
        tdl_jw_knumber(w, j->batch.model->column[scratch[i]],
                       e->share[r * e->columns_n + scratch[i]]);
    tdl_jw_end_object(w);
}

static void write_answer(const job *j, size_t r, size_t *scratch, tdl_jw *w)
{
    const tdl_predictor *p = j->batch.model;
    const double *output = j->batch.output + r * p->scores_n;

    tdl_jw_object(w);
    tdl_prediction_write(p, &j->batch.rows.frame, r, output, w);
    if (j->level > 0)
        tdl_prediction_write_range(p, output, j->level, scratch, w);
    if (j->explained)
        write_reasons(j, r, scratch, w);
    tdl_jw_end_object(w);
}

static void write_refusal(const tdl_refused_rows *refused, size_t i, tdl_jw *w)
{
    tdl_jw_object(w);
    tdl_jw_kint(w, "row", (int64_t)refused->row[i].row + 1);
    tdl_jw_ktext(w, "error", tdl_refused_said(refused, i));
    tdl_jw_end_object(w);
}

/* ---- all rows ---- */

/* Rows of the file in their order, answered or refused. False: the file cannot be written; the
 * caller looks at it. */
static bool write_each(const job *j, size_t *scratch, FILE *out, tdl_jw *w)
{
    const tdl_model_rows *rows = &j->batch.rows;
    tdl_progress progress = tdl_progress_start(j->values->common.quiet);
    bool well = true;

    for (size_t r = 0, refused = 0; r < rows->rows_n && well; r++) {
        if (refused < rows->refused.n && rows->refused.row[refused].row == r)
            write_refusal(&rows->refused, refused++, w);
        else
            write_answer(j, r - refused, scratch, w);
        if (!j->values->common.json)
            tdl_buf_char(w->out, '\n');
        well = fwrite(w->out->at, 1, w->out->len, out) == w->out->len;
        tdl_buf_clear(w->out);
        if (!j->values->common.json)
            *w = (tdl_jw){.out = w->out}; // each line a value of its own
        if (r % ROWS_AT_ONCE == 0)
            tdl_progress_draw(&progress, tdl_tr("writing", "写出"),
                              (double)r / (double)rows->rows_n, NULL);
    }
    tdl_progress_finish(&progress);
    return well;
}

static tdl_status write_rows(void *context, FILE *out, tdl_report *why)
{
    const job *j = context;
    const tdl_predictor *p = j->batch.model;
    size_t *scratch = malloc((p->columns_n + p->target.classes_n + 1) * sizeof *scratch);
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    bool well;

    if (!scratch)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (j->values->common.json) {
        tdl_jw_object(&w);
        tdl_jw_ktext(&w, "model", p->name);
        tdl_jw_key(&w, "rows");
        tdl_jw_array(&w);
    }
    well = write_each(j, scratch, out, &w);
    if (well && j->values->common.json) {
        tdl_jw_end_array(&w);
        tdl_answers_write(&j->batch, &w);
        tdl_jw_end_object(&w);
        tdl_buf_char(&text, '\n');
        fwrite(text.at, 1, text.len, out);
    }
    well = !text.failed;
    tdl_buf_release(&text);
    free(scratch);
    return well ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an answer");
}

/* ---- */

static tdl_status answer(job *j, tdl_pool *pool, tdl_report *why)
{
    tdl_answers *b = &j->batch;
    const tdl_frame *frame = &b->rows.frame;
    tdl_status st;

    b->warning = calloc(b->model->columns_n + 1, sizeof *b->warning);
    b->output = malloc((frame->rows * b->model->scores_n + 1) * sizeof *b->output);
    if (!b->warning || !b->output)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", frame->rows);
    if ((st = tdl_predictor_predict(b->model, frame, pool, b->output, b->warning, why)))
        return st;
    if (j->values->explain && frame->rows) {
        if ((st = tdl_predictor_explain(b->model, frame, 0, pool, &j->explanation, why)))
            return st;
        j->explained = true;
    }
    if ((st = tdl_answers_measure(b, why)) ||
        (st = tdl_whole_file_or_stdout(j->values->output, write_rows, j, why)))
        return st;
    if (!j->values->common.quiet)
        tdl_answers_print(b);
    return tdl_model_rows_answerable(&b->rows, why);
}

static tdl_status run(const void *values, char **arguments, tdl_report *why)
{
    const predict_values *v = values;
    job j = {.values = v};
    tdl_predictor *model = NULL;
    tdl_pool *pool;
    tdl_status st;

    if (!v->model)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "treadle predict rows.csv --model NAME",
                             "--model is missing");
    if (v->interval &&
        (!tdl_str_double(tdl_str_of(v->interval), &j.level) || !(j.level > 0 && j.level < 1)))
        return TDL_FAIL(why, TDL_E_USAGE, "--interval %s: not a number between 0 and 1",
                        v->interval);
    if ((st = tdl_open_model(&v->common, v->model, &model, why)))
        return st;
    j.batch.model = model;
    pool = tdl_pool_new((unsigned)v->threads);
    st = tdl_read_for_model(arguments[0], &v->read, model, v->common.quiet, &j.batch.rows, why);
    if (!st)
        st = answer(&j, pool, why);
    tdl_explanation_release(&j.explanation);
    tdl_answers_release(&j.batch);
    tdl_predictor_free(model);
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
    .summary =
        {"answers of a model for the rows of a table, one JSON object a line; --json: one for all",
         "模型对表格各行的预测，每行一个 JSON 对象；--json：合为一个对象"},
    .examples = "  treadle predict new.csv --model churn\n"
                "  treadle predict new.csv --model churn --explain 3 --interval .9\n",
    .run = run,
};
