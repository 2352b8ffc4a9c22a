#include "apps/recommend/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "apps/recommend/lines.h"

typedef struct cutting {
    const tdl_feedback *feedback;
    const tdl_interactions *all;
    const uint8_t *weight; /* [events] NULL: each counts once */
    tdl_recommend_task task;
    tdl_cut cut;
    tdl_holdout *split;
    tdl_cut_facts *facts;
    tdl_lines lines; /* of the target set */
    int32_t *other;  /* [events of the largest group] a question under way */
    bool *had;       /* [items_n] what the person had */
    tdl_buf text;
} cutting;

/* Where the group that begins at `at` ends. */
static size_t group_end(const tdl_interactions *all, size_t user, size_t at)
{
    size_t end = at + 1;

    while (end < all->offsets[user + 1] && all->time_us[end] == all->time_us[at])
        end++;
    return end;
}

static size_t first_after(const tdl_interactions *all, size_t user, int64_t time_us)
{
    size_t at = all->offsets[user];

    while (at < all->offsets[user + 1] && all->time_us[at] < time_us)
        at++;
    return at;
}

/* "PERSON:ITEM,ITEM", items sorted by name. */
static bool add_person_line(cutting *c, size_t user, const int32_t *item, size_t n)
{
    tdl_lines items = {0};
    bool ok = true;

    for (size_t i = 0; i < n && ok; i++)
        ok = tdl_lines_add(&items, tdl_feedback_item(c->feedback, item[i]));
    tdl_lines_sort(&items);
    tdl_buf_clear(&c->text);
    tdl_buf_str(&c->text, tdl_feedback_user(c->feedback, (int32_t)user));
    for (size_t i = 0; i < items.n && ok; i++) {
        tdl_buf_char(&c->text, i ? ',' : ':');
        tdl_buf_str(&c->text, items.line[i]);
    }
    tdl_lines_release(&items);
    return ok && !c->text.failed && tdl_lines_add(&c->lines, tdl_buf_view(&c->text));
}

static void write_order(cutting *c, size_t user, size_t at)
{
    tdl_str order = tdl_feedback_order(c->feedback, at);

    tdl_buf_clear(&c->text);
    if (order.len)
        tdl_buf_str(&c->text, order);
    else {
        tdl_buf_str(&c->text, tdl_feedback_user(c->feedback, (int32_t)user));
        tdl_buf_printf(&c->text, "@%lld", (long long)c->all->time_us[at]);
    }
    tdl_buf_char(&c->text, ':');
}

/* Index into `item` of the one that is hidden. c->text holds "ORDER:". */
static size_t choose_hidden(cutting *c, const int32_t *item, size_t n)
{
    size_t order_n = c->text.len, best = 0;
    uLong least = 0;

    for (size_t i = 0; i < n; i++) {
        tdl_str name = tdl_feedback_item(c->feedback, item[i]);
        c->text.len = order_n;
        tdl_buf_str(&c->text, name);
        uLong crc = crc32_z(crc32(0, NULL, 0), (const Bytef *)c->text.at, c->text.len);
        if (!i || crc < least ||
            (crc == least && tdl_str_cmp(name, tdl_feedback_item(c->feedback, item[best])) < 0)) {
            least = crc;
            best = i;
        }
    }
    c->text.len = order_n;
    return best;
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the questions");
}

/* Is it of the kind that is asked about? */
static bool is_wanted(const cutting *c, size_t event)
{
    return !c->cut.kinds || tdl_feedback_kinds_of(c->feedback, event) & c->cut.kinds;
}

static bool has_wanted(const cutting *c, size_t begin, size_t end)
{
    while (begin < end && !is_wanted(c, begin))
        begin++;
    return begin < end;
}

/* One cart: all but the hidden item are shown, at one time. */
static tdl_status ask_cart(cutting *c, size_t user, size_t begin, size_t end, tdl_report *why)
{
    size_t n = 0;

    for (size_t i = begin; i < end; i++)
        if ((size_t)c->all->item[i] < c->split->items_n && is_wanted(c, i))
            c->other[n++] = c->all->item[i];
    if (n < 2)
        return TDL_OK;
    write_order(c, user, begin);
    size_t at = choose_hidden(c, c->other, n);
    int32_t hidden = c->other[at];
    c->other[at] = c->other[--n];
    tdl_buf_str(&c->text, tdl_feedback_item(c->feedback, hidden));
    int64_t *shown_us = calloc(n, sizeof *shown_us); // all at one time, before the cut
    if (!shown_us || c->text.failed || !tdl_lines_add(&c->lines, tdl_buf_view(&c->text))) {
        free(shown_us);
        return no_memory(why);
    }
    for (size_t i = 0; i < n; i++)
        shown_us[i] = c->cut.cut_us - 1;
    tdl_question q = {.history = {.item = c->other, .time_us = shown_us, .n = n},
                      .target = &hidden,
                      .relevant_n = 1,
                      .excluded = c->other,
                      .excluded_n = n,
                      .user = (int32_t)user};
    tdl_status st = tdl_holdout_ask(c->split, &q, why);
    free(shown_us);
    return st;
}

/* The group [begin, end) of a person, who did what stands before `known` before the cut; nothing: a
 * stranger. */
static tdl_status ask_person(cutting *c, size_t user, size_t known, size_t begin, size_t end,
                             tdl_report *why)
{
    const tdl_interactions *all = c->all;
    size_t from = all->offsets[user], n = 0;
    tdl_question q = {
        .history = {.item = all->item + from, .time_us = all->time_us + from, .n = known - from},
        .target = c->other,
        .user = (int32_t)user};

    if (c->task == TDL_RECOMMEND_STRANGERS)
        q.history.n = 0;
    for (size_t i = begin; i < end; i++)
        if (is_wanted(c, i))
            c->other[n++] = all->item[i];
    q.relevant_n = n;
    if (c->task == TDL_RECOMMEND_DISCOVERY) {
        for (size_t i = from; i < known; i++)
            c->had[all->item[i]] = true;
        q.relevant_n = 0;
        for (size_t i = 0; i < n; i++)
            if (!c->had[c->other[i]])
                c->other[q.relevant_n++] = c->other[i];
        for (size_t i = from; i < known; i++)
            c->had[all->item[i]] = false;
        q.excluded = q.history.item; // a repeat is excluded twice: no harm
        q.excluded_n = q.history.n;
        if (!q.relevant_n)
            return TDL_OK;
    }
    if (!add_person_line(c, user, q.target, q.relevant_n))
        return no_memory(why);
    return tdl_holdout_ask(c->split, &q, why);
}

static void count_window(cutting *c, size_t user, size_t begin)
{
    const tdl_interactions *all = c->all;
    bool known = begin > all->offsets[user] && !tdl_feedback_is_guest(c->feedback, (int32_t)user);

    c->facts->known_people += known;
    for (size_t i = begin; i < all->offsets[user + 1] && all->time_us[i] < c->cut.end_us; i++) {
        c->facts->window_events++;
        c->facts->window_groups += i == begin || all->time_us[i] != all->time_us[i - 1];
        c->facts->new_events += !known;
    }
}

static tdl_status ask_user(cutting *c, size_t user, tdl_report *why)
{
    const tdl_interactions *all = c->all;
    size_t begin = first_after(all, user, c->cut.cut_us), end = all->offsets[user + 1];
    bool guest = tdl_feedback_is_guest(c->feedback, (int32_t)user);
    bool known = begin > all->offsets[user] && !guest;
    tdl_status st = TDL_OK;

    count_window(c, user, begin);
    if (c->task == TDL_RECOMMEND_CART) {
        for (size_t at = begin; !st && at < end && all->time_us[at] < c->cut.end_us;) {
            size_t next = group_end(all, user, at);
            st = ask_cart(c, user, at, next, why);
            at = next;
        }
        return st;
    }
    size_t known_end = begin;
    while (begin < end && !has_wanted(c, begin, group_end(all, user, begin)))
        begin = group_end(all, user, begin);
    if (begin == end || all->time_us[begin] >= c->cut.end_us ||
        known != (c->task != TDL_RECOMMEND_STRANGERS))
        return TDL_OK;
    return ask_person(c, user, known_end, begin, group_end(all, user, begin), why);
}

static tdl_status learn_from(cutting *c, size_t user, tdl_report *why)
{
    const tdl_interactions *all = c->all;
    size_t at = all->offsets[user], end = first_after(all, user, c->cut.cut_us);
    tdl_status st = TDL_OK;

    c->facts->train_events += end - at;
    if (c->task != TDL_RECOMMEND_CART)
        return tdl_holdout_train_weighed(c->split, all->item + at, all->time_us + at,
                                         c->weight ? c->weight + at : NULL, end - at, why);
    while (!st && at < end) {
        size_t next = group_end(all, user, at);
        st = tdl_holdout_train_weighed(c->split, all->item + at, all->time_us + at,
                                       c->weight ? c->weight + at : NULL, next - at, why);
        at = next;
    }
    return st;
}

static size_t largest_group(const tdl_interactions *all)
{
    size_t most = 1;

    for (size_t u = 0; u < all->users_n; u++)
        for (size_t at = all->offsets[u], next; at < all->offsets[u + 1]; at = next) {
            next = group_end(all, u, at);
            most = next - at > most ? next - at : most;
        }
    return most;
}

static void finish_facts(cutting *c)
{
    for (size_t i = 0; i < c->split->questions_n; i++) {
        c->facts->targets += c->split->question[i].relevant_n;
        c->facts->missed += c->split->question[i].relevant_n - c->split->question[i].target_n;
    }
    snprintf(c->facts->crc, sizeof c->facts->crc, "%08lx", tdl_lines_crc32(&c->lines));
}

tdl_status tdl_cut_split(const tdl_feedback *feedback, tdl_recommend_task task, tdl_cut cut,
                         tdl_holdout *ret, tdl_cut_facts *ret_facts, tdl_report *why)
{
    const tdl_interactions *all = tdl_feedback_all(feedback);
    tdl_holdout split;
    tdl_cut_facts facts = {0};
    cutting c = {.feedback = feedback,
                 .all = all,
                 .weight = tdl_feedback_weights(feedback),
                 .task = task,
                 .cut = cut,
                 .split = &split,
                 .facts = &facts,
                 .other = malloc(largest_group(all) * sizeof *c.other),
                 .had = calloc(all->items_n + 1, sizeof *c.had)};
    tdl_status st =
        tdl_holdout_init(&split, tdl_feedback_items_before(feedback, cut.cut_us), cut.cut_us, why);

    if (!st && (!c.other || !c.had))
        st = no_memory(why);
    for (size_t u = 0; !st && u < all->users_n; u++)
        st = learn_from(&c, u, why);
    if (!st)
        st = tdl_holdout_seal(&split, why);
    for (size_t u = 0; !st && u < all->users_n; u++)
        st = ask_user(&c, u, why);
    if (!st) {
        finish_facts(&c);
        *ret = split;
        *ret_facts = facts;
    } else
        tdl_holdout_release(&split);
    free(c.other);
    free(c.had);
    tdl_lines_release(&c.lines);
    tdl_buf_release(&c.text);
    return st;
}
