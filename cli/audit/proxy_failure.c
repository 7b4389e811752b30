#include "proxy_failure.h"

#include <string.h>

struct wording {
    const char *words;
    enum realip_proxy_failure failure;
};

/* The words of Postfix's haproxy_srvr.c, smtpd_haproxy.c and postscreen_haproxy.c, at the beginning of the text. */
static const struct wording postfix_wordings[] = {
    { "timeout error", REALIP_PROXY_FAILURE_SILENT },
    { "time limit exceeded", REALIP_PROXY_FAILURE_SILENT },
    { "EOF", REALIP_PROXY_FAILURE_CLOSED },
    { "unexpected EOF", REALIP_PROXY_FAILURE_CLOSED },
    { "lost connection", REALIP_PROXY_FAILURE_CLOSED },
    { "short address field", REALIP_PROXY_FAILURE_SHORT },
    { "short version 2 protocol header", REALIP_PROXY_FAILURE_SHORT },
    { "missing protocol header terminator", REALIP_PROXY_FAILURE_SHORT },
    { "unrecognized protocol", REALIP_PROXY_FAILURE_MALFORMED },
    { "bad command in proxy header", REALIP_PROXY_FAILURE_MALFORMED },
    { "bad or missing protocol header", REALIP_PROXY_FAILURE_MALFORMED },
    { "bad or missing protocol type", REALIP_PROXY_FAILURE_UNSUPPORTED },
    { "unsupported network protocol", REALIP_PROXY_FAILURE_UNSUPPORTED },
    { "bad or missing", REALIP_PROXY_FAILURE_ADDRESS },
    { "client network address conversion error", REALIP_PROXY_FAILURE_ADDRESS },
    { "server network address conversion error", REALIP_PROXY_FAILURE_ADDRESS },
    { "Postfix IPv", REALIP_PROXY_FAILURE_FAMILY },
};

/* Of Dovecot's master-service-haproxy.c, anywhere before what a client sent. */
static const struct wording dovecot_wordings[] = {
    { "Client timed out", REALIP_PROXY_FAILURE_SILENT },
    { "Client not trusted", REALIP_PROXY_FAILURE_UNTRUSTED },
    { "Failed to read valid HAproxy data", REALIP_PROXY_FAILURE_NO_HEADER },
    { "Invalid network", REALIP_PROXY_FAILURE_BAD_LIST },
    { "Unsupported address family", REALIP_PROXY_FAILURE_UNSUPPORTED },
    { "Not using TCP", REALIP_PROXY_FAILURE_UNSUPPORTED },
    { "not TCP", REALIP_PROXY_FAILURE_UNSUPPORTED },
    { "Payload length", REALIP_PROXY_FAILURE_SHORT },
    { "address", REALIP_PROXY_FAILURE_ADDRESS },
    { "port", REALIP_PROXY_FAILURE_ADDRESS },
    { "Client disconnected", REALIP_PROXY_FAILURE_MALFORMED },
    { "Invalid", REALIP_PROXY_FAILURE_MALFORMED },
    { "Unsupported version", REALIP_PROXY_FAILURE_MALFORMED },
    { "extra field", REALIP_PROXY_FAILURE_MALFORMED },
};

static bool begins(struct realip_log_text text, const char *word)
{
    size_t length = strlen(word);

    return text.length >= length && memcmp(text.start, word, length) == 0;
}

/* smtpd shows the bytes that came. A header in pieces begins as a header does; anything else is the client's own protocol. */
static enum realip_proxy_failure of_short_header(struct realip_log_text bytes)
{
    size_t same = bytes.length < 6 ? bytes.length : 6;

    if (bytes.length == 0 || memcmp(bytes.start, "PROXY ", same) == 0 || begins(bytes, "\\r\\n\\r\\n") || begins(bytes, "??"))
        return REALIP_PROXY_FAILURE_SHORT;
    return REALIP_PROXY_FAILURE_SPOKE;
}

enum realip_proxy_failure realip_proxy_failure_of_postfix(struct realip_log_text text)
{
    static const char short_header[] = "short protocol header: ";

    if (begins(text, short_header))
        return of_short_header((struct realip_log_text){ text.start + sizeof(short_header) - 1,
                                                         text.length - (sizeof(short_header) - 1) });
    for (size_t i = 0; i < sizeof(postfix_wordings) / sizeof(postfix_wordings[0]); i++) {
        if (begins(text, postfix_wordings[i].words))
            return postfix_wordings[i].failure;
    }
    return REALIP_PROXY_FAILURE_OTHER;
}

enum realip_proxy_failure realip_proxy_failure_of_dovecot(struct realip_log_text text)
{
    for (size_t i = 0; i < sizeof(dovecot_wordings) / sizeof(dovecot_wordings[0]); i++) {
        const char *words = dovecot_wordings[i].words;

        if (memmem(text.start, text.length, words, strlen(words)) != NULL)
            return dovecot_wordings[i].failure;
    }
    return REALIP_PROXY_FAILURE_OTHER;
}

#define TOKEN(name, token, sentence) token,
#define SENTENCE(name, token, sentence) sentence,

const char *realip_proxy_failure_token(enum realip_proxy_failure failure)
{
    static const char *const tokens[] = { REALIP_PROXY_FAILURE_TABLE(TOKEN) };

    return tokens[failure < REALIP_PROXY_FAILURE_COUNT ? failure : REALIP_PROXY_FAILURE_NONE];
}

const char *realip_proxy_failure_sentence(enum realip_proxy_failure failure)
{
    static const char *const sentences[] = { REALIP_PROXY_FAILURE_TABLE(SENTENCE) };

    return sentences[failure < REALIP_PROXY_FAILURE_COUNT ? failure : REALIP_PROXY_FAILURE_NONE];
}
