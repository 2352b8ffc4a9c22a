/* Telephones: Chinese mobiles, North America's numbers, and whatever begins with a plus. */
#include "wire/personal_parts.h"

enum {
    DIGITS_MIN = 9, /* with the country's code; fewer are too like other numbers */
    DIGITS_MAX = 15 /* E.164 */
};

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
    tdl_personal_digits d;
    size_t end;

    if (tdl_digits_at(text, at) == 11)
        end = tdl_personal_run(text, at, 11, &d);
    else if (!(end = tdl_personal_groups(text, at, form, " -", &d)))
        end = tdl_personal_groups(text, at, in_two, " -", &d);
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
    tdl_personal_digits d, area;
    size_t end;

    *ret_bare = tdl_digits_at(text, at) == 10;
    if (*ret_bare) {
        end = tdl_personal_run(text, at, 10, &d);
    } else if (tdl_byte_at(text, at) == '(') {
        if (tdl_digits_at(text, at + 1) != 3 || tdl_byte_at(text, at + 4) != ')')
            return 0;
        at += tdl_personal_run(text, at + 1, 3, &area) - at + 1;
        at += tdl_is_one_of(tdl_byte_at(text, at), " -");
        end = tdl_personal_groups(text, at, rest, " -.", &d);
        return end && is_area(area.at) && is_exchange(d.at) ? end : 0;
    } else {
        end = tdl_personal_groups(text, at, form, " -.", &d);
    }
    return end && is_area(d.at) && is_exchange(d.at + 3) ? end : 0;
}

/* Digits from `at` on, with single separators and brackets between them, as many as fit. */
static size_t read_international(tdl_str text, size_t at)
{
    size_t n = 0, end = 0;

    for (size_t run; (run = tdl_digits_at(text, at)) && n + run <= DIGITS_MAX;) {
        n += run;
        end = at += run;
        while (at - end < 2 && tdl_is_one_of(tdl_byte_at(text, at), " -.()"))
            at++;
    }
    return n >= DIGITS_MIN ? end : 0;
}

/* Behind the plus of "+86 138 1234 5678". */
static size_t read_code(tdl_str text, size_t at)
{
    size_t end, national = at;
    bool bare;

    if (tdl_byte_at(text, at) == '0')
        return 0;
    if (tdl_byte_at(text, at) == '1') {
        national += 1 + tdl_is_one_of(tdl_byte_at(text, at + 1), " -.");
        return read_american(text, national, &bare);
    }
    if (tdl_byte_at(text, at) == '8' && tdl_byte_at(text, at + 1) == '6') {
        for (national += 2; national < at + 4 && tdl_is_one_of(tdl_byte_at(text, national), " -)");)
            national++;
        if ((end = read_mobile(text, national)))
            return end;
    }
    return read_international(text, at);
}

size_t tdl_personal_phone(const tdl_personal_scan *s, size_t at, size_t run)
{
    static const char *const words[] = {"phone", "mobile", "whatsapp", "手机", "电话", NULL};
    tdl_str text = s->text;
    size_t end, code;
    bool bare;

    if (text.at[at] == '+')
        return read_code(text, at + 1);
    if ((end = read_mobile(text, at)))
        return end;
    if ((code = tdl_skip(text, at, "0086")) || (code = tdl_skip(text, at, "86"))) {
        at += code;
        return read_mobile(text, at + tdl_is_one_of(tdl_byte_at(text, at), " -"));
    }
    if (run == 1 && text.at[at] == '1' && tdl_is_one_of(tdl_byte_at(text, at + 1), " -."))
        at += 2; // 1-415-555-0132
    end = read_american(text, at, &bare);
    return end && (!bare || tdl_personal_said(s, at, words)) ? end : 0;
}
