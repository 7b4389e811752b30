/* watch - tells when something changed of files that are named by their paths (inotify(7), no polling), and of this host's own
 * addresses, bridges and default gateways (rtnetlink(7)).
 *
 * A file is watched by the folders on the way to it, so that all ways of changing one are seen: written anew, renamed over,
 * deleted and made again, in a folder that is not there yet, behind symbolic links that are followed step by step (a
 * ConfigMap of Kubernetes is a link to a link to a folder, and an update replaces the one in the middle). A file that is
 * mounted by itself is watched itself, too.
 * What inotify can't tell is not seen: changes on another host's side of a network file system, and a file system that is
 * mounted over a folder.
 *
 * The caller polls one descriptor and calls realip_watch_read(), which says when it is time to read the files: a tenth of a
 * second after the last change, half a second when a file may still be open for writing, and never later than a second
 * after the first one. After each reading he names the paths again, since links and folders may lead elsewhere by then.
 */
#ifndef REALIP_WATCH_H
#define REALIP_WATCH_H

#include <stdbool.h>
#include <time.h>

#include "problems.h"

#define REALIP_WATCH_MOST_FOLDERS 1000 /* a value for `most` that no sane configuration needs */

struct realip_watch;

/* Begins to watch nothing; at most `most` folders (and files that are mounted by themselves). 0 and *watch_r; or -1, *watch_r NULL
 * and one problem added. */
int realip_watch_new(unsigned most, struct realip_watch **watch_r, struct realip_problems *problems);
void realip_watch_free(struct realip_watch **watch);

/* Watches this host's networks (host_networks.h), too, and says once that it is time to read: what changed before this call is not known. 0; or -1
 * and one problem added. */
int realip_watch_host(struct realip_watch *watch, struct realip_problems *problems);

/* Readable when realip_watch_read() has something to do. */
int realip_watch_fd(const struct realip_watch *watch);

/* Names all paths anew: begin, one add for each path, end. `is_pattern`: a glob(7) pattern, else `*` and its kin are letters.
 * `since` is when the files were begun to be read last (CLOCK_REALTIME): where a folder is new to the watch and something on
 * the way has changed since then, realip_watch_read() says so soon.
 * 0; or -1 and one problem added when changes may go unseen: a limit is reached, a folder can't be read, or memory is short.
 * The same problem is told once, and then it is 0. */
void realip_watch_begin(struct realip_watch *watch);
void realip_watch_add(struct realip_watch *watch, const char *path, bool is_pattern);
int realip_watch_end(struct realip_watch *watch, const struct timespec *since, struct realip_problems *problems);

/* Takes in what has happened. 1: it is time to read the files and to look at the host; 0: not (yet). */
int realip_watch_read(struct realip_watch *watch);

#endif
