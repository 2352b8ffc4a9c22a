#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/str.h"
#include "http/assets.h"

/* RFC 9110, 13.1.2: weak comparison, a list, or "*". */
static void if_none_match_names_one_of_several_tags(void **state)
{
    static const char *const yes[] = {"\"a1\"", "W/\"a1\"", "*", "\"b\", \"a1\"",
                                      "\"b\",W/\"a1\" ,\"c\""};
    static const char *const no[] = {"",       "\"a\"",    "a1",     "\"a1",
                                     "\"A1\"", "w/\"a1\"", "\"b\",", ",,"};

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        assert_true(tdl_asset_matches(tdl_str_of(yes[i]), "\"a1\""));
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        assert_false(tdl_asset_matches(tdl_str_of(no[i]), "\"a1\""));
}

static void every_built_asset_is_found_and_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < tdl_assets_n; i++) {
        const tdl_asset *asset = &tdl_assets[i];
        assert_ptr_equal(tdl_asset_find(tdl_str_of(asset->path)), asset);
        assert_true(asset->len > 0 && asset->etag[0] == '"' && strchr(asset->content_type, '/'));
        if (asset->gzip)
            assert_true(asset->bytes[0] == 0x1f && asset->bytes[1] == 0x8b);
    }
    assert_null(tdl_asset_find(TDL_STR("/assets/../secret")));
    assert_null(tdl_asset_find((tdl_str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(if_none_match_names_one_of_several_tags),
        cmocka_unit_test(every_built_asset_is_found_and_complete),
    };
    return cmocka_run_group_tests_name("http/assets", tests, NULL, NULL);
}
