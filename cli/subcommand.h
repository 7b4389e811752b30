/* subcommand - realipctl's subcommands: one function and one file each. */
#ifndef REALIP_SUBCOMMAND_H
#define REALIP_SUBCOMMAND_H

#include "runtime/config.h"

#define REALIP_EXIT_USAGE 64 /* EX_USAGE of sysexits.h */

/* Each takes the configuration's path and its own arguments (argv[0] is its name), prints to standard output, complains to
 * standard error, and returns the exit status. */
int realip_audit_main(const char *config_path, int argc, char **argv);
int realip_check_main(const char *config_path, int argc, char **argv);
int realip_compile_main(const char *config_path, int argc, char **argv);
int realip_doctor_main(const char *config_path, int argc, char **argv);
int realip_export_main(const char *config_path, int argc, char **argv);
int realip_explain_main(const char *config_path, int argc, char **argv);
int realip_healthcheck_main(const char *config_path, int argc, char **argv);
int realip_networks_main(const char *config_path, int argc, char **argv);
int realip_probe_main(const char *config_path, int argc, char **argv);
int realip_proxy_header_main(const char *config_path, int argc, char **argv);

/* Reads the configuration for a subcommand and prints what is wrong in it, or what it warns of, to standard error. 0 and
 * *config_r (to be freed); or the exit status, and *config_r NULL. */
int realip_subcommand_load(const char *path, struct realip_config **config_r);

#endif
