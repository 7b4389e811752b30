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

/* Postfix shows the bytes that came, escaped. What begins as a header does is `otherwise`; anything else is the client's own protocol: below 16
 * bytes Postfix calls it short, else unrecognized. */
static enum realip_proxy_failure of_bytes(struct realip_log_text bytes, enum realip_proxy_failure otherwise)
{
    size_t same = bytes.length < 5 ? bytes.length : 5;

    if (bytes.length == 0 || memcmp(bytes.start, "PROXY", same) == 0 || begins(bytes, "\\r\\n\\r\\n"))
        return otherwise;
    return REALIP_PROXY_FAILURE_SPOKE;
}

/* What stands behind these words, where the text begins with them. */
static bool cut_words(struct realip_log_text text, const char *words, struct realip_log_text *bytes_r)
{
    size_t length = strlen(words);

    if (!begins(text, words))
        return false;
    *bytes_r = (struct realip_log_text){ text.start + length, text.length - length };
    return true;
}

enum realip_proxy_failure realip_proxy_failure_of_postfix(struct realip_log_text text)
{
    struct realip_log_text bytes;

    if (cut_words(text, "short protocol header: ", &bytes))
        return of_bytes(bytes, REALIP_PROXY_FAILURE_SHORT);
    if (cut_words(text, "unrecognized protocol header: ", &bytes))
        return of_bytes(bytes, REALIP_PROXY_FAILURE_MALFORMED);
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
