/* The worker process of xgboost_worker.h: one thread, its own memory, nobody to harm. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "learn/xgboost.h"
#include "learn/xgboost_protocol.h"
#include "learn/xgboost_worker.h"
#include "stats/metric.h"

const char tdl_xgboost_worker_argument[] = "__xgboost-worker";

typedef struct child {
    tdl_xgboost library;
    tdl_xgb_head head;
    const float *x, *y, *weight; /* in the memfd */
    const int32_t *group;        /* NULL: no lists */
    const uint8_t *fold;
    tdl_xgb_matrix all; /* NULL until asked for */
    tdl_xgb_matrix trained[TDL_XGBOOST_FOLDS_MAX], held[TDL_XGBOOST_FOLDS_MAX];
    uint32_t *held_row; /* [rows] rows held out, fold after fold */
    size_t held_first[TDL_XGBOOST_FOLDS_MAX + 1];
    double held_weight; /* of all rows held out */
} child;

typedef struct rows_of { /* a matrix */
    const float *x, *y, *weight;
    const int32_t *group; /* NULL: no lists */
    size_t n;
} rows_of;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- talk ---- */

/* A parent that is gone takes this process with it. */
static void write_all(const void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t moved = send(TDL_XGB_SOCKET_FD, (const char *)bytes + done, n - done, MSG_NOSIGNAL);
        if (moved <= 0 && !(moved < 0 && errno == EINTR))
            _exit(0);
        done += moved > 0 ? (size_t)moved : 0;
    }
}

static void read_all(void *bytes, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t moved = recv(TDL_XGB_SOCKET_FD, (char *)bytes + done, n - done, 0);
        if (moved <= 0 && !(moved < 0 && errno == EINTR))
            _exit(0);
        done += moved > 0 ? (size_t)moved : 0;
    }
}

static void say(tdl_xgb_say what, uint32_t rounds, double loss, const void *bytes, size_t n)
{
    tdl_xgb_reply reply = {.say = what, .rounds = rounds, .loss = loss, .bytes = n};

    write_all(&reply, sizeof reply);
    write_all(bytes, n);
}

static void say_failed(const tdl_report *why)
{
    size_t message_n = strlen(why->message) + 1, hint_n = strlen(why->hint) + 1;
    tdl_xgb_reply reply = {
        .say = TDL_XGB_FAILED, .status = (uint32_t)why->status, .bytes = message_n + hint_n};

    write_all(&reply, sizeof reply);
    write_all(why->message, message_n);
    write_all(why->hint, hint_n);
}

/* ---- matrices ---- */

static tdl_status refused(const child *c, tdl_report *why)
{
    const char *text = c->library.last_error();
    size_t n = strcspn(text, "\n");

    return TDL_FAIL(why, TDL_E_INVALID, "libxgboost: %.*s", (int)(n > 400 ? 400 : n), text);
}

static tdl_status map_data(child *c, tdl_report *why)
{
    struct stat file;
    char *at;

    if (fstat(TDL_XGB_DATA_FD, &file) || (size_t)file.st_size < sizeof c->head)
        return TDL_FAIL(why, TDL_E_INTERNAL, "the worker got no matrix");
    at = mmap(NULL, (size_t)file.st_size, PROT_READ, MAP_SHARED, TDL_XGB_DATA_FD, 0);
    if (at == MAP_FAILED)
        return TDL_FAIL(why, TDL_E_IO, "the worker cannot map its matrix: %s", strerror(errno));
    memcpy(&c->head, at, sizeof c->head);
    uint64_t rows = c->head.rows, per_row = (c->head.cols + 3) * sizeof(float) + 1;
    if (c->head.folds_n > TDL_XGBOOST_FOLDS_MAX || c->head.cols > INT32_MAX || rows > UINT32_MAX ||
        rows * per_row + sizeof c->head != (uint64_t)file.st_size)
        return TDL_FAIL(why, TDL_E_INTERNAL, "the worker got another matrix");
    c->x = (const float *)(const void *)(at + sizeof c->head);
    c->y = c->x + rows * c->head.cols;
    c->weight = c->y + rows;
    c->group = (const int32_t *)(const void *)(c->weight + rows);
    c->fold = (const uint8_t *)(c->group + rows);
    if (!c->head.lists)
        c->group = NULL;
    return TDL_OK;
}

/* Rows side by side that are of one list, or, without lists, one. */
static size_t list_end(const int32_t *group, size_t rows, size_t first)
{
    size_t end = first + 1;

    while (group && end < rows && group[end] == group[first])
        end++;
    return end;
}

/* How many rows each list has, and, as the library wants it, one weight a list: that of its first
 * row. */
static tdl_status set_lists(child *c, tdl_xgb_matrix matrix, const float *weight,
                            const int32_t *group, size_t rows, tdl_report *why)
{
    unsigned *n = malloc((rows + 1) * sizeof *n);
    float *of_list = malloc((rows + 1) * sizeof *of_list);
    size_t lists_n = 0;
    tdl_status st = TDL_OK;

    if (!n || !of_list) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the worker has no memory for its lists");
        goto out;
    }
    for (size_t first = 0, end; first < rows; first = end) {
        end = list_end(group, rows, first);
        of_list[lists_n] = weight[first];
        n[lists_n++] = (unsigned)(end - first);
    }
    if (c->library.matrix_set_whole(matrix, "group", n, lists_n) ||
        c->library.matrix_set(matrix, "weight", of_list, lists_n))
        st = refused(c, why);
out:
    free(n);
    free(of_list);
    return st;
}

static tdl_status make_matrix(child *c, const rows_of *r, tdl_xgb_matrix *ret, tdl_report *why)
{
    const tdl_xgboost *lib = &c->library;

    if (lib->matrix_new(r->x, r->n, c->head.cols, NAN, ret) ||
        lib->matrix_set(*ret, "label", r->y, r->n))
        return refused(c, why);
    if (r->group)
        return set_lists(c, *ret, r->weight, r->group, r->n, why);
    return lib->matrix_set(*ret, "weight", r->weight, r->n) ? refused(c, why) : TDL_OK;
}

/* Of the rows that are (`held`) or are not of the fold; copied, since the library takes a block. */
static tdl_status make_part(child *c, size_t fold, bool held, tdl_xgb_matrix *ret, tdl_report *why)
{
    size_t rows = (size_t)c->head.rows, cols = (size_t)c->head.cols, n = 0;
    float *x = malloc((rows + 1) * (cols + 2) * sizeof *x), *y, *weight;
    int32_t *group = c->group ? malloc((rows + 1) * sizeof *group) : NULL;
    tdl_status st;

    if (!x || (c->group && !group)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the worker has no memory for a part of its rows");
        goto out;
    }
    y = x + (rows + 1) * cols;
    weight = y + rows + 1;
    for (size_t i = 0; i < rows; i++) {
        if ((c->fold[i] == fold) != held)
            continue;
        memcpy(x + n * cols, c->x + i * cols, cols * sizeof *x);
        y[n] = c->y[i];
        if (group)
            group[n] = c->group[i];
        weight[n++] = c->weight[i];
    }
    st = n ? make_matrix(c, &(rows_of){x, y, weight, group, n}, ret, why)
           : TDL_FAIL(why, TDL_E_INVALID, "a fold without rows");
out:
    free(x);
    free(group);
    return st;
}

static tdl_status make_folds(child *c, tdl_report *why)
{
    size_t rows = (size_t)c->head.rows, n = 0;
    tdl_status st = TDL_OK;

    if (c->held_row)
        return TDL_OK;
    if (!(c->held_row = malloc((rows + 1) * sizeof *c->held_row)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the worker has no memory for its folds");
    for (size_t f = 0; f < c->head.folds_n; f++) {
        for (size_t i = 0; i < rows; i++)
            if (c->fold[i] == f) {
                c->held_row[n++] = (uint32_t)i;
                c->held_weight += (double)c->weight[i];
            }
        c->held_first[f + 1] = n;
    }
    for (size_t f = 0; !st && f < c->head.folds_n; f++)
        if (!(st = make_part(c, f, false, &c->trained[f], why)))
            st = make_part(c, f, true, &c->held[f], why);
    return st;
}

/* ---- boosters ---- */

static tdl_status make_booster(child *c, const tdl_xgb_matrix *matrix, size_t matrices_n,
                               tdl_str parameters, tdl_xgb_booster *ret, tdl_report *why)
{
    const char *at = parameters.at, *end = at + parameters.len;

    if (c->library.booster_new(matrix, matrices_n, ret))
        return refused(c, why);
    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (value >= end)
            return TDL_FAIL(why, TDL_E_INVALID, "parameter %s has no value", at);
        if (c->library.booster_set(*ret, at, value))
            return refused(c, why);
        at = value + strlen(value) + 1;
    }
    return TDL_OK;
}

static double softmax_loss(const float *margin, size_t n, size_t class_of)
{
    double most = (double)margin[0], sum = 0;

    for (size_t g = 1; g < n; g++)
        most = fmax(most, (double)margin[g]);
    for (size_t g = 0; g < n; g++)
        sum += exp((double)margin[g] - most);
    return log(sum) + most - (double)margin[class_of];
}

static double loss_of(const tdl_xgb_request *q, const float *margin, size_t n, float y)
{
    double m = (double)margin[0], target = (double)y, d = q->parameter;

    switch ((tdl_xgboost_loss)q->loss) {
    case TDL_XGBOOST_LOGISTIC:
        m = target > .5 ? -m : m;
        return m > 0 ? m + log1p(exp(-m)) : log1p(exp(m));
    case TDL_XGBOOST_SOFTMAX:
        return softmax_loss(margin, n, (size_t)target);
    case TDL_XGBOOST_ABSOLUTE:
        return fabs(m - target);
    case TDL_XGBOOST_POISSON:
        return exp(m) - target * m;
    case TDL_XGBOOST_HUBER:
        return d * (sqrt(d * d + (m - target) * (m - target)) - d);
    case TDL_XGBOOST_TWEEDIE:
        return exp((2 - d) * m) / (2 - d) - target * exp((1 - d) * m) / (1 - d);
    case TDL_XGBOOST_NDCG: // of a list, not of a row: list_loss
    case TDL_XGBOOST_SQUARED:
        break;
    }
    return (m - target) * (m - target);
}

/* Of lists: 1 - NDCG, times the weight of all. Where nothing is relevant, 0. */
static tdl_status lists_loss(const child *c, size_t fold, const float *margin, double *ret,
                             tdl_report *why)
{
    size_t first = c->held_first[fold], n = c->held_first[fold + 1] - first;
    const tdl_metric *ndcg = tdl_metric_default(TDL_METRIC_RANKING);
    double *y = malloc((3 * n + 1) * sizeof *y), *score, *weight, value = 1, weights = 0;
    int32_t *list = malloc((n + 1) * sizeof *list);
    tdl_status st;

    if (!y || !list) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "the worker has no memory to measure %zu rows", n);
        goto out;
    }
    score = y + n;
    weight = score + n;
    for (size_t i = 0; i < n; i++) {
        uint32_t row = c->held_row[first + i];

        y[i] = (double)c->y[row];
        score[i] = (double)margin[i];
        weights += weight[i] = (double)c->weight[row];
        list[i] = c->group ? c->group[row] : 0;
    }
    const tdl_scored scored = {.task = TDL_METRIC_RANKING,
                               .n = n,
                               .width = 1,
                               .y = y,
                               .p = score,
                               .weight = weight,
                               .list = list};
    st = tdl_metric_value(ndcg, &scored, &value, why);
    if (st == TDL_E_INVALID) {
        value = 1;
        st = TDL_OK;
    }
    *ret = (1 - value) * weights;
out:
    free(y);
    free(list);
    return st;
}

/* The sum over the rows held out of the fold. The library keeps their margins and adds only what
 * the new trees give. */
static tdl_status held_loss(child *c, size_t fold, tdl_xgb_booster booster,
                            const tdl_xgb_request *q, double *ret, tdl_report *why)
{
    static const char config[] = "{\"type\":1,\"training\":false,\"iteration_begin\":0,"
                                 "\"iteration_end\":0,\"strict_shape\":true}";
    size_t first = c->held_first[fold], rows = c->held_first[fold + 1] - first;
    size_t groups_n = (size_t)q->groups_n;
    const uint64_t *shape;
    uint64_t rank;
    const float *margin;
    double sum = 0;

    if (c->library.predict(booster, c->held[fold], config, &shape, &rank, &margin))
        return refused(c, why);
    if (rank != 2 || shape[0] != rows || shape[1] != groups_n)
        return TDL_FAIL(why, TDL_E_INTERNAL, "libxgboost predicts %llu by %llu values, not %zu",
                        (unsigned long long)shape[0], (unsigned long long)shape[1], rows);
    if (q->loss == TDL_XGBOOST_NDCG)
        return lists_loss(c, fold, margin, ret, why);
    for (size_t i = 0; i < rows; i++) {
        uint32_t row = c->held_row[first + i];
        sum += (double)c->weight[row] * loss_of(q, margin + i * groups_n, groups_n, c->y[row]);
    }
    *ret = sum;
    return TDL_OK;
}

static tdl_status find_rounds(child *c, const tdl_xgb_request *q, tdl_str parameters,
                              tdl_report *why)
{
    tdl_xgb_booster booster[TDL_XGBOOST_FOLDS_MAX] = {0};
    double until = q->seconds > 0 ? now() + q->seconds : INFINITY, best = INFINITY;
    uint32_t best_round = 1;
    tdl_status st = make_folds(c, why);

    if (!st && !(c->held_weight > 0))
        st = TDL_FAIL(why, TDL_E_INVALID, "no row is held out to see when to stop");
    for (size_t f = 0; !st && f < c->head.folds_n; f++) {
        tdl_xgb_matrix both[] = {c->trained[f], c->held[f]};
        st = make_booster(c, both, 2, parameters, &booster[f], why);
    }
    for (uint32_t round = 0; !st && round < q->rounds && now() < until; round++) {
        double sum = 0, part = 0;

        for (size_t f = 0; !st && f < c->head.folds_n; f++) {
            if (c->library.booster_update(booster[f], (int)round, c->trained[f]))
                st = refused(c, why);
            else
                st = held_loss(c, f, booster[f], q, &part, why);
            sum += part;
        }
        if (!st)
            say(TDL_XGB_BEAT, round, 0, NULL, 0);
        if (sum < best) {
            best = sum;
            best_round = round + 1;
        } else if (round + 1 >= best_round + q->patience && round + 1 >= q->minimum) {
            break;
        }
    }
    for (size_t f = 0; f < c->head.folds_n; f++)
        if (booster[f])
            c->library.booster_free(booster[f]);
    if (!st)
        say(TDL_XGB_RESULT, best_round, best / c->held_weight, NULL, 0);
    return st;
}

static tdl_status train(child *c, const tdl_xgb_request *q, tdl_str parameters, tdl_report *why)
{
    double until = q->seconds > 0 ? now() + q->seconds : INFINITY;
    tdl_xgb_booster booster = NULL;
    const char *model;
    uint64_t model_n;
    uint32_t round = 0;
    tdl_status st = TDL_OK;

    if (!c->all)
        st = make_matrix(c, &(rows_of){c->x, c->y, c->weight, c->group, (size_t)c->head.rows},
                         &c->all, why);
    if (!st)
        st = make_booster(c, &c->all, 1, parameters, &booster, why);
    while (!st && round < q->rounds && (round == 0 || now() < until)) {
        if (c->library.booster_update(booster, (int)round, c->all))
            st = refused(c, why);
        else
            say(TDL_XGB_BEAT, ++round, 0, NULL, 0);
    }
    if (!st && c->library.save(booster, "{\"format\":\"ubj\"}", &model_n, &model))
        st = refused(c, why);
    if (!st && model_n > TDL_XGB_MODEL_MAX)
        st = TDL_FAIL(why, TDL_E_TOO_LARGE, "a model of %llu bytes", (unsigned long long)model_n);
    if (!st)
        say(TDL_XGB_RESULT, round, 0, model, (size_t)model_n);
    if (booster)
        c->library.booster_free(booster);
    return st;
}

/* Answer one request. */
static tdl_status serve(child *c, tdl_report *why)
{
    tdl_xgb_request q;
    char *parameters;
    tdl_status st;

    read_all(&q, sizeof q);
    if (q.parameters_n > TDL_XGB_PARAMETERS_MAX ||
        !(parameters = malloc((size_t)q.parameters_n + 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the worker has no memory for a request");
    read_all(parameters, q.parameters_n);
    parameters[q.parameters_n] = '\0';
    tdl_str given = {parameters, q.parameters_n};
    st = q.ask == TDL_XGB_ROUNDS ? find_rounds(c, &q, given, why) : train(c, &q, given, why);
    free(parameters);
    return st;
}

static int work(void)
{
    static child c;
    tdl_report why = {0};
    tdl_status st;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    if (!(st = tdl_xgboost_open(NULL, &c.library, &why)))
        st = map_data(&c, &why);
    if (!st)
        say(TDL_XGB_READY, 0, 0, NULL, 0);
    while (!st)
        st = serve(&c, &why);
    say_failed(&why);
    return 0;
}

/* Before main(), which may be of a test or of a server, and must not run here. */
__attribute__((constructor)) static void become_worker(int argc, char **argv)
{
    if (argc == 2 && argv[1] && strcmp(argv[1], tdl_xgboost_worker_argument) == 0)
        _exit(work());
}
