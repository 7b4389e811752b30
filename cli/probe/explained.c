#include "explained.h"

#include <stdio.h>
#include <string.h>

#include "words.h"

#define ASK_MSECS 3000

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

int realip_probe_announce(const struct realip_http_place *place, char *error, size_t size)
{
    json_t *answer;

    if (realip_http_get(place, "/explain?helo=-", ASK_MSECS, &answer, error, size) < 0)
        return -1;
    json_decref(answer);
    return 0;
}

int realip_probe_explain(const struct realip_http_place *place, struct realip_probe_observation *seen, char *error, size_t size)
{
    char path[REALIP_PROBE_HELO_SIZE + sizeof("/explain?helo=")];
    char words[REALIP_PROBE_WORDS_SIZE];
    json_t *answer;

    snprintf(path, sizeof(path), "/explain?helo=%s", seen->helo);
    if (realip_http_get(place, path, ASK_MSECS, &answer, error, size) < 0)
        return -1;
    const json_t *newest = json_array_get(json_object_get(answer, "verdicts"), 0);
    if (strcmp(text_of(newest, "helo"), seen->helo) == 0) {
        seen->shown = address_of(newest, "client");
        seen->peer = address_of(newest, "peer");
        seen->judged = realip_reason_from_token(text_of(newest, "reason"));
        seen->done = realip_action_from_token(text_of(newest, "action"));
        realip_probe_copy_words(text_of(newest, "session"), words);
        snprintf(seen->id, sizeof(seen->id), "%.*s", (int)sizeof(seen->id) - 1, words);
    }
    json_decref(answer);
    return 0;
}
