#include "redis_tls.h"

#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

static void *new_context(const char *ca_file, const char **reason_r)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());

    *reason_r = "out of memory";
    if (context == NULL)
        return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (ca_file == NULL ? SSL_CTX_set_default_verify_paths(context) == 1 : SSL_CTX_load_verify_locations(context, ca_file, NULL) == 1)
        return context;
    *reason_r = ca_file == NULL ? "the system's certificates cannot be read" : "store-ca-file cannot be read, or holds no certificate";
    SSL_CTX_free(context);
    return NULL;
}

static void free_context(void *context)
{
    SSL_CTX_free(context);
}

/* NULL when memory is short. */
static SSL *new_session(SSL_CTX *context, const char *host)
{
    SSL *session = SSL_new(context);
    X509_VERIFY_PARAM *wanted = session == NULL ? NULL : SSL_get0_param(session);

    if (session == NULL)
        return NULL;
    if (X509_VERIFY_PARAM_set1_ip_asc(wanted, host) != 1
        && (X509_VERIFY_PARAM_set1_host(wanted, host, 0) != 1 || SSL_set_tlsext_host_name(session, host) != 1)) {
        SSL_free(session);
        return NULL;
    }
    return session;
}

static struct bufferevent *new_connection(void *context, struct event_base *base, const char *host, int options)
{
    SSL *session = new_session(context, host);

    return session == NULL ? NULL : bufferevent_openssl_socket_new(base, -1, session, BUFFEREVENT_SSL_CONNECTING, options);
}

static const char *why(struct bufferevent *connection)
{
    unsigned long error = bufferevent_get_openssl_error(connection);

    return error == 0 ? NULL : ERR_reason_error_string(error);
}

extern const struct realip_redis_tls realip_redis_tls;
const struct realip_redis_tls realip_redis_tls = { new_context, free_context, new_connection, why };
