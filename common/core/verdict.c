#include "verdict.h"

#include <string.h>

#define TOKEN(name, token) token,
static const char *const action_tokens[] = { REALIP_ACTION_TABLE(TOKEN) };
static const char *const mode_tokens[] = { REALIP_MODE_TABLE(TOKEN) };
#undef TOKEN

#define TOKEN(name, token, action, sentence, advice) token,
static const char *const reason_tokens[] = { REALIP_REASON_TABLE(TOKEN) };
#undef TOKEN

#define SENTENCE(name, token, action, sentence, advice) sentence,
static const char *const reason_sentences[] = { REALIP_REASON_TABLE(SENTENCE) };
#undef SENTENCE

#define ADVICE(name, token, action, sentence, advice) advice,
static const char *const reason_advices[] = { REALIP_REASON_TABLE(ADVICE) };
#undef ADVICE

#define DEFAULT_ACTION(name, token, action, sentence, advice) REALIP_ACTION_##action,
static const enum realip_action reason_actions[] = { REALIP_REASON_TABLE(DEFAULT_ACTION) };
#undef DEFAULT_ACTION

static const char *token_at(const char *const *tokens, unsigned count, unsigned value)
{
    return tokens[value < count ? value : 0];
}

static unsigned value_of(const char *const *tokens, unsigned count, const char *token)
{
    for (unsigned value = 1; value < count; value++) {
        if (strcmp(tokens[value], token) == 0)
            return value;
    }
    return 0;
}

const char *realip_action_token(enum realip_action action)
{
    return token_at(action_tokens, REALIP_ACTION_COUNT, action);
}

const char *realip_mode_token(enum realip_mode mode)
{
    return token_at(mode_tokens, REALIP_MODE_COUNT, mode);
}

const char *realip_reason_token(enum realip_reason reason)
{
    return token_at(reason_tokens, REALIP_REASON_COUNT, reason);
}

const char *realip_reason_sentence(enum realip_reason reason)
{
    return token_at(reason_sentences, REALIP_REASON_COUNT, reason);
}

size_t realip_reason_refusal(enum realip_reason reason, bool for_good, char text[REALIP_REFUSAL_SIZE])
{
    const char *const parts[] = { "realip ", realip_reason_token(reason), ": ", realip_reason_sentence(reason),
                                  for_good ? "" : token_at(reason_advices, REALIP_REASON_COUNT, reason) };
    size_t length = 0;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t size = strlen(parts[i]);

        memcpy(text + length, parts[i], size); /* the table's longest leaves room; a unit test holds that */
        length += size;
    }
    text[length] = '\0';
    return length;
}

enum realip_action realip_reason_default_action(enum realip_reason reason)
{
    return reason < REALIP_REASON_COUNT ? reason_actions[reason] : REALIP_ACTION_DEFER;
}

bool realip_reason_is_problem(enum realip_reason reason)
{
    return reason >= REALIP_REASON_INFRASTRUCTURE && reason < REALIP_REASON_COUNT;
}

enum realip_action realip_action_from_token(const char *token)
{
    return (enum realip_action)value_of(action_tokens, REALIP_ACTION_COUNT, token);
}

enum realip_mode realip_mode_from_token(const char *token)
{
    return (enum realip_mode)value_of(mode_tokens, REALIP_MODE_COUNT, token);
}

enum realip_reason realip_reason_from_token(const char *token)
{
    return (enum realip_reason)value_of(reason_tokens, REALIP_REASON_COUNT, token);
}

enum realip_action realip_mode_cap(enum realip_mode mode, enum realip_action wanted)
{
    enum realip_action most = REALIP_ACTION_UNDECIDED;

    switch (mode) {
    case REALIP_MODE_MONITOR:
        most = REALIP_ACTION_PASS;
        break;
    case REALIP_MODE_PROTECT:
        most = REALIP_ACTION_NO_RELAY;
        break;
    case REALIP_MODE_ENFORCE:
        most = REALIP_ACTION_REJECT;
        break;
    case REALIP_MODE_UNDECIDED:
    case REALIP_MODE_COUNT:
        break;
    }
    return wanted < most ? wanted : most;
}
