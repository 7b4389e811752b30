#include "audit_json_value.h"

#include <stdio.h>
#include <string.h>

json_t *realip_audit_json_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *realip_audit_json_text(const char *text)
{
    json_t *value = json_string(text);
    char wide[REALIP_AUDIT_TEXT_SIZE * 2 + 1];
    size_t used = 0;

    if (value != NULL)
        return value;
    for (; *text != '\0' && used + 2 < sizeof(wide); text++) {
        unsigned char c = (unsigned char)*text;

        if (c < 128) {
            wide[used++] = *text;
        } else {
            wide[used++] = (char)(0xc0 | c >> 6);
            wide[used++] = (char)(0x80 | (c & 0x3f));
        }
    }
    wide[used] = '\0';
    return json_string(wide);
}

json_t *realip_audit_json_text_or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? json_null() : realip_audit_json_text(text);
}

json_t *realip_audit_json_time(int64_t when)
{
    char text[REALIP_AUDIT_TIME_SIZE];

    return when == 0 ? json_null() : json_string(realip_audit_time_text(when, text));
}

json_t *realip_audit_json_address(const struct realip_audit_address *packed)
{
    struct realip_address address = realip_audit_address_of(packed);
    char text[REALIP_ADDRESS_TEXT_SIZE];

    return address.family == REALIP_FAMILY_NONE ? json_null() : json_string(realip_address_format(&address, text));
}

void realip_audit_json_set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

void realip_audit_json_set_deeds(json_t *object, const uint64_t *deeds)
{
    for (unsigned deed = 0; deed < REALIP_AUDIT_DEED_COUNT; deed++)
        realip_audit_json_set(object, realip_audit_deed_token((enum realip_audit_deed)deed), realip_audit_json_count(deeds[deed]));
}

void realip_audit_json_set_network(const struct realip_audit_summary *summary, json_t *object, const struct realip_audit_address *packed)
{
    const struct realip_rules *rules = &summary->tally->rules->rules;
    struct realip_address address = realip_audit_address_of(packed);
    enum realip_set which;
    const struct realip_network_entry *entry = realip_audit_is_ours(rules, &address, &which);
    char text[REALIP_NETWORK_TEXT_SIZE];
    char place[512];

    realip_audit_json_set(object, "set", entry == NULL ? json_null() : json_string(realip_set_token(which)));
    realip_audit_json_set(object, "network", entry == NULL ? json_null() : json_string(realip_network_format(&entry->network, text)));
    if (entry == NULL) {
        realip_audit_json_set(object, "rule", json_null());
        return;
    }
    struct realip_origin origin = realip_rules_origin(rules, entry->label);
    if (origin.file != NULL && origin.line > 0)
        snprintf(place, sizeof(place), "%s:%u", origin.file, origin.line);
    else
        snprintf(place, sizeof(place), "%s", origin.file != NULL ? origin.file : "");
    realip_audit_json_set(object, "rule", realip_audit_json_text_or_null(place));
}
