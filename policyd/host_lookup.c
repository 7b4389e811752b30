#include "host_lookup.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Two have it, and who leaves last frees it. */
struct realip_host_lookup {
    pthread_mutex_t lock;
    int fd; /* an eventfd */
    char *host;
    char port[16];
    struct addrinfo *found;
    int result;
    bool is_answered;
    bool is_abandoned;
};

static void free_lookup(struct realip_host_lookup *lookup)
{
    pthread_mutex_destroy(&lookup->lock);
    if (lookup->found != NULL)
        freeaddrinfo(lookup->found);
    if (lookup->fd >= 0)
        close(lookup->fd);
    free(lookup->host);
    free(lookup);
}

static void *ask(void *context)
{
    static const uint64_t one = 1;
    struct realip_host_lookup *lookup = context;
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int result = getaddrinfo(lookup->host, lookup->port, &hints, &found);

    pthread_mutex_lock(&lookup->lock);
    lookup->result = result;
    lookup->found = result == 0 ? found : NULL;
    lookup->is_answered = true;
    ssize_t ignored = write(lookup->fd, &one, sizeof(one));
    (void)ignored;
    bool is_last = lookup->is_abandoned;
    pthread_mutex_unlock(&lookup->lock);
    if (is_last)
        free_lookup(lookup);
    return NULL;
}

/* Signals are the main thread's. 0, or -1. */
static int begin(struct realip_host_lookup *lookup)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread, &attributes, ask, lookup);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result == 0 ? 0 : -1;
}

struct realip_host_lookup *realip_host_lookup_new(const char *host, unsigned port)
{
    struct realip_host_lookup *lookup = calloc(1, sizeof(*lookup));

    if (lookup == NULL)
        return NULL;
    pthread_mutex_init(&lookup->lock, NULL);
    snprintf(lookup->port, sizeof(lookup->port), "%u", port);
    lookup->host = strdup(host);
    lookup->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (lookup->host == NULL || lookup->fd < 0 || begin(lookup) < 0) {
        free_lookup(lookup);
        return NULL;
    }
    return lookup;
}

int realip_host_lookup_fd(const struct realip_host_lookup *lookup)
{
    return lookup->fd;
}

bool realip_host_lookup_take(struct realip_host_lookup *lookup, int *result_r, struct addrinfo **found_r)
{
    pthread_mutex_lock(&lookup->lock);
    bool is_answered = lookup->is_answered;
    *result_r = lookup->result;
    *found_r = lookup->found;
    lookup->found = NULL;
    pthread_mutex_unlock(&lookup->lock);
    return is_answered;
}

void realip_host_lookup_free(struct realip_host_lookup **lookup)
{
    if (*lookup == NULL)
        return;
    pthread_mutex_lock(&(*lookup)->lock);
    bool is_last = (*lookup)->is_answered;
    (*lookup)->is_abandoned = true;
    pthread_mutex_unlock(&(*lookup)->lock);
    if (is_last)
        free_lookup(*lookup);
    *lookup = NULL;
}
