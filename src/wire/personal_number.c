/* Numbers: digits in groups, payment cards, Chinese resident identity numbers. */
#include <strings.h>

#include "wire/personal_parts.h"

enum { CARD_MIN = 13 /* digits */, WORDS_BEFORE = 24 /* bytes in which to look for a name */ };

size_t tdl_personal_groups(tdl_str text, size_t at, const unsigned char *groups,
                           const char *separators, tdl_personal_digits *ret)
{
    char separator = '\0';

    ret->n = 0;
    for (size_t g = 0; groups[g]; g++) {
        if (g) {
            char c = tdl_byte_at(text, at++);
            if (!tdl_is_one_of(c, separators) || (g > 1 && c != separator))
                return 0;
            separator = c;
        }
        if (tdl_digits_at(text, at) != groups[g])
            return 0;
        memcpy(ret->at + ret->n, text.at + at, groups[g]);
        ret->n += groups[g];
        at += groups[g];
    }
    return at;
}

size_t tdl_personal_run(tdl_str text, size_t at, size_t n, tdl_personal_digits *ret)
{
    memcpy(ret->at, text.at + at, n);
    ret->n = n;
    return at + n;
}

bool tdl_personal_luhn(const tdl_personal_digits *d)
{
    unsigned sum = 0;

    for (size_t i = 0; i < d->n; i++) {
        unsigned digit = (unsigned)(d->at[d->n - 1 - i] - '0') << (i & 1);
        sum += digit > 9 ? digit - 9 : digit;
    }
    return sum % 10 == 0;
}

bool tdl_personal_ends(const tdl_personal_scan *s, size_t end)
{
    char c = tdl_byte_at(s->text, end), next = tdl_byte_at(s->text, end + 1);

    if (tdl_is_word(c) || c == '@' ||
        (c == '%' && next == '4' && tdl_byte_at(s->text, end + 2) == '0'))
        return false;
    return !((c == '.' && tdl_is_digit(next)) || (c == '-' && tdl_is_word(next)));
}

static bool holds_word(tdl_str text, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= text.len; i++)
        if (!strncasecmp(text.at + i, word, n))
            return true;
    return false;
}

bool tdl_personal_said(const tdl_personal_scan *s, size_t at, const char *const *words)
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

/* ---- payment cards ---- */

/* Article numbers (EAN-13, GS1 General Specifications) look like old Visa cards. */
static bool is_article(const tdl_personal_digits *d)
{
    unsigned sum = 0;

    for (size_t i = 0; i < d->n; i++)
        sum += (unsigned)(d->at[i] - '0') * (i & 1 ? 3 : 1);
    return d->n == 13 && sum % 10 == 0;
}

/* First four digits, and how many there are: lengths that banks really give out, so that order
 * numbers of another length are none. */
static bool is_issued(const tdl_personal_digits *d)
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

size_t tdl_personal_card(const tdl_personal_scan *s, size_t at, size_t run)
{
    static const unsigned char forms[][6] = {
        {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {4, 4, 4, 4, 3}, {6, 13}};
    tdl_personal_digits d = {.n = 0};
    size_t end = run >= CARD_MIN && run <= TDL_PERSONAL_DIGITS_MAX
                     ? tdl_personal_run(s->text, at, run, &d)
                     : 0;

    for (size_t i = 0; run < CARD_MIN && !end && i < sizeof forms / sizeof forms[0]; i++) {
        end = tdl_personal_groups(s->text, at, forms[i], " -", &d);
        end = end && tdl_personal_ends(s, end) ? end : 0;
    }
    return end && is_issued(&d) && tdl_personal_luhn(&d) && !is_article(&d) ? end : 0;
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

size_t tdl_personal_id_number(const tdl_personal_scan *s, size_t at, size_t run)
{
    static const unsigned char form[] = {6, 8, 4, 0}, form_x[] = {6, 8, 3, 0};
    static const char *const words[] = {"id_card",  "idcard", "id card", "id_number", "idnumber",
                                        "identity", "sfz",    "身份证",  "证件",      NULL};
    tdl_personal_digits d;
    size_t end = at + 18;
    bool x = tdl_is_one_of(tdl_byte_at(s->text, at + 17), "xX");

    if (run == 18 || (run == 17 && x)) // side by side
        return is_id_number(s->text.at + at, s->text.at[at + 17]) ? end : 0;
    if (run == 15) {
        tdl_personal_run(s->text, at, 15, &d);
        bool is =
            is_region(d.at) && !tdl_personal_luhn(&d) && // an IMEI has Luhn's digit
            is_date(1900 + number_of(d.at + 6, 2), number_of(d.at + 8, 2), number_of(d.at + 10, 2));
        return is && tdl_personal_said(s, at, words) ? at + 15 : 0;
    }
    if (run == 6 && (end = tdl_personal_groups(s->text, at, form, " -", &d)))
        return is_id_number(d.at, d.at[17]) ? end : 0;
    if (run == 6 && (end = tdl_personal_groups(s->text, at, form_x, " -", &d)) &&
        tdl_is_one_of(tdl_byte_at(s->text, end), "xX"))
        return is_id_number(d.at, s->text.at[end]) ? end + 1 : 0;
    return 0;
}
