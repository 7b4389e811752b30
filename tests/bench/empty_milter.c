/* empty-milter - the milter's floors: without an option it takes the connect step, says "accept", and is out of the session.
 * With --insert it sees the end of each message alone, and puts one constant header above the others: what a header in each
 * message costs the mail server, whoever puts it there. With --stamp it puts it there in the way of a milter that judges the
 * client and takes forged headers away: it has connect and MAIL answered and looks at each header line, asks for the macros
 * of a client, and judges nothing.
 *
 * usage: empty-milter [--insert | --stamp] unix:/path */
#include <libmilter/mfapi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* As long as ours is for a client that passes. */
static char header_name[] = "X-RealIP";
static char header_value[] = "reason=real; action=pass; wanted=pass; client=203.0.113.7; listener=-; source=milter; origin=session";

static bool inserts;
static bool stamps; /* then it inserts, too */

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)context;
    (void)name;
    (void)address;
    return stamps ? SMFIS_CONTINUE : SMFIS_ACCEPT;
}

static sfsistat on_mail(SMFICTX *context, char **arguments)
{
    (void)context;
    (void)arguments;
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *context, char *name, char *value)
{
    (void)context;
    (void)name;
    (void)value;
    return SMFIS_NOREPLY;
}

static sfsistat on_message(SMFICTX *context)
{
    return smfi_insheader(context, 0, header_name, header_value) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

/* Nothing that such a milter can do without: a step more of ours must show. */
static unsigned long unwanted_steps(void)
{
    unsigned long steps = SMFIP_NOHELO | SMFIP_NORCPT | SMFIP_NOBODY | SMFIP_NOEOH | SMFIP_NOUNKNOWN | SMFIP_NODATA;

    if (stamps)
        return steps | SMFIP_NR_HDR;
    return steps | SMFIP_NOMAIL | SMFIP_NOHDRS | (inserts ? SMFIP_NOCONNECT : 0UL);
}

static void ask_for_macros(SMFICTX *context)
{
    static char connect_macros[] = "{client_addr} {daemon_name}";
    static char mail_macros[] = "i {auth_type} {auth_authen}";

    smfi_setsymlist(context, SMFIM_CONNECT, connect_macros);
    smfi_setsymlist(context, SMFIM_ENVFROM, mail_macros);
}

static sfsistat on_negotiate(SMFICTX *context, unsigned long actions, unsigned long steps, unsigned long f2, unsigned long f3,
                             unsigned long *actions_r, unsigned long *steps_r, unsigned long *f2_r, unsigned long *f3_r)
{
    (void)actions;
    (void)f2;
    (void)f3;
    *actions_r = (inserts ? SMFIF_ADDHDRS : 0UL) | (stamps ? SMFIF_SETSYMLIST : 0UL);
    *steps_r = steps & unwanted_steps();
    *f2_r = 0;
    *f3_r = 0;
    if (stamps)
        ask_for_macros(context);
    return SMFIS_CONTINUE;
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    struct smfiDesc filter = {
        .xxfi_name = "empty-milter",
        .xxfi_version = SMFI_VERSION,
        .xxfi_flags = SMFIF_ADDHDRS | SMFIF_SETSYMLIST,
        .xxfi_connect = on_connect,
        .xxfi_envfrom = on_mail,
        .xxfi_header = on_header,
        .xxfi_eom = on_message,
        .xxfi_negotiate = on_negotiate,
    };

    stamps = argc == 3 && strcmp(argv[1], "--stamp") == 0;
    inserts = stamps || (argc == 3 && strcmp(argv[1], "--insert") == 0);
    if (argc != (inserts ? 3 : 2)) {
        fputs("usage: empty-milter [--insert | --stamp] unix:/path\n", stderr);
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
