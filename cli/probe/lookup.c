#include "lookup.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* One question. Two have it, and who leaves last frees it. */
struct question {
    pthread_mutex_t lock;
    pthread_cond_t answered;
    char host[256];
    char port[64];
    struct addrinfo hints;
    struct addrinfo *found;
    int result;
    bool is_answered;
    bool is_abandoned;
};

static struct question *question_new(const char *host, const char *port, const struct addrinfo *hints)
{
    struct question *question = calloc(1, sizeof(*question));
    pthread_condattr_t attributes;

    if (question == NULL)
        return NULL;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* as realip_probe_now() */
    pthread_cond_init(&question->answered, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&question->lock, NULL);
    snprintf(question->host, sizeof(question->host), "%s", host);
    snprintf(question->port, sizeof(question->port), "%s", port);
    question->hints = *hints;
    return question;
}

static void question_free(struct question **question)
{
    pthread_mutex_destroy(&(*question)->lock);
    pthread_cond_destroy(&(*question)->answered);
    if ((*question)->found != NULL)
        freeaddrinfo((*question)->found);
    free(*question);
    *question = NULL;
}

static void *ask(void *context)
{
    struct question *question = context;
    struct addrinfo *found = NULL;
    int result = getaddrinfo(question->host, question->port, &question->hints, &found);

    pthread_mutex_lock(&question->lock);
    question->result = result;
    question->found = result == 0 ? found : NULL;
    question->is_answered = true;
    pthread_cond_signal(&question->answered);
    bool last = question->is_abandoned;
    pthread_mutex_unlock(&question->lock);
    if (last)
        question_free(&question);
    return NULL;
}

/* Signals are for the thread that waits. */
static int begin(struct question *question)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread, &attributes, ask, question);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return result == 0 ? 0 : -1;
}

int realip_probe_lookup(const char *host, const char *port, const struct addrinfo *hints, long long deadline, struct addrinfo **found_r)
{
    struct timespec until = { .tv_sec = (time_t)(deadline / 1000000), .tv_nsec = (long)(deadline % 1000000) * 1000 };
    struct question *question = question_new(host, port, hints);

    *found_r = NULL;
    if (question == NULL)
        return EAI_MEMORY;
    if (begin(question) < 0) {
        question_free(&question);
        return EAI_AGAIN;
    }
    pthread_mutex_lock(&question->lock);
    int waited = 0;
    while (!question->is_answered && waited == 0)
        waited = pthread_cond_timedwait(&question->answered, &question->lock, &until);
    bool answered = question->is_answered;
    int result = answered ? question->result : REALIP_PROBE_LOOKUP_LATE;
    *found_r = question->found;
    question->found = NULL;
    question->is_abandoned = true;
    pthread_mutex_unlock(&question->lock);
    if (answered)
        question_free(&question);
    return result;
}
