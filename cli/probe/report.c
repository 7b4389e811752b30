#include "report.h"

#include <stdio.h>
#include <string.h>

const char *realip_probe_role_token(enum realip_probe_role role)
{
    static const char *const tokens[] = { "unknown", "stranger", "proxy" };

    return tokens[role <= REALIP_PROBE_ROLE_PROXY ? role : 0];
}

static const char *address_text(const struct realip_address *address, char text[REALIP_ADDRESS_TEXT_SIZE])
{
    return realip_address_format(address, text);
}

/* The client that the server or our daemon told of, or "-". */
static const char *shown_text(const struct realip_probe_observation *seen, char text[REALIP_ADDRESS_TEXT_SIZE])
{
    return address_text(&seen->shown, text);
}

/* ---- for people --------------------------------------------------------------------------------------------------- */

static const char *duration_text(long usecs, char text[16])
{
    if (usecs < 0)
        snprintf(text, 16, "-");
    else if (usecs < 100000)
        snprintf(text, 16, "%.1f ms", (double)usecs / 1000);
    else
        snprintf(text, 16, "%.2f s", (double)usecs / 1000000);
    return text;
}

/* Without IMAP's list of capabilities, which is longer than all else. */
static void copy_greeting(const char *words, char *text, size_t size)
{
    const char *list = strstr(words, "[CAPABILITY ");
    const char *end = list == NULL ? NULL : strchr(list, ']');

    if (end == NULL)
        snprintf(text, size, "%s", words);
    else
        snprintf(text, size, "%.*s%s", (int)(list - words), words, end[1] == ' ' ? end + 2 : end + 1);
}

/* What a person wants to read of an experiment: the server's words, or how it ended without any. */
static void told_text(const struct realip_probe_observation *seen, char *text, size_t size)
{
    const char *behind = seen->words[0] == '\0' ? "" : ": ";

    switch (seen->fate) {
    case REALIP_PROBE_FATE_UNREACHABLE:
        snprintf(text, size, "no connection%s%s", behind, seen->words);
        return;
    case REALIP_PROBE_FATE_SILENT:
        snprintf(text, size, "no answer in time%s%s", behind, seen->words);
        return;
    case REALIP_PROBE_FATE_HUNG_UP:
        snprintf(text, size, "%s without a word%s%s", seen->reset ? "reset" : "hung up", behind, seen->words);
        return;
    case REALIP_PROBE_FATE_NO_TLS:
        snprintf(text, size, "no TLS: it answers something else");
        return;
    case REALIP_PROBE_FATE_STRANGE:
        snprintf(text, size, "strange words%s%s", behind, seen->words);
        return;
    case REALIP_PROBE_FATE_MISREAD:
        snprintf(text, size, "greets, and takes the header for commands%s%s", behind, seen->words);
        return;
    case REALIP_PROBE_FATE_REFUSED:
    case REALIP_PROBE_FATE_GREETED:
        copy_greeting(seen->words, text, size);
        return;
    case REALIP_PROBE_FATE_UNKNOWN:
    case REALIP_PROBE_FATE_COUNT:
        break;
    }
    snprintf(text, size, "not tried");
}

static void print_experiment(const struct realip_probe_observation *seen, const struct realip_terminal *terminal)
{
    char connect[16], tls[16], greeting[16];
    char shown[REALIP_ADDRESS_TEXT_SIZE];
    char told[512];

    told_text(seen, told, sizeof(told));
    int begun = printf("    %-23s %9s %9s %9s  %-15s ", realip_probe_opening_text(seen->opening), duration_text(seen->connect_usecs, connect),
                       duration_text(seen->tls_usecs, tls), duration_text(seen->greeting_usecs, greeting), shown_text(seen, shown));
    int room = (int)terminal->columns - begun;
    if (terminal->is_terminal && room > 20 && (int)strlen(told) > room)
        told[room] = '\0';
    printf("%s\n", told);
}

static void print_explained(const struct realip_probe_observation *seen)
{
    char shown[REALIP_ADDRESS_TEXT_SIZE], peer[REALIP_ADDRESS_TEXT_SIZE];

    if (seen->judged != REALIP_REASON_UNDECIDED)
        printf("    realip-policyd on \"%s\": client %s, peer %s: %s, %s (session %s)\n", realip_probe_opening_text(seen->opening),
               shown_text(seen, shown), address_text(&seen->peer, peer), realip_reason_token(seen->judged), realip_action_token(seen->done),
               seen->id[0] == '\0' ? "-" : seen->id);
}

static const char *style(const struct realip_terminal *terminal, bool bad)
{
    return realip_terminal_style(terminal, bad ? REALIP_STYLE_BAD : REALIP_STYLE_GOOD);
}

static const struct realip_probe_observation *first_seen(const struct realip_probe_listener *listener)
{
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (listener->seen[i].local.family != REALIP_FAMILY_NONE)
            return &listener->seen[i];
    }
    return &listener->seen[0];
}

static enum realip_probe_protocol protocol_of(const struct realip_probe_listener *listener)
{
    enum realip_probe_protocol protocol = REALIP_PROBE_PROTOCOL_UNKNOWN;

    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (protocol == REALIP_PROBE_PROTOCOL_UNKNOWN)
            protocol = listener->seen[i].protocol;
    }
    return protocol;
}

static void print_head(const struct realip_probe_listener *listener, const struct realip_terminal *terminal)
{
    static const char *const roles[] = { "", ", a stranger", ", a proxy" };
    const char *none = realip_terminal_style(terminal, REALIP_STYLE_NONE);
    char address[REALIP_ADDRESS_TEXT_SIZE], local[REALIP_ADDRESS_TEXT_SIZE];
    enum realip_probe_verdict verdict = listener->judgement.verdict;
    bool ipv6 = listener->target->address.family == REALIP_FAMILY_IPV6;

    printf("%s%s%s%s:%u%s %s, from %s%s\n", realip_terminal_style(terminal, REALIP_STYLE_STRONG), ipv6 ? "[" : "",
           address_text(&listener->target->address, address), ipv6 ? "]" : "", listener->target->port, none,
           realip_probe_protocol_token(protocol_of(listener)), address_text(&first_seen(listener)->local, local), roles[listener->role]);
    printf("  %s%s%s  %s\n", style(terminal, realip_probe_is_bad(&listener->judgement)), realip_probe_verdict_token(verdict), none,
           realip_probe_verdict_sentence(verdict));
}

void realip_probe_print(const struct realip_probe_listener *listener, const struct realip_terminal *terminal)
{
    const char *mend = realip_probe_verdict_mend(listener->judgement.verdict);
    const char *tls = "";

    print_head(listener, terminal);
    for (unsigned i = 0; i < REALIP_PROBE_NOTE_COUNT; i++) {
        if ((listener->judgement.notes & 1U << i) != 0)
            printf("  - %s\n", realip_probe_note_sentence((enum realip_probe_note_number)i));
    }
    if (mend[0] != '\0')
        printf("  mend: %s\n", mend);
    if (listener->time_over)
        printf("  (the time was over before all experiments were made: --total SECONDS)\n");
    printf("%s    %-23s %9s %9s %9s  %-15s %s%s\n", realip_terminal_style(terminal, REALIP_STYLE_FAINT), "said first", "connect", "TLS",
           "greeting", "client shown", "told", realip_terminal_style(terminal, REALIP_STYLE_NONE));
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (listener->seen[i].fate == REALIP_PROBE_FATE_UNKNOWN)
            continue;
        print_experiment(&listener->seen[i], terminal);
        if (listener->seen[i].tls[0] != '\0')
            tls = listener->seen[i].tls;
    }
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++)
        print_explained(&listener->seen[i]);
    if (tls[0] != '\0')
        printf("    %s\n", tls);
}

/* ---- JSON --------------------------------------------------------------------------------------------------------- */

static void set(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static json_t *address_json(const struct realip_address *address)
{
    char text[REALIP_ADDRESS_TEXT_SIZE];

    return address->family == REALIP_FAMILY_NONE ? json_null() : json_string(realip_address_format(address, text));
}

static json_t *msecs_json(long usecs)
{
    return usecs < 0 ? json_null() : json_real((double)usecs / 1000);
}

static json_t *reason_json(enum realip_reason reason)
{
    return reason == REALIP_REASON_UNDECIDED ? json_null() : json_string(realip_reason_token(reason));
}

static json_t *experiment_json(const struct realip_probe_observation *seen)
{
    static const char *const mails[] = { NULL, "not-reached", "denied", "accepted" };
    json_t *object = json_object();

    set(object, "said", json_string(realip_probe_opening_token(seen->opening)));
    set(object, "fate", json_string(realip_probe_fate_token(seen->fate)));
    set(object, "reset", json_boolean(seen->reset));
    set(object, "protocol", json_string(realip_probe_protocol_token(seen->protocol)));
    set(object, "asserted", address_json(&seen->asserted));
    set(object, "shown", address_json(&seen->shown));
    set(object, "words", json_string(seen->words));
    set(object, "mail", mails[seen->mail] == NULL ? json_null() : json_string(mails[seen->mail]));
    set(object, "refused-for", reason_json(seen->refused_for));
    set(object, "judged", reason_json(seen->judged));
    set(object, "done", seen->judged == REALIP_REASON_UNDECIDED ? json_null() : json_string(realip_action_token(seen->done)));
    set(object, "helo", seen->protocol == REALIP_PROBE_SMTP || seen->protocol == REALIP_PROBE_LMTP ? json_string(seen->helo) : json_null());
    set(object, "session", seen->id[0] == '\0' ? json_null() : json_string(seen->id));
    set(object, "peer", address_json(&seen->peer));
    set(object, "starttls", json_boolean(seen->starttls));
    set(object, "xclient", json_boolean(seen->xclient));
    set(object, "xforward", json_boolean(seen->xforward));
    set(object, "tls", seen->tls[0] == '\0' ? json_null() : json_string(seen->tls));
    set(object, "connect-ms", msecs_json(seen->connect_usecs));
    set(object, "tls-ms", msecs_json(seen->tls_usecs));
    set(object, "greeting-ms", msecs_json(seen->greeting_usecs));
    return object;
}

json_t *realip_probe_json(const struct realip_probe_listener *listener)
{
    json_t *object = json_object();
    json_t *notes = json_array();
    json_t *experiments = json_array();

    set(object, "host", json_string(listener->host));
    set(object, "address", address_json(&listener->target->address));
    set(object, "port", json_integer(listener->target->port));
    set(object, "from", address_json(&first_seen(listener)->local));
    set(object, "role", json_string(realip_probe_role_token(listener->role)));
    set(object, "protocol", json_string(realip_probe_protocol_token(protocol_of(listener))));
    set(object, "verdict", json_string(realip_probe_verdict_token(listener->judgement.verdict)));
    set(object, "sentence", json_string(realip_probe_verdict_sentence(listener->judgement.verdict)));
    set(object, "mend", json_string(realip_probe_verdict_mend(listener->judgement.verdict)));
    set(object, "bad", json_boolean(realip_probe_is_bad(&listener->judgement)));
    set(object, "sure", json_boolean(realip_probe_is_sure(&listener->judgement)));
    set(object, "time-over", json_boolean(listener->time_over));
    for (unsigned i = 0; i < REALIP_PROBE_NOTE_COUNT; i++) {
        enum realip_probe_note_number number = (enum realip_probe_note_number)i;

        if ((listener->judgement.notes & 1U << i) != 0)
            json_array_append_new(notes, json_pack("{s:s, s:s}", "note", realip_probe_note_token(number), "sentence", realip_probe_note_sentence(number)));
    }
    for (int i = REALIP_PROBE_PLAIN; i < REALIP_PROBE_OPENING_COUNT; i++) {
        if (listener->seen[i].fate != REALIP_PROBE_FATE_UNKNOWN)
            json_array_append_new(experiments, experiment_json(&listener->seen[i]));
    }
    set(object, "notes", notes);
    set(object, "experiments", experiments);
    return object;
}
