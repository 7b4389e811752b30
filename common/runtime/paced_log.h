/* paced_log - messages that anybody can cause as often as he likes: at most one line a minute for each kind, and in the next one how many
 * were not told. */
#ifndef REALIP_PACED_LOG_H
#define REALIP_PACED_LOG_H

/* One for each kind of message, all zero at first. Of one thread. */
struct realip_paced_log {
    long long said_at; /* monotonic seconds of its last line; 0: none */
    unsigned long long untold;
};

#define REALIP_PACED_LOG_SECONDS 60

/* As realip_log(), of one line; less than REALIP_PACED_LOG_SECONDS behind the last line of `kind` it is only counted. The next line
 * tells that count: no clock writes it, so what was only counted stays untold until it happens again. */
void realip_paced_log(struct realip_paced_log *kind, int level, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
