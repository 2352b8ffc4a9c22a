#include "cli/event_json.h"

void tdl_event_write(tdl_jw *w, const tdl_event *event)
{
    const struct {
        const char *key;
        tdl_str text;
    } texts[] = {{"user", event->user},
                 {"kind", event->kind},
                 {"item", event->item},
                 {"message_id", event->message_id},
                 {"decision_id", event->decision_id},
                 {"alias", event->alias},
                 {"group_type", event->group_type},
                 {"group", event->group}},
      objects[] = {{"properties", event->properties},
                   {"traits", event->traits},
                   {"traits_once", event->traits_once},
                   {"group_traits", event->group_traits}};

    tdl_jw_object(w);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].text.len)
            tdl_jw_kstr(w, texts[i].key, texts[i].text);
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (objects[i].text.len)
            tdl_jw_kraw(w, objects[i].key, objects[i].text);
    if (event->has_value)
        tdl_jw_knumber(w, "value", event->value);
    tdl_jw_kint(w, "time", event->time_us);
    tdl_jw_end_object(w);
}
