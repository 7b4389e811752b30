/* compiled - the rules as one file that processes map instead of reading the configuration.
 *
 * The file holds offsets, no pointers and no secrets: what realip_decide() and the log line need. It is of one version and
 * one machine's layout, has a checksum, and is only ever replaced by rename(2): who maps it keeps what he has until he
 * looks for a newer one.
 *
 * The checksum is for copies and for files that somebody changed. The file itself bears its number and its time: while
 * those are the kernel's, it is as it was published, and a process that starts for one client need not read it whole.
 */
#ifndef REALIP_COMPILED_H
#define REALIP_COMPILED_H

#include "config.h"

#define REALIP_COMPILED_DEFAULT_PATH "/run/mail-realip/rules"
#define REALIP_COMPILED_MAGIC "REALIPRU" /* its first bytes */

/* Writes the rules of a configuration to `path`, by way of a new file beside it (mode 0644). 0; or -1 and one problem
 * added; the old file stays then. */
int realip_compiled_publish(const struct realip_config *config, const char *path, struct realip_problems *problems);

struct realip_compiled;

/* Opens the folder of `path`, so that looks are possible after chroot(2) and a change of user; the file itself need not be
 * there. 0 and *compiled_r; or -1 and one problem added. */
int realip_compiled_open(const char *path, struct realip_compiled **compiled_r, struct realip_problems *problems);
void realip_compiled_close(struct realip_compiled **compiled);

/* Looks at the file (one fstatat(2)) and maps it when it is another one than at the last successful look. 0 and *config_r
 * with rules, log_passes and path filled (to be freed; client_names are not in the file, as no host that uses it knows
 * a client's name); 1, *config_r NULL: nothing new; -1, *config_r NULL
 * and one problem added: it is not there, truncated, foreign, of another version or layout, or damaged. A file that was
 * refused is not read again before it changes: 1 then. A file that is gone is looked for in the folder that its path leads to
 * now, as that may have been made anew; after chroot(2) the path leads nowhere, and the old folder stays. */
int realip_compiled_refresh(struct realip_compiled *compiled, struct realip_config **config_r,
                            struct realip_problems *problems);

#endif
