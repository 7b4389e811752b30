#define REALIP_COMPAT_LOGIN
#include "login_refusal.h"

#include <string.h>

#include "compat.h"

/* How long a refused client may take for its TLS handshake, and how much of what it sent ahead is read, so that closing
 * does not become a reset that overtakes the refusal. */
#define HANDSHAKE_MSECS (30 * 1000)
#define MAX_READ_AHEAD (64 * 1024)

struct realip_refusal {
    struct client *client;
    struct timeout *timeout;
    bool waits_for_handshake;
    enum realip_answer answer;
    const char *text;
};

/* X: what the protocol calls itself, the temporary and the permanent reply. */
static const struct {
    const char *protocol;
    const char *temporary;
    const char *permanent;
    const char *end;
} replies[] = {
    { "imap", "* BYE [UNAVAILABLE] ", "* BYE ", "\r\n" },
    { "pop3", "-ERR [SYS/TEMP] ", "-ERR [SYS/PERM] ", "\r\n" },
    { "submission", "421 4.7.1 ", "554 5.7.1 ", "\r\n" },
    { "sieve", "BYE (TRYLATER) \"", "BYE \"", "\"\r\n" },
};

static const char *reply_of(const struct realip_refusal *refusal)
{
    for (size_t i = 0; i < N_ELEMENTS(replies); i++) {
        if (strcmp(replies[i].protocol, login_binary->protocol) == 0)
            return t_strconcat(refusal->answer == REALIP_ANSWER_PERMANENT ? replies[i].permanent : replies[i].temporary,
                               refusal->text, replies[i].end, NULL);
    }
    return ""; /* a protocol that we don't know: the end of the connection says enough */
}

static void read_ahead(struct client *client)
{
    size_t read = 0;

    while (read < MAX_READ_AHEAD) {
        ssize_t result = i_stream_read(client->input);
        size_t size = i_stream_get_data_size(client->input);

        if (size == 0 || result == -1)
            return;
        i_stream_skip(client->input, size);
        read += size;
    }
}

/* Not by client_notify_disconnect(): submission's frees the client inside of it, ManageSieve's says a bare BYE. */
static void send_away(struct realip_refusal *refusal)
{
    struct client *client = refusal->client;

    client_ref(client);
    T_BEGIN {
        o_stream_nsend_str(client->output, reply_of(refusal));
    } T_END;
    client->notified_disconnect = TRUE;
    o_stream_uncork(client->output);
    (void)o_stream_flush(client->output);
    if (client->ssl_iostream == NULL || ssl_iostream_is_handshaked(client->ssl_iostream))
        read_ahead(client);
    if (!client->destroyed)
        client_destroy(client, refusal->text);
    client_unref(&client);
}

static bool is_handshaking(const struct client *client)
{
    return client->ssl_iostream != NULL && !ssl_iostream_is_handshaked(client->ssl_iostream);
}

static void give_up(struct realip_refusal *refusal)
{
    timeout_remove(&refusal->timeout);
    send_away(refusal);
}

/* Not client_read(): it says FALSE of input that only belongs to the handshake. */
static void on_handshake_input(struct realip_refusal *refusal)
{
    struct client *client = refusal->client;

    if (i_stream_read(client->input) == -1)
        client_destroy_iostream_error(client);
    else if (!is_handshaking(client))
        send_away(refusal);
}

static void wait_for_handshake(struct realip_refusal *refusal)
{
    struct client *client = refusal->client;

    refusal->waits_for_handshake = true;
    io_remove(&client->io);
    client->io = io_add_istream(client->input, on_handshake_input, refusal);
    i_stream_set_input_pending(client->input, TRUE);
}

static void refuse_now(struct realip_refusal *refusal)
{
    timeout_remove(&refusal->timeout);
    if (is_handshaking(refusal->client)) {
        refusal->timeout = timeout_add(HANDSHAKE_MSECS, give_up, refusal);
        wait_for_handshake(refusal);
    } else {
        send_away(refusal);
    }
}

struct realip_refusal *realip_refusal_begin(struct client *client, const struct realip_judgement *judgement)
{
    struct realip_refusal *refusal = p_new(client->pool, struct realip_refusal, 1);

    refusal->client = client;
    refusal->answer = judgement->answer;
    refusal->text = p_strdup(client->pool, judgement->text);
    refusal->timeout = timeout_add_short(0, refuse_now, refusal);
    return refusal;
}

void realip_refusal_resume(struct realip_refusal *refusal)
{
    if (refusal->waits_for_handshake && !refusal->client->destroyed)
        wait_for_handshake(refusal);
}

void realip_refusal_input(struct realip_refusal *refusal)
{
    if (refusal->waits_for_handshake)
        on_handshake_input(refusal);
}

void realip_refusal_end(struct realip_refusal *refusal)
{
    if (refusal != NULL)
        timeout_remove(&refusal->timeout);
}
