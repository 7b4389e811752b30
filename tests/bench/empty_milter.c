/* empty-milter - the milter's floor: it takes the connect step, says "accept", and is out of the session.
 *
 * usage: empty-milter unix:/path */
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context;
    (void)name;
    (void)address;
    return SMFIS_ACCEPT;
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                             unsigned long *actions_r, unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
    (void)context;
    (void)actions;
    (void)f2;
    (void)f3;
    *actions_r = 0;
    *steps_r = steps
        & (SMFIP_NOHELO | SMFIP_NOMAIL | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOHDRS | SMFIP_NOEOH | SMFIP_NOUNKNOWN
           | SMFIP_NODATA);
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
        .xxfi_connect = on_connect,
        .xxfi_negotiate = on_negotiate,
    };

    if (argc != 2) {
        fputs("usage: empty-milter unix:/path\n", stderr);
        return EXIT_FAILURE;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    umask(0);
    if (smfi_setconn(argv[1]) != MI_SUCCESS || smfi_setbacklog(4096) != MI_SUCCESS || smfi_register(filter) != MI_SUCCESS
        || smfi_opensocket(0) != MI_SUCCESS)
        return EXIT_FAILURE;
    fputs("ready\n", stderr);
    return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
