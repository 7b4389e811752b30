#include "log_clock.h"

#define DAY 86400

int64_t realip_log_clock_day(int64_t when)
{
    return (when >= 0 ? when : when - (DAY - 1)) / DAY;
}

/* Years that begin with March have their leap day last, so that days are counted without a table. */
int64_t realip_log_clock_days(unsigned year, unsigned month, unsigned day)
{
    int64_t y = (int64_t)year - (month <= 2);
    int64_t m = (int64_t)month + (month <= 2 ? 9 : -3);

    return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + (int64_t)day - 1 - 719468;
}

void realip_log_clock_date(int64_t days, unsigned *year_r, unsigned *month_r, unsigned *day_r)
{
    int64_t z = days + 719468;
    int64_t era = z / 146097;
    int64_t in_era = z % 146097;
    int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    int64_t in_year = in_era - (y * 365 + y / 4 - y / 100);
    int64_t m = (in_year * 5 + 2) / 153;

    *day_r = (unsigned)(in_year - (m * 153 + 2) / 5 + 1);
    *month_r = (unsigned)(m < 10 ? m + 3 : m - 9);
    *year_r = (unsigned)(y + era * 400 + (*month_r <= 2));
}

void realip_log_clock_start(struct realip_log_clock *clock, int64_t changed)
{
    *clock = (struct realip_log_clock){ .latest = changed + DAY };
}

/* The year of the three around the last stamp that is nearest to it. */
static int64_t day_without_year(const struct realip_log_clock *clock, const struct realip_log_stamp *stamp)
{
    int64_t near = clock->now != 0 ? clock->now : clock->latest;
    int64_t best = 0;
    int64_t least = INT64_MAX;
    unsigned year;
    unsigned month;
    unsigned day;

    realip_log_clock_date(near / DAY, &year, &month, &day);
    for (unsigned y = year - 1; y <= year + 1; y++) {
        int64_t start = realip_log_clock_days(y, stamp->month, stamp->day) * DAY;
        int64_t away = start > near ? start - near : near - start;

        if (start + 7 * DAY < near) /* a log goes forward, however long it was silent */
            away += 1000 * (int64_t)DAY;
        if (start <= clock->latest && away < least) {
            least = away;
            best = start;
        }
    }
    return best;
}

int64_t realip_log_clock_read(struct realip_log_clock *clock, const struct realip_log_stamp *stamp)
{
    if (stamp->month == 0)
        return clock->now;
    if (stamp->year != clock->stamp.year || stamp->month != clock->stamp.month || stamp->day != clock->stamp.day) {
        clock->stamp = *stamp;
        clock->day = stamp->year != 0 ? realip_log_clock_days(stamp->year, stamp->month, stamp->day) * DAY
                                      : day_without_year(clock, stamp);
    }
    clock->now = clock->day + stamp->second;
    return clock->now;
}
