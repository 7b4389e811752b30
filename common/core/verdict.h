/* verdict - the public vocabulary (reasons, actions, modes) and the outcome of one decision.
 *
 * The tables below are the only place where a word of the vocabulary is written: enums, tokens in logs and headers,
 * metric labels, reply texts and configuration values come from them. The words are a promise to users: they may be
 * added to, never changed. The zero of every enum is "undecided" and never passes: an adapter that meets it defers.
 */
#ifndef REALIP_VERDICT_H
#define REALIP_VERDICT_H

#include "network.h"

/* What is done about a verdict, from mild to hard: the order of the enum is the order of hardness. */
#define REALIP_ACTION_TABLE(X)        \
    X(UNDECIDED, "undecided")         \
    X(PASS, "pass")                   \
    X(FLAG, "flag")                   \
    X(NO_RELAY, "no-relay")           \
    X(QUARANTINE, "quarantine")       \
    X(DEFER, "defer")                 \
    X(REJECT, "reject")

/* How far a listener goes: only look, also close relaying, do all that is wanted. */
#define REALIP_MODE_TABLE(X)    \
    X(UNDECIDED, "undecided")   \
    X(MONITOR, "monitor")       \
    X(PROTECT, "protect")       \
    X(ENFORCE, "enforce")

/* X(NAME, token, default action, sentence, advice). Sentence and advice are told to clients: they name no address of ours. The
 * advice is for refusals that pass, where the fault is this site's and not the client's. */
#define REALIP_REASON_TABLE(X)                                                                                    \
    X(UNDECIDED, "undecided", DEFER, "no decision could be made about this session", "")                         \
    X(REAL, "real", PASS, "the client address is real", "")                                                       \
    X(INTERNAL, "internal", PASS, "the client is a listed internal one", "")                                      \
    X(PROBE, "probe", PASS, "the client is a listed health prober", "")                                           \
    X(INFRASTRUCTURE, "infrastructure", DEFER, "your address is hidden behind this site's own network",          \
      ", please try again later")                                                                                 \
    X(PROXY_SHOWN, "proxy-shown", DEFER, "your address is hidden behind this site's own proxy",                  \
      ", please try again later")                                                                                 \
    X(PROXY_MISSING, "proxy-missing", DEFER, "this port takes connections through its proxy only", "")            \
    X(PROXY_UNTRUSTED, "proxy-untrusted", DEFER, "your host may not speak for other clients", "")                 \
    X(INSIDE_ASSERTED, "inside-asserted", DEFER, "a proxy gave an address that no outside client can have",      \
      ", please try again later")                                                                                 \
    X(PEER_UNKNOWN, "peer-unknown", DEFER, "it could not be seen who is connected", ", please try again later")   \
    X(ADDRESS_MISSING, "address-missing", DEFER, "the session has no client address", ", please try again later") \
    X(SHARED_SUSPECT, "shared-suspect", FLAG, "many different clients use this address", "")

#define REALIP_ENUM_ACTION(name, token) REALIP_ACTION_##name,
enum realip_action { REALIP_ACTION_TABLE(REALIP_ENUM_ACTION) REALIP_ACTION_COUNT };
#undef REALIP_ENUM_ACTION

#define REALIP_ENUM_MODE(name, token) REALIP_MODE_##name,
enum realip_mode { REALIP_MODE_TABLE(REALIP_ENUM_MODE) REALIP_MODE_COUNT };
#undef REALIP_ENUM_MODE

#define REALIP_ENUM_REASON(name, token, action, sentence, advice) REALIP_REASON_##name,
enum realip_reason { REALIP_REASON_TABLE(REALIP_ENUM_REASON) REALIP_REASON_COUNT };
#undef REALIP_ENUM_REASON

/* A place in a configuration file. `file` is NULL for what no file says (a built-in rule). */
struct realip_origin {
    const char *file;
    unsigned line; /* from 1 */
};

struct realip_listener;

/* The outcome of realip_decide(). Pointers belong to the rules that it was made with. */
struct realip_verdict {
    enum realip_reason reason;
    enum realip_action wanted;              /* what the rules ask for */
    enum realip_action action;              /* what is done: `wanted` as far as the mode and the source allow */
    enum realip_mode mode;
    const struct realip_listener *listener; /* never NULL: the rules' fallback where none matched */
    struct realip_network network;          /* what decided; family NONE where no network did */
    struct realip_origin rule;              /* the line that decided */
    uint32_t clients;                       /* behind the address of a suspect, about; 0: not known, or no suspect */
};

/* Tokens are constant strings; a value outside the enum gives "undecided". */
const char *realip_action_token(enum realip_action action);
const char *realip_mode_token(enum realip_mode mode);
const char *realip_reason_token(enum realip_reason reason);

/* The sentence for a reason, constant, without a full stop. */
const char *realip_reason_sentence(enum realip_reason reason);

/* Room for every text of realip_reason_refusal(), its NUL included. */
#define REALIP_REFUSAL_SIZE 160

/* Writes what a refused client is told, without a code: "realip TOKEN: SENTENCE", and the advice where the refusal is not
 * for good. Returns its length. */
size_t realip_reason_refusal(enum realip_reason reason, bool for_good, char text[REALIP_REFUSAL_SIZE]);

/* The action of DESIGN's vocabulary for a reason that no rule names. */
enum realip_action realip_reason_default_action(enum realip_reason reason);

/* True for the reasons that describe a problem (not real, internal, probe or undecided): those that can be given an
 * action. */
bool realip_reason_is_problem(enum realip_reason reason);

/* The hardest action that a mode lets happen, or `wanted` where that is milder; UNDECIDED for a mode that is undecided. */
enum realip_action realip_mode_cap(enum realip_mode mode, enum realip_action wanted);

/* From token to value; UNDECIDED for an unknown word and for the word "undecided" itself. */
enum realip_action realip_action_from_token(const char *token);
enum realip_mode realip_mode_from_token(const char *token);
enum realip_reason realip_reason_from_token(const char *token);

#endif
