/* Folds. Expected: the project's reference values, refs/predict/vectors.json (NumPy), and the first
 * rows of fold 0 of six data sets that the sheet states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "frames.h"
#include "table/split.h"

static void keys_are_those_of_splitmix64(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_split_key(0, 0) == UINT64_C(16294208416658607535));
    assert_true(tdl_split_key(0, 1) == UINT64_C(7960286522194355700));
    assert_true(tdl_split_key(0, 2) == UINT64_C(487617019471545679));
    assert_true(tdl_split_key(0, 3) == UINT64_C(17909611376780542444));
    assert_true(tdl_split_key(0, 4) == UINT64_C(1961750202426094747));
}

static void twenty_rows_fall_as_in_the_reference(void **state)
{
    const uint32_t plain[] = {2, 2, 0, 4, 1, 0, 2, 0, 4, 3, 1, 3, 0, 1, 2, 4, 3, 4, 3, 1};
    const uint32_t stratified[] = {1, 3, 0, 1, 0, 3, 1, 4, 1, 2, 2, 3, 1, 2, 4, 0, 4, 0, 2, 0};
    const int32_t strata[] = {0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0, 0};
    uint32_t fold[20];

    TDL_UNUSED(state);
    assert_int_equal(tdl_split_folds(20, NULL, NULL, 0, 5, fold, NULL), TDL_OK);
    assert_memory_equal(fold, plain, sizeof fold);
    assert_int_equal(tdl_split_folds(20, strata, NULL, 0, 5, fold, NULL), TDL_OK);
    assert_memory_equal(fold, stratified, sizeof fold);
}

static void rows_keep_their_fold_when_others_go(void **state)
{
    const uint64_t key[] = {3, 1, 0, 2};
    uint32_t fold[4], sorted[4];

    TDL_UNUSED(state);
    assert_int_equal(tdl_split_folds(4, NULL, key, 7, 2, fold, NULL), TDL_OK);
    assert_int_equal(tdl_split_folds(4, NULL, NULL, 7, 2, sorted, NULL), TDL_OK);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(fold[i], sorted[key[i]]);
}

static void real_sets_fall_as_in_the_sheet(void **state)
{
    static const struct {
        const char *file, *target;
        uint32_t row[5];
    } sets[] = {
        {"wa_churn.csv", "churn", {0, 2, 3, 6, 12}},
        {"mlc_churn.csv", "churn", {11, 22, 23, 31, 33}},
        {"credit_data.csv", "Status", {1, 3, 12, 13, 26}},
        {"GermanCredit.csv", "Class", {3, 9, 13, 39, 41}},
        {"BreastCancer.csv", "Class", {8, 11, 14, 20, 23}},
        {"HMDA.csv", "deny", {0, 4, 5, 8, 18}},
    };

    TDL_UNUSED(state);
    for (size_t s = 0; s < sizeof sets / sizeof sets[0]; s++) {
        char path[512];
        size_t target, n = 0;
        tdl_frame frame;
        uint32_t *fold;

        test_data_path("TREADLE_TEST_DATA", sets[s].file, path, sizeof path);
        frame = test_frame_file(path);
        assert_true(tdl_frame_find(&frame, tdl_str_of(sets[s].target), &target));
        fold = calloc(frame.rows, sizeof *fold);
        assert_non_null(fold);
        assert_int_equal(
            tdl_split_folds(frame.rows, frame.column[target].level, NULL, 0, 5, fold, NULL),
            TDL_OK);
        for (uint32_t i = 0; n < 5; i++)
            if (fold[i] == 0)
                assert_int_equal(i, sets[s].row[n++]);
        free(fold);
        tdl_frame_release(&frame);
    }
}

static void a_class_too_small_is_named(void **state)
{
    const int32_t strata[] = {0, 0, 0, 7, 0, 0, 7};
    tdl_report why = {0};
    uint32_t fold[7];

    TDL_UNUSED(state);
    assert_int_equal(tdl_split_folds(7, strata, NULL, 0, 3, fold, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "class 7 has 2 rows"));
    assert_int_equal(tdl_split_folds(7, NULL, NULL, 0, 1, fold, &why), TDL_E_INVALID);
    assert_int_equal(tdl_split_folds(3, NULL, NULL, 0, 4, fold, &why), TDL_E_INVALID);
}

/* By hand: groups of 4, 2, 2 and 1 rows into 2 folds are 4 + 1 and 2 + 2, or 4 and 2 + 2, the last
 * row then going to the smallest: 5 and 4 either way. */
static void groups_stay_whole_and_folds_level(void **state)
{
    const int32_t group[] = {9, -3, 9, 4, 9, 5, 9, -3, 4};
    size_t size[2] = {0};
    uint32_t fold[9];
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_split_groups(9, group, 1, 2, fold, NULL), TDL_OK);
    for (size_t i = 0; i < 9; i++) {
        size[fold[i]]++;
        for (size_t j = 0; j < i; j++)
            assert_true(group[i] != group[j] || fold[i] == fold[j]);
    }
    assert_true(size[0] + size[1] == 9 && (size[0] == 4 || size[0] == 5));
    assert_int_equal(tdl_split_groups(9, group, 1, 5, fold, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "4 groups cannot make 5 folds"));
}

static void time_goes_into_blocks_in_its_order(void **state)
{
    const double time[] = {30, 10, 20, 60, 50, 40, 40, 10};
    const double gap[] = {1, (double)NAN, 3}, few[] = {1, 1, 1, 1, 1, 2};
    // sorted 10 10 20 30 | 40 40 50 60 would part at 4 rows; of 4 blocks each has 2 rows
    const uint32_t block[] = {1, 0, 1, 3, 3, 2, 2, 0};
    uint32_t fold[8];
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_split_time(8, time, 3, fold, NULL), TDL_OK);
    assert_memory_equal(fold, block, sizeof fold);
    assert_int_equal(tdl_split_time(3, gap, 2, fold, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 2"));
    assert_int_equal(tdl_split_time(6, few, 2, fold, &why), TDL_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_splitmix64),
        cmocka_unit_test(twenty_rows_fall_as_in_the_reference),
        cmocka_unit_test(rows_keep_their_fold_when_others_go),
        cmocka_unit_test(real_sets_fall_as_in_the_sheet),
        cmocka_unit_test(a_class_too_small_is_named),
        cmocka_unit_test(groups_stay_whole_and_folds_level),
        cmocka_unit_test(time_goes_into_blocks_in_its_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
