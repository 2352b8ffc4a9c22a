/* k-anonymity and l-diversity. The table is the one of Machanavajjhala et al., "l-Diversity:
 * Privacy Beyond k-Anonymity" (ACM TKDD 1(1), 2007), figures 1 and 2: twelve inpatients,
 * 4-anonymous once generalised, and one group of four all have cancer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "table/anonymity.h"
#include "table/csv.h"

static const char generalised[] = "zip,age,nationality,condition\n"
                                  "130**,<30,*,Heart Disease\n130**,<30,*,Heart Disease\n"
                                  "130**,<30,*,Viral Infection\n130**,<30,*,Viral Infection\n"
                                  "1485*,>=40,*,Cancer\n1485*,>=40,*,Heart Disease\n"
                                  "1485*,>=40,*,Viral Infection\n1485*,>=40,*,Viral Infection\n"
                                  "130**,3*,*,Cancer\n130**,3*,*,Cancer\n"
                                  "130**,3*,*,Cancer\n130**,3*,*,Cancer\n";

typedef struct place {
    char path[64];
} place;

static void write_table(place *p, const char *text)
{
    strcpy(p->path, "/tmp/treadle-anonymity-XXXXXX");
    int fd = mkstemp(p->path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(tdl_file_write(p->path, tdl_str_of(text), NULL), TDL_OK);
}

static tdl_anonymity *read_table(const place *p, const char *quasi, const char *sensitive,
                                 uint64_t k, uint64_t l, tdl_anonymity_outcome *ret)
{
    tdl_anonymity_options options = {
        .path = p->path, .quasi = quasi, .sensitive = sensitive, .k = k, .l = l};
    tdl_anonymity *anonymity = NULL;
    tdl_report why = {0};

    if (tdl_anonymity_read(&options, &anonymity, &why))
        fail_msg("%s", why.message);
    assert_int_equal(tdl_anonymity_outcome_of(anonymity, ret, NULL), TDL_OK);
    return anonymity;
}

static void the_papers_table_is_4_anonymous_and_not_2_diverse(void **state)
{
    place p;
    tdl_anonymity_outcome o;

    (void)state;
    write_table(&p, generalised);
    tdl_anonymity_free(read_table(&p, "zip,age,nationality", "condition", 4, 3, &o));
    assert_int_equal(o.rows, 12);
    assert_int_equal(o.groups, 3);
    assert_int_equal(o.smallest, 4);
    assert_int_equal(o.rows_below_k, 0);
    assert_int_equal(o.fewest_values, 1);
    assert_int_equal(o.groups_below_l, 2); // 2 conditions, 3 of them, and 1
    assert_int_equal(o.rows_failing, 8);
    assert_int_equal(o.sizes_n, 1);
    assert_int_equal(o.groups_of[0], 3);
    tdl_anonymity_free(read_table(&p, "zip,age,nationality", "", 5, 2, &o));
    assert_int_equal(o.rows_below_k, 12);
    assert_int_equal(o.rows_below_l, 0); // nothing is sensitive
    unlink(p.path);
}

static void rows_of_groups_that_fail_do_not_pass(void **state)
{
    place p;
    tdl_anonymity_outcome o;
    const tdl_str *fields;
    size_t n, row = 0;
    bool more;
    tdl_csv *csv;

    (void)state;
    write_table(&p, generalised);
    tdl_anonymity *a = read_table(&p, "zip,age", "condition", 4, 2, &o);
    assert_int_equal(tdl_csv_open(p.path, NULL, &csv, NULL), TDL_OK);
    for (; !tdl_csv_next(csv, &fields, &n, &more, NULL) && more; row++)
        assert_int_equal(tdl_anonymity_passes(a, fields), row < 8);
    assert_int_equal(row, 12);
    tdl_csv_close(csv);
    tdl_anonymity_free(a);
    unlink(p.path);
}

/* "ab","c" and "a","bc" are two combinations; so are an empty field and none. */
static void borders_between_fields_count(void **state)
{
    place p;
    tdl_anonymity_outcome o;

    (void)state;
    write_table(&p, "a,b\nab,c\na,bc\n,abc\nabc,\nab,c\n");
    tdl_anonymity_free(read_table(&p, "a,b", "", 2, 1, &o));
    assert_int_equal(o.groups, 4);
    assert_int_equal(o.rows_below_k, 3);
    assert_int_equal(o.smallest, 1);
    unlink(p.path);
}

static void a_table_without_rows_passes(void **state)
{
    place p;
    tdl_anonymity_outcome o;

    (void)state;
    write_table(&p, "a,b\n");
    tdl_anonymity_free(read_table(&p, "a", "b", 10, 2, &o));
    assert_int_equal(o.rows, 0);
    assert_int_equal(o.smallest, 0);
    assert_int_equal(o.rows_failing, 0);
    unlink(p.path);
}

static void a_column_that_is_not_there_is_named(void **state)
{
    place p;
    tdl_anonymity *a = NULL;
    tdl_report why = {0};

    (void)state;
    write_table(&p, "a,b\n1,2\n");
    tdl_anonymity_options options = {
        .path = p.path, .quasi = "a,age", .sensitive = "", .k = 2, .l = 1};
    assert_int_equal(tdl_anonymity_read(&options, &a, &why), TDL_E_INVALID);
    assert_string_equal(why.message, "--quasi: the table has no column \"age\"");
    assert_null(a);
    unlink(p.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_papers_table_is_4_anonymous_and_not_2_diverse),
        cmocka_unit_test(rows_of_groups_that_fail_do_not_pass),
        cmocka_unit_test(borders_between_fields_count),
        cmocka_unit_test(a_table_without_rows_passes),
        cmocka_unit_test(a_column_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
