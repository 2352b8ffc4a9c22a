#include "apps/recommend/feedback.h"

#include <stdlib.h>

#include "apps/recommend/names.h"

enum { NO_ORDER = -1, NO_SEGMENT = -1 };

/* Guests are named by their order behind a byte that stands in no id. */
#define GUEST_MARK '\1'

typedef struct row {
    int32_t user, item, order;
    uint32_t kinds; /* bits */
    int64_t time_us;
    size_t line; /* as it was added */
} row;

/* Where a person belongs, by his earliest row that says so. */
typedef struct membership {
    int32_t segment; /* or NO_SEGMENT */
    int64_t since_us;
} membership;

struct tdl_feedback {
    tdl_names *users, *items, *orders, *segments, *kinds;
    membership *member; /* [members_cap >= names of users] */
    size_t members_cap;
    row *rows; /* [rows_cap], until it is laid out */
    size_t rows_n, rows_cap;
    tdl_interactions all;
    size_t *offsets;  /* [users_n + 1] */
    int32_t *item;    /* [events] */
    int64_t *time_us; /* [events] */
    int32_t *order;   /* [events] or NO_ORDER */
    uint32_t *kind;   /* [events] bits */
    uint8_t *weight;  /* [events] of use if weighed */
    bool weighed;
    int32_t *user_name, *item_name;   /* [users_n], [items_n]: their numbers among the names */
    int64_t *user_since, *item_since; /* [users_n], [items_n], ascending */
};

tdl_feedback *tdl_feedback_new(void)
{
    tdl_feedback *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->users = tdl_names_new();
    f->items = tdl_names_new();
    f->orders = tdl_names_new();
    f->segments = tdl_names_new();
    f->kinds = tdl_names_new();
    if (f->users && f->items && f->orders && f->segments && f->kinds)
        return f;
    tdl_feedback_free(f);
    return NULL;
}

void tdl_feedback_free(tdl_feedback *f)
{
    if (!f)
        return;
    tdl_names_free(f->users);
    tdl_names_free(f->items);
    tdl_names_free(f->orders);
    tdl_names_free(f->segments);
    tdl_names_free(f->kinds);
    free(f->kind);
    free(f->weight);
    free(f->member);
    free(f->rows);
    free(f->offsets);
    free(f->item);
    free(f->time_us);
    free(f->order);
    free(f->user_name);
    free(f->item_name);
    free(f->user_since);
    free(f->item_since);
    free(f);
}

static tdl_status no_memory(const tdl_feedback *f, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the events after %zu", f->rows_n);
}

static int32_t add_user(tdl_feedback *f, const tdl_feedback_row *from)
{
    tdl_buf name = {0};
    int32_t number = -1;

    if (from->user.len)
        return tdl_names_add(f->users, from->user);
    tdl_buf_char(&name, GUEST_MARK);
    tdl_buf_str(&name, from->order);
    if (!name.failed)
        number = tdl_names_add(f->users, tdl_buf_view(&name));
    tdl_buf_release(&name);
    return number;
}

static bool make_room(tdl_feedback *f)
{
    size_t cap = f->rows_cap ? 2 * f->rows_cap : 4096;

    if (f->rows_n < f->rows_cap)
        return true;
    row *rows = cap <= SIZE_MAX / sizeof *rows ? realloc(f->rows, cap * sizeof *rows) : NULL;
    if (!rows)
        return false;
    f->rows = rows;
    f->rows_cap = cap;
    return true;
}

tdl_status tdl_feedback_add(tdl_feedback *f, const tdl_feedback_row *from, tdl_report *why)
{
    row one = {.order = NO_ORDER, .time_us = from->time_us, .line = f->rows_n};

    if (!from->item.len)
        return TDL_FAIL(why, TDL_E_INVALID, "no item");
    if (!from->user.len && !from->order.len)
        return TDL_FAIL(why, TDL_E_INVALID, "neither a user nor an order");
    if (from->user.len && from->user.at[0] == GUEST_MARK)
        return TDL_FAIL(why, TDL_E_INVALID, "the user begins with a control character");
    one.user = add_user(f, from);
    one.item = tdl_names_add(f->items, from->item);
    if (from->order.len)
        one.order = tdl_names_add(f->orders, from->order);
    if (one.user < 0 || one.item < 0 || (from->order.len && one.order < 0) || !make_room(f))
        return no_memory(f, why);
    f->rows[f->rows_n++] = one;
    return TDL_OK;
}

tdl_status tdl_feedback_kind_of_last(tdl_feedback *f, tdl_str kind, tdl_report *why)
{
    int32_t number = tdl_names_find(f->kinds, kind);

    if (number < 0)
        number = tdl_names_count(f->kinds) < TDL_FEEDBACK_KINDS - 1 ? tdl_names_add(f->kinds, kind)
                                                                    : TDL_FEEDBACK_KINDS - 1;
    if (number < 0)
        return no_memory(f, why);
    f->rows[f->rows_n - 1].kinds = UINT32_C(1) << number;
    return TDL_OK;
}

static bool make_members(tdl_feedback *f, size_t n)
{
    size_t cap = f->members_cap ? f->members_cap : 1024;

    while (cap < n)
        cap *= 2;
    if (n <= f->members_cap)
        return true;
    membership *member =
        cap <= SIZE_MAX / sizeof *member ? realloc(f->member, cap * sizeof *member) : NULL;
    if (!member)
        return false;
    f->member = member;
    for (size_t i = f->members_cap; i < cap; i++)
        member[i] = (membership){NO_SEGMENT, 0};
    f->members_cap = cap;
    return true;
}

tdl_status tdl_feedback_add_segment(tdl_feedback *f, const tdl_feedback_row *from, tdl_str segment,
                                    tdl_report *why)
{
    tdl_status st = tdl_feedback_add(f, from, why);
    int32_t number = !st && segment.len ? tdl_names_add(f->segments, segment) : NO_SEGMENT;

    if (st || !segment.len)
        return st;
    int32_t user = f->rows[f->rows_n - 1].user;
    if (number < 0 || !make_members(f, (size_t)user + 1))
        return no_memory(f, why);
    membership *m = &f->member[user];
    if (m->segment == NO_SEGMENT || from->time_us < m->since_us ||
        (from->time_us == m->since_us &&
         tdl_str_cmp(segment, tdl_names_at(f->segments, m->segment)) < 0))
        *m = (membership){number, from->time_us};
    return TDL_OK;
}

/* ---- laying out ---- */

static int by_user_time_order(const void *left, const void *right)
{
    const row *a = left, *b = right;

    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

static int by_user_order(const void *left, const void *right)
{
    const row *a = left, *b = right;

    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return a->line < b->line ? -1 : a->line > b->line;
}

/* Every row of an order of a person happened when the first of them did. */
static void date_orders(tdl_feedback *f)
{
    qsort(f->rows, f->rows_n, sizeof *f->rows, by_user_order);
    for (size_t begin = 0, end; begin < f->rows_n; begin = end) {
        const row *first = &f->rows[begin];
        int64_t earliest_us = first->time_us;
        for (end = begin; end < f->rows_n && f->rows[end].user == first->user &&
                          f->rows[end].order == first->order;
             end++)
            if (f->rows[end].time_us < earliest_us)
                earliest_us = f->rows[end].time_us;
        for (size_t i = begin; i < end && first->order != NO_ORDER; i++)
            f->rows[i].time_us = earliest_us;
    }
    qsort(f->rows, f->rows_n, sizeof *f->rows, by_user_time_order);
}

/* One time a group, an item once a group, in place.
 *   last_group  [items_n], -1: the group that last had each item
 *   last_row    [items_n] and where */
static void part_groups(tdl_feedback *f, int64_t *last_group, size_t *last_row)
{
    size_t kept = 0;
    int64_t group = -1, true_us = 0;

    for (size_t i = 0; i < f->rows_n; i++) {
        row one = f->rows[i];
        const row *before = kept ? &f->rows[kept - 1] : NULL;
        bool same_user = before && before->user == one.user;
        if (!same_user || true_us != one.time_us || before->order != one.order)
            group++;
        else if (last_group[one.item] == group) {
            f->rows[last_row[one.item]].kinds |= one.kinds;
            continue;
        }
        true_us = one.time_us;
        if (same_user && before->order != one.order && one.time_us <= before->time_us)
            one.time_us = before->time_us < INT64_MAX ? before->time_us + 1 : INT64_MAX;
        else if (same_user && one.time_us < before->time_us)
            one.time_us = before->time_us; // the rest of a group that was moved on
        last_group[one.item] = group;
        last_row[one.item] = kept;
        f->rows[kept++] = one;
    }
    f->rows_n = kept;
}

typedef struct first_seen {
    int64_t time_us;
    int32_t number;
} first_seen;

static int by_time(const void *left, const void *right)
{
    const first_seen *a = left, *b = right;

    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* New numbers by first event. Of the rows' users (of_users) or items:
 *   ret_name   [n] old number of each new one    ret_since  [n]
 *   ret_new    [n] new number of each old one */
static void renumber(const tdl_feedback *f, bool of_users, first_seen *first, size_t n,
                     int32_t *ret_name, int64_t *ret_since, int32_t *ret_new)
{
    for (size_t i = 0; i < n; i++)
        first[i] = (first_seen){INT64_MAX, (int32_t)i};
    for (size_t i = 0; i < f->rows_n; i++) {
        first_seen *one = &first[of_users ? f->rows[i].user : f->rows[i].item];
        if (f->rows[i].time_us < one->time_us)
            one->time_us = f->rows[i].time_us;
    }
    qsort(first, n, sizeof *first, by_time);
    for (size_t i = 0; i < n; i++) {
        ret_name[i] = first[i].number;
        ret_since[i] = first[i].time_us;
        ret_new[first[i].number] = (int32_t)i;
    }
}

static void lay_out(tdl_feedback *f, const int32_t *new_user, const int32_t *new_item)
{
    size_t users_n = f->all.users_n;

    for (size_t i = 0; i < f->rows_n; i++)
        f->offsets[new_user[f->rows[i].user] + 1]++;
    for (size_t u = 0; u < users_n; u++)
        f->offsets[u + 1] += f->offsets[u];
    for (size_t begin = 0, end; begin < f->rows_n; begin = end) {
        size_t at = f->offsets[new_user[f->rows[begin].user]];
        for (end = begin; end < f->rows_n && f->rows[end].user == f->rows[begin].user;
             end++, at++) {
            f->item[at] = new_item[f->rows[end].item];
            f->time_us[at] = f->rows[end].time_us;
            f->order[at] = f->rows[end].order;
            f->kind[at] = f->rows[end].kinds;
        }
    }
    f->all.offsets = f->offsets;
    f->all.item = f->item;
    f->all.time_us = f->time_us;
}

tdl_status tdl_feedback_finish(tdl_feedback *f, tdl_report *why)
{
    size_t users_n = (size_t)tdl_names_count(f->users), items_n = (size_t)tdl_names_count(f->items);
    size_t most = users_n > items_n ? users_n : items_n, rows_n = f->rows_n;
    int64_t *last_group = malloc((items_n + 1) * sizeof *last_group);
    size_t *last_row = malloc((items_n + 1) * sizeof *last_row);
    first_seen *first = malloc((most + 1) * sizeof *first);
    int32_t *new_user = malloc((users_n + 1) * sizeof *new_user);
    int32_t *new_item = malloc((items_n + 1) * sizeof *new_item);
    tdl_status st = TDL_OK;

    if (!rows_n) {
        st = TDL_FAIL(why, TDL_E_INVALID, "no events");
        goto out;
    }
    f->offsets = calloc(users_n + 1, sizeof *f->offsets);
    f->item = malloc(rows_n * sizeof *f->item);
    f->time_us = malloc(rows_n * sizeof *f->time_us);
    f->order = malloc(rows_n * sizeof *f->order);
    f->kind = malloc(rows_n * sizeof *f->kind);
    f->user_name = malloc((users_n + 1) * sizeof *f->user_name);
    f->item_name = malloc((items_n + 1) * sizeof *f->item_name);
    f->user_since = malloc((users_n + 1) * sizeof *f->user_since);
    f->item_since = malloc((items_n + 1) * sizeof *f->item_since);
    if (!last_group || !last_row || !f->kind || !first || !new_user || !new_item || !f->offsets ||
        !f->item || !f->time_us || !f->order || !f->user_name || !f->item_name || !f->user_since ||
        !f->item_since) {
        st = no_memory(f, why);
        goto out;
    }
    for (size_t i = 0; i < items_n; i++)
        last_group[i] = -1;
    date_orders(f);
    part_groups(f, last_group, last_row);
    renumber(f, true, first, users_n, f->user_name, f->user_since, new_user);
    renumber(f, false, first, items_n, f->item_name, f->item_since, new_item);
    f->all = (tdl_interactions){.users_n = users_n, .items_n = items_n};
    lay_out(f, new_user, new_item);
    free(f->rows);
    f->rows = NULL;
    f->rows_n = rows_n;
out:
    free(last_group);
    free(last_row);
    free(first);
    free(new_user);
    free(new_item);
    return st;
}

/* ---- asking ---- */

const tdl_interactions *tdl_feedback_all(const tdl_feedback *f)
{
    return &f->all;
}

size_t tdl_feedback_rows(const tdl_feedback *f)
{
    return f->rows_n;
}

bool tdl_feedback_is_guest(const tdl_feedback *f, int32_t user)
{
    return tdl_names_at(f->users, f->user_name[user]).at[0] == GUEST_MARK;
}

tdl_str tdl_feedback_user(const tdl_feedback *f, int32_t user)
{
    tdl_str name = tdl_names_at(f->users, f->user_name[user]);

    return tdl_feedback_is_guest(f, user) ? (tdl_str){name.at + 1, name.len - 1} : name;
}

tdl_str tdl_feedback_item(const tdl_feedback *f, int32_t item)
{
    return tdl_names_at(f->items, f->item_name[item]);
}

tdl_str tdl_feedback_order(const tdl_feedback *f, size_t event)
{
    return f->order[event] == NO_ORDER ? (tdl_str){0} : tdl_names_at(f->orders, f->order[event]);
}

size_t tdl_feedback_segments(const tdl_feedback *f)
{
    return (size_t)tdl_names_count(f->segments);
}

int32_t tdl_feedback_segment_of(const tdl_feedback *f, int32_t user)
{
    size_t name = (size_t)f->user_name[user];

    return name < f->members_cap ? f->member[name].segment : NO_SEGMENT;
}

tdl_str tdl_feedback_segment(const tdl_feedback *f, int32_t segment)
{
    return tdl_names_at(f->segments, segment);
}

size_t tdl_feedback_kinds(const tdl_feedback *f)
{
    return (size_t)tdl_names_count(f->kinds);
}

tdl_str tdl_feedback_kind(const tdl_feedback *f, size_t kind)
{
    return tdl_names_at(f->kinds, (int32_t)kind);
}

uint32_t tdl_feedback_kinds_of(const tdl_feedback *f, size_t event)
{
    return f->kind[event];
}

uint32_t tdl_feedback_kind_bit(const tdl_feedback *f, tdl_str kind)
{
    int32_t number = kind.len ? tdl_names_find(f->kinds, kind) : -1;

    return number < 0 ? 0 : UINT32_C(1) << number;
}

tdl_status tdl_feedback_weigh(tdl_feedback *f, uint32_t kinds, uint8_t weight, uint8_t other,
                              tdl_report *why)
{
    size_t n = f->all.offsets[f->all.users_n];

    f->weighed = false;
    if (!kinds || (weight == 1 && other == 1))
        return TDL_OK;
    if (!f->weight && !(f->weight = malloc(n + 1)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to weigh %zu events", n);
    for (size_t i = 0; i < n; i++)
        f->weight[i] = f->kind[i] & kinds ? weight : other;
    f->weighed = true;
    return TDL_OK;
}

const uint8_t *tdl_feedback_weights(const tdl_feedback *f)
{
    return f->weighed ? f->weight : NULL;
}

/* How many of ascending times are before `time_us`. */
static size_t count_before(const int64_t *since, size_t n, int64_t time_us)
{
    size_t low = 0, high = n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (since[middle] < time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

size_t tdl_feedback_users_before(const tdl_feedback *f, int64_t time_us)
{
    return count_before(f->user_since, f->all.users_n, time_us);
}

size_t tdl_feedback_items_before(const tdl_feedback *f, int64_t time_us)
{
    return count_before(f->item_since, f->all.items_n, time_us);
}

void tdl_feedback_span(const tdl_feedback *f, int64_t *ret_first_us, int64_t *ret_last_us)
{
    *ret_first_us = f->user_since[0];
    *ret_last_us = INT64_MIN;
    for (size_t u = 0; u < f->all.users_n; u++)
        if (f->time_us[f->offsets[u + 1] - 1] > *ret_last_us)
            *ret_last_us = f->time_us[f->offsets[u + 1] - 1];
}
