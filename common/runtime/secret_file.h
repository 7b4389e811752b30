/* secret_file - a token or a password, the first line of a file of its own, so that mail-realip.conf holds no secret. */
#ifndef REALIP_SECRET_FILE_H
#define REALIP_SECRET_FILE_H

#include "problems.h"

#define REALIP_SECRET_FILE_MOST 1023 /* bytes that a secret may have */

/* Reads the first line, without its end. `what` names the file in problems ("the token file"). 0 and *secret_r, for the caller to free, perhaps
 * empty; or -1, *secret_r NULL and one problem added: it can't be read, others may read it, the line is longer than REALIP_SECRET_FILE_MOST or holds a
 * zero byte, or memory is short. A secret is never cut. */
int realip_secret_file_read(const char *path, const char *what, struct realip_origin origin, char **secret_r, struct realip_problems *problems);

#endif
