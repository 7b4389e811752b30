#include "http_door.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "paced_log.h"

#define MOST_AT_ONCE 4096
/* Who was never answered well gives way at once where he and his like hold more than this part of the places, else behind his time to ask. */
#define STRANGERS_PART 8
#define STRANGER_SECONDS 1

static const struct timeval next_turn = { 0, 1000 };
static const struct timeval pause_time = { 0, 100000 };
static const struct timeval sweep_time = { 1, 0 };

struct place {
    struct bufferevent *connection;
    const struct evbuffer *input;
    long long begun_at;            /* monotonic seconds */
    unsigned long long last_heard; /* the door's count then */
    bool is_good;                  /* it was answered with 200 */
};

struct realip_http_door {
    struct realip_http_door *next;
    struct event_base *base;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *again; /* accepts again */
    struct event *sweep;
    struct realip_http_limits limits;
    struct realip_paced_log short_of; /* descriptors or memory */
    unsigned long long heard; /* reads and new connections so far: an order, where a clock is too coarse */
    size_t count;
    /* The oldest first; one more than the limit while one gives way. evhttp tells nobody when it has done with a connection
     * that asked nothing, so each is held here as well: whose only holder is left is over. */
    struct place open[];
};

/* libevent's callback for errors gets what evhttp gave for the one for connections: the door is found by its listener. */
static struct realip_http_door *doors;

static bool is_over(struct bufferevent *connection)
{
    if (bufferevent_decref(connection) != 0)
        return true;
    bufferevent_incref(connection);
    return false;
}

static void forget_the_over(struct realip_http_door *door)
{
    size_t kept = 0;

    for (size_t i = 0; i < door->count; i++) {
        if (!is_over(door->open[i].connection))
            door->open[kept++] = door->open[i];
    }
    door->count = kept;
}

/* evhttp ends it as if it had failed. To shut the socket down is not enough: who is not read from is not seen to end. */
static void send_away(struct bufferevent *connection)
{
    bufferevent_trigger_event(connection, BEV_EVENT_ERROR, 0);
}

static long long seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static bool is_being_answered(const struct place *place)
{
    return evbuffer_get_length(bufferevent_get_output(place->connection)) > 0;
}

/* Whether the place is to be had rather than the other one, where both were answered well. */
static bool gives_way_before(const struct place *place, const struct place *other)
{
    bool is_busy = is_being_answered(place);

    return is_busy != is_being_answered(other) ? !is_busy : place->last_heard < other->last_heard;
}

/* Who gives way to the newest, which has the last place. A stranger comes and goes as he likes, and must not cost those who are served; but
 * nobody else is one before his first question arrived, so a few have the time for that even where all other places are taken. */
static struct place *least_wanted(struct realip_http_door *door)
{
    struct place *stranger = NULL;
    struct place *idle = NULL;
    size_t strangers = 0;

    for (size_t i = 0; i + 1 < door->count; i++) {
        struct place *place = &door->open[i];

        if (place->is_good)
            idle = idle == NULL || gives_way_before(place, idle) ? place : idle;
        else {
            stranger = stranger == NULL ? place : stranger;
            strangers++;
        }
    }
    if (stranger != NULL
        && (idle == NULL || strangers > door->limits.connections / STRANGERS_PART
            || seconds_now() - stranger->begun_at > STRANGER_SECONDS))
        return stranger;
    return idle;
}

static struct place *place_of(struct realip_http_door *door, const struct evbuffer *input)
{
    for (size_t i = 0; i < door->count; i++) {
        if (door->open[i].input == input)
            return &door->open[i];
    }
    return NULL;
}

/* What waits to be understood is one request, or a few short ones in a row. evhttp reads on while a client does not take its answers, and
 * for the end of a chunk's length. libevent's own limit, a watermark, is none here: at one the loop would turn in vain for the latter. */
static void on_read(struct evbuffer *input, const struct evbuffer_cb_info *info, void *context)
{
    struct realip_http_door *door = context;
    size_t most = door->limits.headers + door->limits.body + 2 * MOST_AT_ONCE;
    struct place *place = info->n_added == 0 ? NULL : place_of(door, input);

    if (place == NULL)
        return;
    place->last_heard = ++door->heard;
    if (evbuffer_get_length(input) > most)
        send_away(place->connection);
}

static void on_sweep(int fd, short what, void *context)
{
    struct realip_http_door *door = context;

    (void)fd;
    (void)what;
    forget_the_over(door);
    if (door->count > 0)
        event_add(door->sweep, &sweep_time);
}

static void stop_accepting(struct realip_http_door *door, const struct timeval *how_long)
{
    evconnlistener_disable(door->listener);
    event_add(door->again, how_long);
}

static void on_again(int fd, short what, void *context)
{
    struct realip_http_door *door = context;

    (void)fd;
    (void)what;
    forget_the_over(door);
    if (door->count > door->limits.connections) {
        send_away(least_wanted(door)->connection);
        event_add(door->again, &next_turn);
    } else
        evconnlistener_enable(door->listener);
}

/* What evhttp takes for a new connection; NULL: it makes one itself, or has no memory either. */
static struct bufferevent *on_connection(struct event_base *base, void *context)
{
    struct realip_http_door *door = context;
    struct bufferevent *connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

    if (connection == NULL)
        return NULL;
    if (evbuffer_add_cb(bufferevent_get_input(connection), on_read, door) == NULL) {
        bufferevent_free(connection);
        return NULL;
    }
    bufferevent_set_max_single_read(connection, MOST_AT_ONCE);
    bufferevent_incref(connection);
    forget_the_over(door);
    door->open[door->count++] = (struct place){ .connection = connection, .input = bufferevent_get_input(connection),
                                                .begun_at = seconds_now(), .last_heard = ++door->heard };
    if (!event_pending(door->sweep, EV_TIMEOUT, NULL))
        event_add(door->sweep, &sweep_time);
    if (door->count > door->limits.connections) {
        /* Not the new one is refused: it may be a probe, and the others those that are slow on purpose. */
        send_away(least_wanted(door)->connection);
        stop_accepting(door, &next_turn);
    }
    return connection;
}

/* Descriptors or memory ran out. Who waits is told of again and again: the loop has more to do. */
static void on_error(struct evconnlistener *listener, void *context)
{
    int error = errno;

    (void)context;
    for (struct realip_http_door *door = doors; door != NULL; door = door->next) {
        if (door->listener == listener) {
            realip_paced_log(&door->short_of, LOG_ERR, "cannot accept a connection for HTTP: %s: new ones wait (raise LimitNOFILE)", strerror(error));
            stop_accepting(door, &pause_time);
        }
    }
}

static int set_up(struct realip_http_door *door)
{
    door->again = evtimer_new(door->base, on_again, door);
    door->sweep = evtimer_new(door->base, on_sweep, door);
    door->http = evhttp_new(door->base);
    if (door->again == NULL || door->sweep == NULL || door->http == NULL)
        return -1;
    evhttp_set_max_headers_size(door->http, (ev_ssize_t)door->limits.headers);
    evhttp_set_max_body_size(door->http, (ev_ssize_t)door->limits.body);
    evhttp_set_timeout(door->http, door->limits.seconds);
    evhttp_set_bevcb(door->http, on_connection, door);
    return 0;
}

/* 0; or -1: the descriptor is closed. */
static int listen_at(struct realip_http_door *door, int fd)
{
    struct evconnlistener *listener = evconnlistener_new(door->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);

    if (listener == NULL) {
        close(fd);
        return -1;
    }
    evconnlistener_set_error_cb(listener, on_error);
    if (evhttp_bind_listener(door->http, listener) == NULL) {
        evconnlistener_free(listener);
        return -1;
    }
    door->listener = listener;
    return 0;
}

struct realip_http_door *realip_http_door_new(struct event_base *base, int fd, const struct realip_http_limits *limits)
{
    struct realip_http_door *door = calloc(1, sizeof(*door) + (limits->connections + 1) * sizeof(door->open[0]));

    if (door == NULL) {
        close(fd);
        return NULL;
    }
    door->base = base;
    door->limits = *limits;
    door->next = doors;
    doors = door;
    if (set_up(door) < 0) {
        close(fd);
        realip_http_door_free(&door);
    } else if (listen_at(door, fd) < 0)
        realip_http_door_free(&door);
    return door;
}

struct evhttp *realip_http_door_http(struct realip_http_door *door)
{
    return door->http;
}

void realip_http_door_note_answer(struct realip_http_door *door, struct evhttp_request *request)
{
    struct evhttp_connection *connection = evhttp_request_get_connection(request);
    struct place *place = connection == NULL ? NULL : place_of(door, bufferevent_get_input(evhttp_connection_get_bufferevent(connection)));

    if (place != NULL && evhttp_request_get_response_code(request) == HTTP_OK)
        place->is_good = true;
}

void realip_http_door_free(struct realip_http_door **door)
{
    if (*door == NULL)
        return;
    struct realip_http_door **place = &doors;

    while (*place != *door)
        place = &(*place)->next;
    *place = (*door)->next;
    if ((*door)->http != NULL)
        evhttp_free((*door)->http);
    for (size_t i = 0; i < (*door)->count; i++)
        bufferevent_decref((*door)->open[i].connection);
    if ((*door)->again != NULL)
        event_free((*door)->again);
    if ((*door)->sweep != NULL)
        event_free((*door)->sweep);
    free(*door);
    *door = NULL;
}
