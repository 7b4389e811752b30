#include "explained.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

#define ASK_MSECS   3000
#define CLOCK_MSECS 12 /* the daemon reads a clock that is late by a tick */

static struct realip_address address_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    struct realip_address address = { 0 };
    const char *reason;

    if (text != NULL)
        (void)realip_address_parse(text, strlen(text), &address, &reason);
    return address;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

/* 1: found; 0: there is none; -1: could not ask. The answer begins with the newest. */
static int ask_about(const struct realip_http_place *place, const struct realip_address *client,
                     struct realip_probe_observation *seen, char *error, size_t size)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];
    char path[128];
    json_t *answer;
    size_t i;
    const json_t *each;
    int found = 0;

    snprintf(path, sizeof(path), "/explain?recent=%s", realip_address_format(client, text));
    if (realip_http_get(place, path, ASK_MSECS, &answer, error, size) < 0)
        return -1;
    json_array_foreach(json_object_get(answer, "verdicts"), i, each)
    {
        double time = json_number_value(json_object_get(each, "time"));

        if (time * 1000 + CLOCK_MSECS < (double)seen->started_msecs)
            break;
        if (strcmp(text_of(each, "helo"), REALIP_PROBE_HELO) != 0)
            continue; /* another session of this host's */
        seen->shown = address_of(each, "client");
        seen->peer = address_of(each, "peer");
        seen->judged = realip_reason_from_token(text_of(each, "reason"));
        seen->done = realip_action_from_token(text_of(each, "action"));
        found = 1;
        break;
    }
    json_decref(answer);
    return found;
}

int realip_probe_announce(const struct realip_http_place *place, char *error, size_t size)
{
    json_t *answer;

    if (realip_http_get(place, "/explain?session=-", ASK_MSECS, &answer, error, size) < 0)
        return -1;
    json_decref(answer);
    return 0;
}

int realip_probe_explain(const struct realip_http_place *place, struct realip_probe_observation *seen, char *error, size_t size)
{
    int found = 0;

    if (seen->asserted.family != REALIP_FAMILY_NONE)
        found = ask_about(place, &seen->asserted, seen, error, size);
    if (found == 0)
        found = ask_about(place, &seen->local, seen, error, size);
    return found < 0 ? -1 : 0;
}
