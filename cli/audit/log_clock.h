/* log_clock - from the stamps of one file to one row of seconds: finds the year where stamps have none.
 *
 * All times are the log's own: no zone is applied, so that a day is the day that the log shows. */
#ifndef REALIP_LOG_CLOCK_H
#define REALIP_LOG_CLOCK_H

#include "log_line.h"

struct realip_log_clock {
    int64_t latest; /* no stamp is later: the file's last change, and a day for zones */
    int64_t now;    /* the last stamp read; 0: none was */
    int64_t day;    /* cached: the first second of `stamp`'s day */
    struct realip_log_stamp stamp;
};

/* Begins a file that was last written at `changed` (seconds since 1970, local time). */
void realip_log_clock_start(struct realip_log_clock *clock, int64_t changed);

/* The stamp's second since 1970. Without a year it is the next such day after the stamp before it (or a few days before
 * it: lines may come late) that is not behind the file's last change; else, and for the first stamp, the nearest day before.
 * No stamp: the time of the last one, 0 when there was none. */
int64_t realip_log_clock_read(struct realip_log_clock *clock, const struct realip_log_stamp *stamp);

/* The day of a second: days since 1970-01-01. Seconds before 1970 are negative, and so are their days. */
int64_t realip_log_clock_day(int64_t when);

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back. */
int64_t realip_log_clock_days(unsigned year, unsigned month, unsigned day);
void realip_log_clock_date(int64_t days, unsigned *year_r, unsigned *month_r, unsigned *day_r);

#endif
