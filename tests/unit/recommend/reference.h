/* Reference values of the project: JSON files in the folder that TREADLE_RECOMMEND_REFS names,
 * which stands beside the project and not in it. */
#ifndef TESTS_RECOMMEND_REFERENCE_H
#define TESTS_RECOMMEND_REFERENCE_H

#include "cases.h"

#include "base/json.h"

/* The caller's: json_decref. Skips the test, saying so, when the file is not there. */
static inline json_t *read_reference(const char *name)
{
    const char *folder = getenv("TREADLE_RECOMMEND_REFS");
    char path[512];

    snprintf(path, sizeof path, "%s/%s", folder ? folder : ".", name);
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "SKIPPED: %s is not there\n", path);
        skip();
    }
    json_t *root = json_loadf(file, 0, NULL);
    fclose(file);
    assert_non_null(root);
    return root;
}

static inline double number_at(const json_t *array, size_t i)
{
    const json_t *value = json_array_get(array, i);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

static inline double number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    assert_true(json_is_number(value));
    return json_number_value(value);
}

/* found[rows][n] against rows of `expected`. */
static inline void expect_matrix(const float *found, const json_t *expected, size_t n,
                                 double tolerance)
{
    assert_true(json_array_size(expected) > 0);
    for (size_t r = 0; r < json_array_size(expected); r++) {
        const json_t *row = json_array_get(expected, r);
        assert_int_equal(json_array_size(row), n);
        for (size_t i = 0; i < n; i++)
            expect_near((double)found[r * n + i], number_at(row, i), tolerance);
    }
}

#endif
