/* Where the texts come from:
 *
 * Cards are the numbers payment processors publish for tests (Stripe, Adyen). Telephone numbers are
 * those set aside for fiction (NANP 555-01xx, Ofcom's 020 7946 0xxx) and, for Chinese mobiles, one
 * number of each range given out. The identity numbers 11010519491231002X and 440524188001010014
 * are the examples of GB 11643-1999; the others' check digits were computed in Python by the
 * standard's weights, 2^(18-i) mod 11.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/rng.h"
#include "wire/personal.h"

/* Findings of a text, as "kind=text;". */
static void expect(const char *name, const char *text, const char *expected)
{
    tdl_personal_finding f;
    tdl_buf out = {0};
    size_t from = 0;

    tdl_buf_text(&out, "");
    while (tdl_personal_find(tdl_str_of(name), tdl_str_of(text), from, &f)) {
        assert_true(f.begin >= from && f.begin < f.end && f.end <= strlen(text));
        tdl_buf_printf(&out, "%s=%.*s;", tdl_personal_name(f.kind), (int)(f.end - f.begin),
                       text + f.begin);
        from = f.end;
    }
    assert_string_equal(out.len ? out.at : "", expected);
    tdl_buf_release(&out);
}

static void none(const char *text)
{
    expect("", text, "");
}

/* The whole text is one finding. */
static void whole(const char *kind, const char *text)
{
    char expected[128];

    snprintf(expected, sizeof expected, "%s=%s;", kind, text);
    expect("", text, expected);
    snprintf(expected, sizeof expected, "见 %s。", text); // within Chinese text
    char found[128];
    snprintf(found, sizeof found, "%s=%s;", kind, text);
    expect("", expected, found);
}

static void mail_addresses_are_found_and_what_only_looks_like_them_is_not(void **state)
{
    (void)state;
    whole("email", "ann@example.com");
    whole("email", "a.b+tag@mail.example.co.uk");
    whole("email", "o'hara@example.org");
    whole("email", "12345678@qq.com");
    whole("email", "13812345678@139.com"); // a mobile in front of an at is an address
    whole("email", "x@xn--fiqs8s.xn--fiqs8s");
    expect("", "邮箱是zhang@example.cn，谢谢", "email=zhang@example.cn;");
    expect("", "Ann <ann@example.com>, Bob <bob@example.com>.",
           "email=ann@example.com;email=bob@example.com;");
    expect("", "https://shop.example/?email=ann%40example.com&x=1", "email=ann%40example.com;");
    expect("", "https://shop.example/?email=ann@example.com#top", "email=ann@example.com;");
    none("@ann said hello to @bob.smith");
    none("https://medium.example/@ann");
    none("icon@2x.png and logo@3x.JPG");
    none("react@18.2.0 lodash@latest");
    none("a @ b.com, a@ b.com, a@b, a@.com, a@b..com, a@b.c");
    none("@@@@.com");
}

static void chinese_mobiles_are_found_by_their_ranges(void **state)
{
    (void)state;
    whole("phone", "13812345678");
    whole("phone", "138 1234 5678");
    whole("phone", "138-1234-5678");
    whole("phone", "138-12345678");
    whole("phone", "+8613812345678");
    whole("phone", "+86 138 1234 5678");
    whole("phone", "+86-138-1234-5678");
    whole("phone", "0086 13812345678");
    whole("phone", "86 13812345678");
    whole("phone", "8613812345678");
    whole("phone", "19912345678");
    whole("phone", "16612345678");
    expect("", "电话13812345678/13912345678", "phone=13812345678;");
    expect("", "13812345678,13912345678", "phone=13812345678;phone=13912345678;");
    none("12812345678"); // no range
    none("15412345678");
    none("16012345678");
    none("17912345678");
    none("138123456789"); // twelve digits
    none("A13812345678");
    none("ORD-13812345678");
    none("13812345678.50");
    none("138 1234-5678"); // two separators
}

static void telephones_of_other_countries_are_found_by_their_form(void **state)
{
    (void)state;
    whole("phone", "+1 415-555-0132");
    whole("phone", "+14155550132");
    whole("phone", "1-415-555-0132");
    whole("phone", "(415) 555-0132");
    whole("phone", "(415)555-0132");
    whole("phone", "415-555-0132");
    whole("phone", "415.555.0132");
    whole("phone", "+44 20 7946 0958");
    whole("phone", "+44 (0)20 7946 0958");
    whole("phone", "+49 30 123456-78");
    whole("phone", "+390612345678");
    expect("phone", "4155550132", "phone=4155550132;"); // the name says it
    expect("", "my phone: 4155550132", "phone=4155550132;");
    none("4155550132");
    none("1700000000"); // seconds of 2023
    none("115-555-0132");
    none("411-555-0132");
    none("415-155-0132");
    none("200 300 4000");
    none("+0800");
    none("+12345678");
    none("a+4915112345678");
    none("2026-11-28 06:55:18 +0800");
}

static void cards_have_an_issuer_a_length_and_luhns_digit(void **state)
{
    static const char *const numbers[] = {
        "4242424242424242", "4000056655665556", "5555555555554444", "2223003122003222",
        "5105105105105100", "378282246310005",  "371449635398431",  "6011111111111117",
        "6011000990139424", "30569309025904",   "36227206271667",   "3566002020360505",
        "6200000000000005", "6200000000000047", "4222222222222"};
    char wrong[32];

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        whole("card", numbers[i]);
        snprintf(wrong, sizeof wrong, "%s", numbers[i]);
        wrong[strlen(wrong) - 1] = (char)('0' + (wrong[strlen(wrong) - 1] - '0' + 1) % 10);
        none(wrong);
    }
    whole("card", "4242 4242 4242 4242");
    whole("card", "4242-4242-4242-4242");
    whole("card", "3782 822463 10005");
    none("4242 4242-4242 4242");
    none("424242 4242424242");
    none("9999999999999995"); // Luhn's digit, no issuer
    none("4006381333931");    // EAN-13 of a pen
    none("0.4242424242424242");
    none("id_4242424242424242");
}

static void identity_numbers_have_a_region_a_birthday_and_a_check_digit(void **state)
{
    (void)state;
    whole("id number", "11010519491231002X");
    whole("id number", "11010519491231002x");
    whole("id number", "440524188001010014");
    whole("id number", "310101200002290015");
    whole("id number", "650102199906301230");
    whole("id number", "110105 19491231 002X");
    whole("id number", "440524-18800101-0014");
    none("110105194912310021");
    none("310101200102290015"); // 2001 had no 29 February
    none("990105194912310029");
    none("11010519491231002XY");
    expect("", "身份证号：110105491231002", "id number=110105491231002;");
    expect("id_card", "110105491231002", "id number=110105491231002;");
    none("110105491231002");
    expect("id_card", "490154203237518", ""); // an IMEI (GSMA TS.06)
}

static void add_digits(tdl_buf *out, tdl_rng *rng, size_t n)
{
    for (size_t i = 0; i < n; i++)
        tdl_buf_char(out, (char)('0' + tdl_rng_below(rng, 10)));
}

/* How many of 100,000 texts, a prefix and `n` random digits and a suffix, hold a finding. */
static size_t count_found(const char *prefix, size_t n, const char *suffix)
{
    tdl_rng rng = tdl_rng_make(11643, n);
    tdl_personal_finding f;
    tdl_buf text = {0};
    size_t found = 0;

    for (int i = 0; i < 100000; i++) {
        tdl_buf_clear(&text);
        tdl_buf_text(&text, prefix);
        add_digits(&text, &rng, n);
        tdl_buf_text(&text, suffix);
        found += tdl_personal_find(TDL_STR("order"), tdl_buf_view(&text), 0, &f);
    }
    tdl_buf_release(&text);
    return found;
}

static void numbers_of_other_kinds_are_left_alone(void **state)
{
    static const struct {
        const char *prefix;
        size_t n;
        const char *suffix;
    } forms[] = {
        {"17", 8, ""},
        {"17", 11, ""},
        {"17", 14, ""},
        {"17", 17, ""}, /* times */
        {"ORD-", 12, ""},
        {"SO2026", 12, ""},
        {"2026112", 8, ""}, /* orders */
        {"#", 16, ""},
        {"$1", 10, ".99"},
        {"0.", 16, ""},
        {"v", 2, ".13.4"},
        {"550e8400-e29b-41d4-a716-", 12, ""},
        {"/users/", 11, "/orders"},
        {"", 10, ""},
        {"", 12, ""},
        {"18", 17, ""}, /* of this decade */
        {"-", 11, ""},
        {"sku_", 13, ""},
        {"2026-11-28T06:55:18.", 6, "Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        assert_int_equal(count_found(forms[i].prefix, forms[i].n, forms[i].suffix), 0);
}

/* Bare random digits pass where a form has nothing more to check; these rates are in the docs. */
static void the_price_of_bare_digits_is_known(void **state)
{
    (void)state;
    assert_in_range(count_found("", 11, ""), 4000, 6000); // a tenth begins with 1, half of that
    assert_in_range(count_found("", 16, ""), 1000, 3500); // issuers' share, and a tenth by Luhn
    assert_in_range(count_found("", 18, ""), 0, 10);      // region, date and check digit
}

/* ---- JSON ---- */

typedef struct told {
    tdl_buf text; /* "field=kind;" of each finding */
} told;

static void tell(void *context, tdl_str field, tdl_personal kind)
{
    told *t = context;

    tdl_buf_printf(&t->text, "%.*s=%s;", TDL_FMT(field), tdl_personal_name(kind));
}

static void check_object(tdl_personal_policy policy, const char *json, const char *expected,
                         const char *expected_told)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    told t = {0};
    tdl_str ret;

    tdl_buf_text(&t.text, "");
    assert_int_equal(tdl_personal_object(tdl_str_of(json), policy, tell, &t, arena, &ret, NULL),
                     TDL_OK);
    assert_int_equal(ret.len, strlen(expected));
    assert_memory_equal(ret.at ? ret.at : "", expected, ret.len);
    assert_string_equal(t.text.at ? t.text.at : "", expected_told);
    tdl_buf_release(&t.text);
    tdl_arena_free(arena);
}

static void a_policy_keeps_masks_or_drops_what_is_found(void **state)
{
    static const char json[] =
        "{\"amount\":13812345678,\"contact\":{\"mail\":\"ann@example.com\",\"note\":\"call "
        "13812345678 or 13912345678\"},\"list\":[\"4242424242424242\",\"none\"],\"plan\":\"pro\"}";
    static const char all[] = "contact.mail=email;contact.note=phone;contact.note=phone;list=card;";

    (void)state;
    check_object(TDL_PERSONAL_KEEP, json, json, all);
    check_object(TDL_PERSONAL_MASK, json,
                 "{\"amount\":13812345678,\"contact\":{\"mail\":\"[email]\",\"note\":\"call "
                 "[phone] or [phone]\"},\"list\":[\"[card]\",\"none\"],\"plan\":\"pro\"}",
                 all);
    check_object(TDL_PERSONAL_DROP, json,
                 "{\"amount\":13812345678,\"contact\":{},\"list\":[\"none\"],\"plan\":\"pro\"}",
                 all);
    check_object(TDL_PERSONAL_DROP, "{\"mail\":\"ann@example.com\"}", "", "mail=email;");
    check_object(TDL_PERSONAL_MASK, "{\"phone\":[\"4155550132\"]}", "{\"phone\":[\"[phone]\"]}",
                 "phone=phone;");
    check_object(TDL_PERSONAL_MASK, "{\"id\":\"4155550132\"}", "{\"id\":\"4155550132\"}", "");
    check_object(TDL_PERSONAL_MASK, "", "", "");
}

static void one_text_is_masked_or_emptied(void **state)
{
    tdl_arena *arena = tdl_arena_new(1 << 16);
    tdl_str text = TDL_STR("Ann, ann@example.com"), ret;

    (void)state;
    assert_int_equal(
        tdl_personal_text(TDL_STR("title"), text, TDL_PERSONAL_MASK, NULL, NULL, arena, &ret, NULL),
        TDL_OK);
    assert_true(tdl_str_is(ret, "Ann, [email]"));
    assert_int_equal(
        tdl_personal_text(TDL_STR("title"), text, TDL_PERSONAL_DROP, NULL, NULL, arena, &ret, NULL),
        TDL_OK);
    assert_int_equal(ret.len, 0);
    tdl_arena_free(arena);
}

static void count_one(void *context, tdl_str field, tdl_personal kind)
{
    (void)field;
    (void)kind;
    ++*(size_t *)context;
}

/* Pieces put together at random, escapes among them: nothing found in a value may be passed over
 * by the look at the JSON as a whole, and nothing is left once it is masked. */
static void a_look_at_json_text_passes_over_nothing(void **state)
{
    static const char *const pieces[] = {"\n",       "\t",        "\"",  "\\",
                                         "\x01",     "1",         "x",   "13812345678",
                                         " ",        "ann@b.org", "-",   "é",
                                         "n",        "u0001",     "000", "(415) ",
                                         "@",        "+",         ".",   "4242424242424242",
                                         "555-0132", "%40",       "86"};
    enum { PIECES_N = sizeof pieces / sizeof pieces[0] };
    tdl_rng rng = tdl_rng_make(7, 1);
    size_t texts_with = 0;

    (void)state;
    for (int i = 0; i < 50000; i++) {
        tdl_arena *arena = tdl_arena_new(1 << 16);
        tdl_buf value = {0}, json = {0};
        tdl_personal_finding f;
        size_t told_n = 0;
        tdl_str ret, again;
        for (uint64_t k = 1 + tdl_rng_below(&rng, 6); k--;)
            tdl_buf_text(&value, pieces[tdl_rng_below(&rng, PIECES_N)]);
        json_t *object = json_object();
        json_object_set_new(object, "a", json_stringn(value.at, value.len));
        tdl_json_dump(&json, object);
        bool holds = tdl_personal_find(TDL_STR("a"), tdl_buf_view(&value), 0, &f);
        assert_true(!holds || tdl_personal_may_hold(tdl_buf_view(&json)));
        assert_int_equal(tdl_personal_object(tdl_buf_view(&json), TDL_PERSONAL_MASK, count_one,
                                             &told_n, arena, &ret, NULL),
                         TDL_OK);
        assert_int_equal(told_n > 0, holds);
        texts_with += holds;
        told_n = 0;
        assert_int_equal(
            tdl_personal_object(ret, TDL_PERSONAL_KEEP, count_one, &told_n, arena, &again, NULL),
            TDL_OK);
        assert_int_equal(told_n, 0);
        json_decref(object);
        tdl_buf_release(&value);
        tdl_buf_release(&json);
        tdl_arena_free(arena);
    }
    assert_true(texts_with > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mail_addresses_are_found_and_what_only_looks_like_them_is_not),
        cmocka_unit_test(chinese_mobiles_are_found_by_their_ranges),
        cmocka_unit_test(telephones_of_other_countries_are_found_by_their_form),
        cmocka_unit_test(cards_have_an_issuer_a_length_and_luhns_digit),
        cmocka_unit_test(identity_numbers_have_a_region_a_birthday_and_a_check_digit),
        cmocka_unit_test(numbers_of_other_kinds_are_left_alone),
        cmocka_unit_test(the_price_of_bare_digits_is_known),
        cmocka_unit_test(a_policy_keeps_masks_or_drops_what_is_found),
        cmocka_unit_test(one_text_is_masked_or_emptied),
        cmocka_unit_test(a_look_at_json_text_passes_over_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
