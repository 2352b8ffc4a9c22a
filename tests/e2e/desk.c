#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "desk.h"

enum { WORDS_MAX = 40, PATH_LENGTH = 200 };

int desk_set_up(void **state)
{
    desk *d = calloc(1, sizeof *d);
    char key[PATH_LENGTH];

    if (!d)
        return -1;
    strcpy(d->folder, "/tmp/treadle-desk-XXXXXX");
    if (!mkdtemp(d->folder)) {
        free(d);
        return -1;
    }
    snprintf(key, sizeof key, "%s/master.key", d->folder);
    setenv("TREADLE_MASTER_KEY_FILE", key, 1);
    *state = d;
    return 0;
}

int desk_tear_down(void **state)
{
    desk *d = *state;
    char command[PATH_LENGTH];

    snprintf(command, sizeof command, "rm -rf %s", d->folder);
    int failed = system(command); // NOLINT(cert-env33-c): the folder is our own
    free(d->out);
    free(d->err);
    free(d);
    return failed;
}

void desk_write(const desk *d, const char *name, const void *bytes, size_t n)
{
    char path[PATH_LENGTH];

    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

char *desk_read(const desk *d, const char *name, size_t *ret_n)
{
    char path[PATH_LENGTH];
    size_t n = 0, cap = 1 << 16, got;
    char *bytes = malloc(cap);

    snprintf(path, sizeof path, "%s/%s", d->folder, name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("there is no %s", path);
    while ((got = fread(bytes + n, 1, cap - n - 1, file)) > 0)
        if ((n += got) + 1 == cap) {
            bytes = realloc(bytes, cap *= 2);
            assert_non_null(bytes);
        }
    fclose(file);
    bytes[n] = '\0';
    if (ret_n)
        *ret_n = n;
    return bytes;
}

/* ---- commands ---- */

/* Parts `command` in place. */
static void part_words(char *command, char **ret)
{
    size_t n = 0;

    for (char *at = command; *at;) {
        char end = ' ';

        at += strspn(at, " ");
        if (!*at)
            break;
        if (*at == '\'')
            end = *at++;
        assert_true(n < WORDS_MAX);
        ret[n++] = at;
        at += strcspn(at, (char[]){end, '\0'});
        if (*at)
            *at++ = '\0';
    }
    ret[n] = NULL;
}

static void become(const desk *d, char **words)
{
    if (chdir(d->folder) || !freopen("out", "wb", stdout) || !freopen("err", "wb", stderr))
        _exit(126);
    execv(words[0], words);
    _exit(127);
}

void desk_run(desk *d, const char *command)
{
    char text[2000], *words[WORDS_MAX + 2] = {getenv("TREADLE_BIN")};
    int status;

    assert_non_null(words[0]);
    assert_true(strlen(command) < sizeof text);
    strcpy(text, command);
    part_words(text, words + 1);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid)
        become(d, words);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    free(d->out);
    free(d->err);
    d->out = desk_read(d, "out", &d->out_n);
    d->err = desk_read(d, "err", NULL);
    if (!WIFEXITED(status))
        fail_msg("treadle %s: signal %d\n%s", command, WTERMSIG(status), d->err);
    d->status = WEXITSTATUS(status);
}

void desk_expect(desk *d, int status, const char *told, const char *command)
{
    desk_run(d, command);
    if (d->status != status)
        fail_msg("treadle %s: status %d, not %d\n%s", command, d->status, status, d->err);
    if (told && !strstr(d->err, told))
        fail_msg("treadle %s does not tell of '%s':\n%s", command, told, d->err);
}

json_t *desk_json(const desk *d)
{
    json_error_t error;
    json_t *value = json_loadb(d->out, d->out_n, JSON_REJECT_DUPLICATES, &error);

    if (!value)
        fail_msg("%s in: %.200s", error.text, d->out);
    return value;
}

/* ---- the made table ---- */

static double made(uint64_t seed, uint64_t i)
{
    uint64_t z = seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return ldexp((double)(z ^ z >> 31), -64);
}

static void write_plainly(const desk_row *row, char *ret, size_t n)
{
    snprintf(ret, n, "%.4f,%.4f,%c,%s", row->x, row->z, row->c, row->y);
}

char *desk_text(const char *header, size_t rows, desk_row_fn *row, size_t *ret_n)
{
    size_t n = (size_t)snprintf(NULL, 0, "%s\n", header), cap = n + rows * 400 + 1;
    char *text = malloc(cap);

    assert_non_null(text);
    snprintf(text, cap, "%s\n", header);
    for (size_t i = 0; i < rows; i++) {
        desk_row r = {.i = i, .x = 4 * made(1, i) - 2, .z = 4 * made(2, i) - 2};

        r.c = "abc"[(size_t)(made(3, i) * 3)];
        r.y = r.x + r.z / 2 + (r.c == 'a') + 4 * made(4, i) - 2 > 0.5 ? "yes" : "no";
        (row ? row : write_plainly)(&r, text + n, 400);
        n += strlen(text + n);
        text[n++] = '\n';
    }
    text[n] = '\0';
    *ret_n = n;
    return text;
}

void desk_table(const desk *d, const char *name, const char *header, size_t rows, desk_row_fn *row)
{
    size_t n;
    char *text = desk_text(header, rows, row, &n);

    desk_write(d, name, text, n);
    free(text);
}
