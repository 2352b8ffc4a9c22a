/* The matrix rungs on MovieLens-100K: 943 people, 1,682 films, in order of time. Reference figures:
 * spec/recommend.md sections 5.1 (leave-last-out, fixed parameters) and 5.3 (held-out people, a
 * fifth of what they saw hidden), computed independently in Python.
 */
#include "reference.h"

#include "apps/recommend/ease.h"
#include "apps/recommend/ials.h"
#include "apps/recommend/measure.h"
#include "stats/tied.h"
#include "table/input.h"

enum { PEOPLE = 943, FILMS = 1682, PAIRS = 100000, D = 64, EPOCHS = 16 };

typedef struct films {
    bool present;
    size_t offsets[PEOPLE + 1];
    int32_t item[PAIRS];
    int64_t time_us[PAIRS];
    tdl_interactions all;
} films;

static void read_lines(films *f, const char *at)
{
    size_t n = 0;

    for (size_t user = 0; user < PEOPLE; user++, at++) {
        while (*at != '\n') {
            char *end;
            long number = strtol(at, &end, 10);
            assert_true(end > at && number >= 1 && number <= FILMS && n < PAIRS);
            f->time_us[n] = (int64_t)n;
            f->item[n++] = (int32_t)(number - 1);
            at = *end == ' ' ? end + 1 : end;
        }
        f->offsets[user + 1] = n;
    }
    assert_int_equal(n, PAIRS);
    f->all = (tdl_interactions){PEOPLE, FILMS, f->offsets, f->item, f->time_us};
}

static int set_up(void **state)
{
    enum { BYTES_MAX = 1 << 20 };
    const char *folder = getenv("TREADLE_SEQUENCES");
    films *f = calloc(1, sizeof *f);
    char path[512], *text = calloc(1, BYTES_MAX);
    tdl_input *input = NULL;
    tdl_report why = {0};
    size_t n = 0, more = 1;

    *state = f;
    snprintf(path, sizeof path, "%s/ml100k.seq.zst", folder ? folder : ".");
    if (tdl_input_open(path, &input, &why)) {
        fprintf(stderr, "SKIPPED: %s\n", why.message);
        free(text);
        return 0;
    }
    for (; more && n < BYTES_MAX - 1; n += more)
        expect_ok(tdl_input_read(input, text + n, BYTES_MAX - 1 - n, &more, &why), &why);
    tdl_input_close(input);
    read_lines(f, text);
    f->present = true;
    free(text);
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* ---- the models with given parameters ---- */

static tdl_status score_ease(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *scores)
{
    return tdl_ease_score(model, history, scratch, scores);
}

static const tdl_rung_ops fixed_ease = {.name = "ease", .score = score_ease};

typedef struct factors {
    tdl_ials_fit *fit;
    tdl_ials_side side;
    double gram[D * D];
} factors;

static tdl_status score_ials(const void *model, const tdl_history *history, tdl_arena *scratch,
                             float *scores)
{
    const factors *f = model;
    double *room = tdl_arena_alloc(scratch, tdl_ials_room(&f->side, history->n), sizeof *room);
    double w[D];

    if (!room || tdl_ials_fold_in(&f->side, history->item, history->n, w, room, NULL))
        return TDL_E_NO_MEMORY;
    for (size_t j = 0; j < FILMS; j++) {
        double sum = 0;
        for (size_t k = 0; k < D; k++)
            sum += w[k] * (double)f->side.vector[j * D + k];
        scores[j] = (float)sum;
    }
    return TDL_OK;
}

static const tdl_rung_ops fixed_ials = {.name = "ials", .score = score_ials};

static tdl_ease *fit_ease(const tdl_fit_data *data, double lambda)
{
    tdl_ease_params params = {.lambda = lambda};
    tdl_ease *model = NULL;
    tdl_report why = {0};

    expect_ok(tdl_ease_fit(&params, data, NULL, &model, &why), &why);
    return model;
}

static void fit_ials(factors *f, const tdl_fit_data *data, double lambda, double a0)
{
    tdl_ials_params params = {.d = D, .block = 32, .lambda = lambda, .a0 = a0, .seed = 1};
    tdl_report why = {0};

    expect_ok(tdl_ials_begin(&params, data, NULL, &f->fit, &why), &why);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        expect_ok(tdl_ials_pass_users(f->fit, &why), &why);
        expect_ok(tdl_ials_pass_items(f->fit, &why), &why);
    }
    f->side = (tdl_ials_side){
        .params = params, .n = FILMS, .vector = tdl_ials_items(f->fit), .gram = f->gram};
    expect_ok(tdl_ials_gram(f->side.vector, FILMS, D, NULL, f->gram, &why), &why);
}

/* ---- the last film of each ---- */

static void measure_last(const films *f, const tdl_rung_ops *rung, const void *model,
                         const tdl_fit_data *data, double *ret_hr, double *ret_ndcg)
{
    bool everybody[PEOPLE];
    tdl_outcome outcome;
    tdl_report why = {0};

    memset(everybody, true, sizeof everybody);
    expect_ok(tdl_outcome_init(&outcome, PEOPLE, &why), &why);
    expect_ok(tdl_measure(rung, model, data, everybody, NULL, &outcome, &why), &why);
    *ret_hr = tdl_mean(outcome.hr, f->all.users_n);
    *ret_ndcg = tdl_mean(outcome.ndcg, f->all.users_n);
    tdl_outcome_release(&outcome);
}

/* Fitted on all but the last. The reference's ALS is of unscaled regularisation, by another
 * program: no figure to the digit. */
static void the_last_film_is_found_as_often_as_by_the_reference(void **state)
{
    const films *f = *state;
    size_t end[PEOPLE];
    factors ials;
    double hr, ndcg;

    if (!f->present)
        skip();
    for (size_t user = 0; user < PEOPLE; user++)
        end[user] = f->offsets[user + 1] - 1;
    tdl_fit_data data = {&f->all, end};
    tdl_ease *ease = fit_ease(&data, 500);
    measure_last(f, &fixed_ease, ease, &data, &hr, &ndcg);
    print_message("EASE, lambda 500: HR@10 %.4f (.1453), NDCG@10 %.4f (.0737)\n", hr, ndcg);
    expect_near(hr, .1453, .001);
    expect_near(ndcg, .0737, .001);
    tdl_ease_free(ease);
    fit_ials(&ials, &data, .01, .3);
    measure_last(f, &fixed_ials, &ials, &data, &hr, &ndcg);
    print_message("iALS++, d 64: HR@10 %.4f (ALS .1495), NDCG@10 %.4f (ALS .0781)\n", hr, ndcg);
    assert_true(hr >= .1495 - .013 && ndcg >= .0781 - .008); /* one standard error */
    tdl_ials_end(ials.fit);
}

/* ---- people held out ---- */

typedef struct strong {
    double recall20, recall50, ndcg100;
} strong;

/* Every fifth film of every fifth person is hidden. */
static strong measure_strong(const films *f, const tdl_rung_ops *rung, const void *model)
{
    tdl_arena *scratch = tdl_arena_new(1 << 22);
    float *scores = calloc(FILMS, sizeof *scores);
    strong s = {0};
    size_t people = 0;

    assert_non_null(scores);
    for (size_t user = 0; user < PEOPLE; user += 5) {
        int32_t seen[FILMS], hidden[FILMS];
        int64_t times[FILMS] = {0};
        bool excluded[FILMS] = {0};
        size_t seen_n = 0, hidden_n = 0;
        tdl_tied at[3];

        for (size_t i = f->offsets[user]; i < f->offsets[user + 1]; i++) {
            if ((i - f->offsets[user]) % 5 == 4)
                hidden[hidden_n++] = f->item[i];
            else
                excluded[seen[seen_n++] = f->item[i]] = true;
        }
        tdl_arena_reset(scratch);
        assert_int_equal(rung->score(model, &(tdl_history){seen, times, seen_n}, scratch, scores),
                         TDL_OK);
        assert_int_equal(tdl_tied_metrics(scores, excluded, FILMS, hidden, hidden_n, hidden_n,
                                          (const size_t[]){20, 50, 100}, 3, scratch, at),
                         TDL_OK);
        s.recall20 += at[0].recall;
        s.recall50 += at[1].recall;
        s.ndcg100 += at[2].ndcg;
        people++;
    }
    tdl_arena_free(scratch);
    free(scores);
    return (strong){s.recall20 / (double)people, s.recall50 / (double)people,
                    s.ndcg100 / (double)people};
}

static void hidden_films_of_strangers_are_found_as_often_as_by_the_reference(void **state)
{
    const films *f = *state;
    size_t end[PEOPLE];
    factors ials;

    if (!f->present)
        skip();
    for (size_t user = 0; user < PEOPLE; user++) /* 0 is for the test, 1 for validation */
        end[user] = user % 5 < 2 ? f->offsets[user] : f->offsets[user + 1];
    tdl_fit_data data = {&f->all, end};
    tdl_ease *ease = fit_ease(&data, 200);
    strong s = measure_strong(f, &fixed_ease, ease);
    print_message("EASE, lambda 200: recall@20 %.4f (.4592), @50 %.4f (.5719), NDCG@100 %.4f "
                  "(.5265)\n",
                  s.recall20, s.recall50, s.ndcg100);
    expect_near(s.recall20, .4592, .002);
    expect_near(s.recall50, .5719, .002);
    expect_near(s.ndcg100, .5265, .002);
    tdl_ease_free(ease);
    fit_ials(&ials, &data, .01, .3);
    s = measure_strong(f, &fixed_ials, &ials);
    print_message("iALS++, d 64: recall@20 %.4f (.4674), @50 %.4f (.5819), NDCG@100 %.4f (.5290)\n",
                  s.recall20, s.recall50, s.ndcg100);
    assert_true(s.recall20 >= .46 && s.recall50 >= .57 && s.ndcg100 >= .52);
    tdl_ials_end(ials.fit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_film_is_found_as_often_as_by_the_reference),
        cmocka_unit_test(hidden_films_of_strangers_are_found_as_often_as_by_the_reference),
    };
    return cmocka_run_group_tests_name("recommend/ml100k", tests, set_up, tear_down);
}
