/* Finding: one walk over the bytes; where a digit, a plus, a bracket or an at stands, the forms
 * that can begin there are tried. */
#include <strings.h>

#include "wire/personal_parts.h"

enum {
    LOCAL_MAX = 64, /* of a mail address, before the at (RFC 5321) */
    HOST_MAX = 253, /* behind it */
    TLD_MAX = 24    /* the longest there is */
};

/* Bytes a finding may begin at, or stand around, as the at of a mail address does. */
static const bool starts[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true,
    ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
    ['+'] = true, ['('] = true, ['@'] = true, ['%'] = true, ['\\'] = true,
};

/* ---- mail addresses ---- */

/* "icon@2x.png" is the name of a file. */
static bool is_file(tdl_str tld)
{
    static const char *const types[] = {"png", "jpg", "jpeg", "gif",  "webp",
                                        "svg", "css", "js",   "html", "json"};

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (tld.len == strlen(types[i]) && !strncasecmp(tld.at, types[i], tld.len))
            return true;
    return false;
}

static bool is_tld(tdl_str tld)
{
    if (tld.len < 2 || tld.len > TLD_MAX || is_file(tld))
        return false;
    if (tld.len > 4 && !strncasecmp(tld.at, "xn--", 4))
        return true;
    for (size_t i = 0; i < tld.len; i++)
        if (!tdl_is_letter(tld.at[i]))
            return false;
    return true;
}

/* End of the host that begins at `at`; 0 when none does. */
static size_t read_host(tdl_str text, size_t at)
{
    size_t end = at, dot = 0;

    for (char c; end - at <= HOST_MAX && (c = tdl_byte_at(text, end)); end++) {
        if (!tdl_is_letter(c) && !tdl_is_digit(c) && c != '-' && c != '.')
            break;
        if (c == '.' && (end == at || text.at[end - 1] == '.'))
            break;
    }
    while (end > at && tdl_is_one_of(text.at[end - 1], ".-"))
        end--;
    for (size_t i = at; i < end; i++)
        if (text.at[i] == '.')
            dot = i;
    bool is = end - at <= HOST_MAX && dot && tdl_byte_at(text, at) != '-' &&
              is_tld((tdl_str){text.at + dot + 1, end - dot - 1});
    return is ? end : 0;
}

/* An address around the at that stands at `at`, as "@" or, in addresses of pages, as "%40". */
static bool find_mail(const tdl_personal_scan *s, size_t from, size_t at, tdl_personal_finding *ret)
{
    size_t begin = at, end = read_host(s->text, at + (s->text.at[at] == '%' ? 3 : 1));

    if (!end)
        return false;
    while (begin > from && at - begin <= LOCAL_MAX &&
           (tdl_is_word(s->text.at[begin - 1]) || tdl_is_one_of(s->text.at[begin - 1], ".%+-'")))
        begin--;
    while (begin < at && !tdl_is_word(s->text.at[begin]))
        begin++;
    if (begin == at || at - begin > LOCAL_MAX)
        return false;
    *ret = (tdl_personal_finding){.kind = TDL_PERSONAL_EMAIL, .begin = begin, .end = end};
    return true;
}

/* ---- numbers ---- */

/* May the digits [run] at `at` be all, or the first group, of anything looked for? Most numbers
 * go by here. */
static bool is_promising(tdl_str text, size_t at, size_t run)
{
    char c = tdl_byte_at(text, at + run), next = tdl_byte_at(text, at + run + 1);

    return run >= 10 || (run <= 6 && run != 5 && (c == ' ' || c == '-' || c == '.') &&
                         (tdl_is_digit(next) || next == '('));
}

static bool begins_at(const tdl_personal_scan *s, size_t at)
{
    char before = at ? s->text.at[at - 1] : ' ';

    return (at && at == s->fresh) || (!tdl_is_word(before) && !tdl_is_one_of(before, "-./#$+"));
}

/* What begins at `at`, where a number may. */
static bool find_number(const tdl_personal_scan *s, size_t at, size_t run,
                        tdl_personal_finding *ret)
{
    static const struct {
        tdl_personal kind;
        tdl_personal_form *read;
    } forms[] = {{TDL_PERSONAL_ID_NUMBER, tdl_personal_id_number},
                 {TDL_PERSONAL_CARD, tdl_personal_card},
                 {TDL_PERSONAL_PHONE, tdl_personal_phone}};
    size_t first = run ? 0 : 2; // a plus or a bracket begins a telephone only

    for (size_t i = first; i < sizeof forms / sizeof forms[0]; i++) {
        size_t end = forms[i].read(s, at, run);
        if (end && tdl_personal_ends(s, end)) {
            *ret = (tdl_personal_finding){.kind = forms[i].kind, .begin = at, .end = end};
            return true;
        }
    }
    return false;
}

static bool find_at(const tdl_personal_scan *s, size_t from, size_t at, size_t run,
                    tdl_personal_finding *ret)
{
    if (s->text.at[at] == '@' || tdl_skip(s->text, at, "%40"))
        return find_mail(s, from, at, ret);
    return (!run || is_promising(s->text, at, run)) && begins_at(s, at) &&
           find_number(s, at, run, ret);
}

static bool find(tdl_personal_scan *s, size_t from, tdl_personal_finding *ret)
{
    const tdl_str text = s->text;

    for (size_t at = from;;) {
        while (at < text.len && !starts[(unsigned char)text.at[at]])
            at++;
        if (at >= text.len)
            return false;
        if (text.at[at] == '\\') {
            at += !s->json ? 1 : tdl_byte_at(text, at + 1) == 'u' ? 6 : 2;
            s->fresh = s->json ? at : s->fresh;
            continue;
        }
        size_t run = tdl_digits_at(text, at);
        if (find_at(s, from, at, run, ret))
            return true;
        at += run ? run : 1;
    }
}

bool tdl_personal_find(tdl_str name, tdl_str text, size_t from, tdl_personal_finding *ret)
{
    return find(&(tdl_personal_scan){.name = name, .text = text, .fresh = from}, from, ret);
}

bool tdl_personal_may_hold(tdl_str json)
{
    tdl_personal_finding finding;

    return find(&(tdl_personal_scan){.text = json, .json = true}, 0, &finding);
}
