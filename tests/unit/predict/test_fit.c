/* From a frame to a predictor and its card; nested measuring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "apps/predict/card.h"
#include "made_table.h"

enum { ROWS = 300 };

static void refuse(const tdl_frame *frame, tdl_predict_options options, const char *told)
{
    tdl_predictor *p = NULL;
    tdl_report why = {0};

    options.name = options.name ? options.name : "made";
    options.source = "made.csv";
    if (!options.target.column.len)
        options.target.column = TDL_STR("y");
    if (!options.models)
        options.models = "tree";
    assert_int_equal(tdl_predict_fit(frame, &options, &p, &why), TDL_E_INVALID);
    assert_null(p);
    if (!strstr(why.message, told))
        fail_msg("\"%s\" does not tell of \"%s\"", why.message, told);
}

static const json_t *column_of(const json_t *card, const char *name)
{
    const json_t *columns = json_object_get(card, "columns"), *column;
    size_t i;

    json_array_foreach(columns, i, column)
    {
        if (!strcmp(json_string_value(json_object_get(column, "name")), name))
            return column;
    }
    fail_msg("no column %s in the card", name);
    return NULL;
}

static bool is_asked_for(const tdl_predictor *p, const char *name)
{
    for (size_t i = 0; i < p->columns_n; i++)
        if (!strcmp(p->column[i], name))
            return true;
    return false;
}

/* ---- columns ---- */

static void columns_are_left_out_with_their_reason(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "x,copy,one,gone,fold,y\n");
    for (size_t i = 0; i < ROWS; i++) {
        double x = made_u(1, i);
        tdl_buf_printf(&text, "%.4f,%.4f,7,,%zu,%s\n", x, x, i % 4,
                       x + made_u(2, i) > 1 ? "yes" : "no");
    }
    tdl_frame frame = test_frame(text.at);
    tdl_predictor *p = made_predictor(&frame, "y", "tree", &(tdl_predict_options){.fold = "fold"});
    static const char *const reasons[][2] = {{"copy", "duplicate"},
                                             {"one", "constant"},
                                             {"gone", "constant"},
                                             {"fold", "fold"},
                                             {"y", "target"}};
    for (size_t i = 0; i < 5; i++) {
        const json_t *reason = json_object_get(column_of(p->card, reasons[i][0]), "left_out");
        assert_string_equal(json_string_value(reason), reasons[i][1]);
        assert_false(is_asked_for(p, reasons[i][0]));
    }
    assert_true(is_asked_for(p, "x"));
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    tdl_buf_release(&text);
}

static void a_leak_is_refused_by_name_unless_it_is_allowed(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzkv"); // of v, k is known at once
    tdl_predictor *p;

    (void)state;
    refuse(&frame, (tdl_predict_options){.target.column = TDL_STR("k")},
           "column v alone tells the target");
    refuse(&frame, (tdl_predict_options){.target.column = TDL_STR("k"), .bare = true},
           "column v alone tells the target");
    p = made_predictor(&frame, "k", "tree", &(tdl_predict_options){.allow_leak = "v"});
    assert_true(is_asked_for(p, "v"));
    tdl_predictor_free(p);
    p = made_predictor(&frame, "k", "tree", &(tdl_predict_options){.drop = "v"});
    assert_false(is_asked_for(p, "v"));
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void a_constant_number_is_learnt_and_noted(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "x,y\n");
    for (size_t i = 0; i < 100; i++)
        tdl_buf_printf(&text, "%.4f,5\n", made_u(1, i));
    tdl_frame frame = test_frame(text.at);
    tdl_predictor *p = made_predictor(&frame, "y", "linear,tree", NULL);
    double *answer = made_answers(p, &frame, NULL);
    for (size_t i = 0; i < 100; i++)
        assert_true(fabs(answer[i] - 5) < 1e-6);
    const json_t *notes = json_object_get(p->card, "notes");
    assert_string_equal(json_string_value(json_array_get(notes, 0)), "constant_target");
    free(answer);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    tdl_buf_release(&text);
}

static void what_cannot_be_fitted_is_named_before_the_contest(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcky"), few = made_frame(3, "xv");

    (void)state;
    refuse(&frame, (tdl_predict_options){.target.column = TDL_STR("nope")}, "\"nope\" to predict");
    refuse(&frame, (tdl_predict_options){.drop = "k,nope"}, "there is no column \"nope\"");
    refuse(&frame, (tdl_predict_options){.fairness = "nope"}, "there is no column \"nope\"");
    refuse(&frame, (tdl_predict_options){.target.column = TDL_STR("c"), .fairness = "k"},
           "fairness is audited of");
    refuse(&frame, (tdl_predict_options){.metric = "best"}, "there is no metric \"best\"");
    refuse(&frame, (tdl_predict_options){.weight = "c"}, "weights must be numbers");
    refuse(&frame, (tdl_predict_options){.weight = "x"}, "has no weight of 0 or more");
    refuse(&frame, (tdl_predict_options){.time = "c"}, "column c is no time");
    refuse(&few, (tdl_predict_options){.target.column = TDL_STR("v")}, "3 rows have a target");
    tdl_frame_release(&frame);
    tdl_frame_release(&few);
}

/* ---- cost, weights ---- */

/* Elkan, 2001: yes from fp / (fp + fn) on. */
static void costs_move_the_threshold(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p =
        made_predictor(&frame, "y", "logistic", &(tdl_predict_options){.cost_fp = 1, .cost_fn = 4});

    (void)state;
    assert_true(fabs(p->threshold - 0.2) < 1e-12);
    tdl_predictor_free(p);
    p = made_predictor(&frame, "y", "logistic", NULL);
    assert_true(p->threshold == 0.5);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

/* A row of weight 0 might as well not be there. */
static void rows_of_no_weight_do_not_count(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "x,w,v\n");
    for (size_t i = 0; i < ROWS; i++)
        tdl_buf_printf(&text, "%.5f,%d,%.5f\n", made_u(1, i), i % 3 > 0,
                       i % 3 ? 2 * made_u(1, i) : 100 * made_u(7, i));
    tdl_frame frame = test_frame(text.at);
    tdl_predictor *p = made_predictor(
        &frame, "v", "linear", &(tdl_predict_options){.weight = "w", .no_blend = true, .folds = 3});
    if (!strcmp(p->member[0].learner->ops->name, "linear")) {
        double *answer = made_answers(p, &frame, NULL);
        for (size_t i = 0; i < ROWS; i++)
            assert_true(fabs(answer[i] - 2 * made_u(1, i)) < 0.05);
        free(answer);
    }
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    tdl_buf_release(&text);
}

/* ---- the card ---- */

static char *markdown(const json_t *card, const char *language)
{
    tdl_buf out = {0};

    tdl_card_markdown(card, language, "0123abcd", &out);
    assert_false(out.failed);
    tdl_buf_char(&out, '\0');
    return out.at;
}

/* Each row of a table has as many cells as its head. */
static void tables_are_whole(const char *text)
{
    size_t wanted = 0;

    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n"), bars = 0;

        for (size_t i = 0; i < n; i++)
            bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\');
        if (line[0] != '|')
            wanted = 0;
        else if (!wanted)
            wanted = bars;
        else if (bars != wanted)
            fail_msg("%zu cells, not %zu: %.*s", bars, wanted, (int)n, line);
        line += n + (line[n] == '\n');
    }
}

static void the_card_reads_in_both_languages(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcky");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic,tree",
                                      &(tdl_predict_options){.fairness = "c", .drop = "k"});
    char *en = markdown(p->card, "en"), *zh = markdown(p->card, "zh");

    (void)state;
    assert_non_null(strstr(en, "Fairness"));
    assert_non_null(strstr(en, "logistic"));
    assert_non_null(strstr(en, "0123abcd"));
    assert_non_null(strstr(en, "| group | rows | selected | true positives | false positives |"));
    assert_non_null(strstr(zh, "公平性"));
    assert_non_null(strstr(zh, "真正率"));
    assert_non_null(strstr(zh, "局限"));
    tables_are_whole(en);
    tables_are_whole(zh);
    assert_null(strstr(en, "nan"));
    free(en);
    free(zh);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

/* Four words of letters after each other are a sentence that nobody translated; names in backticks
 * are names. */
static void has_no_english_sentence(const char *text)
{
    size_t words = 0, letters = 0;
    bool code = false;

    for (const char *at = text; *at; at++) {
        bool letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');

        code ^= *at == '`';
        if (code || (!letter && *at != ' ')) {
            words = letters = 0;
            continue;
        }
        words += letter && letters == 0;
        letters = letter ? letters + 1 : 0;
        if (words > 3)
            fail_msg("English: %.60s", at);
    }
}

static void the_chinese_card_has_no_english_sentence(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcky"), numbers = made_frame(40, "xzcv");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic,tree",
                                      &(tdl_predict_options){.fairness = "c",
                                                             .drop = "k",
                                                             .cost_fp = 1,
                                                             .cost_fn = 5,
                                                             .drop_duplicates = true,
                                                             .equal = "selection",
                                                             .equal_by = "c",
                                                             .reason = "因为"});
    tdl_predictor *q = made_predictor(&numbers, "v", "auto",
                                      &(tdl_predict_options){.fairness = "c", .budget = 0.001});
    char *zh = markdown(p->card, "zh"), *of_numbers = markdown(q->card, "zh");
    tdl_buf board = {0};

    (void)state;
    has_no_english_sentence(zh);
    has_no_english_sentence(of_numbers);
    assert_non_null(strstr(zh, "决策代价"));
    assert_non_null(strstr(of_numbers, "预算"));
    assert_non_null(strstr(of_numbers, "平均残差"));
    tables_are_whole(of_numbers);
    tdl_card_leaderboard(q->card, "zh", &board);
    tdl_buf_char(&board, '\0');
    has_no_english_sentence(board.at);
    tdl_buf_release(&board);
    free(zh);
    free(of_numbers);
    tdl_predictor_free(p);
    tdl_predictor_free(q);
    tdl_frame_release(&frame);
    tdl_frame_release(&numbers);
}

static double figure_at(const json_t *object, const char *key)
{
    double value;

    if (!tdl_json_get_number(object, key, &value))
        fail_msg("no %s", key);
    return value;
}

/* The leaderboard, the choice, the gain and the quality all speak of means over the folds. */
static void every_figure_of_the_card_is_the_same_mean(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_predictor *p = made_predictor(&frame, "y", "logistic",
                                      &(tdl_predict_options){.no_blend = true, .folds = 3});
    const json_t *board = json_object_get(p->card, "leaderboard");
    const json_t *first = json_array_get(board, 0), *entry, *gain;
    const json_t *auc =
        json_object_get(json_object_get(json_object_get(p->card, "quality"), "metrics"), "auc");
    double value = figure_at(first, "value");
    size_t i, k;

    (void)state;
    assert_true(fabs(figure_at(json_object_get(p->card, "chosen"), "value") - value) < 1e-12);
    if (p->calibration.method != TDL_CALIBRATION_ISOTONIC) // that makes ties
        assert_true(fabs(figure_at(auc, "value") - value) < 1e-12);
    json_array_foreach(json_object_get(p->card, "gain"), i, gain)
    {
        json_array_foreach(board, k, entry)
        {
            if (!strcmp(json_string_value(json_object_get(entry, "model")),
                        json_string_value(json_object_get(gain, "over"))))
                assert_true(fabs(figure_at(gain, "value") - value + figure_at(entry, "value")) <
                            1e-12);
        }
        assert_true(figure_at(gain, "low") <= figure_at(gain, "value"));
        assert_true(figure_at(gain, "high") >= figure_at(gain, "value"));
    }
    assert_true(i > 1);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
}

static void names_cannot_break_the_card(void **state)
{
    tdl_buf text = {0};

    (void)state;
    tdl_buf_text(&text, "\"a|b\",\"<script>\",\"y|`\"\n");
    for (size_t i = 0; i < 100; i++)
        tdl_buf_printf(&text, "%.4f,%.4f,%s\n", made_u(1, i), made_u(2, i),
                       made_u(1, i) + made_u(3, i) > 1 ? "|yes|" : "|no|");
    tdl_frame frame = test_frame(text.at);
    tdl_predictor *p = made_predictor(&frame, "y|`", "logistic,tree", NULL);
    char *en = markdown(p->card, "en");
    tables_are_whole(en);
    free(en);
    tdl_predictor_free(p);
    tdl_frame_release(&frame);
    tdl_buf_release(&text);
}

/* A card out of a file may hold anything. */
static void a_hostile_card_is_written_without_harm(void **state)
{
    static const char *const cases[] = {
        "{}",
        "[]",
        "null",
        "7",
        "{\"leaderboard\":[1,{},{\"model\":7},null],\"notes\":[1,null,\"few_rows\"]}",
        "{\"leaderboard\":{},\"gain\":[{},7],\"quality\":[],\"importance\":[[],{\"column\":[]}]}",
        "{\"fairness\":[7,{\"audit\":7},{\"audit\":{\"groups\":[1,{}]}}],\"leaks\":[1,{}]}",
        "{\"quality\":{\"metrics\":{\"auc\":7},\"calibration\":[1,{}],\"confusion\":[]}}",
        "{\"target\":7,\"columns\":[1],\"split\":[],\"chosen\":[],\"cost\":7,\"name\":[]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *card = json_loads(cases[i], JSON_DECODE_ANY, NULL);
        tdl_buf board = {0};

        assert_non_null(card);
        free(markdown(card, "en"));
        free(markdown(card, "zh"));
        tdl_card_leaderboard(card, "en", &board);
        tdl_buf_release(&board);
        json_decref(card);
    }
}

/* ---- nested ---- */

static json_t *nested(const tdl_frame *frame, tdl_predict_options options)
{
    tdl_buf text = {0};
    tdl_report why;

    options.name = "made";
    options.source = "made.csv";
    if (tdl_predict_nested(frame, &options, &text, &why))
        fail_msg("%s", why.message);
    json_t *report = json_loadb(text.at, text.len, 0, NULL);
    assert_non_null(report);
    tdl_buf_release(&text);
    return report;
}

static void nested_measures_each_outer_fold_without_it(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcy");
    const json_t *fold;
    size_t i, tested = 0;
    double sum = 0;

    (void)state;
    json_t *report =
        nested(&frame, (tdl_predict_options){
                           .target.column = TDL_STR("y"), .models = "logistic,tree", .folds = 3});
    json_array_foreach(json_object_get(report, "folds"), i, fold)
    {
        json_int_t test = json_integer_value(json_object_get(fold, "test_rows"));
        assert_int_equal(test + json_integer_value(json_object_get(fold, "train_rows")), ROWS);
        tested += (size_t)test;
        sum += json_number_value(json_object_get(fold, "value"));
    }
    assert_int_equal(i, 3);
    assert_int_equal(tested, ROWS);
    assert_true(fabs(json_number_value(json_object_get(report, "value")) - sum / 3) < 1e-12);
    assert_true(json_number_value(json_object_get(report, "value")) > 0.75);
    json_decref(report);
    tdl_frame_release(&frame);
}

/* With v dropped, k is about as hard to tell as y; with it, it would be known for sure. */
static void nested_keeps_to_what_was_dropped_when_folds_are_given(void **state)
{
    tdl_frame frame = made_frame(ROWS, "xzcvy");

    (void)state;
    json_t *report = nested(
        &frame, (tdl_predict_options){
                    .target.column = TDL_STR("y"), .models = "tree", .fold = "c", .drop = "v"});
    assert_true(json_number_value(json_object_get(report, "value")) < 0.95);
    assert_int_equal(json_array_size(json_object_get(report, "folds")), 3);
    json_decref(report);
    tdl_frame_release(&frame);
}

static void nested_tells_nothing_of_a_coin(void **state)
{
    tdl_frame frame = made_frame(1500, "xzgt");

    (void)state;
    json_t *report = nested(&frame, (tdl_predict_options){.target.column = TDL_STR("coin"),
                                                          .models = "logistic,tree",
                                                          .folds = 3});
    assert_true(fabs(json_number_value(json_object_get(report, "value")) - 0.5) < 0.05);
    json_decref(report);
    tdl_frame_release(&frame);
}

/* ---- replay ---- */

static void the_same_fit_gives_the_same_card_but_for_times(void **state)
{
    static const char *const times[] = {"created", "cost"};
    tdl_frame frame = made_frame(ROWS, "xzcy");
    tdl_pool *pool = tdl_pool_new(2);
    const tdl_predict_options options = {.seed = 9, .pool = pool};
    tdl_predictor *a = made_predictor(&frame, "y", "logistic,tree,spline", NULL);
    tdl_predictor *b = made_predictor(&frame, "y", "logistic,tree,spline", NULL);
    tdl_predictor *c = made_predictor(&frame, "y", "logistic,tree,spline", &options);

    (void)state;
    for (tdl_predictor **p = (tdl_predictor *[]){a, b, c, NULL}; *p; p++) {
        const json_t *leaderboard = json_object_get((*p)->card, "leaderboard");
        for (size_t i = 0; i < 2; i++)
            json_object_del((*p)->card, times[i]);
        for (size_t i = 0; i < json_array_size(leaderboard); i++)
            json_object_del(json_array_get(leaderboard, i), "seconds");
    }
    assert_true(json_equal(a->card, b->card));
    assert_false(json_equal(a->card, c->card)); // another seed
    tdl_predictor_free(a);
    tdl_predictor_free(b);
    tdl_predictor_free(c);
    tdl_pool_free(pool);
    tdl_frame_release(&frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_left_out_with_their_reason),
        cmocka_unit_test(a_leak_is_refused_by_name_unless_it_is_allowed),
        cmocka_unit_test(a_constant_number_is_learnt_and_noted),
        cmocka_unit_test(what_cannot_be_fitted_is_named_before_the_contest),
        cmocka_unit_test(costs_move_the_threshold),
        cmocka_unit_test(rows_of_no_weight_do_not_count),
        cmocka_unit_test(the_card_reads_in_both_languages),
        cmocka_unit_test(the_chinese_card_has_no_english_sentence),
        cmocka_unit_test(every_figure_of_the_card_is_the_same_mean),
        cmocka_unit_test(names_cannot_break_the_card),
        cmocka_unit_test(a_hostile_card_is_written_without_harm),
        cmocka_unit_test(nested_measures_each_outer_fold_without_it),
        cmocka_unit_test(nested_keeps_to_what_was_dropped_when_folds_are_given),
        cmocka_unit_test(nested_tells_nothing_of_a_coin),
        cmocka_unit_test(the_same_fit_gives_the_same_card_but_for_times),
    };
    return cmocka_run_group_tests_name("predict/fit", tests, NULL, NULL);
}
