/* Finding: one walk over the bytes; where a digit, a plus, a bracket or an at stands, the forms
 * that can begin there are tried. */
#include <strings.h>

#include "wire/personal.h"

enum {
    LOCAL_MAX = 64,  /* of a mail address, before the at (RFC 5321) */
    HOST_MAX = 253,  /* behind it */
    TLD_MAX = 24,    /* the longest there is */
    PHONE_MIN = 9,   /* digits with the country's code; fewer are too like other numbers */
    PHONE_MAX = 15,  /* E.164 */
    CARD_MIN = 13,   /* digits */
    CARD_MAX = 19,   /* */
    WORDS_BEFORE = 24 /* bytes before a number in which to look for what it is */
};

typedef struct scan {
    tdl_str name, text;
    bool json;    /* the text is JSON, and nothing is known of names */
    size_t fresh; /* where the last finding, or escape of the JSON, ended */
} scan;

/* Bytes a finding may begin at, or stand around, as the at of a mail address does. */
static const bool starts[256] = {
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true,
    ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true, ['+'] = true, ['('] = true,
    ['@'] = true, ['%'] = true, ['\\'] = true,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(char c)
{
    return is_digit(c) || is_letter(c) || c == '_';
}

/* The byte at `i`, NUL past the end. */
static char byte_at(tdl_str text, size_t i)
{
    return i < text.len ? text.at[i] : '\0';
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static size_t digits_at(tdl_str text, size_t at)
{
    size_t n = 0;

    while (is_digit(byte_at(text, at + n)))
        n++;
    return n;
}

/* ---- what stands around a number ---- */

static bool begins_at(const scan *s, size_t at)
{
    char before = at ? s->text.at[at - 1] : ' ';

    return (at && at == s->fresh) || (!is_word(before) && !is_one_of(before, "-./#$+"));
}

static bool ends_at(const scan *s, size_t end)
{
    char c = byte_at(s->text, end), next = byte_at(s->text, end + 1);

    if (is_word(c) || c == '@' || (c == '%' && next == '4' && byte_at(s->text, end + 2) == '0'))
        return false;
    return !((c == '.' && is_digit(next)) || (c == '-' && is_word(next)));
}

static bool holds_word(tdl_str text, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= text.len; i++)
        if (!strncasecmp(text.at + i, word, n))
            return true;
    return false;
}

/* Does the name, or what stands just before, say what the number is? */
static bool is_said(const scan *s, size_t at, const char *const *words)
{
    size_t n = at < WORDS_BEFORE ? at : WORDS_BEFORE;
    tdl_str before = {s->text.at + at - n, n};

    if (s->json)
        return true;
    for (; *words; words++)
        if (holds_word(s->name, *words) || holds_word(before, *words))
            return true;
    return false;
}

/* ---- mail addresses ---- */

/* "icon@2x.png" is the name of a file. */
static bool is_file(tdl_str tld)
{
    static const char *const types[] = {"png", "jpg", "jpeg", "gif", "webp", "svg",
                                        "css", "js",  "html", "json"};

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
        if (!is_letter(tld.at[i]))
            return false;
    return true;
}

/* End of the host that begins at `at`; 0 when none does. */
static size_t read_host(tdl_str text, size_t at)
{
    size_t end = at, dot = 0;

    for (char c; end - at <= HOST_MAX && (c = byte_at(text, end)); end++) {
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.')
            break;
        if (c == '.' && (end == at || text.at[end - 1] == '.'))
            break;
    }
    while (end > at && is_one_of(text.at[end - 1], ".-"))
        end--;
    for (size_t i = at; i < end; i++)
        if (text.at[i] == '.')
            dot = i;
    bool is = end - at <= HOST_MAX && dot && byte_at(text, at) != '-' &&
              is_tld((tdl_str){text.at + dot + 1, end - dot - 1});
    return is ? end : 0;
}

/* An address around the at that stands at `at`, as "@" or, in addresses of pages, as "%40". */
static bool find_mail(const scan *s, size_t from, size_t at, tdl_personal_finding *ret)
{
    size_t begin = at, end = read_host(s->text, at + (s->text.at[at] == '%' ? 3 : 1));

    if (!end)
        return false;
    while (begin > from && at - begin <= LOCAL_MAX &&
           (is_word(s->text.at[begin - 1]) || is_one_of(s->text.at[begin - 1], ".%+-'")))
        begin--;
    while (begin < at && !is_word(s->text.at[begin]))
        begin++;
    if (begin == at || at - begin > LOCAL_MAX)
        return false;
    *ret = (tdl_personal_finding){.kind = TDL_PERSONAL_EMAIL, .begin = begin, .end = end};
    return true;
}

/* ---- numbers in groups ---- */

/* Digits [n] that were read, without what separates them. */
typedef struct digits {
    char at[CARD_MAX + 1];
    size_t n;
} digits;

/* Groups of so many digits each, with one and the same separator out of `separators` between them.
 *   groups   the sizes, ended by 0
 *   returns  where they end; 0 when they are not there */
static size_t read_groups(tdl_str text, size_t at, const unsigned char *groups,
                          const char *separators, digits *ret)
{
    char separator = '\0';

    ret->n = 0;
    for (size_t g = 0; groups[g]; g++) {
        if (g) {
            char c = byte_at(text, at++);
            if (!is_one_of(c, separators) || (g > 1 && c != separator))
                return 0;
            separator = c;
        }
        if (digits_at(text, at) != groups[g])
            return 0;
        memcpy(ret->at + ret->n, text.at + at, groups[g]);
        ret->n += groups[g];
        at += groups[g];
    }
    return at;
}

static size_t read_run(tdl_str text, size_t at, size_t n, digits *ret)
{
    memcpy(ret->at, text.at + at, n);
    ret->n = n;
    return at + n;
}

/* ---- payment cards ---- */

/* Sum of the digits, every second from the right doubled, is a multiple of ten (ISO/IEC 7812). */
static bool luhn_holds(const digits *d)
{
    unsigned sum = 0;

    for (size_t i = 0; i < d->n; i++) {
        unsigned digit = (unsigned)(d->at[d->n - 1 - i] - '0') << (i & 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

/* Article numbers (EAN-13, GS1 General Specifications) look like old Visa cards. */
static bool is_article(const digits *d)
{
    unsigned sum = 0;

    for (size_t i = 0; i < d->n; i++)
        sum += (unsigned)(d->at[i] - '0') * (i & 1 ? 3 : 1);
    return d->n == 13 && sum % 10 == 0;
}

/* First four digits, and how many there are: lengths that banks really give out, so that order
 * numbers of another length are none. */
static bool is_issued(const digits *d)
{
    static const struct {
        unsigned low, high, shortest, longest;
    } issuers[] = {
        {4000, 4999, 13, 13}, {4000, 4999, 16, 16},                       /* Visa */
        {5100, 5599, 16, 16}, {2221, 2720, 16, 16},                       /* Mastercard */
        {3400, 3499, 15, 15}, {3700, 3799, 15, 15},                       /* American Express */
        {6200, 6299, 16, 16}, {6200, 6299, 19, 19},                       /* UnionPay */
        {6011, 6011, 16, 16}, {6440, 6599, 16, 16},                       /* Discover */
        {3528, 3589, 16, 16},                                             /* JCB */
        {3000, 3059, 14, 14}, {3600, 3699, 14, 14}, {3800, 3999, 14, 14}, /* Diners Club */
        {2200, 2204, 16, 16},                                             /* Mir */
        {5018, 5018, 16, 16}, {5020, 5020, 16, 16}, {5038, 5038, 16, 16}, /* Maestro */
        {5893, 5893, 16, 16}, {6304, 6304, 16, 16}, {6759, 6763, 16, 16},
    };
    unsigned first = 0;

    for (size_t i = 0; i < 4; i++)
        first = first * 10 + (unsigned)(d->at[i] - '0');
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++)
        if (first >= issuers[i].low && first <= issuers[i].high && d->n >= issuers[i].shortest &&
            d->n <= issuers[i].longest)
            return true;
    return false;
}

static size_t read_card(const scan *s, size_t at, size_t run)
{
    static const unsigned char forms[][6] = {
        {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}, {6, 13}};
    digits d = {.n = 0};
    size_t end = run >= CARD_MIN && run <= CARD_MAX ? read_run(s->text, at, run, &d) : 0;

    for (size_t i = 0; run < CARD_MIN && !end && i < sizeof forms / sizeof forms[0]; i++) {
        end = read_groups(s->text, at, forms[i], " -", &d);
        end = end && ends_at(s, end) ? end : 0;
    }
    return end && is_issued(&d) && luhn_holds(&d) && !is_article(&d) ? end : 0;
}

/* ---- Chinese resident identity numbers ---- */

static unsigned number_of(const char *digit, size_t n)
{
    unsigned number = 0;

    for (size_t i = 0; i < n; i++)
        number = number * 10 + (unsigned)(digit[i] - '0');
    return number;
}

/* Province, prefecture and county (GB/T 2260), as far as they are not numbered freely. */
static bool is_region(const char *digit)
{
    static const char provinces[] = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 "
                                    "46 50 51 52 53 54 61 62 63 64 65 71 81 82 83";
    const char province[] = {digit[0], digit[1], '\0'};

    return strstr(provinces, province) && number_of(digit + 2, 2) && number_of(digit + 4, 2);
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    static const unsigned days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days[month - 1] + (leap && month == 2 ? 1 : 0);
}

/* MOD 11-2 over 17 digits (ISO/IEC 7064), its digit being `check`. */
static bool check_digit_holds(const char *digit, char check)
{
    unsigned sum = 0;

    for (size_t i = 0; i < 17; i++)
        sum = (sum + (unsigned)(digit[i] - '0')) * 2 % 11;
    return "10X98765432"[sum] == (check == 'x' ? 'X' : check);
}

static bool is_id_number(const char *digit, char check)
{
    unsigned year = number_of(digit + 6, 4);

    return is_region(digit) && year >= 1800 && year < 2100 &&
           is_date(year, number_of(digit + 10, 2), number_of(digit + 12, 2)) &&
           check_digit_holds(digit, check);
}

static size_t read_id_number(const scan *s, size_t at, size_t run)
{
    static const unsigned char form[] = {6, 8, 4, 0}, form_x[] = {6, 8, 3, 0};
    static const char *const words[] = {"id_card", "idcard", "id card", "id_number", "idnumber",
                                        "identity", "sfz", "身份证", "证件", NULL};
    digits d;
    size_t end = at + 18;
    bool x = is_one_of(byte_at(s->text, at + 17), "xX");

    if (run == 18 || (run == 17 && x)) // side by side
        return is_id_number(s->text.at + at, s->text.at[at + 17]) ? end : 0;
    if (run == 15) {
        read_run(s->text, at, 15, &d);
        bool is = is_region(d.at) && !luhn_holds(&d) && // an IMEI has Luhn's digit
                  is_date(1900 + number_of(d.at + 6, 2), number_of(d.at + 8, 2),
                          number_of(d.at + 10, 2));
        return is && is_said(s, at, words) ? at + 15 : 0;
    }
    if (run == 6 && (end = read_groups(s->text, at, form, " -", &d)))
        return is_id_number(d.at, d.at[17]) ? end : 0;
    if (run == 6 && (end = read_groups(s->text, at, form_x, " -", &d)) &&
        is_one_of(byte_at(s->text, end), "xX"))
        return is_id_number(d.at, s->text.at[end]) ? end + 1 : 0;
    return 0;
}

/* ---- telephones ---- */

/* The ranges given out: 13x, 145-149, 150-153, 155-159, 162, 165-167, 170-178, 18x, 190-193,
 * 195-199. */
static bool is_mobile(const char *digit)
{
    static const unsigned third[] = {/* bit i: 1<second>i is given out; from second = 3 */
                                     0x3ff, 0x3e0, 0x3ef, 0x0e4, 0x1ff, 0x3ff, 0x3ef};

    return digit[0] == '1' && digit[1] >= '3' && (third[digit[1] - '3'] >> (digit[2] - '0') & 1);
}

/* A Chinese mobile without its country's code; its end or 0. */
static size_t read_mobile(tdl_str text, size_t at)
{
    static const unsigned char form[] = {3, 4, 4, 0}, in_two[] = {3, 8, 0};
    digits d;
    size_t end;

    if (digits_at(text, at) == 11)
        end = read_run(text, at, 11, &d);
    else if (!(end = read_groups(text, at, form, " -", &d)))
        end = read_groups(text, at, in_two, " -", &d);
    return end && is_mobile(d.at) ? end : 0;
}

/* Three digits that may be an area or an exchange of North America: not N11. */
static bool is_exchange(const char *digit)
{
    return digit[0] >= '2' && !(digit[1] == '1' && digit[2] == '1');
}

static bool is_area(const char *digit)
{
    bool round = digit[1] == '0' && digit[2] == '0'; // 500 to 900 are services, 200 is a number

    return is_exchange(digit) && digit[1] != '9' && (!round || digit[0] >= '5');
}

/* "(415) 555-0132", "415-555-0132", "415.555.0132", and without any separator. */
static size_t read_american(tdl_str text, size_t at, bool *ret_bare)
{
    static const unsigned char form[] = {3, 3, 4, 0}, rest[] = {3, 4, 0};
    digits d, area;
    size_t end;

    *ret_bare = digits_at(text, at) == 10;
    if (*ret_bare) {
        end = read_run(text, at, 10, &d);
    } else if (byte_at(text, at) == '(') {
        if (digits_at(text, at + 1) != 3 || byte_at(text, at + 4) != ')')
            return 0;
        at += read_run(text, at + 1, 3, &area) - at + 1;
        at += is_one_of(byte_at(text, at), " -");
        end = read_groups(text, at, rest, " -.", &d);
        return end && is_area(area.at) && is_exchange(d.at) ? end : 0;
    } else {
        end = read_groups(text, at, form, " -.", &d);
    }
    return end && is_area(d.at) && is_exchange(d.at + 3) ? end : 0;
}

/* Digits from `at` on, with single separators and brackets between them, as many as fit. */
static size_t read_international(tdl_str text, size_t at)
{
    size_t n = 0, end = 0;

    for (size_t run; (run = digits_at(text, at)) && n + run <= PHONE_MAX;) {
        n += run;
        end = at += run;
        while (at - end < 2 && is_one_of(byte_at(text, at), " -.()"))
            at++;
    }
    return n >= PHONE_MIN ? end : 0;
}

/* Behind the plus of "+86 138 1234 5678". */
static size_t read_code(tdl_str text, size_t at)
{
    size_t end, national = at;
    bool bare;

    if (byte_at(text, at) == '0')
        return 0;
    if (byte_at(text, at) == '1') {
        national += 1 + is_one_of(byte_at(text, at + 1), " -.");
        return read_american(text, national, &bare);
    }
    if (byte_at(text, at) == '8' && byte_at(text, at + 1) == '6') {
        for (national += 2; national < at + 4 && is_one_of(byte_at(text, national), " -)");)
            national++;
        if ((end = read_mobile(text, national)))
            return end;
    }
    return read_international(text, at);
}

/* Length of `prefix` when it stands there, else 0. */
static size_t skip(tdl_str text, size_t at, const char *prefix)
{
    size_t n = strlen(prefix);

    return at + n <= text.len && !memcmp(text.at + at, prefix, n) ? n : 0;
}

static size_t read_phone(const scan *s, size_t at, size_t run)
{
    static const char *const words[] = {"phone", "mobile", "whatsapp", "手机", "电话", NULL};
    tdl_str text = s->text;
    size_t end, code;
    bool bare;

    if (text.at[at] == '+')
        return read_code(text, at + 1);
    if ((end = read_mobile(text, at)))
        return end;
    if ((code = skip(text, at, "0086")) || (code = skip(text, at, "86"))) {
        at += code;
        return read_mobile(text, at + is_one_of(byte_at(text, at), " -"));
    }
    if (run == 1 && text.at[at] == '1' && is_one_of(byte_at(text, at + 1), " -."))
        at += 2; // 1-415-555-0132
    end = read_american(text, at, &bare);
    return end && (!bare || is_said(s, at, words)) ? end : 0;
}

/* ---- */

/* What begins at `at`, where a number may. */
static bool find_number(const scan *s, size_t at, size_t run, tdl_personal_finding *ret)
{
    static const struct {
        tdl_personal kind;
        size_t (*read)(const scan *s, size_t at, size_t run);
    } forms[] = {{TDL_PERSONAL_ID_NUMBER, read_id_number},
                 {TDL_PERSONAL_CARD, read_card},
                 {TDL_PERSONAL_PHONE, read_phone}};
    size_t first = run ? 0 : 2; // a plus or a bracket begins a telephone only

    for (size_t i = first; i < sizeof forms / sizeof forms[0]; i++) {
        size_t end = forms[i].read(s, at, run);
        if (end && ends_at(s, end)) {
            *ret = (tdl_personal_finding){.kind = forms[i].kind, .begin = at, .end = end};
            return true;
        }
    }
    return false;
}

static bool is_mail(tdl_str text, size_t at)
{
    return text.at[at] == '@' || skip(text, at, "%40");
}

static bool find(scan *s, size_t from, tdl_personal_finding *ret)
{
    tdl_str text = s->text;

    for (size_t at = from; at < text.len;) {
        size_t run = 1;
        if (text.at[at] == '\\' && s->json) {
            s->fresh = at += byte_at(text, at + 1) == 'u' ? 6 : 2;
            continue;
        }
        if (starts[(unsigned char)text.at[at]]) {
            run = digits_at(text, at);
            if (is_mail(text, at) ? find_mail(s, from, at, ret)
                                  : begins_at(s, at) && find_number(s, at, run, ret))
                return true;
        }
        at += run ? run : 1;
    }
    return false;
}

bool tdl_personal_find(tdl_str name, tdl_str text, size_t from, tdl_personal_finding *ret)
{
    return find(&(scan){.name = name, .text = text}, from, ret);
}

bool tdl_personal_may_hold(tdl_str json)
{
    tdl_personal_finding finding;

    return find(&(scan){.text = json, .json = true}, 0, &finding);
}
