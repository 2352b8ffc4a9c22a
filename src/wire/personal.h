/* Personal data in texts: e-mail addresses, telephone numbers, payment cards, Chinese resident
 * identity numbers; and what becomes of them.
 *
 * A finding has the form and passes the checks its issuer defines: Luhn's digit and an issuer's
 * range for cards, region, date of birth and check digit (GB 11643-1999) for identity numbers, the
 * assigned ranges for Chinese mobiles, the numbering plan for North America. Digits within a longer
 * word (an order "A-13812345678", a UUID, a decimal fraction) are none.
 *
 * Two forms are too bare to tell from any other number: ten digits of a North American telephone
 * without separators, and the old identity number of 15 digits, which has no check digit. They
 * count only where the member's name or the words just before say what they are.
 *
 * Pure functions: no allocation but what JSON itself needs, time linear in the text.
 */
#ifndef TDL_WIRE_PERSONAL_H
#define TDL_WIRE_PERSONAL_H

#include "base/arena.h"
#include "base/json.h"

typedef enum tdl_personal {
    TDL_PERSONAL_EMAIL,
    TDL_PERSONAL_PHONE,
    TDL_PERSONAL_CARD,
    TDL_PERSONAL_ID_NUMBER,
    TDL_PERSONAL_N
} tdl_personal;

const char *tdl_personal_name(tdl_personal kind); /* "email", "phone", "card", "id number" */

/* ---- finding ---- */

typedef struct tdl_personal_finding {
    tdl_personal kind;
    size_t begin, end; /* bytes [begin, end) of the text */
} tdl_personal_finding;

/* The first finding at or after `from`: 0, or the end of the one before. False when there is none.
 *   name   of the member or column that holds the text; may be empty */
bool tdl_personal_find(tdl_str name, tdl_str text, size_t from, tdl_personal_finding *ret);

/* False only when no text within `json`, an object written by tdl_json_dump, holds a finding. */
bool tdl_personal_may_hold(tdl_str json);

/* ---- policy ---- */

typedef enum tdl_personal_policy {
    TDL_PERSONAL_KEEP,
    TDL_PERSONAL_MASK, /* "[email]", "[phone]", "[card]", "[id number]" in its place */
    TDL_PERSONAL_DROP  /* the member, or the list's element, that holds it goes */
} tdl_personal_policy;

/* By its name, as options give it; TDL_E_USAGE names the three. */
tdl_status tdl_personal_policy_named(const char *name, tdl_personal_policy *ret, tdl_report *why);

/* Told of each finding. field: "contact.mail" for nested members; lists add nothing. */
typedef void tdl_personal_told(void *context, tdl_str field, tdl_personal kind);

/* Look through the texts of an object, also nested ones; its names and numbers are left alone.
 *   json     JSON text of an object as tdl_json_dump writes it, at most TDL_PROPERTIES_MAX bytes
 *   told     may be NULL
 *   ret      the object under the policy, in `arena`; `json` itself when nothing changed; empty
 *            when nothing is left
 *   returns  TDL_OK | TDL_E_INVALID (not JSON; too long once masked) | TDL_E_NO_MEMORY */
tdl_status tdl_personal_object(tdl_str json, tdl_personal_policy policy, tdl_personal_told *told,
                               void *context, tdl_arena *arena, tdl_str *ret, tdl_report *why);

/* Put masks into the texts of a value of any type. False without memory: findings may be left. */
bool tdl_personal_mask(json_t *value);

/* tdl_personal_object for one text outside of JSON. Dropped, it is empty. */
tdl_status tdl_personal_text(tdl_str name, tdl_str text, tdl_personal_policy policy,
                             tdl_personal_told *told, void *context, tdl_arena *arena, tdl_str *ret,
                             tdl_report *why);

#endif
