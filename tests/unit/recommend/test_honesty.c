/* Is the gate honest? What cannot be known is not promoted: order that was shuffled away, events of
 * later, too few people. Each real log is absent in some places: its test then skips.
 */
#include "reference.h"

#include "apps/recommend/contenders.h"
#include "apps/recommend/cut.h"
#include "apps/recommend/figures.h"
#include "table/csv.h"
#include "table/input.h"

enum { PEOPLE = 943, PAIRS = 100000, RUNGS = 3, EASE_LAMBDA_300 = 13 };

/* ---- MovieLens-100K, a line a person ---- */

static char *read_sequences(void)
{
    enum { BYTES_MAX = 1 << 20 };
    const char *folder = getenv("TREADLE_SEQUENCES");
    char path[512], *text = calloc(1, BYTES_MAX);
    tdl_input *input = NULL;
    tdl_report why = {0};
    size_t n = 0, more = 1;

    snprintf(path, sizeof path, "%s/ml100k.seq.zst", folder ? folder : ".");
    if (tdl_input_open(path, &input, &why)) {
        fprintf(stderr, "SKIPPED: %s\n", why.message);
        free(text);
        skip();
    }
    for (; more && n < BYTES_MAX - 1; n += more)
        expect_ok(tdl_input_read(input, text + n, BYTES_MAX - 1 - n, &more, &why), &why);
    tdl_input_close(input);
    return text;
}

/* Each person's films at times of their own; shuffled: the times go round within the person. */
static tdl_feedback *read_films(bool shuffled)
{
    char *text = read_sequences(), user[16], item[16];
    const char *at = text;
    tdl_feedback *f = tdl_feedback_new();
    tdl_report why = {0};
    tdl_rng rng = tdl_rng_make(11, 1);

    for (int64_t u = 0; u < PEOPLE; u++, at++) {
        uint32_t order[1024], film[1024];
        size_t n = 0;
        char *end;
        for (; *at != '\n' && n < COUNT(film); at = *end == ' ' ? end + 1 : end, n++) {
            film[n] = (uint32_t)strtoul(at, &end, 10);
            order[n] = (uint32_t)n;
        }
        if (shuffled)
            tdl_rng_shuffle(&rng, order, n);
        for (size_t i = 0; i < n; i++) {
            snprintf(user, sizeof user, "u%d", (int)u);
            snprintf(item, sizeof item, "i%u", film[i]);
            tdl_feedback_row row = {
                tdl_str_of(user), tdl_str_of(item), {0}, (int64_t)order[i] * 1000000};
            expect_ok(tdl_feedback_add(f, &row, &why), &why);
        }
    }
    free(text);
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

/* All but the last film of each is learnt from, the last is asked about. */
static void split_last(const tdl_feedback *f, tdl_holdout *split)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    tdl_report why = {0};

    expect_ok(tdl_holdout_init(split, all->items_n, INT64_MAX, &why), &why);
    for (size_t u = 0; u < all->users_n; u++)
        expect_ok(tdl_holdout_train(split, all->item + all->offsets[u],
                                    all->time_us + all->offsets[u],
                                    all->offsets[u + 1] - all->offsets[u] - 1, &why),
                  &why);
    expect_ok(tdl_holdout_seal(split, &why), &why);
    for (size_t u = 0; u < all->users_n; u++) {
        size_t begin = all->offsets[u], n = all->offsets[u + 1] - begin - 1;
        tdl_question q = {.history = {all->item + begin, all->time_us + begin, n},
                          .target = all->item + begin + n,
                          .relevant_n = 1,
                          .excluded = all->item + begin,
                          .excluded_n = n,
                          .user = (int32_t)u};
        expect_ok(tdl_holdout_ask(split, &q, &why), &why);
    }
}

static const tdl_rung_ops *rung_named(const char *name)
{
    for (size_t i = 0; i < tdl_contenders_n; i++)
        if (!strcmp(tdl_contenders[i].name, name))
            return tdl_contenders[i].rung;
    fail_msg("no contender %s", name);
    return NULL;
}

/* Popularity, directed counts with their defaults, EASE: who serves, and by what. */
static size_t who_serves(bool shuffled, double mean[RUNGS], tdl_gate_row rows[RUNGS])
{
    static const char *const name[RUNGS] = {"popularity", "directed", "ease"};
    tdl_feedback *f = read_films(shuffled);
    double *ndcg[RUNGS];
    tdl_holdout split;
    size_t serves;
    tdl_report why = {0};

    split_last(f, &split);
    for (size_t r = 0; r < RUNGS; r++) {
        tdl_fit_options options = {.seed = 1, .setting = r == 2 ? EASE_LAMBDA_300 : 0};
        tdl_rung_trial trial;
        expect_ok(tdl_rung_trial_run(&split, rung_named(name[r]), &options, &trial, NULL, &why),
                  &why);
        mean[r] = tdl_rung_trial_ndcg10(&split, &trial);
        ndcg[r] = calloc(split.questions_n, sizeof *ndcg[r]);
        for (size_t i = 0; i < split.questions_n; i++)
            ndcg[r][i] = trial.value[i][TDL_K10].ndcg;
        tdl_rung_trial_release(&trial);
    }
    expect_ok(tdl_gate_cuts((const double *const *)ndcg, RUNGS, &split.questions_n, 1, PEOPLE, NULL,
                            1, rows, &serves, &why),
              &why);
    for (size_t r = 0; r < RUNGS; r++)
        free(ndcg[r]);
    print_message("%s: popularity %.4f, directed %.4f, ease %.4f\n",
                  shuffled ? "shuffled" : "in order", mean[0], mean[1], mean[2]);
    tdl_holdout_release(&split);
    tdl_feedback_free(f);
    return serves;
}

/* In order of time directed counts win; shuffled within people they lose to EASE, which knows no
 * order, and do not serve. */
static void counts_that_need_order_lose_when_it_is_shuffled_away(void **state)
{
    double mean[RUNGS];
    tdl_gate_row rows[RUNGS];

    TDL_UNUSED(state);
    assert_int_equal(who_serves(false, mean, rows), 1);
    assert_true(mean[1] > mean[2]);
    assert_int_equal(who_serves(true, mean, rows), 2);
    assert_true(mean[2] > mean[1]);
    assert_int_equal(rows[2].verdict, TDL_GATE_BETTER);
    assert_true(rows[2].difference.low > 0);
}

/* ---- a leak ---- */

/* "Taken in the end", an attribute of a person, put into his row as one more item. It was known
 * when the target happened, and with that time the split refuses it; a false, earlier time does not
 * help either, because the attribute's item was first seen after the cut. */
static void a_target_that_hides_in_an_attribute_stops_the_run(void **state)
{
    enum { KNOWN = 5, ATTRIBUTE = 5, CUT = 100 };
    static const int32_t row[] = {0, 3, ATTRIBUTE}, other[] = {0, 3, 4};
    static const int64_t honest_us[] = {10, 20, CUT + 7}, false_us[] = {10, 20, 30};
    tdl_holdout split;
    tdl_report why = {0};

    TDL_UNUSED(state);
    expect_ok(tdl_holdout_init(&split, KNOWN, CUT, &why), &why);
    assert_int_equal(tdl_holdout_train(&split, other, honest_us, 3, &why), TDL_E_INTERNAL);
    assert_non_null(strstr(why.message, "an event of later"));
    assert_int_equal(tdl_holdout_train(&split, row, false_us, 3, &why), TDL_E_INTERNAL);
    assert_non_null(strstr(why.message, "item 5 is not among the 5 known"));
    expect_ok(tdl_holdout_train(&split, other, false_us, 3, &why), &why);
    tdl_holdout_release(&split);
}

/* ---- MovieLens small: ratings are entered in one sitting ---- */

static tdl_feedback *read_ratings(void)
{
    const char *path = getenv("TREADLE_MOVIELENS");
    tdl_feedback *f = tdl_feedback_new();
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n, user, item, time;
    bool more = true;
    tdl_report why = {0};

    path = path && path[0] ? path : TREADLE_MOVIELENS;
    if (tdl_csv_open(path, NULL, &csv, &why)) {
        fprintf(stderr, "SKIPPED: %s is not there (tools/setup fetches it)\n", path);
        tdl_feedback_free(f);
        skip();
    }
    assert_true(tdl_csv_column(csv, "userId", &user) && tdl_csv_column(csv, "movieId", &item) &&
                tdl_csv_column(csv, "timestamp", &time));
    for (;;) {
        tdl_feedback_row row = {0};
        expect_ok(tdl_csv_next(csv, &field, &n, &more, &why), &why);
        if (!more)
            break;
        row.user = field[user];
        row.item = field[item];
        assert_true(tdl_str_int(field[time], &row.time_us));
        row.time_us *= 1000000;
        expect_ok(tdl_feedback_add(f, &row, &why), &why);
    }
    tdl_csv_close(csv);
    expect_ok(tdl_feedback_finish(f, &why), &why);
    return f;
}

static int by_time(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;

    return a < b ? -1 : a > b;
}

/* Reference: at cuts of 50 to 90 % of the events 22 to 34 known people remain, and 82 to 89 % of
 * the later events are of people nobody knew. The gate promotes nothing on so few. */
static void films_have_too_few_people_after_a_cut(void **state)
{
    tdl_feedback *f = read_ratings();
    const tdl_interactions *all = tdl_feedback_all(f);
    size_t n = all->offsets[all->users_n];
    int64_t *time_us = malloc(n * sizeof *time_us);

    TDL_UNUSED(state);
    memcpy(time_us, all->time_us, n * sizeof *time_us);
    qsort(time_us, n, sizeof *time_us, by_time);
    for (size_t tenth = 5; tenth <= 9; tenth++) {
        tdl_cut cut = {.cut_us = time_us[n / 10 * tenth], .end_us = INT64_MAX};
        tdl_holdout split;
        tdl_cut_facts facts;
        tdl_report why = {0};
        size_t serves = 9;
        expect_ok(tdl_cut_split(f, TDL_RECOMMEND_NEXT, cut, &split, &facts, &why), &why);
        double new_share = (double)facts.new_events / (double)facts.window_events;
        print_message("%zu0 %%: %zu known people, %.1f %% of events of new ones\n", tenth,
                      split.questions_n, 100 * new_share);
        assert_in_range(split.questions_n, 21, 35);
        assert_true(new_share > .815 && new_share < .895);
        double *nothing = calloc(split.questions_n, sizeof *nothing),
               *all_right = calloc(split.questions_n, sizeof *all_right);
        for (size_t i = 0; i < split.questions_n; i++)
            all_right[i] = 1;
        const double *ndcg[] = {nothing, all_right};
        tdl_gate_row rows[2];
        expect_ok(tdl_gate_cuts(ndcg, 2, &split.questions_n, 1, split.questions_n, NULL, 1, rows,
                                &serves, &why),
                  &why);
        assert_int_equal(serves, 0);
        assert_int_equal(rows[1].verdict, TDL_GATE_FEW_PEOPLE);
        free(nothing);
        free(all_right);
        tdl_holdout_release(&split);
    }
    free(time_us);
    tdl_feedback_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_that_need_order_lose_when_it_is_shuffled_away),
        cmocka_unit_test(a_target_that_hides_in_an_attribute_stops_the_run),
        cmocka_unit_test(films_have_too_few_people_after_a_cut),
    };
    return cmocka_run_group_tests_name("recommend/honesty", tests, NULL, NULL);
}
