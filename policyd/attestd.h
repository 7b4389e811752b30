/* attestd - the attestation helper: the one process with CAP_SYS_PTRACE. It tells the true TCP peer of an smtpd, and
 * does nothing else: it reads no text, opens no file, and has a seccomp filter. */
#ifndef REALIP_ATTESTD_H
#define REALIP_ATTESTD_H

#include <sys/types.h>

/* Runs the helper in this process and does not return: becomes `uid` and `gid` (when it is root), keeps CAP_SYS_PTRACE
 * alone, and has a child that answers on `fd` until the other end is closed; a child that dies is replaced at once. Only
 * processes of `client_uid` are looked at. */
_Noreturn void realip_attestd_run(int fd, uid_t client_uid, uid_t uid, gid_t gid);

#endif
