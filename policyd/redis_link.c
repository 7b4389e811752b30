#include "redis_link.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "host_lookup.h"
#include "redis_tls.h"

#define MOST_WAITING   (1U << 20) /* bytes of a reply that is not whole, taken apart already or not */
#define MOST_ELEMENTS  8192
#define ANSWER_SECONDS 5
#define LEAST_PAUSE    1
#define MOST_PAUSE     30
#define PART           16384

enum state { WAITING, LOOKING_UP, CONNECTING, GREETING, READY };

/* The replies of the greeting have these tags. */
enum greeting { GREETING_AUTH, GREETING_SELECT, GREETING_PING };

struct realip_redis_link {
    struct event_base *base;
    const struct realip_store_place *place;
    const char *password;
    struct realip_redis_link_handler handler;
    const struct realip_redis_tls *tls; /* NULL: none */
    void *tls_context;
    enum state state;
    struct bufferevent *connection; /* NULL while WAITING */
    redisReader *reader;
    bool is_torn;   /* a command could not be sent: what follows it would mean something else */
    size_t waiting; /* bytes since the last whole reply */
    struct event *timer; /* to connect again; while connected, until a reply is overdue */
    long pause;
    size_t tags[REALIP_REDIS_LINK_MOST]; /* of the replies that are due: a ring */
    size_t first;
    size_t due;
    struct realip_host_lookup *lookup; /* NULL: none that is under way, or whose answer was not used */
    struct event *looked_up;
    unsigned attempts;  /* addresses of the host that were tried */
    unsigned addresses; /* that it has */
    char why[256];
};

static void set_timer(struct realip_redis_link *link, long seconds)
{
    const struct timeval when = { seconds, 0 };

    evtimer_add(link->timer, &when);
}

/* Ends the connection and tries again after a pause, or at once where the host has another address; `why` is told. */
static void give_up(struct realip_redis_link *link, const char *why)
{
    if (link->state == WAITING)
        return;
    if (why != link->why)
        snprintf(link->why, sizeof(link->why), "%s", why);
    bufferevent_free(link->connection);
    link->connection = NULL;
    if (link->reader != NULL)
        redisReaderFree(link->reader);
    link->reader = NULL;
    link->due = 0;
    bool is_more = link->state == CONNECTING && link->addresses > 0 && link->attempts % link->addresses != 0;
    link->state = WAITING;
    if (is_more) {
        set_timer(link, 0);
        return;
    }
    set_timer(link, link->pause);
    link->pause = link->pause * 2 < MOST_PAUSE ? link->pause * 2 : MOST_PAUSE;
    link->handler.down(link->handler.context, link->why);
}

/* ---- Commands. */

static int send_command(struct realip_redis_link *link, size_t tag, int count, const char **words)
{
    char *text;
    long long length;
    int result = -1;

    if (link->due == REALIP_REDIS_LINK_MOST)
        return -1;
    length = redisFormatCommandArgv(&text, count, words, NULL);
    if (length < 0)
        return -1;
    if (bufferevent_write(link->connection, text, (size_t)length) == 0) {
        if (link->due == 0)
            set_timer(link, ANSWER_SECONDS);
        link->tags[(link->first + link->due++) % REALIP_REDIS_LINK_MOST] = tag;
        result = 0;
    }
    free(text); /* hiredis takes it from malloc() */
    return result;
}

int realip_redis_link_send(struct realip_redis_link *link, size_t tag, int count, const char **words)
{
    if (link->state != READY || link->is_torn)
        return -1;
    int result = send_command(link, tag, count, words);
    if (result < 0) {
        link->is_torn = true;
        set_timer(link, 0); /* not here: it may be its own reply's handler that sends */
    }
    return result;
}

bool realip_redis_link_is_ready(const struct realip_redis_link *link)
{
    return link->state == READY && !link->is_torn;
}

size_t realip_redis_link_due(const struct realip_redis_link *link)
{
    return link->state == READY ? link->due : 0;
}

/* ---- Replies. */

static bool is_status(const redisReply *reply, const char *text)
{
    return reply->type == REDIS_REPLY_STATUS && strcmp(reply->str, text) == 0;
}

/* True: it goes on. */
static bool greeted(struct realip_redis_link *link, size_t tag, const redisReply *reply)
{
    if (tag == GREETING_PING ? is_status(reply, "PONG") : is_status(reply, "OK")) {
        if (tag != GREETING_PING)
            return true;
        link->state = READY;
        link->pause = LEAST_PAUSE;
        link->handler.ready(link->handler.context);
        return true;
    }
    snprintf(link->why, sizeof(link->why), "%s: %.*s",
             tag == GREETING_AUTH     ? "it refuses user or password"
                 : tag == GREETING_SELECT ? "it refuses the database"
                                          : "it is no Redis, or wants a password",
             reply->type == REDIS_REPLY_ERROR ? 160 : 0, reply->type == REDIS_REPLY_ERROR ? reply->str : "");
    give_up(link, link->why);
    return false;
}

/* True: it goes on. */
static bool take_reply(struct realip_redis_link *link, const redisReply *reply)
{
    if (link->due == 0) {
        give_up(link, "it says what nobody asked");
        return false;
    }
    if (link->is_torn) {
        give_up(link, "out of memory");
        return false;
    }
    size_t tag = link->tags[link->first];
    link->first = (link->first + 1) % REALIP_REDIS_LINK_MOST;
    link->due--;
    if (link->due > 0)
        set_timer(link, ANSWER_SECONDS);
    else
        evtimer_del(link->timer);
    if (link->state == GREETING)
        return greeted(link, tag, reply);
    link->handler.reply(link->handler.context, tag, reply);
    return true;
}

/* All whole replies. True: it goes on. */
static bool take_replies(struct realip_redis_link *link)
{
    void *reply = NULL;

    while (redisReaderGetReply(link->reader, &reply) == REDIS_OK) {
        if (reply == NULL) {
            if (link->waiting <= MOST_WAITING)
                return true;
            give_up(link, "its reply is longer than 1 MiB");
            return false;
        }
        link->waiting = link->reader->len - link->reader->pos; /* what follows it */
        bool goes_on = take_reply(link, reply);
        freeReplyObject(reply);
        if (!goes_on)
            return false;
    }
    give_up(link, "its replies are no Redis protocol");
    return false;
}

static void on_read(struct bufferevent *connection, void *context)
{
    struct realip_redis_link *link = context;
    struct evbuffer *input = bufferevent_get_input(connection);
    char part[PART];
    int length;

    while ((length = evbuffer_remove(input, part, sizeof(part))) > 0) {
        if (redisReaderFeed(link->reader, part, (size_t)length) != REDIS_OK) {
            give_up(link, "out of memory");
            return;
        }
        link->waiting += (size_t)length;
        if (!take_replies(link))
            return;
    }
}

/* ---- Connecting. */

/* What comes is in order: the greeting's replies before all others. */
static void greet(struct realip_redis_link *link)
{
    const char *with_user[] = { "AUTH", link->place->user, link->password };
    const char *without_user[] = { "AUTH", link->password };
    const char *ping[] = { "PING" };
    char database[16];
    const char *select[] = { "SELECT", database };
    int result = 0;

    snprintf(database, sizeof(database), "%u", link->place->database);
    link->state = GREETING;
    if (link->password != NULL)
        result |= link->place->user != NULL ? send_command(link, GREETING_AUTH, 3, with_user) : send_command(link, GREETING_AUTH, 2, without_user);
    if (link->place->database != 0)
        result |= send_command(link, GREETING_SELECT, 2, select);
    result |= send_command(link, GREETING_PING, 1, ping);
    if (result < 0)
        give_up(link, "out of memory");
}

static void explain_end(struct realip_redis_link *link, short what)
{
    const char *tls_reason = link->tls == NULL ? NULL : link->tls->why(link->connection);
    int error = EVUTIL_SOCKET_ERROR();

    if (tls_reason != NULL)
        snprintf(link->why, sizeof(link->why), "TLS: %s", tls_reason);
    else if ((what & BEV_EVENT_EOF) != 0)
        snprintf(link->why, sizeof(link->why), "it ended the connection");
    else
        snprintf(link->why, sizeof(link->why), "%s", evutil_socket_error_to_string(error));
}

static void on_event(struct bufferevent *connection, short what, void *context)
{
    struct realip_redis_link *link = context;

    (void)connection;
    if ((what & BEV_EVENT_CONNECTED) != 0) {
        greet(link);
        return;
    }
    explain_end(link, what);
    give_up(link, link->why);
}

static struct bufferevent *new_connection(const struct realip_redis_link *link)
{
    const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

    if (link->tls == NULL)
        return bufferevent_socket_new(link->base, -1, options);
    return link->tls->connection(link->tls_context, link->base, link->place->host, options);
}

/* Each time the next of the name's addresses, which it frees. */
static int connect_host(struct realip_redis_link *link, struct addrinfo *all)
{
    const struct addrinfo *one = all;
    unsigned count = 0;

    for (; one != NULL; one = one->ai_next)
        count++;
    link->addresses = count;
    one = all;
    for (unsigned i = link->attempts++ % count; i > 0; i--)
        one = one->ai_next;
    link->state = CONNECTING;
    int result = bufferevent_socket_connect(link->connection, one->ai_addr, (int)one->ai_addrlen);
    if (result < 0)
        snprintf(link->why, sizeof(link->why), "%s", strerror(errno));
    freeaddrinfo(all);
    return result;
}

static void end_lookup(struct realip_redis_link *link)
{
    if (link->looked_up != NULL)
        event_free(link->looked_up);
    link->looked_up = NULL;
    realip_host_lookup_free(&link->lookup);
}

/* 0: it is being connected, or not answered yet; or -1. */
static int take_lookup(struct realip_redis_link *link)
{
    struct addrinfo *found;
    int error;

    if (!realip_host_lookup_take(link->lookup, &error, &found))
        return 0;
    end_lookup(link);
    if (error == 0)
        return connect_host(link, found);
    snprintf(link->why, sizeof(link->why), "%s: %s", link->place->host, gai_strerror(error));
    return -1;
}

static void on_looked_up(evutil_socket_t fd, short what, void *context)
{
    struct realip_redis_link *link = context;

    (void)fd;
    (void)what;
    if (link->state == WAITING)
        set_timer(link, 0); /* later than it was waited for, and good for the next connection */
    else if (take_lookup(link) < 0)
        give_up(link, link->why);
}

/* One question at a time, however long its answer takes. */
static int begin_host(struct realip_redis_link *link)
{
    link->state = LOOKING_UP;
    if (link->lookup != NULL)
        return take_lookup(link);
    link->lookup = realip_host_lookup_new(link->place->host, link->place->port);
    if (link->lookup != NULL)
        link->looked_up = event_new(link->base, realip_host_lookup_fd(link->lookup), EV_READ, on_looked_up, link);
    if (link->looked_up != NULL && event_add(link->looked_up, NULL) == 0)
        return 0;
    end_lookup(link);
    snprintf(link->why, sizeof(link->why), "%s: there is no thread to look it up", link->place->host);
    return -1;
}

static int begin(struct realip_redis_link *link)
{
    struct sockaddr_un local = { .sun_family = AF_UNIX };

    if (link->place->path == NULL)
        return begin_host(link);
    snprintf(link->why, sizeof(link->why), "it cannot be connected");
    if (strlen(link->place->path) >= sizeof(local.sun_path))
        return -1;
    strcpy(local.sun_path, link->place->path);
    return bufferevent_socket_connect(link->connection, (const struct sockaddr *)&local, sizeof(local));
}

/* A server that promises a list of billions must not have memory taken for it, nor for lists within lists, which are the answer to nothing that
 * is asked: each of few bytes, they would be many times as large in memory. */
#if HIREDIS_MAJOR >= 1
static void *(*create_any_array)(const redisReadTask *task, size_t count);

static void *create_array(const redisReadTask *task, size_t count)
#else
static void *(*create_any_array)(const redisReadTask *task, int count);

static void *create_array(const redisReadTask *task, int count)
#endif
{
    return count > MOST_ELEMENTS || task->parent != NULL ? NULL : create_any_array(task, count);
}

static void limit_elements(redisReader *reader)
{
    static redisReplyObjectFunctions functions;

    functions = *reader->fn;
    if (functions.createArray != create_array)
        create_any_array = functions.createArray;
    functions.createArray = create_array;
    reader->fn = &functions;
}

static void start(struct realip_redis_link *link)
{
    link->connection = new_connection(link);
    link->reader = redisReaderCreate();
    if (link->connection == NULL || link->reader == NULL) {
        if (link->connection != NULL)
            bufferevent_free(link->connection);
        if (link->reader != NULL)
            redisReaderFree(link->reader);
        link->connection = NULL;
        link->reader = NULL;
        set_timer(link, MOST_PAUSE);
        return;
    }
    limit_elements(link->reader);
    link->state = CONNECTING;
    link->waiting = 0;
    link->is_torn = false;
    link->first = 0;
    link->due = 0;
    bufferevent_setcb(link->connection, on_read, NULL, on_event, link);
    bufferevent_setwatermark(link->connection, EV_READ, 0, PART * 4);
    bufferevent_enable(link->connection, EV_READ | EV_WRITE);
    set_timer(link, ANSWER_SECONDS);
    if (begin(link) < 0 && link->state != WAITING)
        give_up(link, link->why);
}

static const char *what_is_late(const struct realip_redis_link *link)
{
    if (link->is_torn)
        return "out of memory";
    if (link->state == LOOKING_UP)
        return "its name is not looked up: the name server does not answer";
    return link->state == CONNECTING ? "it does not take the connection" : "it does not answer";
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    struct realip_redis_link *link = context;

    (void)fd;
    (void)what;
    if (link->state == WAITING)
        start(link);
    else
        give_up(link, what_is_late(link));
}

static int begin_tls(struct realip_redis_link *link, const char **reason_r)
{
    link->tls = realip_redis_tls_load(reason_r);
    if (link->tls != NULL)
        link->tls_context = link->tls->new(link->place->ca_file, reason_r);
    return link->tls_context == NULL ? -1 : 0;
}

struct realip_redis_link *realip_redis_link_new(struct event_base *base, const struct realip_store_place *place, const char *password,
                                                const struct realip_redis_link_handler *handler, const char **reason_r)
{
    struct realip_redis_link *link = calloc(1, sizeof(*link));

    *reason_r = "out of memory";
    if (link == NULL)
        return NULL;
    link->base = base;
    link->place = place;
    link->password = password;
    link->handler = *handler;
    link->pause = LEAST_PAUSE;
    link->timer = evtimer_new(base, on_timer, link);
    if (link->timer == NULL || (place->tls && begin_tls(link, reason_r) < 0))
        realip_redis_link_free(&link);
    else
        set_timer(link, 0);
    return link;
}

void realip_redis_link_free(struct realip_redis_link **link)
{
    if (*link == NULL)
        return;
    if ((*link)->connection != NULL)
        bufferevent_free((*link)->connection);
    if ((*link)->reader != NULL)
        redisReaderFree((*link)->reader);
    if ((*link)->timer != NULL)
        event_free((*link)->timer);
    end_lookup(*link);
    if ((*link)->tls_context != NULL)
        (*link)->tls->free((*link)->tls_context);
    free(*link);
    *link = NULL;
}
