#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MAX_FIELD 256

static atomic_ullong lines_lost;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int syslog_fd = -1;
static const char *log_program = "mail-realip";
static enum realip_log_target log_target = REALIP_LOG_STDERR;

static void open_syslog(void)
{
    static const struct sockaddr_un place = { AF_UNIX, "/dev/log" };

    if (syslog_fd >= 0)
        close(syslog_fd);
    syslog_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (syslog_fd >= 0 && connect(syslog_fd, (const struct sockaddr *)&place, sizeof(place)) < 0) {
        close(syslog_fd);
        syslog_fd = -1;
    }
}

/* The C library's syslog(3) waits for a reader that stands still. The form is the one it writes (RFC 3164 section 4.1). */
static void write_syslog(int level, const char *line)
{
    char text[REALIP_LOG_LINE_SIZE + 128];
    char stamp[32] = "";
    time_t now = time(NULL);
    struct tm parts;

    if (localtime_r(&now, &parts) != NULL)
        strftime(stamp, sizeof(stamp), "%b %e %T", &parts);
    int length = snprintf(text, sizeof(text), "<%d>%s %s[%d]: %s", LOG_MAIL | level, stamp, log_program, (int)getpid(), line);
    size_t size = length < 0 ? 0 : (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1;
    pthread_mutex_lock(&log_lock);
    ssize_t sent = send(syslog_fd, text, size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) { /* the reader was restarted, or has come at last */
        open_syslog();
        sent = send(syslog_fd, text, size, MSG_NOSIGNAL);
    }
    pthread_mutex_unlock(&log_lock);
    if (sent < 0)
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
}

void realip_log_open(const char *program, enum realip_log_target target)
{
    log_program = program;
    log_target = target;
    if (target == REALIP_LOG_SYSLOG)
        open_syslog();
}

/* A full disk, a closed pipe or a reader that stands still must not stop the mail. A pipe that is writable takes PIPE_BUF
 * bytes without waiting, and a line is shorter. */
static void write_text(const char *text, size_t length)
{
    struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };

    pthread_mutex_lock(&log_lock); /* two threads must not fill one place that both were promised */
    bool written = poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT) != 0
        && write(STDERR_FILENO, text, length) == (ssize_t)length;
    pthread_mutex_unlock(&log_lock);
    if (!written)
        atomic_fetch_add_explicit(&lines_lost, 1, memory_order_relaxed);
}

unsigned long long realip_log_lines_lost(void)
{
    return atomic_load_explicit(&lines_lost, memory_order_relaxed);
}

static void write_line(int level, const char *line)
{
    char text[REALIP_LOG_LINE_SIZE + 64];

    if (log_target == REALIP_LOG_SYSLOG) {
        write_syslog(level, line);
        return;
    }
    int length = snprintf(text, sizeof(text), "%s: %s\n", log_program, line);
    if (length < 0)
        return;
    if ((size_t)length >= sizeof(text)) {
        length = (int)sizeof(text) - 1;
        text[length - 1] = '\n';
    }
    write_text(text, (size_t)length);
}

void realip_log(int level, const char *format, ...)
{
    char text[8192];
    char *rest = text;
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    while (rest != NULL && *rest != '\0')
        write_line(level, strsep(&rest, "\n"));
}

static bool is_plain(unsigned char c)
{
    return c > ' ' && c < 127 && c != '"' && c != '=' && c != '\\';
}

size_t realip_log_escape(const char *text, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t used = 0;

    if (size == 0)
        return 0;
    if (text == NULL || text[0] == '\0')
        text = "-";
    for (; *text != '\0' && used + 5 <= size; text++) {
        unsigned char c = (unsigned char)*text;

        if (is_plain(c)) {
            out[used++] = *text;
            continue;
        }
        out[used++] = '\\';
        out[used++] = 'x';
        out[used++] = digits[c >> 4];
        out[used++] = digits[c & 15];
    }
    out[used] = '\0';
    return used;
}

struct line {
    char *text;
    size_t size;
    size_t used;
};

/* Keys and tokens are our own: they need no escape. */
static void put(struct line *line, const char *text)
{
    size_t length = strlen(text);
    size_t room = line->size - line->used - 1;

    if (length > room)
        length = room;
    memcpy(line->text + line->used, text, length);
    line->used += length;
    line->text[line->used] = '\0';
}

static void put_field(struct line *line, const char *key, const char *text)
{
    size_t room;

    put(line, key);
    room = line->size - line->used;
    line->used += realip_log_escape(text, line->text + line->used, room < MAX_FIELD ? room : MAX_FIELD);
}

static void put_rule(struct line *line, const struct realip_origin *rule)
{
    char number[16];

    put_field(line, " rule=", rule->file);
    if (rule->file == NULL || rule->line == 0)
        return;
    snprintf(number, sizeof(number), ":%u", rule->line);
    put(line, number);
}

static const char *peer_text(const struct realip_facts *facts, char text[REALIP_ADDRESS_TEXT_SIZE])
{
    if (facts->peer_state == REALIP_PEER_GONE)
        return "gone";
    return facts->peer_state == REALIP_PEER_KNOWN ? realip_address_format(&facts->peer, text) : "-";
}

size_t realip_log_verdict_line(const struct realip_facts *facts, const struct realip_verdict *verdict, char *text,
                               size_t size)
{
    char number[REALIP_NETWORK_TEXT_SIZE];
    struct line line = { text, size, 0 };

    text[0] = '\0';
    put(&line, "realip source=");
    put(&line, realip_source_token(facts->source));
    put_field(&line, " listener=", verdict->listener->title);
    put(&line, " reason=");
    put(&line, realip_reason_token(verdict->reason));
    put(&line, " action=");
    put(&line, realip_action_token(verdict->action));
    put(&line, " wanted=");
    put(&line, realip_action_token(verdict->wanted));
    put(&line, " client=");
    put(&line, realip_address_format(&facts->client, number));
    put(&line, " peer=");
    put(&line, peer_text(facts, number));
    if (facts->relay.family != REALIP_FAMILY_NONE) {
        put(&line, " relay=");
        put(&line, realip_address_format(&facts->relay, number));
    }
    if (verdict->clients > 0) {
        snprintf(number, sizeof(number), " clients=%u", verdict->clients);
        put(&line, number);
    }
    put(&line, " network=");
    put(&line, realip_network_format(&verdict->network, number));
    put_rule(&line, &verdict->rule);
    put_field(&line, " service=", facts->service);
    put_field(&line, " session=", facts->session);
    put_field(&line, " user=", facts->user);
    return line.used;
}

void realip_log_verdict(const struct realip_facts *facts, const struct realip_verdict *verdict)
{
    char line[REALIP_LOG_LINE_SIZE];
    bool problem = realip_reason_is_problem(verdict->reason) || verdict->reason == REALIP_REASON_UNDECIDED;

    realip_log_verdict_line(facts, verdict, line, sizeof(line));
    write_line(problem ? LOG_WARNING : LOG_INFO, line);
}
