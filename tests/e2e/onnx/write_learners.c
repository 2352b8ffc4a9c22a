/* Exports small learners that are networks, each with rows and what tdl_learner_score makes of
 * them: in the form of write_exports.c.
 *
 *   write_onnx_learners FOLDER
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/rng.h"
#include "learn/export_onnx.h"

enum { TRAIN = 120, ROWS = 3, COLS = 4, CATEGORIES = 2, SIDE = 8, PIXELS = 2 * SIDE * SIDE };

static void stop(const char *name, const tdl_report *why)
{
    fprintf(stderr, "%s: %s\n", name, why->message);
    exit(1);
}

/* ---- rows ---- */

static float x[TRAIN * COLS], y[TRAIN];
static int32_t category[TRAIN * CATEGORIES];
static uint8_t pixel[TRAIN * PIXELS];
static const size_t levels[CATEGORIES] = {3, 5};

static void draw(void)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    for (size_t i = 0; i < TRAIN * COLS; i++)
        x[i] = (float)tdl_rng_normal(&rng);
    for (size_t i = 0; i < TRAIN * CATEGORIES; i++)
        category[i] = (int32_t)tdl_rng_below(&rng, levels[i % CATEGORIES]);
    for (size_t i = 0; i < TRAIN * PIXELS; i++)
        pixel[i] = (uint8_t)tdl_rng_below(&rng, 256);
    for (size_t i = 0; i < TRAIN; i++)
        y[i] = (float)((x[COLS * i] > 0) + (category[CATEGORIES * i] == 1));
}

/* ---- files ---- */

static void feed(tdl_jw *w, const char *name, const char *type, size_t cols)
{
    tdl_jw_key(w, name);
    tdl_jw_object(w);
    tdl_jw_ktext(w, "type", type);
    tdl_jw_key(w, "dims");
    tdl_jw_array(w);
    tdl_jw_int(w, ROWS);
    tdl_jw_int(w, (int64_t)cols);
    tdl_jw_end_array(w);
    tdl_jw_key(w, "data");
    tdl_jw_array(w);
}

static void end_feed(tdl_jw *w)
{
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
}

static void write_feeds(tdl_jw *w, const tdl_matrix *rows)
{
    size_t cols = rows->channels ? PIXELS : COLS;

    feed(w, "x", "float32", cols);
    for (size_t i = 0; i < ROWS * cols; i++)
        tdl_jw_number(w, rows->channels ? (double)pixel[i] : (double)x[i]);
    end_feed(w);
    if (rows->channels)
        return;
    feed(w, "categories", "int64", CATEGORIES);
    for (size_t i = 0; i < ROWS * CATEGORIES; i++)
        tdl_jw_int(w, category[i]);
    end_feed(w);
}

static void write_case(const char *path, const tdl_learner *l, const tdl_matrix *rows)
{
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    double score[ROWS * 8];
    tdl_report why = {0};

    if (tdl_learner_score(l, rows, NULL, score, &why))
        stop(path, &why);
    tdl_jw_object(&w);
    tdl_jw_key(&w, "feeds");
    tdl_jw_object(&w);
    write_feeds(&w, rows);
    tdl_jw_end_object(&w);
    tdl_jw_key(&w, "rows");
    tdl_jw_array(&w);
    for (int i = 0; i < ROWS; i++)
        tdl_jw_int(&w, 1);
    tdl_jw_end_array(&w);
    tdl_jw_key(&w, "y");
    tdl_jw_array(&w);
    for (size_t i = 0; i < ROWS * l->scores_n; i++)
        tdl_jw_number(&w, score[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    if (tdl_file_write(path, (tdl_str){text.at, text.len}, &why))
        stop(path, &why);
    tdl_buf_release(&text);
}

static void write_learner(const char *folder, const char *kind, tdl_task task, const char *setting)
{
    tdl_matrix train = {.rows = TRAIN,
                        .cols = COLS,
                        .x = x,
                        .categories_n = CATEGORIES,
                        .category = category,
                        .levels_n = levels};
    const tdl_matrix images = {
        .rows = TRAIN, .channels = 2, .height = SIDE, .width = SIDE, .pixel = pixel};
    json_t *parsed = json_loads(setting, 0, NULL);
    tdl_learner *l = NULL;
    tdl_report why = {0};
    char path[4096];

    if (!strcmp(kind, "cnn") || !strcmp(kind, "vit"))
        train = images;
    const tdl_problem problem = {.task = task,
                                 .classes_n = task == TDL_TASK_CLASSES ? 3 : 0,
                                 .x = &train,
                                 .y = y,
                                 .seed = 1};
    if (tdl_learner_fit(tdl_learner_find((tdl_str){kind, strlen(kind)}), &problem, parsed, &l, NULL,
                        &why))
        stop(kind, &why);
    snprintf(path, sizeof path, "%s/%s.%s.onnx", folder, kind, tdl_task_name(task));
    if (tdl_learner_export_onnx(l, path, &why))
        stop(path, &why);
    snprintf(path, sizeof path, "%s/%s.%s.json", folder, kind, tdl_task_name(task));
    train.rows = ROWS;
    write_case(path, l, &train);
    tdl_learner_free(l);
    json_decref(parsed);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: write_onnx_learners FOLDER\n");
        return 2;
    }
    draw();
    write_learner(argv[1], "mlp", TDL_TASK_CLASSES, "{\"epochs\": 5, \"width\": 8}");
    write_learner(argv[1], "mlp", TDL_TASK_REGRESSION, "{\"epochs\": 5, \"members\": 2}");
    write_learner(argv[1], "mlp", TDL_TASK_COUNT, "{\"epochs\": 5, \"members\": 1}");
    write_learner(argv[1], "ft_transformer", TDL_TASK_REGRESSION,
                  "{\"epochs\": 20, \"rate\": 0.01, \"width\": 8, \"members\": 2}");
    write_learner(argv[1], "cnn", TDL_TASK_CLASSES,
                  "{\"epochs\": 2, \"filters\": 2, \"members\": 2}");
    write_learner(argv[1], "vit", TDL_TASK_CLASSES, "{\"epochs\": 2, \"width\": 8}");
    return 0;
}
