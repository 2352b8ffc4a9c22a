/* Networks as learners: what mlp, ft_transformer, cnn and vit share. Private to src/learn.
 *
 *     towers, trained apart ──> one net: their mean, in the target's own unit ──> snapshot
 *
 * A tower is one member: a model of nn with its own parameters. When all are trained they become
 * branches of one net, whose last op is
 *
 *     scores = (tower 0 + tower 1 + ...) * gain + bias
 *
 * with gain = s / members, s and bias being the deviation and mean of the target where it was
 * standardised, else 1 and 0. That net is what is scored, saved and exported.
 *
 * Early stop   15 % of the rows are held out, others for each member; the parameters of the best
 *              epoch are kept
 * Threads      members are trained side by side; one alone is given the whole pool. Scoring: any
 *              number of threads, each with a copy of the net's values (nn/snapshot.h)
 * Attributions by integrated gradients, member by member: gradients of a mean are a mean. The path
 *              runs through the numbers and through the vectors that categories are embedded in
 */
#ifndef TDL_LEARN_NETWORK_H
#define TDL_LEARN_NETWORK_H

#include "learn/learner.h"
#include "nn/snapshot.h"

/* ---- settings ---- */

typedef enum tdl_network_key {
    TDL_NETWORK_MEMBERS,
    TDL_NETWORK_LAYERS,
    TDL_NETWORK_WIDTH,
    TDL_NETWORK_DROPOUT,
    TDL_NETWORK_EMBED, /* numbers that a category becomes */
    TDL_NETWORK_HEADS,
    TDL_NETWORK_FILTERS, /* of the first convolution */
    TDL_NETWORK_RATE,
    TDL_NETWORK_DECAY,
    TDL_NETWORK_BATCH,
    TDL_NETWORK_EPOCHS,     /* at most */
    TDL_NETWORK_PATIENCE,   /* epochs without a better one; 0 = all epochs, nothing held out */
    TDL_NETWORK_VALIDATION, /* share of the rows held out */
    TDL_NETWORK_SHIFT,      /* pixels that a training image is moved by at most */
    TDL_NETWORK_MIRROR,     /* 1: every other training image is mirrored */
    TDL_NETWORK_PERIODIC,   /* frequencies that a number is also told in; 0 = none */
    TDL_NETWORK_SIGMA,      /* deviation of the frequencies at the start */
    TDL_NETWORK_KEYS
} tdl_network_key;

enum { TDL_NETWORK_MEMBERS_MAX = 8 };

typedef struct tdl_network_range {
    const char *key; /* NULL: this kind has no such setting */
    double fallback, low, high;
    bool whole; /* numbers like 1, 2, 3 only */
} tdl_network_range;

typedef struct tdl_network_setting {
    double of[TDL_NETWORK_KEYS];
    tdl_precision precision; /* of scoring: "f32", "bf16", "int8", "int4" */
} tdl_network_setting;

/* ---- kinds ---- */

/* What goes in and comes out. */
typedef struct tdl_network_shape {
    size_t cols, categories_n;
    const size_t *levels_n; /* [categories_n] */
    const uint32_t *number; /* [numbers_n] columns that are told periodically too */
    size_t numbers_n;
    size_t channels, height, width;
    size_t outputs;
} tdl_network_shape;

/* One member. `free` takes all of it. */
typedef struct tdl_tower {
    void *model;
    tdl_params *params;
    tdl_net *net;
    int scores;    /* value [rows][outputs], the last op */
    int attribute; /* value that attributions are of: [rows][numbers, then categories], each one
                      column, or `attribute_width` of a category, or of all */
    size_t attribute_skip; /* columns of it before the first number: a class token */
    size_t number_width, category_width;
    int head_bias; /* slice [1][outputs] */
    void (*start)(void *model, uint64_t seed);
    void (*free)(void *model);
} tdl_tower;

typedef struct tdl_network_kind {
    tdl_network_range range[TDL_NETWORK_KEYS];
    bool images;
    /* A model without a loss, its parameters zero. */
    tdl_status (*open)(const tdl_network_shape *shape, const tdl_network_setting *setting,
                       tdl_tower *ret, tdl_report *why);
    /* Parameters of a member at least: what a file must hold before memory is taken for it. */
    double (*weights)(const tdl_network_shape *shape, const tdl_network_setting *setting);
} tdl_network_kind;

/* Numbers that a row brings: pixels, then columns. */
size_t tdl_network_inputs(const tdl_network_shape *shape);
/* Row `row` of images as these numbers, bytes as they are: ret [tdl_network_inputs] */
void tdl_network_put_image(const tdl_network_shape *shape, const tdl_matrix *x, size_t row,
                           float *ret);
bool tdl_network_has_classes(tdl_task task); /* several scores that are classes */

/* ---- the learner ---- */

typedef struct tdl_network {
    tdl_learner learner;
    const tdl_network_kind *kind;
    tdl_network_setting setting;
    tdl_network_shape shape;
    size_t *levels_n; /* shape.levels_n */
    uint32_t *number; /* shape.number */
    tdl_task task;
    tdl_tower tower[TDL_NETWORK_MEMBERS_MAX];
    size_t towers_n;
    tdl_params params;          /* "0.NAME" of tower 0, ..., "gain", "bias" [1][outputs] */
    tdl_net net;                /* not planned */
    int gain, bias;             /* slices */
    int pixel_gain, pixel_bias; /* slices [1][pixels]; TDL_NONE = no images */
    int scores;                 /* value */
    tdl_nn_serving serving;
} tdl_network;

/* Columns of x that are numbers in themselves: of each column of the table the first feature that
 * has more than two values. ret [cols] */
void tdl_network_find_numbers(const tdl_matrix *x, uint32_t *ret, size_t *ret_n);

/* Towers of that shape, opened; all parameters zero. levels_n is copied.
 *   number [numbers_n]  shape.number, copied; each < x->cols
 *   TDL_E_INVALID | TDL_E_NO_MEMORY; nothing is left then */
tdl_status tdl_network_new(const tdl_network_kind *kind, const tdl_network_setting *setting,
                           const tdl_matrix *x, const uint32_t *number, size_t numbers_n,
                           tdl_task task, size_t scores_n, tdl_network **ret, tdl_report *why);
void tdl_network_free(tdl_learner *learner); /* accepts NULL */
/* The towers are as they will be: copy them into one net, whose gain and bias are left zero,
 * pixel_gain and pixel_bias too, and give back what only training needed. */
tdl_status tdl_network_join(tdl_network *network, tdl_report *why);
/* All of params is set: make what is scored. */
tdl_status tdl_network_serve(tdl_network *network, tdl_report *why);

/* A JSON object, or NULL. TDL_E_INVALID names the key. */
tdl_status tdl_network_read_setting(const tdl_network_kind *kind, const json_t *setting,
                                    tdl_network_setting *ret, tdl_report *why);
json_t *tdl_network_write_setting(const tdl_network_kind *kind, const tdl_network_setting *setting);

/* ---- operations of every kind: learner.h ---- */

tdl_status tdl_network_fit(const tdl_network_kind *kind, const tdl_problem *problem,
                           const json_t *setting, tdl_learner **ret, json_t **ret_note,
                           tdl_report *why);
tdl_status tdl_network_score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                             double *ret, tdl_report *why);
tdl_status tdl_network_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why);
tdl_status tdl_network_save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                            json_t **ret_about, tdl_report *why);
tdl_status tdl_network_load(const tdl_network_kind *kind, const json_t *about,
                            const tdl_st_file *file, const char *prefix, const tdl_matrix *x,
                            tdl_learner **ret, tdl_report *why);

/* `suits` of what learns from images: asked before there is a matrix, a table of no columns is one
 * of images. */
bool tdl_network_suits_images(const tdl_problem *problem, size_t rows, size_t columns,
                              tdl_report *why);

/* One of `n` objects of settings, of which the first is the default: as an array. */
json_t *tdl_network_settings(const char *const *text, size_t n);

extern const tdl_learner_ops tdl_learner_mlp, tdl_learner_ft_transformer;
extern const tdl_learner_ops tdl_learner_cnn, tdl_learner_vit; /* of images */

#endif
