/* log_journal - entries of systemd's journal: `journalctl -o export` (documented as "Journal Export Format") and `-o json`, and Docker's
 * json-file lines. A pure parser but for Jansson's memory.
 */
#ifndef REALIP_LOG_JOURNAL_H
#define REALIP_LOG_JOURNAL_H

#include "log_line.h"
#include "runtime/arena.h"

/* How many of the bytes are whole export entries: an entry ends with an empty line, and bytes that a field counts may hold
 * anything. 0: not even the first one is whole. *damaged_r is true when what stands there is no such entry. */
size_t realip_log_journal_whole(const char *text, size_t length, bool *damaged_r);

/* Where in an entry that is too long to be held: zeroed is its beginning. */
struct realip_log_journal_skip {
    enum {
        REALIP_LOG_JOURNAL_AT_FIELD = 0,
        REALIP_LOG_JOURNAL_IN_NAME,
        REALIP_LOG_JOURNAL_IN_LINE,
        REALIP_LOG_JOURNAL_IN_LENGTH,
        REALIP_LOG_JOURNAL_IN_VALUE,
        REALIP_LOG_JOURNAL_OVER /* behind its empty line */
    } state;
    unsigned have;  /* of the length's eight bytes */
    uint64_t value; /* the length; then: how many bytes of the value are left, the newline behind it included */
};

/* Goes on through such an entry, field by field: what a value holds is never taken for the beginning of another entry. Returns how many of these bytes
 * belong to it; skip->state tells whether it is over. */
size_t realip_log_journal_pass(struct realip_log_journal_skip *skip, const char *text, size_t length);

/* Reads the export entry at the beginning of whole ones, and returns how many bytes it has (never 0 when length is not). line_r->program is
 * empty where the entry has no message. `utc_offset` is added to its time. */
size_t realip_log_journal_parse(const char *text, size_t length, int64_t utc_offset, struct realip_log_line *line_r);

/* Reads one line of JSON: an entry of the journal (where a text that is no UTF-8 is an array of its bytes), or {"log": LINE, …} of Docker, whose
 * LINE is taken apart in turn. Texts live in `arena`. 0; or -1: it is none. */
int realip_log_journal_json(const char *text, size_t length, int64_t utc_offset, struct realip_arena *arena,
                            struct realip_log_line *line_r);

#endif
