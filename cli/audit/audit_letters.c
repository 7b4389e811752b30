#include "audit_letters.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE     160
#define SESSION_LASTS 3600 /* seconds: what smtpd says of a session without a queue id belongs to a letter of this time */
#define TRANSIT_LASTS 86400 /* nobody needs longer to send one letter */

/* Letters that have no queue id yet go by a name that no queue id can be: of their process, or of the client whom a filter may tell again. */
static struct realip_log_text name_of(char text[NAME_SIZE], const char *what, struct realip_log_text service, struct realip_log_text of)
{
    int length = snprintf(text, NAME_SIZE, "%s %.*s[%.*s]", what, (int)(service.length < 64 ? service.length : 64), service.length > 0 ? service.start : "",
                          (int)(of.length < 64 ? of.length : 64), of.length > 0 ? of.start : "");

    return (struct realip_log_text){ text, (size_t)length };
}

static struct realip_log_text process_name(char text[NAME_SIZE], const struct realip_log_event *event)
{
    return name_of(text, "process", event->service, event->pid);
}

static struct realip_log_text client_name(char text[NAME_SIZE], const struct realip_address *client)
{
    char address[REALIP_ADDRESS_TEXT_SIZE];

    realip_address_format(client, address);
    return name_of(text, "client", (struct realip_log_text){ 0 }, (struct realip_log_text){ address, strlen(address) });
}

/* By its queue id; or, where there is none, by the process that has it. */
static struct realip_queued_letter *letter_of(const struct realip_audit_tally *tally, const struct realip_log_event *event)
{
    char name[NAME_SIZE];

    if (event->queue_id.length > 0)
        return realip_queue_table_find(&tally->queue, event->host, event->queue_id);
    return realip_queue_table_find(&tally->queue, event->host, process_name(name, event));
}

static struct realip_audit_doer doer_of(const struct realip_queued_letter *letter)
{
    return (struct realip_audit_doer){ letter->client, letter->service, (enum realip_reason)letter->reason };
}

static void count_letter(struct realip_audit_tally *tally, struct realip_queued_letter *letter, int amount)
{
    struct realip_audit_doer doer = doer_of(letter);

    letter->is_counted = amount > 0;
    realip_audit_count_deed(tally, &doer, REALIP_AUDIT_MAILS, letter->when, amount);
}

static void accept(struct realip_audit_tally *tally, struct realip_queued_letter *letter)
{
    if (!letter->is_counted && !letter->is_return)
        count_letter(tally, letter, 1);
}

/* The letter leaves the table. */
static void end_letter(struct realip_audit_tally *tally, struct realip_queued_letter *letter)
{
    if (letter->is_kept)
        accept(tally, letter);
    realip_queue_table_remove(&tally->queue, letter);
}

/* A zeroed letter of this name, in the place of an old one with the same name (Postfix uses short ids again) or of one that matters little. */
static struct realip_queued_letter *new_letter(struct realip_audit_tally *tally, struct realip_log_text host, struct realip_log_text name, int64_t when)
{
    struct realip_queued_letter *letter = realip_queue_table_find(&tally->queue, host, name);

    if (letter != NULL)
        end_letter(tally, letter);
    letter = realip_queue_table_place(&tally->queue, name);
    if (letter->key != 0) {
        bool is_open = !letter->is_counted && !letter->is_return && when - letter->when < TRANSIT_LASTS;

        tally->totals.letters_forgotten += is_open || (letter->is_hidden && letter->is_counted);
        end_letter(tally, letter);
    }
    realip_queue_table_put(&tally->queue, letter, host, name);
    letter->when = when;
    return letter;
}

/* XCLIENT's LOGIN shows as a method, and is whatever the one who may say it claims. */
static enum realip_letter_login login_of(const struct realip_log_event *event)
{
    bool is_login = event->user.length > 0 && !realip_log_text_is(event->method, "XCLIENT") && !realip_log_text_is(event->method, "ANONYMOUS");

    return is_login ? REALIP_LETTER_LOGIN_DONE : REALIP_LETTER_LOGIN_NONE;
}

/* The letter is `first` again, which a filter had: whose it is, that one tells. Where the filter's own address is a problem at this door, the session
 * would be refused, and so it stays counted. */
static void join(struct realip_audit_tally *tally, const struct realip_queued_letter *first, struct realip_queued_letter *letter)
{
    letter->origin = first->origin;
    letter->login = first->login;
    letter->is_hidden = first->is_hidden;
    memcpy(letter->sender, first->sender, sizeof(letter->sender));
    if (letter->is_return || (!letter->is_local && realip_reason_is_problem((enum realip_reason)letter->reason)))
        return;
    if (letter->is_counted)
        count_letter(tally, letter, -1);
    letter->is_return = true;
    tally->totals.letters_begun--;
    tally->totals.letters_returned++;
}

/* The letter that a filter got and gives back here: by the id that XFORWARD tells; or, of smtpd's proxy filter, by the client. */
static struct realip_queued_letter *first_of(struct realip_audit_tally *tally, const struct realip_log_event *event, int64_t when)
{
    struct realip_queued_letter *first = NULL;
    char name[NAME_SIZE];

    if (event->first_id.length > 0) {
        first = realip_queue_table_find(&tally->queue, event->host, event->first_id);
        if (first == NULL && event->origin.family != REALIP_FAMILY_NONE)
            first = realip_queue_table_find_origin(&tally->queue, event->first_id, &event->origin);
        return first;
    }
    if (event->origin.family == REALIP_FAMILY_NONE)
        return NULL;
    first = realip_queue_table_find(&tally->queue, event->host, client_name(name, &event->origin));
    return first != NULL && when - first->when <= SESSION_LASTS ? first : NULL;
}

/* Remembers whose letters smtpd's proxy filter has now, by their client: several at once may differ in who logged in. */
static void note_client(struct realip_audit_tally *tally, const struct realip_log_event *event, const struct realip_queued_letter *letter)
{
    struct realip_queued_letter copy = *letter;
    char text[NAME_SIZE];
    struct realip_log_text name = client_name(text, &copy.origin);
    struct realip_queued_letter *old = realip_queue_table_find(&tally->queue, event->host, name);

    if (old != NULL && copy.when - old->when <= SESSION_LASTS && old->login != copy.login)
        copy.login = REALIP_LETTER_LOGIN_UNKNOWN;
    struct realip_queued_letter *place = new_letter(tally, event->host, name, copy.when);
    place->origin = copy.origin;
    place->login = copy.login;
    place->is_hidden = copy.is_hidden;
    place->is_return = true; /* nothing that is counted */
}

/* Was this letter to be held or thrown away before it had a queue id? */
static bool take_kept(struct realip_audit_tally *tally, const struct realip_log_event *event, const struct realip_audit_doer *doer, int64_t when)
{
    char text[NAME_SIZE];
    struct realip_queued_letter *before = tally->has_processes ? realip_queue_table_find(&tally->queue, event->host, process_name(text, event)) : NULL;
    bool is_kept;

    if (before == NULL)
        return false;
    is_kept = before->is_kept && when - before->when <= SESSION_LASTS && realip_address_equal(&before->client, &doer->client);
    before->is_kept = false;
    end_letter(tally, before);
    return is_kept;
}

void realip_audit_letters_begin(struct realip_audit_tally *tally, const struct realip_log_event *event, const struct realip_audit_doer *doer, int64_t when)
{
    char text[NAME_SIZE];
    bool is_queued = event->queue_id.length > 0;
    bool is_kept = take_kept(tally, event, doer, when);
    struct realip_queued_letter *letter = new_letter(tally, event->host, is_queued ? event->queue_id : process_name(text, event), when);

    letter->client = letter->origin = doer->client;
    letter->service = (uint16_t)doer->service;
    letter->reason = (uint16_t)doer->reason;
    letter->is_hidden = realip_reason_is_problem(doer->reason);
    letter->is_kept = is_kept;
    letter->is_local = event->is_local || realip_address_is_loopback(&doer->client);
    letter->login = event->first_id.length > 0 ? REALIP_LETTER_LOGIN_UNKNOWN : login_of(event);
    tally->totals.letters_begun++;
    struct realip_queued_letter *first = first_of(tally, event, when);
    if (first != NULL && first != letter) {
        accept(tally, first); /* or no filter had it; what stands for a client is none that is counted */
        join(tally, first, letter);
    }
    tally->has_processes = tally->has_processes || !is_queued;
    if (!is_queued)
        note_client(tally, event, letter);
}

static struct realip_log_text domain_of(struct realip_log_text recipient)
{
    const char *at = recipient.length > 0 ? memrchr(recipient.start, '@', recipient.length) : NULL;

    if (at == NULL)
        return (struct realip_log_text){ "-", 1 };
    return (struct realip_log_text){ at + 1, (size_t)(recipient.start + recipient.length - at) - 1 };
}

static uint64_t *relays_by_login(struct realip_audit_relay *relay, enum realip_letter_login login)
{
    return login == REALIP_LETTER_LOGIN_DONE ? &relay->with_login : login == REALIP_LETTER_LOGIN_NONE ? &relay->count : &relay->unknown;
}

static void add_relay_row(struct realip_audit_tally *tally, const struct realip_queued_letter *letter, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_relay key = { .address = realip_audit_key_of(&letter->origin) };
    struct realip_audit_relay *relay;

    realip_audit_put_text(key.domain, sizeof(key.domain), domain_of(event->recipient));
    for (char *at = key.domain; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at | 32);
    }
    relay = realip_bounded_table_at(&tally->relays, &key);
    if (relay == NULL)
        return;
    if (relay->count == 0 && letter->login != REALIP_LETTER_LOGIN_DONE) {
        memcpy(relay->sender, letter->sender, sizeof(relay->sender));
        memset(relay->recipient, 0, sizeof(relay->recipient));
        realip_audit_put_text(relay->recipient, sizeof(relay->recipient), event->recipient);
    }
    *relays_by_login(relay, letter->login) += 1;
    realip_audit_note_time(when, &relay->first, &relay->last);
}

static void add_relay(struct realip_audit_tally *tally, struct realip_queued_letter *letter, const struct realip_log_event *event, int64_t when)
{
    struct realip_audit_totals *totals = &tally->totals;
    struct realip_audit_day *day;

    add_relay_row(tally, letter, event, when);
    totals->relayed_letters[letter->login] += !letter->is_relayed;
    letter->is_relayed = true;
    totals->relayed_with_login += letter->login == REALIP_LETTER_LOGIN_DONE;
    totals->relayed_unknown += letter->login == REALIP_LETTER_LOGIN_UNKNOWN;
    if (letter->login != REALIP_LETTER_LOGIN_NONE)
        return;
    totals->relayed++;
    day = realip_audit_day_of(tally, when);
    if (day != NULL)
        day->relayed++;
}

/* What a filter answers ("queued as …") tells which letter the first one became: joins what XFORWARD did not. `filter`: its address, where it is
 * known: another host's ids may be the same by chance. */
static void join_next(struct realip_audit_tally *tally, const struct realip_queued_letter *first, const struct realip_log_event *event,
                      const struct realip_address *filter)
{
    struct realip_queued_letter *next = event->next_id.length > 0 ? realip_queue_table_find(&tally->queue, event->host, event->next_id) : NULL;

    if (next != NULL && next != first && (filter == NULL || next->is_local || realip_address_equal(&next->client, filter)))
        join(tally, first, next);
}

static void note_delivery(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when)
{
    const struct realip_log_event *event = &finding->event;
    bool is_sent = realip_log_text_is(event->status, "sent");
    struct realip_queued_letter *letter = letter_of(tally, event);

    tally->totals.sent += is_sent;
    tally->totals.deferred += realip_log_text_is(event->status, "deferred");
    tally->totals.bounced += realip_log_text_is(event->status, "bounced");
    if (letter == NULL)
        return;
    accept(tally, letter);
    if (is_sent && finding->is_inside)
        join_next(tally, letter, event, &event->relay_address);
    else if (is_sent && event->is_smtp && letter->is_hidden)
        add_relay(tally, letter, event, when);
}

static void note_sender(struct realip_audit_tally *tally, struct realip_queued_letter *letter, const struct realip_log_event *event)
{
    accept(tally, letter);
    if (letter->is_hidden && letter->sender[0] == '\0')
        realip_audit_put_text(letter->sender, sizeof(letter->sender), event->sender);
}

/* Of a letter that has no queue id yet, what the process said is kept for the one that it begins next. */
static void note_kept(struct realip_audit_tally *tally, struct realip_queued_letter *letter, const struct realip_log_event *event, int64_t when)
{
    char name[NAME_SIZE];

    if (letter == NULL && event->queue_id.length == 0) {
        letter = new_letter(tally, event->host, process_name(name, event), when);
        letter->client = letter->origin = event->client;
        letter->is_return = true; /* nothing that is counted */
        tally->has_processes = true;
    }
    if (letter != NULL)
        letter->is_kept = true;
}

static void note_refused(struct realip_audit_tally *tally, struct realip_queued_letter *letter, int64_t when)
{
    struct realip_audit_doer doer = doer_of(letter);

    letter->is_kept = false;
    if (letter->is_counted)
        return; /* a milter for letters that are queued again: it has its answer */
    tally->totals.letters_refused++;
    if (!letter->is_return)
        realip_audit_count_deed(tally, &doer, REALIP_AUDIT_REJECTED, when, 1);
}

static void note_passed(struct realip_audit_tally *tally, struct realip_queued_letter *letter, const struct realip_log_event *event)
{
    accept(tally, letter);
    join_next(tally, letter, event, NULL);
    letter->is_kept = false;
    end_letter(tally, letter);
}

void realip_audit_letters_note(struct realip_audit_tally *tally, const struct realip_audit_finding *finding, int64_t when)
{
    const struct realip_log_event *event = &finding->event;
    struct realip_queued_letter *letter = letter_of(tally, event);

    if (event->kind == REALIP_LOG_EVENT_DELIVERY)
        note_delivery(tally, finding, when);
    else if (event->kind == REALIP_LOG_EVENT_KEPT)
        note_kept(tally, letter, event, when);
    else if (letter == NULL)
        return;
    else if (event->kind == REALIP_LOG_EVENT_SENDER)
        note_sender(tally, letter, event);
    else if (event->kind == REALIP_LOG_EVENT_REFUSED)
        note_refused(tally, letter, when);
    else if (event->kind == REALIP_LOG_EVENT_PASSED)
        note_passed(tally, letter, event);
    else if (event->kind == REALIP_LOG_EVENT_REMOVED)
        end_letter(tally, letter);
    else if (event->kind == REALIP_LOG_EVENT_CANCELED)
        realip_queue_table_remove(&tally->queue, letter);
}

void realip_audit_letters_finish(struct realip_audit_tally *tally)
{
    for (size_t i = 0; i < realip_queue_table_size(); i++) {
        if (tally->queue.places[i].key != 0)
            end_letter(tally, &tally->queue.places[i]);
    }
}
