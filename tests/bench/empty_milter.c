/* empty-milter - the milter's floors: without --insert it takes the connect step, says "accept", and is out of the session.
 * With --insert it sees the end of each message alone, and puts one constant header above the others: what a header in each
 * message costs the mail server, whoever puts it there.
 *
 * usage: empty-milter [--insert] unix:/path */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* As long as ours is for a client that passes. */
static char header_name[] = "X-RealIP";
static char header_value[] = "reason=real; action=pass; wanted=pass; client=203.0.113.7; listener=-; source=milter";

static bool inserts;

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context;
    (void)name;
    (void)address;
    return SMFIS_ACCEPT;
}

static sfsistat on_message(SMFICTX *context)
{
    return smfi_insheader(context, 0, header_name, header_value) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                             unsigned long *actions_r, unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
    (void)context;
    (void)actions;
    (void)f2;
    (void)f3;
    *actions_r = inserts ? SMFIF_ADDHDRS : 0;
    *steps_r = steps
        & (SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOUNKNOWN
           | SMFIP_NODATA | (inserts ? SMFIP_NOCONNECT : 0UL));
    *f2_r = 0;
    *f3_r = 0;
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    struct smfiDesc filter = {
        .xxfi_name = "empty-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS,
        .xxfi_connect = on_connect,
        .xxfi_eom = on_message,
        .xxfi_negotiate = on_negotiate,
    };

    inserts = argc == 3 && strcmp(argv[1], "--insert") == 0;
    if (argc != (inserts ? 3 : 2)) {
        fputs("usage: empty-milter [--insert] unix:/path\n", stderr);
        return EXIT_FAILURE;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    umask(0);
    if (smfi_setconn(argv[argc - 1]) != MI_SUCCESS || smfi_setbacklog(4096) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS
        || smfi_opensocket(0) != MI_SUCCESS)
        return EXIT_FAILURE;
    fputs("ready\n", stderr);
    return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
