#include "apps/recommend/live_state.h"

#include <stdlib.h>
#include <string.h>

#include "apps/recommend/live_state_parts.h"

enum {
    GROUP_ITEMS = 2000,    /* more are counted, not kept */
    STRETCH_ENTRIES = 500, /* of persons that are counted at once: a few milliseconds */
    TARGETS = 2 * TDL_LIVE_MATRICES_N,
    KINDS = UINT8_MAX + 1
};

/* An event of later decays from when it came. */
static const int64_t EARLY_US = INT64_C(300000000), MINUTE_US = 60000000,
                     HOUR_US = INT64_C(3600000000);

tdl_live_state *tdl_live_state_new(void)
{
    tdl_live_state *s = calloc(1, sizeof *s);
    tdl_directed_params params = tdl_directed_defaults;

    params.row_max = TDL_LIVE_ROW_MAX;
    if (s && (!(s->matrix[TDL_LIVE_STREAM] = tdl_live_new(&params, 0)) ||
              !(s->segments = tdl_names_new()) || !(s->kinds = tdl_names_new()) ||
              tdl_crowd_init(&s->crowd, NULL))) {
        tdl_live_state_free(s);
        return NULL;
    }
    if (s)
        s->target_weight = s->other_weight = 1;
    return s;
}

void tdl_live_state_free(tdl_live_state *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->persons_n; i++)
        tdl_ring_release(&s->person[i].ring);
    for (size_t i = 0; i < s->segments_n; i++)
        tdl_crowd_release(&s->segment[i]);
    for (size_t m = 0; m < TDL_LIVE_MATRICES_N; m++) {
        tdl_live_free(s->matrix[m]);
        tdl_live_free(s->next[m]);
    }
    tdl_crowd_release(&s->crowd);
    tdl_names_free(s->segments);
    tdl_names_free(s->kinds);
    free((char *)s->target.at);
    free(s->segment);
    free(s->person);
    free(s);
}

static tdl_live_person *person_at(tdl_live_state *s, int32_t number)
{
    size_t n = (size_t)number + 1, cap = s->persons_cap ? s->persons_cap : 256;

    while (cap < n)
        cap *= 2;
    if (cap > s->persons_cap) {
        tdl_live_person *person = realloc(s->person, cap * sizeof *person);
        if (!person)
            return NULL;
        s->person = person;
        s->persons_cap = cap;
    }
    for (; s->persons_n < n; s->persons_n++)
        s->person[s->persons_n] = (tdl_live_person){.segment = -1};
    return &s->person[number];
}

/* The matrices that know a person: ret [TARGETS]. */
static size_t targets_of(const tdl_live_state *s, const tdl_live_person *p, tdl_live **ret)
{
    size_t n = 0;

    for (size_t m = 0; m < TDL_LIVE_MATRICES_N && !p->left_out; m++) {
        if (s->matrix[m])
            ret[n++] = s->matrix[m];
        if (s->next[m] && (size_t)(p - s->person) < s->counted)
            ret[n++] = s->next[m];
    }
    return n;
}

/* ---- R1: what groups of a ring tell each other. sign: +1 learns, -1 takes back ---- */

static tdl_live_group group(const tdl_ring *r, size_t begin, size_t end)
{
    return (tdl_live_group){r->item + begin, end - begin, r->mark + begin};
}

/* Of `one`, which stands in [begin, end): with the groups before and after. */
static bool tell_neighbours(tdl_live *l, const tdl_ring *r, tdl_live_group one, size_t begin,
                            size_t end, int sign)
{
    size_t window = tdl_live_params(l)->window, k;
    bool ok = true;

    k = 1;
    for (size_t at = begin, from; ok && at > 0 && k <= window; at = from, k++) {
        from = tdl_ring_begin(r, at);
        ok = tdl_live_pair(l, group(r, from, at), one, k, sign);
    }
    k = 1;
    for (size_t at = end, to; ok && at < r->n && k <= window; at = to, k++) {
        to = tdl_ring_end(r, at);
        ok = tdl_live_pair(l, one, group(r, at, to), k, sign);
    }
    return ok;
}

static bool tell_group(tdl_live *l, const tdl_ring *r, size_t begin, size_t end, int sign)
{
    return tdl_live_within(l, group(r, begin, end), sign) &&
           tell_neighbours(l, r, group(r, begin, end), begin, end, sign);
}

/* Of groups that end at or before `left` with those that begin at `right` or later, `between`
 * groups being between them. */
static bool tell_across(tdl_live *l, const tdl_ring *r, size_t left, size_t right, size_t between,
                        int sign)
{
    size_t window = tdl_live_params(l)->window, i = 1;
    bool ok = true;

    for (size_t end = left, begin; right < r->n && ok && end > 0 && i + between <= window;
         end = begin, i++) {
        begin = tdl_ring_begin(r, end);
        size_t k = i + between;
        for (size_t at = right, to; ok && at < r->n && k <= window; at = to, k++) {
            to = tdl_ring_end(r, at);
            ok = tdl_live_pair(l, group(r, begin, end), group(r, at, to), k, sign);
        }
    }
    return ok;
}

static bool tell_all(tdl_live *l, const tdl_ring *r, int sign)
{
    size_t window = tdl_live_params(l)->window;
    bool ok = true;

    for (size_t begin = 0, end; ok && begin < r->n; begin = end) {
        end = tdl_ring_end(r, begin);
        ok = tdl_live_within(l, group(r, begin, end), sign);
        for (size_t k = 1, at = begin, from; ok && at > 0 && k <= window; at = from, k++) {
            from = tdl_ring_begin(r, at);
            ok = tdl_live_pair(l, group(r, from, at), group(r, begin, end), k, sign);
        }
    }
    return ok;
}

/* ---- R0 ---- */

static bool crowd_add(tdl_live_state *s, const tdl_live_person *p, int32_t item,
                      const tdl_ring_mark *mark, double weight)
{
    bool ok = p->left_out || tdl_crowd_add(&s->crowd, item, tdl_ring_decays_from(mark), weight);

    if (ok && !p->left_out && p->segment >= 0)
        ok = tdl_crowd_add(&s->segment[p->segment], item, tdl_ring_decays_from(mark), weight);
    return ok;
}

/* All that a person took. */
static bool crowd_all(tdl_crowd *c, const tdl_ring *r, int sign)
{
    bool ok = true;

    for (size_t i = 0; i < r->n; i++)
        ok &= tdl_crowd_add(c, r->item[i], tdl_ring_decays_from(&r->mark[i]),
                            sign * (double)r->mark[i].weight);
    for (size_t i = 0; i < r->spilt_n; i++)
        ok &= tdl_crowd_add_spilt(c, &r->spilt[i], sign);
    if (r->n || r->spilt_n)
        c->persons_n = sign > 0 ? c->persons_n + 1 : c->persons_n - 1;
    return ok;
}

/* ---- all of a person ---- */

static bool tell_segment(tdl_live_state *s, const tdl_live_person *p, int sign)
{
    return p->left_out || p->segment < 0 || crowd_all(&s->segment[p->segment], &p->ring, sign);
}

static void tell(tdl_live_state *s, tdl_live_person *p, int sign)
{
    tdl_live *target[TARGETS];
    size_t n = targets_of(s, p, target);
    bool ok = p->left_out || crowd_all(&s->crowd, &p->ring, sign);

    ok &= tell_segment(s, p, sign);
    for (size_t i = 0; i < n; i++)
        ok &= tell_all(target[i], &p->ring, sign);
    s->told.lost_n += !ok;
}

void tdl_live_state_leave_out(tdl_live_state *s, int32_t number)
{
    tdl_live_person *p = person_at(s, number);

    if (!p || p->left_out)
        return;
    tell(s, p, -1);
    p->left_out = true;
    s->told.robots_n++;
}

void tdl_live_state_forget(tdl_live_state *s, int32_t number)
{
    if (number < 0 || (size_t)number >= s->persons_n)
        return;
    tdl_live_person *p = &s->person[number];
    tell(s, p, -1);
    s->told.robots_n -= p->left_out;
    tdl_ring_release(&p->ring);
    *p = (tdl_live_person){.segment = -1};
}

/* Its number; -1: it is none, one too many, or there is no memory. */
static int32_t find_segment(tdl_live_state *s, tdl_str name)
{
    int32_t number = name.len ? tdl_names_find(s->segments, name) : -1;

    if (!name.len || number >= 0 || s->segments_n == TDL_SEGMENTS_MAX)
        return number;
    if (!s->segment && !(s->segment = calloc(TDL_SEGMENTS_MAX, sizeof *s->segment)))
        return -1;
    if (tdl_crowd_init(&s->segment[s->segments_n], NULL))
        return -1;
    if ((number = tdl_names_add(s->segments, name)) < 0)
        tdl_crowd_release(&s->segment[s->segments_n]);
    else
        s->segments_n++;
    return number;
}

static void move_to_segment(tdl_live_state *s, tdl_live_person *p, int32_t segment)
{
    if (p->segment == segment)
        return;
    bool ok = tell_segment(s, p, -1);
    p->segment = segment;
    ok &= tell_segment(s, p, 1);
    s->told.lost_n += !ok;
}

void tdl_live_state_place(tdl_live_state *s, int32_t person, tdl_str segment)
{
    tdl_live_person *p = person_at(s, person);

    if (p)
        move_to_segment(s, p, find_segment(s, segment));
}

bool tdl_live_state_is_placed(const tdl_live_state *s, int32_t person)
{
    return (size_t)person < s->persons_n && s->person[person].segment >= 0;
}

/* ---- kinds ---- */

static uint8_t kind_of(tdl_live_state *s, tdl_str kind)
{
    int32_t number = tdl_names_find(s->kinds, kind);

    if (number < 0 && tdl_names_count(s->kinds) < KINDS - 1)
        number = tdl_names_add(s->kinds, kind);
    return number < 0 ? KINDS - 1 : (uint8_t)number;
}

/* What kind_of numbers so again. */
static tdl_str kind_named(const tdl_live_state *s, uint8_t kind)
{
    return kind < tdl_names_count(s->kinds) ? tdl_names_at(s->kinds, kind) : TDL_STR("\1");
}

static uint8_t weight_of(const tdl_live_state *s, uint8_t kind)
{
    bool is_target = s->target.len && kind < tdl_names_count(s->kinds) &&
                     tdl_str_eq(tdl_names_at(s->kinds, kind), s->target);

    return is_target ? s->target_weight : s->other_weight;
}

static void weigh_person(tdl_live_state *s, tdl_live_person *p)
{
    bool ok = p->left_out || crowd_all(&s->crowd, &p->ring, -1);

    ok &= tell_segment(s, p, -1);
    for (size_t i = 0; i < p->ring.n; i++)
        p->ring.mark[i].weight = weight_of(s, p->ring.mark[i].kind);
    ok &= p->left_out || crowd_all(&s->crowd, &p->ring, 1);
    ok &= tell_segment(s, p, 1);
    s->told.lost_n += !ok;
}

bool tdl_live_state_weigh(tdl_live_state *s, tdl_str kind, uint8_t weight, uint8_t other)
{
    bool alike = weight == other && s->target_weight == s->other_weight;

    if (weight == s->target_weight && other == s->other_weight &&
        (alike || tdl_str_eq(kind, s->target)))
        return false;
    char *text = malloc(kind.len + 1);
    if (!text) {
        s->told.lost_n++;
        return false;
    }
    if (kind.len)
        memcpy(text, kind.at, kind.len);
    free((char *)s->target.at);
    s->target = (tdl_str){text, kind.len};
    s->target_weight = weight;
    s->other_weight = other;
    for (size_t m = 0; m < TDL_LIVE_MATRICES_N; m++) {
        tdl_live_free(s->matrix[m]);
        tdl_live_free(s->next[m]);
        s->matrix[m] = s->next[m] = NULL;
    }
    s->counted = 0;
    for (size_t i = 0; i < s->persons_n; i++)
        weigh_person(s, &s->person[i]);
    return true;
}

/* ---- one event ---- */

/* Where an event goes. */
typedef struct place {
    size_t begin, end; /* of its group; begin == end: a new one */
    size_t at;         /* of the item */
    tdl_ring_mark mark;
} place;

/* The group is another one once the item is in: what it told is taken back first. Where the sizes
 * of groups do not count, what the item alone adds is enough. */
static bool is_rewritten(const tdl_live *l, const place *to)
{
    return tdl_live_params(l)->size_power != 0 || to->end - to->begin + 1 > tdl_live_group_max(l);
}

static bool tell_before(tdl_live *l, const tdl_ring *r, const place *to)
{
    if (to->begin == to->end)
        return tell_across(l, r, to->begin, to->begin, 0, -1);
    return !is_rewritten(l, to) || tell_group(l, r, to->begin, to->end, -1);
}

/* The item is in: its group ends one later. */
static bool tell_after(tdl_live *l, const tdl_ring *r, const place *to)
{
    size_t end = to->end + 1;

    if (to->begin == to->end)
        return tell_across(l, r, to->begin, end, 1, 1) && tell_group(l, r, to->begin, end, 1);
    if (is_rewritten(l, to))
        return tell_group(l, r, to->begin, end, 1);
    tdl_live_group one = group(r, to->at, to->at + 1);
    return tdl_live_within_one(l, group(r, to->begin, to->at), one) &&
           tdl_live_within_one(l, group(r, to->at + 1, end), one) &&
           tell_neighbours(l, r, group(r, to->at, to->at + 1), to->begin, end, 1);
}

/* The oldest group leaves. */
static bool drop_oldest(tdl_live_state *s, tdl_live_person *p)
{
    tdl_live *target[TARGETS];
    size_t n = targets_of(s, p, target), end = tdl_ring_end(&p->ring, 0);
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        ok &= tell_group(target[i], &p->ring, 0, end, -1);
    for (size_t i = 0; i < end; i++)
        ok &= tdl_ring_spill(&p->ring, p->ring.item[i], &p->ring.mark[i]);
    tdl_ring_remove(&p->ring, 0, end);
    p->ring.groups_n--;
    return ok;
}

static bool is_full(const tdl_ring *r)
{
    return r->groups_n > TDL_RING_GROUPS || r->n > TDL_RING_ENTRIES;
}

static bool put_in(tdl_live_state *s, tdl_live_person *p, const place *to, int32_t item)
{
    tdl_live *target[TARGETS];
    size_t n = targets_of(s, p, target);
    bool ok = true;

    if (!tdl_ring_reserve(&p->ring))
        return false;
    for (size_t i = 0; i < n; i++)
        ok &= tell_before(target[i], &p->ring, to);
    tdl_ring_insert(&p->ring, to->at, item, &to->mark);
    p->ring.groups_n += to->begin == to->end;
    for (size_t i = 0; i < n; i++)
        ok &= tell_after(target[i], &p->ring, to);
    ok &= crowd_add(s, p, item, &to->mark, to->mark.weight);
    while (is_full(&p->ring))
        ok &= drop_oldest(s, p);
    return ok;
}

/* Too old for the ring, or one too many of a group. */
static bool pass_by(tdl_live_state *s, tdl_live_person *p, int32_t item, const tdl_ring_mark *mark)
{
    return tdl_ring_spill(&p->ring, item, mark) && crowd_add(s, p, item, mark, mark->weight);
}

/* An order's items that came before happened as early as this one. */
static bool move_order(tdl_live_state *s, tdl_live_person *p, size_t begin,
                       const tdl_ring_mark *mark)
{
    tdl_live *target[TARGETS];
    tdl_ring *r = &p->ring;
    size_t n = targets_of(s, p, target), end = tdl_ring_end(r, begin), size = end - begin;
    size_t to = tdl_ring_find(r, mark->time_us, mark->order); // <= begin
    bool ok = true;

    for (size_t i = 0; i < n; i++)
        ok &= tell_group(target[i], r, begin, end, -1) &&
              tell_across(target[i], r, begin, end, 1, -1) &&
              tell_across(target[i], r, begin, end, 0, 1);
    for (size_t i = 0; i < size; i++) { // one by one, so that nothing is allocated
        int32_t item = r->item[begin + i];
        tdl_ring_mark was = r->mark[begin + i], is = *mark;
        is.weight = was.weight;
        is.kind = was.kind;
        ok &= crowd_add(s, p, item, &is, is.weight);
        ok &= crowd_add(s, p, item, &was, -(double)was.weight);
        tdl_ring_remove(r, begin + i, begin + i + 1);
        tdl_ring_insert(r, to + i, item, &is);
    }
    for (size_t i = 0; i < n; i++)
        ok &= tell_across(target[i], r, to, to + size, 0, -1) &&
              tell_across(target[i], r, to, to + size, 1, 1) &&
              tell_group(target[i], r, to, to + size, 1);
    return ok;
}

/* Where it goes; an order's group may be moved for it. */
static place find_place(tdl_live_state *s, tdl_live_person *p, const tdl_taking *t)
{
    const tdl_ring *r = &p->ring;
    uint8_t kind = kind_of(s, t->kind);
    place to = {.mark = {t->time_us, t->order, 0, weight_of(s, kind), kind}};

    if (t->time_us - t->now_us > EARLY_US) {
        int64_t minutes = (t->time_us - t->now_us + MINUTE_US - 1) / MINUTE_US;
        to.mark.early_minutes = (uint16_t)(minutes < UINT16_MAX ? minutes : UINT16_MAX);
        s->told.early_n++;
    }
    size_t order = t->order ? tdl_ring_find_order(r, t->order) : r->n;
    if (order < r->n && r->mark[order].time_us > t->time_us)
        s->told.lost_n += !move_order(s, p, order, &to.mark);
    else if (order < r->n) {
        to.mark.time_us = r->mark[order].time_us;
        to.mark.early_minutes = r->mark[order].early_minutes;
    }
    to.begin = to.end = tdl_ring_find(r, to.mark.time_us, to.mark.order);
    if (to.begin < r->n && tdl_ring_same_group(&r->mark[to.begin], &to.mark))
        to.end = tdl_ring_end(r, to.begin);
    to.at = tdl_ring_find_item(r, to.begin, to.end, t->item);
    return to;
}

static void count_person(tdl_live_state *s, const tdl_live_person *p)
{
    if (p->left_out || p->ring.n || p->ring.spilt_n)
        return;
    s->crowd.persons_n++;
    if (p->segment >= 0)
        s->segment[p->segment].persons_n++;
}

static void count_hour(tdl_live_state *s, tdl_live_person *p, int64_t time_us)
{
    int64_t hour = time_us / HOUR_US;

    if (hour != p->hour) {
        p->hour = (int32_t)(hour < INT32_MAX ? hour : INT32_MAX);
        p->hour_groups = 0;
    }
    if (++p->hour_groups > TDL_ROBOT_GROUPS)
        tdl_live_state_leave_out(s, (int32_t)(p - s->person));
}

/* It is in the group already: what weighs more stays. False. */
static bool weigh_again(tdl_live_state *s, tdl_live_person *p, const place *to)
{
    tdl_ring_mark *mark = &p->ring.mark[to->at];
    tdl_live *target[TARGETS];
    size_t n = targets_of(s, p, target);
    bool ok = true;

    if (to->mark.weight <= mark->weight)
        return false;
    for (size_t i = 0; i < n; i++)
        ok &= tell_group(target[i], &p->ring, to->begin, to->end, -1);
    ok &=
        crowd_add(s, p, p->ring.item[to->at], mark, (double)to->mark.weight - (double)mark->weight);
    mark->weight = to->mark.weight;
    mark->kind = to->mark.kind;
    for (size_t i = 0; i < n; i++)
        ok &= tell_group(target[i], &p->ring, to->begin, to->end, 1);
    s->told.lost_n += !ok;
    return false;
}

bool tdl_live_state_take(tdl_live_state *s, const tdl_taking *t)
{
    tdl_live_person *p = person_at(s, t->person);
    bool ok;

    if (!p) {
        s->told.lost_n++;
        return false;
    }
    place to = find_place(s, p, t);
    bool is_new_group = to.begin == to.end, is_full_ring = p->ring.groups_n == TDL_RING_GROUPS;
    if (to.at < to.end && p->ring.item[to.at] == t->item)
        return weigh_again(s, p, &to);
    count_person(s, p);
    if (to.end - to.begin >= GROUP_ITEMS) {
        s->told.crowded_n++;
        ok = pass_by(s, p, t->item, &to.mark);
    } else if (is_new_group && is_full_ring && to.begin == 0)
        ok = pass_by(s, p, t->item, &to.mark);
    else
        ok = put_in(s, p, &to, t->item);
    s->told.lost_n += !ok;
    if (is_new_group && !p->left_out)
        count_hour(s, p, to.mark.time_us);
    return ok;
}

void tdl_live_state_join(tdl_live_state *s, int32_t to, int32_t from)
{
    if (to == from || (size_t)from >= s->persons_n || !person_at(s, to))
        return;
    tdl_live_person old = s->person[from];
    tell(s, &s->person[from], -1);
    s->told.robots_n -= old.left_out;
    s->person[from] = (tdl_live_person){.segment = -1};
    if (old.left_out)
        tdl_live_state_leave_out(s, to);
    if (s->person[to].segment < 0)
        move_to_segment(s, &s->person[to], old.segment);
    for (size_t i = 0; i < old.ring.n; i++) {
        const tdl_ring_mark *m = &old.ring.mark[i];
        tdl_taking t = {.person = to,
                        .item = old.ring.item[i],
                        .time_us = m->time_us,
                        .order = m->order,
                        .kind = kind_named(s, m->kind),
                        .now_us = m->early_minutes ? tdl_ring_decays_from(m) : m->time_us};
        tdl_live_state_take(s, &t);
    }
    tdl_live_person *p = &s->person[to];
    if (old.ring.spilt_n)
        count_person(s, p);
    s->told.lost_n += !tdl_ring_spill_all(&p->ring, &old.ring);
    for (size_t i = 0; i < old.ring.spilt_n && !p->left_out; i++) {
        s->told.lost_n += !tdl_crowd_add_spilt(&s->crowd, &old.ring.spilt[i], 1);
        if (p->segment >= 0)
            s->told.lost_n += !tdl_crowd_add_spilt(&s->segment[p->segment], &old.ring.spilt[i], 1);
    }
    tdl_ring_release(&old.ring);
}

/* ---- counting anew ---- */

static bool is_counted_with(const tdl_live *l, const tdl_directed_params *params)
{
    tdl_directed_params mine, theirs = *params;

    if (!l)
        return false;
    mine = *tdl_live_params(l);
    mine.row_max = theirs.row_max = 0;
    return mine.window == theirs.window && mine.recent == theirs.recent &&
           mine.step_decay == theirs.step_decay && mine.backward == theirs.backward &&
           mine.size_power == theirs.size_power && mine.shrinkage == theirs.shrinkage &&
           mine.recency == theirs.recency && mine.same_group == theirs.same_group &&
           mine.damping == theirs.damping && mine.query_power == theirs.query_power;
}

static bool can_count(const tdl_directed_params *params)
{
    return params && !(params->half_life_days > 0) && params->window <= TDL_LIVE_WINDOW_MAX;
}

bool tdl_live_serves(const tdl_live_state *s, tdl_live_matrix matrix,
                     const tdl_directed_params *params)
{
    return can_count(params) && is_counted_with(s->matrix[matrix], params);
}

bool tdl_live_state_want(tdl_live_state *s, tdl_live_matrix matrix,
                         const tdl_directed_params *params)
{
    tdl_live_free(s->next[matrix]);
    s->next[matrix] = NULL;
    if (!can_count(params)) {
        tdl_live_free(s->matrix[matrix]);
        s->matrix[matrix] = NULL;
        return false;
    }
    if (is_counted_with(s->matrix[matrix], params))
        return false;
    tdl_directed_params bounded = *params;
    bounded.row_max = TDL_LIVE_ROW_MAX;
    s->next[matrix] = tdl_live_new(&bounded, 0);
    s->told.lost_n += !s->next[matrix];
    for (size_t m = 0; m < TDL_LIVE_MATRICES_N && s->counted; m++)
        if (m != matrix && s->next[m]) { // begun before: all begin again
            tdl_directed_params other = *tdl_live_params(s->next[m]);
            tdl_live_free(s->next[m]);
            s->next[m] = tdl_live_new(&other, 0);
        }
    s->counted = 0;
    return s->next[matrix];
}

bool tdl_live_state_build(tdl_live_state *s)
{
    bool ok = true;

    for (size_t told = 0; s->counted < s->persons_n && told < STRETCH_ENTRIES; s->counted++) {
        const tdl_live_person *p = &s->person[s->counted];
        for (size_t m = 0; m < TDL_LIVE_MATRICES_N && !p->left_out; m++)
            if (s->next[m])
                ok &= tell_all(s->next[m], &p->ring, 1);
        told += p->ring.n + 1;
    }
    s->told.lost_n += !ok;
    if (s->counted < s->persons_n)
        return true;
    for (size_t m = 0; m < TDL_LIVE_MATRICES_N; m++) {
        if (!s->next[m])
            continue;
        tdl_live_free(s->matrix[m]);
        s->matrix[m] = s->next[m];
        s->next[m] = NULL;
    }
    s->counted = 0;
    return false;
}

uint32_t tdl_order_digest(tdl_str name)
{
    uint64_t hash = UINT64_C(14695981039346656037); // FNV-1a: nothing rests on its strength

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (uint8_t)name.at[i]) * UINT64_C(1099511628211);
    uint32_t digest = (uint32_t)(hash ^ hash >> 32);
    return name.len && !digest ? 1 : name.len ? digest : 0;
}

tdl_live_figures tdl_live_state_figures(const tdl_live_state *s)
{
    tdl_live_figures f = s->told;

    f.ring_bytes = s->persons_cap * sizeof *s->person;
    for (size_t i = 0; i < s->persons_n; i++) {
        const tdl_ring *r = &s->person[i].ring;
        f.persons_n += r->n || r->spilt_n;
        f.entries_n += r->n;
        f.ring_bytes += tdl_ring_bytes(r);
    }
    f.popular_bytes = tdl_crowd_bytes(&s->crowd);
    for (size_t i = 0; i < s->segments_n; i++)
        f.popular_bytes += tdl_crowd_bytes(&s->segment[i]);
    for (size_t m = 0; m < TDL_LIVE_MATRICES_N; m++)
        if (s->matrix[m])
            f.directed_bytes += tdl_live_bytes(s->matrix[m]);
    return f;
}
