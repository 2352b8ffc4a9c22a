/* Codes of what items say. Likeness is checked against exact overlaps of the sets of features,
 * worked out by hand; a code errs by about 1 / sqrt(cells). */
#include "cases.h"

#include "apps/recommend/content_code.h"
#include "base/str.h"
#include "table/picture.h"
#include "table/words.h"

static const tdl_content_weights equal = {{1, 1, 1, 1}};

static tdl_content_code code_of(const char *title, const char *kept)
{
    tdl_content_code code;

    tdl_content_encode(tdl_str_of(title), tdl_str_of(kept), NULL, &code);
    return code;
}

static double likeness(const tdl_content_code *a, const tdl_content_code *b)
{
    return tdl_content_cosine(a, b, &equal);
}

static void the_same_item_has_the_same_code_and_is_wholly_like_itself(void **state)
{
    const char *kept = "{\"$price\": 12.5, \"$tags\": [\"red\", \"new\"], \"size\": 42}";
    tdl_content_code a = code_of("Red retrospot mug", kept), b = code_of("Red retrospot mug", kept);

    TDL_UNUSED(state);
    assert_memory_equal(&a, &b, sizeof a);
    expect_near(likeness(&a, &b), 1, 1e-12);
    assert_true(tdl_content_says(&a));
}

static void the_order_of_attributes_changes_nothing(void **state)
{
    tdl_content_code a = code_of("x",
                                 "{\"size\": 42.7, \"weight\": 1.37, \"$tags\": [\"a\", \"b\"]}"),
                     b = code_of("x",
                                 "{\"$tags\": [\"b\", \"a\"], \"weight\": 1.37, \"size\": 42.7}");

    TDL_UNUSED(state);
    assert_memory_equal(&a, &b, sizeof a);
}

/* {a, b, c, d} and {c, d, e, f}: cosine 2 / 4. */
static void likeness_of_tags_is_the_cosine_of_their_sets(void **state)
{
    double sum = 0;

    TDL_UNUSED(state);
    for (int k = 0; k < 40; k++) { // forty pairs of other tags: the mean errs less
        char one[128], other[128];
        snprintf(one, sizeof one, "{\"$tags\": [\"a%d\", \"b%d\", \"c%d\", \"d%d\"]}", k, k, k, k);
        snprintf(other, sizeof other, "{\"$tags\": [\"c%d\", \"d%d\", \"e%d\", \"f%d\"]}", k, k, k,
                 k);
        tdl_content_code a = code_of("", one), b = code_of("", other);
        expect_near(likeness(&a, &b), .5, .45);
        sum += likeness(&a, &b) / 40;
    }
    expect_near(sum, .5, .06);
}

static void bars_part_labels_and_fields_keep_them_apart(void **state)
{
    tdl_content_code a = code_of("", "{\"genres\": \"Drama|Comedy\"}"),
                     b = code_of("", "{\"genres\": [\"Comedy\", \"Drama\"]}"),
                     c = code_of("", "{\"maker\": \"Drama|Comedy\"}");

    TDL_UNUSED(state);
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(fabs(likeness(&a, &c)) < .4);
}

static void near_words_and_near_numbers_are_more_like_than_far_ones(void **state)
{
    tdl_content_code mug = code_of("RED RETROSPOT MUG", "{\"$price\": 10}"),
                     mugs = code_of("Blue retrospot mugs", "{\"$price\": 10.2}"),
                     clock = code_of("Alarm clock bakelike", "{\"$price\": 95}");

    TDL_UNUSED(state);
    assert_true(likeness(&mug, &mugs) > likeness(&mug, &clock) + .2);
    tdl_content_code ten = code_of("", "{\"$price\": 10}"),
                     eleven = code_of("", "{\"$price\": 11}"),
                     hundred = code_of("", "{\"$price\": 100}");
    assert_true(likeness(&ten, &eleven) > likeness(&ten, &hundred) + .1);
}

static void chinese_titles_share_pairs_of_characters(void **state)
{
    tdl_content_code a = code_of("不锈钢保温杯", ""), b = code_of("保温杯大容量", ""),
                     c = code_of("儿童运动鞋", "");

    TDL_UNUSED(state);
    assert_true(likeness(&a, &b) > .25);
    assert_true(likeness(&a, &b) > likeness(&a, &c) + .2);
}

static void an_item_that_says_nothing_is_like_nothing(void **state)
{
    const char *silent[] = {"",
                            "{}",
                            "[1]",
                            "{\"$deleted\": true}",
                            "{\"$stock\": 3, \"$url\": \"u\"}",
                            "{\"broken\": ",
                            "{\"n\": null, \"o\": {\"a\": 1}}"};
    tdl_content_code other = code_of("mug", "");

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(silent); i++) {
        tdl_content_code code = code_of("", silent[i]);
        assert_false(tdl_content_says(&code));
        expect_near(likeness(&code, &other), 0, 0);
    }
}

/* JSON has no NaN: such an item is refused upstream; 1e308 is the largest there is. */
static void numbers_of_any_size_are_finite(void **state)
{
    tdl_content_code code =
        code_of("", "{\"$price\": 0, \"a\": -1e308, \"b\": 1e308, \"c\": 1e-320}");
    float cell[TDL_CONTENT_D];

    TDL_UNUSED(state);
    tdl_content_unpack(&code, &equal, cell);
    double length = 0;
    for (size_t i = 0; i < TDL_CONTENT_D; i++) {
        assert_true(isfinite(cell[i]));
        length += (double)cell[i] * (double)cell[i];
    }
    expect_near(length, 1, .02); // one block speaks
}

static void a_huge_text_is_read_to_its_limit(void **state)
{
    size_t n = 2 << 20;
    char *text = malloc(n + 1);

    TDL_UNUSED(state);
    for (size_t i = 0; i < n; i++)
        text[i] = i % 7 ? (char)('a' + i * i % 26) : ' ';
    text[n] = '\0';
    tdl_content_code whole, start;
    tdl_content_encode((tdl_str){text, n}, (tdl_str){0}, NULL, &whole);
    tdl_content_encode((tdl_str){text, TDL_CONTENT_TEXT_MAX}, (tdl_str){0}, NULL, &start);
    assert_memory_equal(&whole, &start, sizeof whole);
    free(text);
}

static void a_word_of_any_length_and_broken_utf8_do_no_harm(void **state)
{
    char word[400];

    TDL_UNUSED(state);
    memset(word, 'w', sizeof word);
    memcpy(word + 60, "\xE4\xB8", 2); // a letter that is cut off
    tdl_content_code code;
    tdl_content_encode((tdl_str){word, sizeof word}, (tdl_str){0}, NULL, &code);
    assert_true(tdl_content_says(&code));
}

static void count_word(void *context, const tdl_word *word)
{
    size_t *n = context;

    assert_true(word->hash == tdl_words_hash(word->start)); // short words are whole
    assert_true((word->pair != 0) == (*n > 0));
    (*n)++;
}

static void words_are_met_in_order_with_their_letters(void **state)
{
    size_t n = 0;

    TDL_UNUSED(state);
    tdl_words_each(TDL_STR("One, two 杯子 Ärger"), count_word, &n);
    assert_int_equal(n, 5);
}

/* ---- pictures ---- */

static void write_picture(const char *folder, const char *name, const uint8_t colour[3], bool lines)
{
    uint8_t pixel[3 * 40 * 60];
    tdl_picture picture = {3, 40, 60, pixel};
    tdl_buf png = {0};
    tdl_report why = {0};
    char path[128];

    for (size_t c = 0; c < 3; c++)
        for (size_t i = 0; i < 40 * 60; i++)
            pixel[c * 40 * 60 + i] = lines && i % 60 / 6 % 2 ? 0 : colour[c];
    expect_ok(tdl_picture_write_png(&picture, &png, &why), &why);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(png.at, 1, png.len, file), png.len);
    fclose(file);
    tdl_buf_release(&png);
}

static tdl_content_code pictured(const char *folder, const char *image)
{
    tdl_content_code code;
    char kept[256];

    snprintf(kept, sizeof kept, "{\"$image\": \"%s\"}", image);
    tdl_content_encode((tdl_str){0}, tdl_str_of(kept), folder, &code);
    return code;
}

static void pictures_that_look_alike_are_alike(void **state)
{
    char folder[64];

    TDL_UNUSED(state);
    make_folder(folder);
    write_picture(folder, "red.png", (uint8_t[]){200, 30, 30}, false);
    write_picture(folder, "rose.png", (uint8_t[]){210, 50, 40}, false);
    write_picture(folder, "lines.png", (uint8_t[]){30, 60, 220}, true);
    tdl_content_code red = pictured(folder, "red.png"), rose = pictured(folder, "rose.png"),
                     lines = pictured(folder, "lines.png");
    assert_true(tdl_content_says(&red));

    assert_true(likeness(&red, &rose) > .95);
    assert_true(likeness(&red, &rose) > likeness(&red, &lines) + .1);
    remove_folder(folder);
}

/* A red PNG of 2 x 2 made by Python's zlib and struct. */
static void a_picture_may_stand_in_the_item(void **state)
{
    tdl_content_code code = pictured(
        NULL, "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4"
              "IScHRAwQCgAfJgQRoo8irwAAAABJRU5ErkJggg==");

    TDL_UNUSED(state);
    assert_true(tdl_content_says(&code));
}

static void pictures_that_are_missing_or_elsewhere_say_nothing(void **state)
{
    static const char *const images[] = {"missing.png",
                                         "/etc/passwd",
                                         "../red.png",
                                         "a/../../red.png",
                                         "",
                                         ".",
                                         "..",
                                         "https://example.org/a.png",
                                         "data:image/png;base64,AAAA",
                                         "data:image/png;base64",
                                         "data:,",
                                         "text.png"};
    char folder[64], path[128];

    TDL_UNUSED(state);
    make_folder(folder);
    snprintf(path, sizeof path, "%s/text.png", folder);
    FILE *file = fopen(path, "wb");
    fputs("no picture", file);
    fclose(file);
    for (size_t i = 0; i < COUNT(images); i++) {
        tdl_content_code code = pictured(folder, images[i]);
        assert_false(tdl_content_says(&code));
    }
    remove_folder(folder);
}

/* A header that claims 60,000 x 60,000 pixels is not believed. */
static void a_picture_that_claims_to_be_huge_is_left_alone(void **state)
{
    static const uint8_t head[64] = {0x89, 'P',  'N', 'G', '\r', '\n', 0x1A, '\n', 0,
                                     0,    0,    13,  'I', 'H',  'D',  'R',  0,    0,
                                     0xEA, 0x60, 0,   0,   0xEA, 0x60, 8,    2};
    char folder[64], path[128];

    TDL_UNUSED(state);
    make_folder(folder);
    snprintf(path, sizeof path, "%s/huge.png", folder);
    FILE *file = fopen(path, "wb");
    fwrite(head, 1, sizeof head, file);
    fclose(file);
    tdl_content_code code = pictured(folder, "huge.png");
    assert_false(tdl_content_says(&code));
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_item_has_the_same_code_and_is_wholly_like_itself),
        cmocka_unit_test(the_order_of_attributes_changes_nothing),
        cmocka_unit_test(likeness_of_tags_is_the_cosine_of_their_sets),
        cmocka_unit_test(bars_part_labels_and_fields_keep_them_apart),
        cmocka_unit_test(near_words_and_near_numbers_are_more_like_than_far_ones),
        cmocka_unit_test(chinese_titles_share_pairs_of_characters),
        cmocka_unit_test(an_item_that_says_nothing_is_like_nothing),
        cmocka_unit_test(numbers_of_any_size_are_finite),
        cmocka_unit_test(a_huge_text_is_read_to_its_limit),
        cmocka_unit_test(a_word_of_any_length_and_broken_utf8_do_no_harm),
        cmocka_unit_test(words_are_met_in_order_with_their_letters),
        cmocka_unit_test(pictures_that_look_alike_are_alike),
        cmocka_unit_test(a_picture_may_stand_in_the_item),
        cmocka_unit_test(pictures_that_are_missing_or_elsewhere_say_nothing),
        cmocka_unit_test(a_picture_that_claims_to_be_huge_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
